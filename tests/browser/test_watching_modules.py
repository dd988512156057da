"""What the page of a watched model is made of, piece by piece: the link, what is known, chance, charts, and words."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page
from textstat import textstat

from tests.browser.stage import NAN, call
from tests.browser.test_rooms_charts import having, texts
from trainer.wire.frames import Frame, encode, pack

W: Final = "watching/"
SIZE: Final = {"width": 400, "height": 200}
NOTHING: Final = {"steps": None, "y": None}
MOST_GRADE: Final = 10
LINK: Final = """async (given) => {
  const { createWatchLink } = await import("/static/js/watching/link.js");
  const clock = { now: 1000, timers: [], next: 1 };
  const world = globalThis.world = { links: [], states: [], messages: [], frames: [], errors: [], strangers: 0 };
  const setTimeout = (does, wait = 0) => {
    clock.timers.push({ id: clock.next, at: clock.now + wait, does });
    return clock.next++;
  };
  const fakeWindow = {
    document: { visibilityState: "visible", addEventListener() {}, removeEventListener() {} },
    setTimeout, Date: { now: () => clock.now }, addEventListener() {}, removeEventListener() {},
    clearTimeout: (id) => { clock.timers = clock.timers.filter((each) => each.id !== id); },
    requestAnimationFrame: (does) => setTimeout(does, 16), location: { host: "lab.example" },
    fetch: async () => Promise.reject(new Error()), reportError: (error) => world.errors.push(error.message),
  };
  world.advance = (ms) => {
    const end = clock.now + ms;
    for (;;) {
      const [due] = clock.timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!due) { break; }
      clock.timers = clock.timers.filter((each) => each !== due);
      clock.now = Math.max(clock.now, due.at);
      due.does();
    }
    clock.now = end;
  };
  const open = (_, path, token, events) => {
    const link = { path, token, events, sent: [], closed: false };
    world.links.push(link);
    return { send: (message) => link.sent.push(message), close: () => { link.closed = true; } };
  };
  world.last = () => world.links.at(-1);
  world.say = (message) => world.last().events.onMessage(message);
  world.send = (bytes) => world.last().events.onFrame(Uint8Array.from(bytes).buffer);
  world.drop = (code = 1006) => world.last().events.onClosed({ code, message: "" });
  world.link = createWatchLink({ window: fakeWindow, id: "abc", token: "t", open, random: () => 0.5,
    onMessage: (message) => world.messages.push(message), onState: (state) => world.states.push(state),
    onFrame: (frame, isFirst) => {
      world.frames.push([frame.kind, isFirst]);
      if (frame.kind === "bad") { throw new Error("no use for it"); }
    },
    onStranger: () => { world.strangers += 1; }, ...given });
}"""


def js(page: Page, statements: str) -> Any:
    return page.evaluate(f"async () => {{ const world = globalThis.world; {statements} }}")


def frame(kind: str, seq: int = 1, **tensors: Any) -> list[int]:
    named = {name.replace("__", "/"): np.asarray(array) for name, array in tensors.items()}
    return list(encode(Frame(kind, "w", seq, named)))


class TestLink:
    @pytest.fixture
    def link(self, module_page: Page) -> Page:
        module_page.evaluate(LINK, {})
        return module_page

    def test_it_goes_to_the_watch_with_the_token_and_is_open_once_greeted(self, link: Page) -> None:
        assert js(link, "return [world.last().path, world.last().token]") == ["/api/watches/abc", "t"]
        assert js(link, "return world.link.state.status") == "connecting"
        js(link, "world.say({ op: 'hello', watch: {}, may: true })")
        assert js(link, "return [world.link.state.status, world.messages.length]") == ["open", 1]

    def test_frames_are_acknowledged_once_they_are_painted_those_without_use_too(self, link: Page) -> None:
        js(link, "world.say({ op: 'hello', watch: {} })")
        for seq, kind in enumerate(("rows", "rows", "bad"), start=5):
            js(link, f"world.send({frame(kind, seq, x=[1])})")
        assert js(link, "return world.last().sent") == []
        js(link, "world.advance(500)")
        assert js(link, "return world.last().sent") == [{"op": "credit", "seq": 7}]
        assert js(link, "return world.frames") == [["rows", True], ["rows", False], ["bad", True]]
        assert js(link, "return world.errors") == ["no use for it"]

    def test_it_comes_back_by_itself_and_the_first_frames_are_first_again(self, link: Page) -> None:
        js(link, "world.say({ op: 'hello', watch: {} })")
        js(link, f"world.send({frame('rows', 1, x=[1])})")
        js(link, "world.drop()")
        assert js(link, "return world.link.state.status") == "waiting"
        js(link, "world.advance(6000)")
        assert js(link, "return world.links.length") == 2
        js(link, "world.say({ op: 'hello', watch: {} })")
        js(link, f"world.send({frame('rows', 1, x=[1])})")
        assert js(link, "return world.frames") == [["rows", True], ["rows", True]]
        assert js(link, "return world.link.state.status") == "open"

    def test_a_watch_that_is_not_known_is_looked_for_again(self, link: Page) -> None:
        js(link, "world.say({ op: 'error', error: { code: 'not_found', message: 'no such watch' } }); world.drop(4404)")
        assert js(link, "return world.link.state") == {"status": "waiting", "message": "no such watch", "code": 4404}
        js(link, "world.advance(6000)")
        assert js(link, "return world.links.length") == 2

    def test_with_a_token_that_is_not_its_own_one_looks_on(self, link: Page) -> None:
        js(link, "world.drop(4403)")
        assert js(link, "return [world.links.length, world.last().token, world.strangers]") == [2, None, 1]

    def test_commands_are_answered_by_their_ids(self, link: Page) -> None:
        js(link, "world.say({ op: 'hello', watch: {} })")
        js(link, "world.a = world.link.say('pause'); world.b = world.link.say('set', { site: 1, rate: 2 })")
        js(link, "world.b.catch((error) => { world.refused = error.message; })")
        sent = js(link, "return world.last().sent")
        assert [each["op"] for each in sent] == ["pause", "set"]
        js(link, f"world.say({{ op: 'error', id: {sent[1]['id']}, error: {{ code: 'x', message: '2 is too much' }} }})")
        js(link, f"world.say({{ op: 'ack', id: {sent[0]['id']}, step: 9 }})")
        assert js(link, "return (await world.a).step") == 9
        assert js(link, "return world.refused") == "2 is too much"

    def test_a_connection_that_died_silently_is_noticed(self, link: Page) -> None:
        js(link, "world.say({ op: 'hello', watch: {} }); world.advance(8000)")
        assert js(link, "return world.last().sent.map(({ op }) => op)") == ["ping"]
        js(link, "world.advance(5000)")
        assert js(link, "return world.links.length >= 2")


KNOWN: Final = """async (frames) => {
  const { createKnown } = await import("/static/js/watching/known.js");
  const { decode } = await import("/static/js/link/frames.js");
  const known = createKnown();
  for (const [bytes, isFirst] of frames) { known.take(decode(Uint8Array.from(bytes).buffer), isFirst); }
  const rows = Object.fromEntries([...known.rows].map(([site, { rows, gone, used }]) =>
    [site, { steps: rows.map(({ step }) => step), kept: rows.map(({ kept }) => kept), gone, used,
             masks: rows.map(({ mask }) => [...mask]) }]));
  const series = Object.fromEntries(known.series);
  return { rows, series, votes: known.votes && { ...known.votes, right: [...known.votes.right] } };
}"""


def rows(seq: int, **sites: list[int]) -> list[int]:
    tensors: dict[str, Any] = {}
    for name, steps in sites.items():
        site, count = name[1:], len(steps)
        tensors |= {
            f"step__{site}": np.array(steps, np.uint32),
            f"mask__{site}": pack(np.tile(np.arange(12) % 2 == 0, (count, 1))),
            f"used__{site}": np.full(count, 12, np.uint16),
            f"kept__{site}": np.array(steps, np.float64),
            f"size__{site}": np.full(count, 100, np.float64),
            f"rate__{site}": np.full(count, 0.5, np.float32),
            f"flags__{site}": np.full(count, 3, np.uint8),
        }
    return frame("rows", seq, **tensors)


class TestKnown:
    def test_rows_of_each_site_are_appended_and_differ_in_number(self, module_page: Page) -> None:
        frames = [(rows(1, s0=[1, 2, 2], s3=[2]), True), (rows(2, s0=[2, 3]), False)]
        found = module_page.evaluate(KNOWN, frames)["rows"]
        assert found["0"]["steps"] == [1, 2, 2, 2, 3]
        assert found["3"]["steps"] == [2]
        assert found["0"]["masks"][0] == [0b10101010, 0b10100000]

    def test_what_comes_again_takes_the_place_of_the_same_steps(self, module_page: Page) -> None:
        frames = [(rows(1, s0=[1, 2, 3, 4]), True), (rows(1, s0=[2, 3, 4]), True), (rows(2, s0=[3, 5]), False)]
        assert module_page.evaluate(KNOWN, frames)["rows"]["0"]["steps"] == [1, 2, 3, 3, 5]

    def test_a_site_keeps_its_newest_2048_rows(self, module_page: Page) -> None:
        frames = [(rows(1, s0=[*range(1500)]), True), (rows(2, s0=[*range(1500, 3000)]), False)]
        found = module_page.evaluate(KNOWN, frames)["rows"]["0"]
        assert (len(found["steps"]), found["steps"][0], found["steps"][-1], found["gone"]) == (2048, 952, 2999, 952)

    def test_a_series_of_more_points_than_are_kept_is_thinned_at_its_beginning(self, module_page: Page) -> None:
        tensors = {"step__1": np.arange(5000, dtype=np.uint32), "value__1": np.arange(5000, dtype=np.float32)}
        found = module_page.evaluate(KNOWN, [(frame("metrics", 1, **tensors), True)])["series"]["1"]
        assert len(found["step"]) <= 4000
        assert found["step"][-2000:] == [*range(3000, 5000)]
        assert found["step"][0] == 0
        assert found["step"] == found["value"]

    def test_a_server_that_lost_the_model_takes_nothing_away(self, module_page: Page) -> None:
        told = module_page.evaluate("""async () => {
          const { createKnown } = await import("/static/js/watching/known.js");
          const known = createKnown();
          const nothing = { id: "w", name: "n", control: true, fed: false, opened_at: 0, viewers: 1, model: null,
                            state: null, warnings: [], changes: [], code: "" };
          const say = (watch) => known.hear({ op: "hello", may: true, watch: { ...nothing, ...watch } });
          say({ model: { sites: [] }, state: { step: 5 }, warnings: [{ id: "a" }], code: "x" });
          known.hear({ op: "warning", warning: { id: "b", count: 1 } });
          known.hear({ op: "warning", warning: { id: "b", count: 2 } });
          say({});
          return known.watch;
        }""")
        assert told["model"] == {"sites": []}
        assert told["state"] == {"step": 5}
        assert [each["id"] for each in told["warnings"]] == ["a", "b"]
        assert told["warnings"][1]["count"] == 2
        assert told["fed"] is False


class TestChance:
    @pytest.mark.parametrize(("size", "rate"), [(8, 0.2), (64, 0.5), (1000, 0.1), (300, 0.97)])
    def test_a_band_holds_95_percent_of_fair_masks(self, module_page: Page, size: int, rate: float) -> None:
        band = call(module_page, f"{W}chance", "bandOf", size, rate)
        keep = 1 - rate
        share = [math.comb(size, k) * keep**k * rate ** (size - k) for k in range(size + 1)]
        inside = sum(share[int(band["low"]) : int(band["high"]) + 1])
        assert band["outside"] == pytest.approx(1 - inside, abs=1e-9)
        assert inside >= 0.95
        assert sum(share[int(band["low"]) + 1 :]) < 0.975 + 1e-9
        assert sum(share[: int(band["high"])]) < 0.975 + 1e-9

    def test_a_large_mask_has_the_normal_band_and_one_of_rate_0_or_1_none(self, module_page: Page) -> None:
        band = call(module_page, f"{W}chance", "bandOf", 131_072, 0.5)
        assert band["mean"] == 65_536
        assert band["high"] - band["mean"] == pytest.approx(1.96 * math.sqrt(131_072 / 4), abs=1)
        assert call(module_page, f"{W}chance", "bandOf", 50, 0) == {"low": 50, "high": 50, "mean": 50, "outside": 0}
        assert call(module_page, f"{W}chance", "bandOf", 50, 1)["high"] == 0

    def lying(self, page: Page, kept: list[int], size: int, rate: float) -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(
            """async ([kept, size, rate]) => {
              const { createBands, lyingOf } = await import("/static/js/watching/chance.js");
              return lyingOf(kept.map((each) => ({ kept: each, size, rate })), createBands());
            }""",
            [kept, size, rate],
        )
        return found

    def test_fair_masks_are_called_fair_and_others_are_not(self, module_page: Page) -> None:
        random = np.random.default_rng(1)
        fair = self.lying(module_page, random.binomial(4096, 0.5, 400).tolist(), 4096, 0.5)
        assert fair["verdict"] == "fair"
        assert fair["expected"] == pytest.approx(20, abs=0.5)
        assert self.lying(module_page, random.binomial(4096, 0.55, 40).tolist(), 4096, 0.5)["verdict"] == "more"

    def test_units_that_never_vary_are_told_with_what_chance_makes(self, module_page: Page) -> None:
        given = """async ([dropped, samples, expected, units]) => {
          const { unvaryingOf } = await import("/static/js/watching/chance.js");
          return unvaryingOf({ samples, expected, dropped: Uint32Array.from(dropped) }, units);
        }"""
        few = module_page.evaluate(given, [[0, 1, 2, 1, 0, 1, 2, 1], 2, 1, 8])
        assert (few["never"], few["always"]) == ([0, 4], [2, 6])
        assert few["expectedNever"] == few["expectedAlways"] == 2
        assert few["isNeverFair"]
        assert few["isAlwaysFair"]
        many = module_page.evaluate(given, [[0, 48, 100, 53], 100, 50, 4])
        assert not many["isNeverFair"]
        assert not many["isAlwaysFair"]
        assert module_page.evaluate(given, [[0, 3, 5, 0], 10, 5, 3])["never"] == [0]  # the last means nothing at times

    def test_a_unit_is_dead_that_was_silent_in_every_sampled_pass(self, module_page: Page) -> None:
        found = module_page.evaluate("""async () => {
          const { deadOf } = await import("/static/js/watching/chance.js");
          const silent = Uint32Array.of(9, 8, 0, 9);
          return [deadOf({ samples: 9, silent }, 4), deadOf({ samples: 9, silent: null }, 4)];
        }""")
        assert found == [[0, 3], None]

    def test_a_chart_begins_anew_with_a_new_rate(self, module_page: Page) -> None:
        told = [{"rate": rate} for rate in (0.5, 0.5, 0.2, 0.5, 0.5)]
        assert len(call(module_page, f"{W}chance", "sameRate", told)) == 2


def line(role: str, step: list[float], value: list[Any], **beside: Any) -> dict[str, Any]:
    return {
        "key": role,
        "name": role,
        "role": role,
        "step": step,
        "value": value,
        "smooth": None,
        "isOther": False,
    } | beside


class TestLines:
    def test_the_gap_is_between_the_validation_and_the_training_steps_before_it(self, module_page: Page) -> None:
        lines = [
            line("train_loss", [1, 2, 3, 4, 5, 6], [9, 1, 2, 3, 5, 100]),
            line("val_loss", [2, 5, 7], [0.5, 6, NAN]),
        ]
        gap = call(module_page, f"{W}lossreading", "gapOf", lines)
        assert gap == {"step": 5, "validation": 6, "training": pytest.approx(10 / 3), "count": 3}
        words = call(module_page, f"{W}lossreading", "lossWords", lines)
        assert "At step 5 the validation loss is 6.00, the training loss 3.33 (mean of 3 values)." in words
        assert "The gap is 2.67: validation is higher." in words

    def test_without_a_validation_loss_there_is_no_gap(self, module_page: Page) -> None:
        lines = [line("train_loss", [1, 2], [2, 1])]
        assert call(module_page, f"{W}lossreading", "gapOf", lines) is None
        words = call(module_page, f"{W}lossreading", "lossWords", lines)
        assert words.startswith("At step 2 the training loss is 1.00.")

    def test_a_running_mean_passes_over_what_is_no_number(self, module_page: Page) -> None:
        found = call(module_page, f"{W}lossreading", "runningMean", [0, 1, 2, 3, 9], [1, NAN, 3, 5, 7], 1)
        assert found == [1, 2, 4, 4, 7]

    def test_every_series_has_a_line_and_every_change_one(self, module_page: Page) -> None:
        lines = [
            line("train_loss", [1, 50, 100], [2, 1, 0.5], smooth=[2, 1, 0.5]),
            line("val_loss", [50, 100], [1.2, 0.9]),
        ]
        changes = [{"step": 20}, {"step": 21}, {"step": 80}]
        given = {"lines": lines, "changes": changes, "isLog": False, "name": "loss", "words": "w"}
        chart = call(module_page, f"{W}charts/lines", "linesChart", given, SIZE, NOTHING)
        assert len(having(chart, "is-raw")) == 1
        assert len(having(chart, "change")) == 3
        assert [each["text"] for each in having(chart, "change-number")] == ["1", "3"]  # 2 has no room of its own
        assert "step" in texts(chart)

    def test_a_log_axis_has_powers_and_leaves_out_what_is_not_above_0(self, module_page: Page) -> None:
        ticks = call(module_page, f"{W}charts/logaxis", "logTicks", [0.001, 10])
        assert [tick["text"] for tick in ticks] == ["0.001", "0.01", "0.1", "1", "10"]
        assert call(module_page, f"{W}charts/logaxis", "logRange", 0.03, 2.4) == [0.02, 5]
        given = {"lines": [line("val_loss", [1, 2, 3], [1, -1, 0.1])], "changes": [], "isLog": True, "name": "loss"}
        chart = call(module_page, f"{W}charts/lines", "linesChart", {**given, "words": ""}, SIZE, NOTHING)
        [path] = [each for each in having(chart, "is-val-loss") if each["tag"] == "path"]
        assert path["at"]["d"].count("M") == 2

    def test_an_accuracy_may_rise_as_far_as_it_likes(self, module_page: Page) -> None:
        given = {"lines": [line("val_accuracy", [1, 2, 3], [0.1, 0.6, 0.95])], "changes": [], "isLog": False}
        chart = call(module_page, f"{W}charts/lines", "linesChart", {**given, "name": "", "words": ""}, SIZE, NOTHING)
        assert chart["limits"]["y"] == [0, 1]


class TestCharts:
    def test_counts_outside_the_band_are_rings(self, module_page: Page) -> None:
        chart = module_page.evaluate("""async () => {
          const { createBands } = await import("/static/js/watching/chance.js");
          const { keptChart } = await import("/static/js/watching/charts/kept.js");
          const rows = [50, 52, 80, 48].map((kept, step) => ({ step, kept, size: 100, rate: 0.5 }));
          return keptChart({ rows, bands: createBands(), words: "w" }, { width: 300, height: 170 }, null);
        }""")
        [inside, outside] = having(chart, "count")
        assert inside["at"]["d"].count("M") == 3
        assert outside["at"]["d"].count("M") == 1
        [band] = having(chart, "band")
        assert band["at"]["d"].count("L") == 2 * 2 * 4 - 1  # two points of either edge for each mask

    def test_votes_have_dots_a_line_and_a_dashed_line(self, module_page: Page) -> None:
        given = {"members": [80, 82, 81], "average": [80, 84, 85], "scaling": 84, "name": "accuracy, %", "words": "w"}
        chart = call(module_page, f"{W}charts/votes", "votesChart", given, SIZE)
        assert [len(having(chart, name)) for name in ("member", "average", "scaling")] == [1, 1, 1]
        assert having(chart, "member")[0]["at"]["d"].count("M") == 3

    def test_a_chart_is_text_for_a_report_and_names_are_no_markup(self, module_page: Page) -> None:
        marks = [{"key": "a", "tag": "text", "at": {"x": 1.26}, "text": "<b>&"}]
        text = call(module_page, f"{W}svgtext", "svgOf", {"width": 10, "height": 5, "marks": marks, "words": '"<'})
        assert '<text x="1.3">&lt;b&gt;&amp;</text>' in text
        assert 'aria-label="&quot;&lt;"' in text

    def test_pixels_are_those_of_the_bits(self, module_page: Page) -> None:
        found = module_page.evaluate("""async () => {
          const { columnsOf, drawRows } = await import("/static/js/watching/pixels.js");
          const pixels = new Uint32Array(2 * 10);
          const rows = [{ mask: Uint8Array.of(0b10100000, 0b01000000), used: 10 },
                        { mask: Uint8Array.of(0b11110000, 0), used: 5 }];
          drawRows(pixels, rows, columnsOf(10, 99), { kept: 2, dropped: 1 });
          return [[...pixels], [...columnsOf(10, 4)]];
        }""")
        assert found[0] == [2, 1, 2, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 1, 0, 0, 0, 0, 0]
        assert found[1] == [0, 2, 5, 7]


class TestTree:
    def test_what_drops_nothing_is_folded_in_a_large_model(self, module_page: Page) -> None:
        def module(path: str, *sites: int) -> dict[str, Any]:
            return {"path": path, "depth": path.count(".") + bool(path), "sites": list(sites), "type": "T"}

        tree = [
            module(""),
            module("a"),
            module("a.b"),
            module("a.b.drop", 0),
            *(module(f"c{each}") for each in range(40)),
        ]
        found = call(module_page, f"{W}treereading", "rowsOf", tree, False)
        assert [row["module"]["path"] for row in found["rows"]] == ["", "a", "a.b", "a.b.drop"]
        assert found["folded"] == 40
        assert len(call(module_page, f"{W}treereading", "rowsOf", tree, True)["rows"]) == 44
        assert call(module_page, f"{W}treereading", "rowsOf", tree[:4], False)["folded"] == 0

    @pytest.mark.parametrize(
        ("site", "words"),
        [
            ({"name": "a.b", "rate": 0.5, "off": False, "available": True}, "p 0.5"),
            ({"name": "the model itself", "rate": 0.15, "off": False, "available": True}, "p 0.15"),
            ({"name": "a.b (call 2)", "rate": 0.5, "off": True, "available": True}, "(call 2) off"),
            ({"name": "a.b", "rate": None, "off": False, "available": False}, "not available"),
        ],
    )
    def test_a_site_says_its_call_and_its_rate(self, module_page: Page, site: dict[str, Any], words: str) -> None:
        assert call(module_page, f"{W}treeview", "chipWords", site) == words

    def test_the_first_sites_are_those_that_can_be_seen(self, module_page: Page) -> None:
        sites = [{"index": index, "available": index not in (0, 2)} for index in range(6)]
        assert call(module_page, f"{W}treereading", "firstSites", sites) == [1, 3, 4]


def state(**beside: Any) -> dict[str, Any]:
    told = {"step": 5, "state": "training", "every": 7, "cost": 0.021, "lost": 0, "sampled": 9, "mode": "step"}
    return {**told, **beside}


OPEN: Final = {"status": "open", "code": None}


class TestWords:
    @pytest.mark.parametrize(
        ("link", "fed", "now", "standing"),
        [
            ({"status": "connecting", "code": None}, True, state(), "reconnecting"),
            ({"status": "waiting", "code": 1006}, True, state(), "reconnecting"),
            ({"status": "refused", "code": 4400}, True, state(), "stopped"),
            (OPEN, True, state(), "training"),
            (OPEN, True, state(state="paused"), "paused"),
            (OPEN, False, state(state="paused"), "apart"),
            (OPEN, False, state(state="ended"), "ended"),
            (OPEN, False, state(state="failed"), "failed"),
            (OPEN, True, None, "waiting"),
        ],
    )
    def test_the_state_is_true(self, module_page: Page, link: Any, fed: bool, now: Any, standing: str) -> None:
        assert call(module_page, f"{W}words", "standingOf", {"fed": fed, "state": now}, link, True) == standing

    def test_what_was_never_there_is_not_found(self, module_page: Page) -> None:
        given = {"fed": False, "state": None}
        link = {"status": "waiting", "code": 4404}
        assert call(module_page, f"{W}words", "standingOf", given, link, False) == "nowhere"
        assert call(module_page, f"{W}words", "standingOf", given, link, True) == "reconnecting"

    def test_what_sampling_does_is_said_in_the_tense_of_the_state(self, module_page: Page) -> None:
        say = f"{W}words", "samplingWords"
        assert call(module_page, *say, state(), "training") == (
            "Masks of about every 7th pass are recorded; watching costs 2.1% of the training’s time."
        )
        assert call(module_page, *say, state(every=1, lost=1), "ended") == (
            "Masks of every pass were recorded; watching cost 2.1% of the training’s time. 1 frame was lost."
        )
        assert call(module_page, *say, state(cost=None, every=None), "apart") == "Masks of some passes were recorded."
        assert call(module_page, *say, state(sampled=0), "training") == "No mask has been recorded yet."
        assert call(module_page, *say, None, "waiting") == "Nothing has been recorded yet."

    def test_more_than_chance_allows_is_called_so(self, module_page: Page) -> None:
        newest = {"step": 1204, "kept": 65602, "size": 131072}
        lying = {"rows": 240, "outside": 12, "expected": 12.1, "verdict": "fair"}
        assert call(module_page, f"{W}words", "keptWords", lying, 0.5, newest) == (
            "Step 1,204 kept 65,602 of 131,072. 12 of the last 240 masks at p = 0.5 lie outside the band of 95%; "
            "chance puts about 12 there."
        )
        more = call(module_page, f"{W}words", "keptWords", {**lying, "outside": 99, "verdict": "more"}, 0.5, newest)
        assert more.endswith("chance puts about 12 there: more than chance allows.")
        nothing = {**lying, "outside": 0}
        sure = call(module_page, f"{W}words", "keptWords", nothing, 0, newest)
        assert sure.endswith("At p = 0 every mask must keep all, and does.")

    def test_units_that_never_vary_are_named_where_chance_does_not_make_them(self, module_page: Page) -> None:
        found = {
            "samples": 5,
            "units": 128,
            "never": [*range(4)],
            "always": [],
            "expectedNever": 4,
            "isNeverFair": True,
        }
        both = {**found, "expectedAlways": 4, "isAlwaysFair": True}
        words = call(module_page, f"{W}words", "unvaryingWords", both, "units")
        assert words == "4 of 128 units were never dropped in 5 recorded passes; chance makes about 4.0 so."
        odd = {**both, "samples": 900, "never": [17], "expectedNever": 1e-9, "isNeverFair": False}
        words = call(module_page, f"{W}words", "unvaryingWords", odd, "units")
        assert words == (
            "1 of 128 units was never dropped in 900 recorded passes; chance makes none so: number 17. "
            "This is more than chance allows."
        )
        none = call(module_page, f"{W}words", "unvaryingWords", {**both, "never": []}, "channels")
        assert none == "Each of 128 channels was kept at least once and dropped at least once in 5 recorded passes."

    def test_a_rate_that_is_not_known_is_called_so(self, module_page: Page) -> None:
        site = {"kind": "k", "of": "units", "rate": None, "off": False, "training": None, "where": None}
        assert call(module_page, f"{W}words", "siteAbout", site) == "k · drops units · p is not known"

    def test_votes_are_told_as_they_are(self, module_page: Page) -> None:
        reading = {
            "step": 100,
            "isClasses": True,
            "members": [80, 86],
            "average": [80, 85],
            "scaling": 84.0,
            "examples": 500,
        }
        words = call(module_page, f"{W}votereading", "voteWords", reading)
        assert "the average of 2 sub-networks has an accuracy of 85.0%; a single one has 83.0% on average." in words
        assert "1 of them is at least as good as the average." in words
        assert "has 84.0%: 1.0 points less." in words
        doubt = {"entropy": {"right": [0.1], "wrong": [0.9]}, "information": {"right": [0.2], "wrong": [0.1]}}
        words = call(module_page, f"{W}votereading", "doubtWords", doubt)
        assert "The average is right on 1 and wrong on 1." in words
        assert "the sub-networks disagree less: mutual information 0.100 nats, against 0.200" in words
        sure = {"entropy": {"right": [0.1], "wrong": []}, "information": {"right": [0.2], "wrong": []}}
        assert "right on all 1 examples" in call(module_page, f"{W}votereading", "doubtWords", sure)

    def test_a_reader_of_fifteen_can_read_it(self, module_page: Page) -> None:
        newest = {"step": 1204, "kept": 65602, "size": 131072}
        lying = {"rows": 240, "outside": 12, "expected": 12.1, "verdict": "fair"}
        summary = {"mean": 0.41, "deviation": 0.62, "zero": 0.5}
        found = {"samples": 5, "units": 128, "never": [1], "always": [2], "expectedNever": 4, "isNeverFair": True}
        told = [
            call(module_page, f"{W}words", "samplingWords", state(lost=3), "training"),
            *(
                call(module_page, f"{W}words", "standingMore", each, "", True)
                for each in ("reconnecting", "apart", "failed")
            ),
            call(module_page, f"{W}words", "keptWords", lying, 0.5, newest),
            call(
                module_page,
                f"{W}words",
                "unvaryingWords",
                {**found, "expectedAlways": 4, "isAlwaysFair": True},
                "units",
            ),
            call(module_page, f"{W}words", "deadWords", [1, 2], 128, 5, "units"),
            call(module_page, f"{W}words", "activationWords", summary),
            call(module_page, f"{W}votespanel", "emptyWords", True, 0, True),
        ]
        hard = [text for text in told if textstat.flesch_kincaid_grade(text) > MOST_GRADE]
        assert hard == []


def test_an_address_or_an_id_names_a_watch(module_page: Page) -> None:
    name = "a" * 20 + "-_"
    for text in (name, f" https://lab.example/sub/watch/{name}?embed=1#token=x ", f"/watch/{name}/"):
        assert call(module_page, f"{W}places", "idIn", text) == name
    for text in ("", "https://lab.example/watch/", "a" * 21, "nonsense here"):
        assert call(module_page, f"{W}places", "idIn", text) is None


def test_the_last_watches_of_a_browser_are_kept_and_nothing_else(module_page: Page) -> None:
    found = module_page.evaluate("""async () => {
      const { createRecent } = await import("/static/js/watching/recent.js");
      const recent = createRecent(() => localStorage);
      for (let index = 0; index < 20; index += 1) { recent.add({ id: `w${index % 15}`, name: "n", at: index }); }
      const blocked = createRecent(() => { throw new Error("blocked"); });
      blocked.add({ id: "x", name: "n", at: 1 });
      return [recent.list().map(({ id }) => id), blocked.list()];
    }""")
    assert found[0][:6] == ["w4", "w3", "w2", "w1", "w0", "w14"]
    assert len(found[0]) == 12
    assert found[1] == []


# The keyboard in a raster

RASTER: Final = {"rows": 100, "units": 5, "page": 71, "start": 90}


@pytest.mark.parametrize(
    ("at", "key", "place"),
    [
        (None, "ArrowUp", (90, 0)),
        (None, "ArrowRight", (90, 0)),
        (None, "Home", (0, 0)),
        (None, "End", (99, 0)),
        ((90, 2), "ArrowUp", (89, 2)),
        ((0, 2), "ArrowUp", (0, 2)),
        ((99, 2), "ArrowDown", (99, 2)),
        ((7, 0), "ArrowLeft", (7, 0)),
        ((7, 3), "ArrowRight", (7, 4)),
        ((7, 4), "ArrowRight", (7, 4)),
        ((90, 3), "PageUp", (19, 3)),
        ((20, 3), "PageDown", (91, 3)),
        ((90, 3), "Home", (0, 3)),
        ((9, 3), "End", (99, 3)),
        ((9, 3), "Enter", None),
        ((9, 3), "constructor", None),
    ],
)
def test_where_a_key_leads_in_a_raster(
    module_page: Page, at: tuple[int, int] | None, key: str, place: tuple[int, int] | None
) -> None:
    where = at and {"row": at[0], "unit": at[1]}
    expected = place and {"row": place[0], "unit": place[1]}
    assert call(module_page, f"{W}cursor", "placeAfter", where, key, RASTER) == expected
    assert call(module_page, f"{W}cursor", "placeAfter", where, key, RASTER | {"rows": 0}) is None


def test_what_is_said_of_a_place_in_a_raster(module_page: Page) -> None:
    row = {"step": 1234, "mask": [0b10100000, 0b11000000], "used": 10, "rate": 0.25}
    assert call(module_page, f"{W}cursor", "keptOf", row) == 4
    said = [call(module_page, f"{W}cursor", "placeWords", {"of": "branches"}, row, unit, True) for unit in (0, 1, 12)]
    assert said == [
        f"Step 1,234, p = 0.25: 4 of 10 branches kept. Branch {unit}."
        for unit in ("0: kept", "1: dropped", "12: not used in this pass")
    ]
    words = call(module_page, f"{W}cursor", "placeWords", {"of": "attention weights"}, row, 9, False)
    assert words == "Attention weight 9 at step 1,234: kept."
