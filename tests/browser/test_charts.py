"""The charts and their scheduler, in a real Chromium, fed by a store of the test's own."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.static import PLOTLY
from tests.browser.world import with_records
from trainer.settings.schema import schema

PLACES = (["input", [8, 8]], ["hidden1", [128]])
STAGE = """async ([names, lanes, plotlyUrl]) => {
  const { createStore, emptyRecords } = await import("/static/js/state/store.js");
  document.body.dataset.plotlyUrl = plotlyUrl;
  for (const sheet of ["tokens", "charts"]) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = `/static/css/${sheet}.css`;
    document.head.append(link);
  }
  document.body.innerHTML = names.map((name) =>
    `<section style="width: 480px"><div id="${name}"></div><p id="${name}-sentence"></p></section>`).join("");
  const { dropouts, networks: [network], usual: layers } = RECORDS;
  const config = { lanes, train_size: 300, label_noise: 0.2 };
  const run = { id: "r", step: 0, config, first_config: config, changes: [], layers, dropouts, network, contrast: null,
                follow: { lane: lanes.length - 1, example: 0 },
                classes: [..."0123456789"], train_size: 300, val_size: 800 };
  const store = createStore();
  const views = {};
  for (const name of names) {
    const module = await import(`/static/js/views/${name}.js`);
    views[name] = module.create(document.getElementById(name), { document, store, actions: {} });
    views[name].update(new Set(module.topics));
    store.subscribe(module.topics, (changed) => views[name].update(changed));
  }
  store.update("run", { run, ...emptyRecords(layers, lanes.length) });
  window.stage = { store, views, run, names };
}"""
FEED = """async ({ scores, losses, kept }) => {
  const { appendRow } = await import("/static/js/state/columns.js");
  const { store, run } = window.stage;
  const { state } = store;
  for (const [step, value] of losses ?? []) appendRow(state.losses, step, { loss: value });
  for (const [step, train_loss, val_loss, train_accuracy, val_accuracy] of scores ?? []) {
    appendRow(state.scores, step, { train_loss, val_loss, train_accuracy, val_accuracy });
  }
  for (const [step, counts, rates = { input: [0.2, 0], hidden1: [0.5, 0] }, kind = 0] of kept ?? []) {
    const head = { step, lane: run.follow.lane, example: 0, kind };
    state.steps.push(head, () => null, (name) => counts[name], (name) => rates[name]);
  }
  store.update("scores");
  store.update("steps");
}"""
TRACES = "id => (document.querySelector(`#${id} .chart-picture`).data ?? []).map(({ name, x, y }) => ({ name, x, y }))"
DRAWN = "id => (document.querySelector(`#${id} .chart-picture`).data ?? []).length > 0"

TWIN = [
    {"name": "No dropout", "dropout": [0, 0], "batch_norm": False},
    {"name": "Dropout", "dropout": [0.2, 0.5], "batch_norm": False},
]
STORY = [  # step, then each lane's training loss, validation loss, training accuracy, validation accuracy
    [0, [2.3, 2.3], [2.3, 2.3], [0.1, 0.1], [0.1, 0.1]],
    [100, [0.5, 1.1], [0.52, 0.8], [0.85, 0.7], [0.86, 0.8]],
    [200, [0.4, 0.94], [0.6, 0.67], [0.9, 0.75], [0.83, 0.87]],
    [300, [0.1, 0.8], [1.2, 0.5], [1.0, 0.78], [0.75, 0.9]],
]


@pytest.fixture
def stage(module_page: Page) -> Page:
    """A page that a test fills."""
    return module_page


def play(page: Page, *names: str, lanes: list[dict[str, Any]] = TWIN, plotly_url: str = PLOTLY) -> Page:
    page.evaluate(with_records(STAGE, *PLACES), [list(names), lanes, plotly_url])
    return page


def call(page: Page, module: str, expression: str) -> Any:
    """What an expression says of a module `m`."""
    return page.evaluate(f"async () => {{ const m = await import('/static/js/{module}.js'); return {expression}; }}")


def feed(page: Page, **what: Any) -> None:
    page.evaluate(FEED, what)


def traces(page: Page, name: str) -> list[dict[str, Any]]:
    """What Plotly was given, once it was given anything."""
    page.wait_for_function(DRAWN, arg=name)
    found: list[dict[str, Any]] = page.evaluate(TRACES, name)
    return found


def named(page: Page, name: str) -> list[str]:
    return [trace["name"] for trace in traces(page, name) if trace.get("name")]


def show_training(page: Page) -> None:
    """Show what the chart of losses hides at first: a click for each kind of line."""
    for kind, line in {
        "training (without dropout)": "Dropout: training (without dropout)",
        "training (with dropout)": "Dropout: training (with dropout) (average of about 20 steps)",
    }.items():
        page.get_by_role("button", name=kind, exact=True).click()
        drawn = "(line) => document.querySelector('#loss .chart-picture').data?.some(({ name }) => name === line)"
        if page.evaluate("() => window.stage.store.state.losses.length > 0") or "without" in kind:
            page.wait_for_function(drawn, arg=line)


def ensemble_frame(page: Page, lanes: list[int], rates: list[list[float]], votes: list[list[int]]) -> None:
    """Put an ensemble on the page, each of whose members is certain of the class that it votes for."""
    page.evaluate(
        """([lanes, rates, votes]) => {
          const members = votes[0].length;
          const tensor = (shape, values) => ({ dtype: "F32", shape, data: Float32Array.from(values) });
          const each = (...values) => tensor([lanes.length, members], lanes.flatMap(() => values));
          const oneHot = (vote) => Array.from({ length: 10 }, (_, index) => Number(index === vote));
          const certain = votes.flatMap((row) => row.flatMap(oneHot));
          const rising = Array.from({ length: members }, (_, index) => 0.9 - 0.2 / (index + 1));
          const same = (value) => Array.from({ length: members }, () => value);
          const tensors = {
            step: tensor([1], [100]), example: tensor([1], [0]), lane: tensor([lanes.length], lanes),
            rate: tensor([lanes.length, 2], rates.flat()), vote: tensor([lanes.length, members, 10], certain),
            "vote/average": tensor([lanes.length, 10], lanes.flatMap(() => [0, 0, 0, 0.75, 0, 0, 0, 0, 0.25, 0])),
            "vote/scaling": tensor([lanes.length, 10], lanes.flatMap(() => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])),
            "accuracy/member": each(...same(0.7)),
            "accuracy/average": each(...rising), "loss/average": each(...same(0.6)),
            "accuracy/geometric": each(...rising), "loss/geometric": each(...same(0.45)),
            "accuracy/scaling": tensor([lanes.length], lanes.map(() => 0.9)),
            "loss/scaling": tensor([lanes.length], lanes.map(() => 0.44)),
          };
          const data = { tensors: { "train/y": { data: Uint8Array.of(8) }, "train/true": { data: Uint8Array.of(3) } } };
          const ensemble = { kind: "ensemble", run: "r", seq: 1, meta: {}, tensors };
          window.stage.store.update("data", { data });
          window.stage.store.update("ensemble", { ensemble });
        }""",
        [lanes, rates, votes],
    )


# Turns


# A document whose clock goes from one timer to the next; whatever is observed is in sight at once.
SET_CLOCK = """() => {
  const clock = { now: 0, timers: [] };
  const defaultView = {
    performance: { now: () => clock.now },
    setTimeout: (work, delay) => clock.timers.push({ at: clock.now + Math.max(0, delay), work }),
    IntersectionObserver: class {
      constructor(tell) { this.tell = tell; }
      observe(target) { this.tell([{ target, isIntersecting: true }]); }
      unobserve() {}
    },
  };
  window.clock = clock;
  window.still = { defaultView, hidden: false, addEventListener: () => {} };
  clock.advance = () => {
    clock.timers.sort((one, other) => one.at - other.at);
    const { at, work } = clock.timers.shift();
    clock.now = Math.max(clock.now, at);
    work();
  };
}"""


def test_one_chart_is_redrawn_at_a_time_with_a_pause_between(module_page: Page) -> None:
    """Three jobs that are always dirty: each starts 200 ms after another, and none twice before the others."""
    module_page.evaluate(SET_CLOCK)
    log = module_page.evaluate(
        """async () => {
          const { createScheduler } = await import("/static/js/charts/redraws.js");
          const scheduler = createScheduler(still);
          const log = [];
          for (const name of ["a", "b", "c"]) {
            const job = scheduler.add(document.createElement("i"), (visible) => {
              log.push([name, clock.now, visible]);
              clock.now += 30;
              job.invalidate();
            });
          }
          while (log.length < 7) clock.advance();
          return log;
        }"""
    )
    assert log == [[name, 200 * turn, True] for turn, name in enumerate("abcabca")]


def test_slow_charts_take_a_fifth_of_the_time_at_most(module_page: Page) -> None:
    """A chart that takes 100 ms leaves 400 ms to everything else."""
    module_page.evaluate(SET_CLOCK)
    starts = module_page.evaluate(
        """async () => {
          const { createScheduler } = await import("/static/js/charts/redraws.js");
          const scheduler = createScheduler(still);
          const starts = [];
          const job = scheduler.add(document.createElement("i"), () => {
            starts.push(clock.now);
            clock.now += 100;
            job.invalidate();
          });
          while (starts.length < 4) clock.advance();
          return starts;
        }"""
    )
    assert starts == [0, 500, 1000, 1500]


def test_charts_wait_for_a_hand_that_draws_but_not_for_ever(module_page: Page) -> None:
    """While it moves, a chart is redrawn 1,500 ms after the one before; 250 ms after its last movement, they go on."""
    module_page.evaluate(SET_CLOCK)
    drawn = module_page.evaluate(
        """async () => {
          const { createScheduler } = await import("/static/js/charts/redraws.js");
          const scheduler = createScheduler(still);
          const drawn = [];
          const move = () => {
            scheduler.yieldToHand();
            if (clock.now < 3000) still.defaultView.setTimeout(move, 50);
          };
          const job = scheduler.add(document.createElement("i"), () => {
            drawn.push(clock.now);
            if (drawn.length === 1) move();
            job.invalidate();
          });
          while (drawn.length < 5) clock.advance();
          return drawn;
        }"""
    )
    assert drawn == [0, 1500, 3000, 3250, 3450]


def test_a_chart_out_of_sight_says_its_words_but_is_drawn_only_when_it_comes_into_sight(stage: Page) -> None:
    play(stage, "loss", "accuracy")
    stage.evaluate("document.querySelector('section').style.marginBottom = '3000px'")
    feed(stage, scores=STORY)
    expect(stage.locator("#accuracy-sentence")).to_contain_text("“Dropout” gets 90.0% of 800 validation examples right")
    traces(stage, "loss")
    assert not stage.evaluate(DRAWN, "accuracy")
    stage.locator("#accuracy").scroll_into_view_if_needed()
    assert named(stage, "accuracy")


def test_without_plotly_the_words_are_there_and_the_chart_says_what_is_missing(stage: Page) -> None:
    stage.route(
        f"**{PLOTLY}", lambda route: route.fulfill(content_type="text/javascript", body="window.Plotly = null;")
    )
    play(stage, "loss")
    feed(stage, scores=STORY)
    expect(stage.locator("#loss-sentence")).to_contain_text("Step 300.")
    expect(stage.locator("#loss .chart-note")).to_contain_text("Plotly could not be loaded")


# Loss and accuracy


def test_before_the_first_evaluation_the_chart_says_that_it_waits(stage: Page) -> None:
    play(stage, "loss")
    expect(stage.locator("#loss .chart-note")).to_have_text("Waiting for the first evaluation …")
    expect(stage.locator("#loss-sentence")).to_have_text("No loss has been measured yet.")
    assert stage.evaluate("async () => await window.stage.views.loss.picture()") is None


def test_three_losses_are_kept_apart_for_each_lane_and_the_best_step_is_marked(stage: Page) -> None:
    play(stage, "loss")
    feed(stage, scores=STORY, losses=[[step, [1.0, 1.5]] for step in range(1, 301)])
    assert named(stage, "loss") == ["No dropout: validation", "Dropout: validation", "best validation loss"]
    show_training(stage)
    drawn = {trace["name"]: trace for trace in traces(stage, "loss") if trace.get("name")}
    for lane in ("No dropout", "Dropout"):
        for kind in ("training (with dropout) (average of about 20 steps)", "training (without dropout)", "validation"):
            assert f"{lane}: {kind}" in drawn
    assert drawn["No dropout: validation"]["y"] == pytest.approx([2.3, 0.52, 0.6, 1.2], rel=1e-6)
    assert drawn["best validation loss"]["x"] == [100, 300]
    expect(stage.locator("#loss .annotation-text").first).to_have_text("best 0.520 at 100")
    expect(stage.locator("#loss-sentence")).to_contain_text("“No dropout” overfits")


BOXES: Final = """() => {
  const boxes = (selector) => [...document.querySelectorAll(`#loss .chart-picture ${selector}`)].map((each) => {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    return { left, right, top, bottom, text: each.textContent };
  });
  return { labels: boxes(".annotation .bg"), ticks: boxes(":is(.xtick, .ytick) text"), inside: boxes(".bglayer .bg")[0]
    ?? boxes(".gridlayer")[0] };
}"""


def meet(one: dict[str, float], other: dict[str, float]) -> bool:
    across = one["left"] < other["right"] and other["left"] < one["right"]
    return across and one["top"] < other["bottom"] and other["top"] < one["bottom"]


@pytest.mark.parametrize("last", [[1.2, 0.5], [0.55, 0.53], [0.521, 0.519], [0.01, 0.02], [2.4, 2.5]])
@pytest.mark.parametrize("steps", [[0, 100, 200, 300], [0, 500, 1000, 1100], [0, 5, 10, 20]])
def test_labels_cover_neither_each_other_nor_the_numbers_of_an_axis(
    stage: Page, last: list[float], steps: list[int]
) -> None:
    play(stage, "loss")
    stage.evaluate(
        """([schema, step]) => {
          const { store, run } = window.stage;
          const knobs = (rate) => ({ dropout: [0.2, rate] });
          const changes = [{ step, lane: 1, knobs: knobs(0.7) }, { step: step + 40, lane: 0, knobs: knobs(0.9) }];
          const config = { ...run.config, network: "mlp", hidden: [128], channels: [] };
          store.update("run", { run: { ...run, config, first_config: config, changes }, schema });
        }""",
        [json.loads(json.dumps(schema())), max(1, steps[2] - 30)],
    )
    rows = [
        [step, *row[1:2], *([last] if step == steps[-1] else row[2:3]), *row[3:]]
        for step, row in zip(steps, STORY, strict=True)
    ]
    feed(stage, scores=rows)
    traces(stage, "loss")
    found = stage.evaluate(BOXES)
    labels, ticks = found["labels"], found["ticks"]
    assert len(labels) >= 2
    assert len(ticks) > 4
    for number, label in enumerate(labels):
        assert [other for other in labels[:number] if meet(label, other)] == []
        assert [tick["text"] for tick in ticks if meet(label, tick)] == []


def test_a_label_keeps_off_a_line_where_there_is_room(module_page: Page) -> None:
    """A line that falls to its last and lowest point: above it the label would lie on the line."""
    found = call(
        module_page,
        "charts/labels",
        """(() => {
          const line = m.along([{ x: 100, y: 20 }, { x: 200, y: 100 }]);
          const inside = { width: 400, height: 200 };
          const text = "best 0.5 at 300";
          const [place] = m.placeLabels([{ x: 200, y: 100, text }], { inside, taken: [], points: line });
          const box = m.boxOf(text, { x: 200 + place.xshift, y: 100 - place.yshift });
          const on = line.filter(({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom);
          return { place, on: on.length, points: line.length };
        })()""",
    )
    assert found["points"] > 20
    assert found["on"] == 0


def test_a_label_at_the_edge_stays_inside_the_axes(module_page: Page) -> None:
    boxes = call(
        module_page,
        "charts/labels",
        """[[0, 0], [400, 0], [0, 200], [400, 200]].map(([x, y]) => {
          const inside = { width: 400, height: 200 };
          const [place] = m.placeLabels([{ x, y, text: "tie: 0.40 to 0.48" }], { inside, taken: [], points: [] });
          return m.boxOf("tie: 0.40 to 0.48", { x: x + place.xshift, y: y - place.yshift });
        })""",
    )
    assert len(boxes) == 4
    for box in boxes:
        assert box["left"] >= 0
        assert box["right"] <= 400
        assert box["top"] >= 0
        assert box["bottom"] <= 200


# Paper


def test_what_is_out_of_sight_is_drawn_before_it_is_printed(stage: Page) -> None:
    play(stage, "loss", "accuracy")
    stage.evaluate("() => { document.querySelectorAll('section')[1].style.marginTop = '5000px'; }")
    feed(stage, scores=STORY)
    traces(stage, "loss")
    expect(stage.locator("#accuracy .chart-note")).to_have_text("This chart is drawn when it comes into view.")
    stage.evaluate(
        """() => addEventListener("beforeprint", () => {
          const picture = document.querySelector("#accuracy .chart-picture");
          window.printed = { lines: picture.data.length, width: picture.clientWidth,
            note: document.querySelector("#accuracy .chart-note").hidden };
        })"""
    )
    wide = stage.evaluate("() => document.querySelector('#loss .chart-picture').clientWidth")
    assert stage.pdf().startswith(b"%PDF")
    assert stage.evaluate("() => window.printed") == {"lines": 4, "width": 620, "note": True}
    stage.wait_for_function("(wide) => document.querySelector('#loss .chart-picture').layout.width === wide", arg=wide)


def test_the_legend_hides_and_shows_lines_by_keyboard(stage: Page) -> None:
    play(stage, "loss")
    feed(stage, scores=STORY)
    show_training(stage)
    toggle = stage.get_by_role("button", name="Dropout, training (without dropout)", exact=True)
    line = "Dropout: training (without dropout)"
    assert line in named(stage, "loss")
    toggle.focus()
    stage.keyboard.press("Enter")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    gone = "([id, line]) => !document.querySelector(`#${id} .chart-picture`).data.some(({ name }) => name === line)"
    stage.wait_for_function(gone, arg=["loss", line])
    assert "No dropout: training (without dropout)" in named(stage, "loss")
    stage.get_by_role("button", name="training (without dropout)", exact=True).click()
    stage.wait_for_function(gone, arg=["loss", "No dropout: training (without dropout)"])


def test_of_many_lanes_only_validation_is_drawn_at_first_within_the_budget_of_points(stage: Page) -> None:
    lanes = [{"name": f"lane {number}", "dropout": [0, 0.01 * number], "batch_norm": False} for number in range(12)]
    play(stage, "loss", lanes=lanes)
    rows = [[step * 25, *([[1 / (step + 1)] * 12] * 2), *([[0.5] * 12] * 2)] for step in range(600)]
    feed(stage, scores=rows)
    drawn = traces(stage, "loss")
    assert [trace["name"] for trace in drawn] == [
        *(f"lane {number}: validation" for number in range(12)),
        "best validation loss",
    ]
    assert sum(len(trace["x"]) for trace in drawn) <= 2000 + 12  # and a marker for each lane
    assert drawn[0]["x"][-1] == 599 * 25


def test_a_loss_that_is_no_number_leaves_a_gap_and_is_spoken_of(stage: Page) -> None:
    play(stage, "loss", "accuracy")
    feed(stage, scores=STORY)
    stage.evaluate(
        """() => {
          const { store } = window.stage;
          const { scores } = store.state;
          for (const column of [scores.train_loss, scores.val_loss]) column[0][3] = Number.NaN;
          store.update("scores");
        }"""
    )
    expect(stage.locator("#loss-sentence")).to_contain_text("“No dropout” diverged by step 300")
    expect(stage.locator("#accuracy-sentence")).to_contain_text(
        "“No dropout” diverged: an accuracy means nothing there."
    )
    line = next(trace for trace in traces(stage, "loss") if trace["name"] == "No dropout: validation")
    assert line["y"][-1] is None


def test_a_lane_that_diverged_is_told_with_its_step_and_the_axis_says_what_it_cuts_off(stage: Page) -> None:
    play(stage, "loss", "accuracy")
    feed(stage, scores=[STORY[0], [100, [0.5, 1.0], [91.0, 1.1], [0.2, 0.7], [0.2, 0.7]], *STORY[2:]])
    stage.evaluate(
        """() => {
          const { store, run } = window.stage;
          const { scores } = store.state;
          for (const name of ["train_loss", "val_loss", "train_accuracy", "val_accuracy"]) {
            for (let row = 2; row < scores.length; row += 1) scores[name][0][row] = Number.NaN;
          }
          const first = { ...run.config, learning_rate: 0.5 };
          const diverged = [{ step: 142, after: null }, null];
          store.update("run", { run: { ...run, first_config: first, diverged } });
          store.update("scores");
        }"""
    )
    expect(stage.locator("#loss-sentence")).to_contain_text("“No dropout” diverged at step 142 with the knobs that")
    expect(stage.locator("#loss-sentence")).to_contain_text("“No dropout” was above it, up to 91.0.")
    expect(stage.locator("#loss .ytitle")).to_contain_text("cut off at")
    expect(stage.locator("#loss .chart-legend small").first).to_have_text("diverged at 142")
    expect(stage.locator("#accuracy-sentence")).to_contain_text("“No dropout” (step 142) diverged")
    line = next(trace for trace in traces(stage, "accuracy") if trace["name"] == "No dropout: validation")
    assert line["y"][-1] is None


def test_the_colours_of_the_chart_follow_the_theme(stage: Page) -> None:
    play(stage, "accuracy")
    feed(stage, scores=STORY)
    traces(stage, "accuracy")
    colour = "document.querySelector('#accuracy .chart-picture').data[0].line.color"
    light = stage.evaluate(colour)
    stage.evaluate(
        """() => {
          document.documentElement.dataset.theme = "dark";
          window.stage.store.update("theme", { theme: "dark" });
        }"""
    )
    stage.wait_for_function(
        "light => document.querySelector('#accuracy .chart-picture').data[0].line.color !== light", arg=light
    )
    assert stage.evaluate(colour) == stage.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--lane-0').trim()"
    )


def test_a_chart_hands_out_its_picture_its_table_and_its_figure(stage: Page) -> None:
    play(stage, "accuracy")
    feed(stage, scores=STORY)
    traces(stage, "accuracy")
    head, table, names = stage.evaluate(
        """async () => {
          const { accuracy } = window.stage.views;
          const picture = await accuracy.picture();
          const bytes = new Uint8Array(await picture.arrayBuffer());
          return [[...bytes.subarray(1, 4)], accuracy.table(), accuracy.figure().data.map(({ name }) => name)];
        }"""
    )
    assert bytes(head) == b"PNG"
    assert table["rows"][-1] == pytest.approx([300, 1.0, 0.75, 0.78, 0.9])
    assert names == named(stage, "accuracy")


def test_each_picture_is_named_and_described_by_its_sentence(stage: Page) -> None:
    play(stage, "loss", "accuracy", "kept", "ensemble")
    for name in ("loss", "accuracy", "kept", "ensemble"):
        picture = stage.locator(f"#{name} .chart-picture")
        expect(picture).to_have_attribute("role", "img")
        expect(picture).to_have_attribute("aria-describedby", f"{name}-sentence")
        expect(picture).to_have_attribute("aria-label", re.compile(r"\w+ .*\w"))


# Kept counts


def test_only_steps_at_the_rates_in_force_are_counted(stage: Page) -> None:
    play(stage, "kept")
    before = {"input": [0, 0], "hidden1": [0.3, 0]}
    kept: list[list[Any]] = [[step, {"input": 64, "hidden1": 128}, before] for step in (1, 2)]
    kept += [[step, {"input": 50 + step % 2, "hidden1": 64}] for step in range(3, 11)]
    feed(stage, kept=kept)
    expect(stage.locator("#kept-sentence")).to_contain_text("Over the 8 steps of “Dropout” seen at its present rates")
    expect(stage.locator("#kept-sentence")).to_contain_text("input 50.5 (51.2 ± 1.1), hidden 1 64.0 (64.0 ± 2.0)")
    seen, expected, _, hidden = traces(stage, "kept")[:4]
    assert sum(seen["y"]) == pytest.approx(1)
    assert dict(zip(seen["x"], seen["y"], strict=True))[50] == pytest.approx(0.5)
    assert sum(expected["y"]) == pytest.approx(1, abs=2e-3)  # what lies beyond 4 standard deviations is not drawn
    assert dict(zip(hidden["x"], hidden["y"], strict=True))[64] == pytest.approx(1)


def test_a_followed_lane_without_dropout_is_said_to_drop_nothing(stage: Page) -> None:
    play(stage, "kept", lanes=[TWIN[1], TWIN[0]])
    feed(stage, kept=[[1, {"input": 64, "hidden1": 128}, {"input": [0, 0], "hidden1": [0, 0]}]])
    expect(stage.locator("#kept-sentence")).to_have_text(
        "“No dropout” has no dropout now: every unit is kept on every step."
    )
    expect(stage.locator("#kept .chart-note")).to_have_text("“No dropout” drops nothing.")


def test_what_whole_groups_leave_is_drawn_on_the_counts_that_can_occur(stage: Page) -> None:
    """Of an image of 8 × 8 that an LSTM reads whole columns are dropped: only multiples of 8 are left."""
    play(stage, "kept")
    stage.evaluate(
        """() => {
          const { store, run } = window.stage;
          const [input, hidden] = run.layers;
          store.update("run", { run: { ...run, layers: [{ ...input, tied: [0], group: "column" }, hidden] } });
        }"""
    )
    rates = {"input": [0, 0.25], "hidden1": [0, 0]}
    feed(stage, kept=[[step, {"input": 48 + 8 * (step % 2), "hidden1": 128}, rates] for step in range(1, 5)])
    seen, expected = traces(stage, "kept")[:2]
    assert set(seen["x"]) <= set(range(0, 65, 8))
    assert dict(zip(seen["x"], seen["y"], strict=True))[48] == pytest.approx(0.5)
    columns = {8 * left: math.comb(8, left) * 0.75**left * 0.25 ** (8 - left) for left in range(9)}
    assert expected["y"] == pytest.approx([columns[count] for count in expected["x"]], abs=1e-9)
    expect(stage.locator("#kept .annotation-text")).to_have_text("input: 8 columns of 8p = 0.25")


def test_of_very_many_weights_several_counts_share_a_bar(stage: Page) -> None:
    play(stage, "kept")
    feed(
        stage,
        kept=[
            [step, {"input": 6554, "hidden1": 640}, {"input": [0.2, 0], "hidden1": [0.5, 0]}, 4] for step in range(1, 5)
        ],
    )
    seen, expected = traces(stage, "kept")[:2]
    assert len(seen["x"]) <= 72
    width = seen["x"][1] - seen["x"][0]
    assert width > 1
    assert sum(expected["y"]) == pytest.approx(1, abs=2e-3)  # what lies beyond 4 standard deviations is not drawn
    expect(stage.locator("#kept-sentence")).to_contain_text("weights kept on average")


# Early stopping


def stop(page: Page, **stopped: int | float) -> None:
    page.evaluate(
        """(stopped) => {
          const { store, run } = window.stage;
          store.update("run", { run: { ...run, stopped: [null, stopped] } });
        }""",
        stopped,
    )


def test_a_lane_that_was_stopped_goes_on_dotted_from_there_with_its_best_step_marked(stage: Page) -> None:
    play(stage, "loss", "accuracy")
    frozen = [[step, [0.1, 0.94], [1.2, 0.67], [1.0, 0.75], [0.75, 0.87]] for step in (300, 400)]
    feed(stage, scores=[*STORY[:3], *frozen], losses=[[step, [1.0, 1.5]] for step in range(1, 401)])
    show_training(stage)
    stop(stage, step=200, best_step=200, best_loss=0.67)
    expect(stage.locator("#loss-sentence")).to_contain_text("“Dropout” was stopped at 200 and has the weights of 200")
    for chart in ("loss", "accuracy"):
        stage.wait_for_function(
            "(id) => document.querySelector(`#${id} .chart-picture`).data?.some(({ name }) => /stopped$/.test(name))",
            arg=chart,
        )
    drawn = {trace["name"]: trace for trace in traces(stage, "loss") if trace.get("name")}
    assert drawn["Dropout: validation"]["x"] == [0, 100, 200]
    assert drawn["Dropout: validation, stopped"]["x"] == [200, 300, 400]
    assert drawn["Dropout: training (with dropout) (average of about 20 steps)"]["x"][-1] == 200
    assert drawn["No dropout: validation"]["x"][-1] == 400
    assert drawn["best validation loss"]["x"] == [100, 200]
    assert drawn["best validation loss"]["y"][1] == pytest.approx(0.67)
    expect(stage.locator("#loss .annotation-text").nth(1)).to_have_text("stopped at 200, weights of 200")
    expect(stage.locator("#loss .chart-legend small")).to_have_text("stopped at 200, weights of 200")
    assert "Dropout: validation, stopped" in named(stage, "accuracy")


# Sub-networks


def test_each_vote_is_a_mark_that_tells_right_from_wrong(stage: Page) -> None:
    play(stage, "ensemble")
    ensemble_frame(stage, [1, 0], [[0.2, 0.5]] * 2, [[3] * 60 + [8] * 4, [8] * 64])
    expect(stage.locator(".votes-example")).to_have_text("Training example 0: class 3, wrongly labelled 8.")
    first, second = stage.locator(".votes-figure").all()
    expect(first.locator(".vote")).to_have_count(64)
    expect(first.locator(".vote.right")).to_have_count(60)
    expect(second.locator(".vote.right")).to_have_count(0)
    expect(first.locator("figcaption")).to_have_text(
        "60 of 64 sub-networks of “Dropout” vote for 3, the true class; 4 for 8."
    )
    expect(first.locator(".votes-bars")).to_have_attribute(
        "aria-label", "Average: 3 with 75.0%. Weight scaling: 3 with 100.0%."
    )


def test_the_average_is_drawn_against_the_number_of_members_for_both_lanes(stage: Page) -> None:
    play(stage, "ensemble")
    ensemble_frame(stage, [1, 0], [[0.2, 0.5]] * 2, [[3] * 64] * 2)
    drawn = [trace for trace in traces(stage, "ensemble") if trace["name"] == "Dropout: average of n"]
    assert len(drawn) == 2  # accuracy and, below, log-loss
    assert drawn[0]["x"] == drawn[1]["x"] == list(range(1, 65))
    assert drawn[0]["y"][0] == pytest.approx(70, rel=1e-5)
    assert drawn[1]["y"] == pytest.approx([0.6] * 64, rel=1e-5)
    expect(stage.locator("#ensemble-sentence")).to_contain_text("“No dropout”, which never trained with dropout")
    expect(stage.locator("#ensemble-sentence")).to_contain_text("from 40 members on")  # 0.2 / 40 is half a point


def test_without_dropout_anywhere_there_is_nothing_to_vote(stage: Page) -> None:
    play(stage, "ensemble", lanes=[TWIN[0]])
    ensemble_frame(stage, [0], [[0, 0]], [[3] * 64])
    expect(stage.locator("#ensemble-sentence")).to_contain_text("No network of this run has dropout")
    expect(stage.locator("#ensemble .chart-note")).to_have_text("There is no dropout to thin a network with.")
    expect(stage.locator(".vote")).to_have_count(0)


def test_a_reset_takes_the_votes_and_the_lines_away(stage: Page) -> None:
    play(stage, "ensemble", "loss")
    feed(stage, scores=STORY)
    ensemble_frame(stage, [1, 0], [[0.2, 0.5]] * 2, [[3] * 64] * 2)
    expect(stage.locator(".vote").first).to_be_visible()
    stage.evaluate(
        """async () => {
          const { emptyRecords } = await import("/static/js/state/store.js");
          const { store, run } = window.stage;
          store.update("run", emptyRecords(run.layers, run.config.lanes.length));
        }"""
    )
    expect(stage.locator(".vote")).to_have_count(0)
    expect(stage.locator("#loss-sentence")).to_have_text("No loss has been measured yet.")
    expect(stage.locator("#loss .chart-picture")).to_be_hidden()
