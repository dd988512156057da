"""Drawing: from strokes to the image that is asked about, from votes to words; and sub-networks in the plane."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.world import build, with_records
from trainer.settings.dropouts import DROPOUTS

pytestmark = pytest.mark.timeout(300)
MEMBERS: Final = 64

CALL: Final = """async ([module, name, given]) => {
  const { [name]: called } = await import(`/static/js/${module}.js`);
  const revive = (value) => value === "NaN" ? Number.NaN : Array.isArray(value) ? value.map(revive)
    : value === null || typeof value !== "object" ? value
    : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revive(each)]));
  const plain = (value) => ArrayBuffer.isView(value) ? [...value] : value;
  return plain(called(...given.map(revive)));
}"""


def call(page: Page, module: str, name: str, *given: Any) -> Any:
    """What a function of a module answers."""
    return page.evaluate(CALL, [module, name, list(given)])


# ---------------------------------------------------------------- from strokes to an image


def image(page: Page, strokes: Any, rows: int = 8, degrees: float = 0) -> np.ndarray:
    """The image of strokes, (rows, rows)."""
    found = page.evaluate(
        """async ([strokes, rows, degrees]) => {
          const { fit, frameOf, imageOf, turn } = await import("/static/js/draw/strokes.js");
          return [...imageOf(turn(fit(strokes, frameOf(rows, rows)), degrees))];
        }""",
        [strokes, rows, degrees],
    )
    return np.array(found).reshape(rows, rows)


def circle(x: float, y: float, radius: float) -> list[list[float]]:
    angles = np.linspace(0, 2 * math.pi, 33)
    return [[x + radius * math.cos(angle), y + radius * math.sin(angle)] for angle in angles]


RING: Final = [[*circle(0.5, 0.5, 0.2)]]
HOOK: Final = [[[0.3, 0.2], [0.6, 0.2], [0.6, 0.8]]]  # a 7 without a slant of its strokes


def test_a_drawing_is_as_high_as_the_image_wherever_and_however_large_it_was_drawn(module_page: Page) -> None:
    small = image(module_page, [circle(0.2, 0.8, 0.1)])
    large = image(module_page, [circle(0.5, 0.5, 0.4)])
    assert np.abs(small - large).max() <= 1 / 16, "but for one pixel of the bitmap in a block"
    assert (large.sum(axis=1) > 0).all()
    assert np.allclose(large, large[:, ::-1])
    assert large[0, 3] > 0
    assert large[3:5, 3:5].sum() == 0, "the middle of a ring is empty"


@pytest.mark.parametrize("strokes", [RING, HOOK, [[[0.3, 0.1], [0.3, 0.9]]]], ids=["ring", "hook", "line"])
def test_a_drawing_has_as_much_ink_as_the_digits_have_unless_the_pen_is_at_its_end(
    strokes: Any, module_page: Page
) -> None:
    share = image(module_page, strokes).mean()
    # The digits have 303 to 330 of 1,024. A lone line would need a pen thicker than any: 9 of 32 pixels across is most.
    expected = 9 / 32 if len(strokes[0]) == 2 else 311 / 1024
    assert share == pytest.approx(expected, rel=0.08)


def test_slant_is_taken_away(module_page: Page) -> None:
    upright = image(module_page, [[[0.5, 0.1], [0.5, 0.9]]])
    slanted = image(module_page, [[[0.6, 0.1], [0.4, 0.9]]])
    assert np.allclose(upright, slanted)


def test_a_dot_is_a_dot_in_the_middle(module_page: Page) -> None:
    dot = image(module_page, [[[0.9, 0.1]]])
    assert dot[3:5, 3:5].min() >= 15 / 16, "but for a rounded corner"
    assert dot[0].sum() == dot[:, 0].sum() == 0


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turning_by_a_quarter_turns_the_image_clockwise(quarter: int, module_page: Page) -> None:
    straight, turned = image(module_page, HOOK), image(module_page, HOOK, degrees=90 * quarter)
    # Pixels whose middle lies just at the edge of the pen may fall to either side: a few of the 16 in a block.
    assert np.abs(np.rot90(straight, -quarter) - turned).max() <= 2 / 16


def test_turning_a_training_image_turns_it_clockwise_too_and_keeps_its_ink(module_page: Page) -> None:
    given = np.zeros((8, 8))
    given[1, 2:5], given[1:6, 4] = 1, 0.5
    size = {"rows": 8, "columns": 8}
    turned = np.array(call(module_page, "draw/strokes", "turnImage", given.flatten().tolist(), size, 90)).reshape(8, 8)
    # Whoever turns an image by plain lists gets numbers; only the middle of pixels is met at a right angle.
    assert np.allclose(turned, np.rot90(given, -1), atol=1e-6)
    half = np.array(call(module_page, "draw/strokes", "turnImage", given.flatten().tolist(), size, 45))
    assert half.sum() == pytest.approx(given.sum(), rel=0.15)


def test_images_of_28_rows_lie_in_a_box_of_20_centred_by_their_mass(module_page: Page) -> None:
    drawn = image(module_page, HOOK, rows=28)
    rows, columns = np.nonzero(drawn.sum(axis=1))[0], np.nonzero(drawn.sum(axis=0))[0]
    assert 19 <= len(rows) <= 21
    assert len(columns) <= 21
    middle = [(drawn.sum(axis=axis) * np.arange(28)).sum() / drawn.sum() for axis in (0, 1)]
    assert middle == pytest.approx([13.5, 13.5], abs=0.3)


# ---------------------------------------------------------------- asking

ASKING: Final = """async () => {
  const { createAsker } = await import("/static/js/draw/asker.js");
  const world = globalThis.asking = { log: [], clock: 0, timers: [], open: [] };
  world.asker = createAsker({
    ask: (question) => new Promise((resolve, reject) => {
      world.log.push(["asked", question, world.clock]);
      world.open.push({ resolve, reject });
    }),
    answered: (answer, question) => world.log.push(["answered", question, answer]),
    refused: (error) => world.log.push(["refused", error.message]),
    now: () => world.clock,
    setTimeout: (callback, delay) => world.timers.push([world.clock + delay, callback]),
  });
  world.pass = async (ms) => {
    world.clock += ms;
    for (const timer of world.timers.filter(([due]) => due <= world.clock)) {
      world.timers.splice(world.timers.indexOf(timer), 1);
      timer[1]();
    }
    await new Promise((resolve) => setTimeout(resolve));
  };
  world.say = async (answer) => { world.open.shift().resolve(answer); await world.pass(0); };
  world.refuse = async (code) => {
    world.open.shift().reject(Object.assign(new Error(code), { code }));
    await world.pass(0);
  };
}"""


@pytest.fixture
def asking(module_page: Page) -> Page:
    """A page with an asker whose clock and whose answers the test has in hand."""
    module_page.evaluate(ASKING)
    return module_page


def test_one_question_is_on_the_way_and_the_newest_comes_next(asking: Page) -> None:
    log = asking.evaluate(
        """async () => {
          const { asker, pass, say, log } = globalThis.asking;
          asker.ask(1);
          asker.ask(2);
          asker.ask(3);
          await pass(500);
          await say("a");
          await pass(1000);
          await say("b");
          await pass(1000);
          return log;
        }"""
    )
    assert log == [["asked", 1, 0], ["answered", 1, "a"], ["asked", 3, 500], ["answered", 3, "b"]]


def test_who_draws_on_and_on_asks_less_often_than_a_run_allows(asking: Page) -> None:
    times = asking.evaluate(
        """async () => {
          const { asker, pass, say, log, open } = globalThis.asking;
          for (let ms = 0; ms < 3000; ms += 5) {
            asker.ask(ms);
            if (open.length > 0) {
              await say("at once");
            }
            await pass(5);
          }
          return log.filter(([what]) => what === "asked").map(([, , at]) => at);
        }"""
    )
    assert len(times) >= 3 * 18, "and not much less often"
    tokens, before = 20.0, 0.0  # the run has 20, and 20 more a second
    for at in times:
        tokens = min(20, tokens + 20 * (at - before) / 1000) - 1
        before = at
        assert tokens >= 0, f"too often by {at} ms"


def test_asked_too_often_it_waits_longer_and_longer_and_asks_the_newest_again(asking: Page) -> None:
    found = asking.evaluate(
        """async () => {
          const world = globalThis.asking;
          const { asker, pass, say, refuse, log } = world;
          asker.ask("first");
          for (const wait of [250, 500, 1000, 2000, 4000, 4000]) {
            await refuse("too_many_messages");
            await pass(wait - 1);
            if (world.open.length > 0) {
              log.push(["early", wait]);
            }
            asker.ask(`newer ${wait}`);
            await pass(1);
          }
          await say("at last");
          asker.ask("after");
          await pass(70);
          return log.slice(-3);
        }"""
    )
    assert found == [
        ["asked", "newer 4000", 11750],
        ["answered", "newer 4000", "at last"],
        ["asked", "after", 11820],
    ]


def test_what_is_refused_for_good_is_told_and_not_asked_again(asking: Page) -> None:
    log = asking.evaluate(
        """async () => {
          const { asker, pass, refuse, log } = globalThis.asking;
          asker.ask(1);
          await refuse("bad_value");
          await pass(10_000);
          return log;
        }"""
    )
    assert log == [["asked", 1, 0], ["refused", "bad_value"]]


# ---------------------------------------------------------------- words


def opinion(*votes: int, entropy: float = 1.0, information: float = 0.3, **changed: Any) -> dict[str, Any]:
    """Of three classes a, b, c."""
    usual = {"counts": [*votes], "average": [0.5, 0.3, 0.2], "whole": [0.7, 0.2, 0.1]}
    return {**usual, "entropy": entropy, "information": information, **changed}


def said(page: Page, about: dict[str, Any], **changed: Any) -> str:
    usual = {"step": 1200, "name": "D", "like": None, "classes": ["a", "b", "c"], "opinion": about}
    usual |= {"kind": DROPOUTS["inverted"].described()}
    return str(call(page, "words/draw", "drawSentence", usual | changed))


def test_nothing_drawn_is_said_to_be_nothing(module_page: Page) -> None:
    assert str(call(module_page, "words/draw", "drawSentence", None)).startswith("Nothing is drawn yet.")


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ((64, 0, 0), "They agree: all 64 sub-networks of “D” say a."),
        ((60, 4, 0), "They nearly agree: 60 of 64 sub-networks of “D” say a, 4 say b."),
        ((50, 4, 10), "Most agree: 50 of 64 sub-networks of “D” say a, 10 say c, 4 say b."),
        ((31, 22, 11), "They disagree: 31 of 64 sub-networks of “D” say a, 22 say b, 11 say c."),
        ((32, 32, 0), "They disagree: 32 of 64 sub-networks of “D” say a, 32 say b."),
    ],
)
def test_votes_are_told_with_their_numbers(votes: tuple[int, ...], words: str, module_page: Page) -> None:
    assert words in said(module_page, opinion(*votes))


def test_more_than_three_answers_are_summed_up(module_page: Page) -> None:
    about = opinion(20, 15, 14, 8, 7, average=[0.2] * 5, whole=[0.2] * 5)
    words = said(module_page, about, classes=list("abcde"))
    assert "20 of 64 sub-networks of “D” say a, 15 say b, 14 say c, 15 say something else." in words


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (
            opinion(64, 0, 0, entropy=0.05, information=0.01),
            "There is little doubt: predictive entropy 0.05 of at most 1.10",
        ),
        (opinion(40, 24, 0, entropy=1.0, information=0.6), "Most of the doubt is disagreement between them"),
        (opinion(64, 0, 0, entropy=1.0, information=0.1), "Each is unsure by itself"),
        (opinion(40, 24, 0, entropy=1.0, information=0.1), "The larger part of the doubt is each one’s own"),
    ],
)
def test_doubt_is_told_apart_from_disagreement(about: dict[str, Any], words: str, module_page: Page) -> None:
    assert words in said(module_page, about)


def test_who_has_no_dropout_of_its_own_is_said_to_be_thinned_like_another(module_page: Page) -> None:
    assert "“D” has no dropout of its own: it is thinned like “E”." in said(module_page, opinion(64, 0, 0), like="E")
    alone = said(module_page, opinion(64, 0, 0, information=0), like="")
    assert "No network of this run has dropout" in alone
    assert "“D” says a with 70.0%" in alone
    assert "mutual information" not in alone
    assert "noisy copies of “D” say a" in said(module_page, opinion(64, 0, 0), kind=DROPOUTS["gaussian"].described())


@pytest.mark.parametrize("broken", [{"entropy": "NaN"}, {"entropy": None}, {"average": [None, None, None]}])
def test_a_network_that_has_diverged_is_said_to_have_nothing_to_say(broken: dict[str, Any], module_page: Page) -> None:
    assert "“D” has diverged" in said(module_page, opinion(64, 0, 0) | broken)
    views = [{"degrees": 0, "opinion": opinion(64, 0, 0) | broken}]
    reading = {"classes": ["a", "b", "c"], "views": views, "isEnsemble": True}
    assert "diverged" in call(module_page, "words/draw", "turnSentence", reading)


def turned(page: Page, *opinions: dict[str, Any], ensemble: bool = True) -> str:
    views = [{"degrees": 15 * index, "opinion": each} for index, each in enumerate(opinions)]
    reading = {"classes": ["a", "b", "c"], "views": views, "isEnsemble": ensemble}
    return str(call(page, "words/draw", "turnSentence", reading))


def test_where_they_begin_to_disagree_is_told(module_page: Page) -> None:
    words = turned(
        module_page, opinion(64, 0, 0), opinion(60, 4, 0), opinion(30, 34, 0, information=0.5), opinion(2, 62, 0)
    )
    assert words == (
        "As it was drawn, 64 of 64 say a. They begin to disagree at 30°: 34 say b. At 45° 62 of 64 agree on something "
        "else: b. Mutual information is greatest at 30°: 0.50 nats, of a predictive entropy of 1.00."
    )


def test_who_never_disagrees_or_does_so_from_the_start_is_told_so(module_page: Page) -> None:
    assert "at every angle at least three in four say the same" in turned(module_page, *[opinion(60, 4, 0)] * 3)
    early = turned(module_page, opinion(30, 34, 0), opinion(64, 0, 0), opinion(30, 20, 14))
    assert "They disagree already as it was drawn: 34 of 64 say b; in all at 2 of 3 angles." in early
    alone = turned(module_page, opinion(64, 0, 0), opinion(64, 0, 0, entropy=1.05), ensemble=False)
    assert "The doubt is greatest at 15°: predictive entropy 1.05 nats." in alone


def plane_words(page: Page, **changed: Any) -> str:
    usual = {"step": 700, "name": "D", "like": None, "members": 16, "divided": 0.125, "apart": 0.01, "near": 0.05}
    usual |= {"far": 0.05, "edge": 0.055, "isSound": True}
    return str(call(page, "words/subnetworks", "subnetworksSentence", usual | changed))


def test_the_plane_is_told_in_shares_and_doubt_far_from_the_data_only_where_it_is(module_page: Page) -> None:
    words = plane_words(module_page)
    assert "On 12.5% of the plane in view at least 4 of 16 sub-networks of “D” disagree with the majority." in words
    assert "differ on 1.0%" in words
    assert "They disagree no more far from the data than near them" in words
    assert "along the boundary" not in words
    far = plane_words(module_page, far=0.2)
    assert "They disagree more far from the data than near them: mutual information is 0.200 nats on average" in far
    assert "They disagree less far from the data than near them" in plane_words(module_page, far=0.01)
    for away in (0.01, 0.1):
        words = plane_words(module_page, far=away, edge=0.3)
        assert words.endswith(", and most along the boundary of the average: 0.300.")
    assert "along" not in plane_words(module_page, far=0.01, edge="NaN")
    assert "the same everywhere" in plane_words(module_page, apart=0)
    assert "has diverged" in plane_words(module_page, isSound=False)
    assert "nobody disagrees" in plane_words(module_page, like="")
    assert "thinned like “E”" in plane_words(module_page, like="E")
    assert (
        call(module_page, "words/subnetworks", "subnetworksSentence", None) == "No sub-networks have been sampled yet."
    )


# ---------------------------------------------------------------- numbers of the plane


def test_shares_distances_and_means_over_the_plane_are_right(module_page: Page) -> None:
    found: dict[str, Any] = module_page.evaluate(
        """async () => {
          const plane = await import("/static/js/draw/plane.js");
          const { contour } = await import("/static/js/paint/plane.js");
          const members = Uint8Array.of(255, 0, 0, 0, 255, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 0); // 4 of 4 cells
          const distances = plane.distancesFrom([0, 10], [0, 4, 10, 30], 3);
          const half = Uint8Array.from({ length: 64 }, (_, cell) => (cell % 8 < 4 ? 0 : 255));
          const ring = Uint8Array.from({ length: 81 }, (_, cell) =>
            (Math.max(Math.abs((cell % 9) - 4), Math.abs(Math.floor(cell / 9) - 4)) < 2 ? 255 : 0));
          const columns = Float32Array.from({ length: 64 }, (_, cell) => cell % 8);
          return { divided: plane.dividedShare(members, 4), distances: [...distances],
            split: plane.nearAndFar([0, 1, 2, 3, 4, 5, 6, 7, 8], distances),
            lines: [[half, 8], [ring, 9]].map((map) => plane.linesOf(contour(...map)).map((line) => line.length)),
            pieces: [[half, 8], [ring, 9]].map((map) => contour(...map).length / 4),
            along: plane.meanAlong(columns, contour(half, 8), 8),
            none: plane.meanAlong(columns, new Float32Array(0), 8) };
        }"""
    )
    assert found["divided"] == 0.5, "the second and the third cell"
    expected = [math.hypot(x / 2, y / 2) for y in range(3) for x in range(3)]
    assert found["distances"] == pytest.approx(expected, abs=1e-6)
    assert found["split"] == {"near": pytest.approx(0.5), "far": pytest.approx(7.0, abs=0.6)}
    assert [len(lines) for lines in found["lines"]] == [1, 1], "one line each"
    for (line,), pieces in zip(found["lines"], found["pieces"], strict=True):
        assert line == 2 * (pieces + 1), "every piece is in it once"
    assert found["along"] == pytest.approx(4, abs=0.5)
    assert math.isnan(found["none"])


# ---------------------------------------------------------------- the panel

PANEL: Final = """async () => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/css/draw.css" });
  document.head.append(link);
  await new Promise((resolve) => link.addEventListener("load", resolve));
  const { world } = globalThis;
  world.asked = [];
  world.lanes = [];
  /* Member m votes for class m % 4, the fourth being the first again; turned, all for the second. */
  world.actions.ask = async (x, lane) => {
    world.asked.push(x);
    world.lanes.push(lane ?? null);
    if (world.refusal) {
      throw Object.assign(new Error(world.refusal), { code: world.refusal });
    }
    const votes = x.map((_, example) => Array.from({ length: 64 }, (_, member) =>
      [0, 1, 2].map((index) => (index === (example > 0 ? 1 : (member % 4) % 3) ? 0.8 : 0.1))));
    return { step: world.step ?? 70, lane: lane ?? 1, votes, average: x.map(() => [0.45, 0.275, 0.275]),
      whole: x.map(() => [0.9, 0.05, 0.05]), entropy: x.map((_, at) => 1 - at / 100),
      information: x.map((_, at) => 0.3 + at / 100) };
  };
  world.panel = await world.open("draw", "draw");
}"""


@pytest.fixture
def panel(module_page: Page) -> Page:
    """The panel on a run of 4 × 4 images of three classes, whose sub-networks say what they are told to."""
    page = build(module_page)
    page.evaluate(PANEL)
    return page


def sentence(page: Page) -> Locator:
    return page.locator("#draw-sentence")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """Draw a stroke through points in shares of the pad."""
    box = page.locator(".draw-pad").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def asked(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("() => globalThis.world.asked")
    return found


def test_what_is_drawn_is_asked_about_and_the_votes_are_told(panel: Page) -> None:
    expect(sentence(panel)).to_contain_text("Nothing is drawn yet")
    assert asked(panel) == []
    stroke(panel, (0.3, 0.2), (0.6, 0.2), (0.6, 0.8))
    expect(sentence(panel)).to_contain_text(
        "They disagree: 32 of 64 sub-networks of “Dropout” say a, 16 say b, 16 say c."
    )
    panel.wait_for_function(
        """() => {
          const revision = (name) => document.querySelector(name).dataset.revision;
          return revision(".draw-votes") === revision(".draw-pad");
        }"""
    )
    last = np.array(asked(panel)[-1])
    assert last.shape == (1, 16)
    assert last.min() >= 0
    assert last.max() == 1
    assert np.array_equal(last, last.round(4))
    assert panel.evaluate("() => world.panel.view.table().rows.length") == 3


def test_undo_takes_back_a_stroke_and_clear_all_of_them(panel: Page) -> None:
    expect(button(panel, "Undo")).to_be_disabled()
    stroke(panel, (0.5, 0.1), (0.5, 0.9))
    panel.wait_for_function("() => world.asked.length > 0 && document.querySelector('.draw-votes').dataset.revision")
    one = asked(panel)[-1]
    stroke(panel, (0.1, 0.5), (0.9, 0.5))
    panel.wait_for_function("(one) => JSON.stringify(world.asked.at(-1)) !== one", arg=str(one).replace(" ", ""))
    button(panel, "Undo").click()
    panel.wait_for_function("(one) => JSON.stringify(world.asked.at(-1)) === JSON.stringify(one)", arg=one)
    button(panel, "Clear").click()
    expect(sentence(panel)).to_contain_text("Nothing is drawn yet")
    expect(button(panel, "Clear")).to_be_disabled()
    assert panel.evaluate("() => world.panel.view.table()") is None


def test_a_training_image_can_be_the_beginning_without_any_pointer(panel: Page) -> None:
    first = panel.get_by_role("button", name="Begin with a b", exact=True)
    first.focus()
    first.press("Enter")
    expect(sentence(panel)).to_contain_text("Step 70.")
    data = "globalThis.world.data.tensors"
    truths: list[int] = panel.evaluate(f"() => [...{data}['train/true'].data]")
    images = np.array(panel.evaluate(f"() => [...{data}['train/x'].data]")).reshape(-1, 16)
    ones = [example for example, truth in enumerate(truths) if truth == 1]
    assert asked(panel)[-1] == [pytest.approx(images[ones[0]].tolist())]
    first.press("Enter")
    panel.wait_for_function("() => world.asked.length > 1")
    assert asked(panel)[-1] == [pytest.approx(images[ones[1]].tolist())], "the next of the class"


def test_turned_it_is_asked_about_at_twelve_angles_at_once(panel: Page) -> None:
    stroke(panel, (0.3, 0.2), (0.6, 0.2), (0.6, 0.8))
    expect(panel.locator(".draw-turned")).to_be_hidden()
    button(panel, "Turn it").click()
    expect(button(panel, "Turn it")).to_have_attribute("aria-pressed", "true")
    expect(panel.locator("#draw-turned-sentence")).to_have_text(
        "They disagree already as it was drawn: 32 of 64 say a; in all at 1 of 12 angles. At 15° 64 of 64 agree on "
        "something else: b. Mutual information is greatest at 165°: 0.41 nats, of a predictive entropy of 0.89."
    )
    twelve = np.array(asked(panel)[-1])
    assert twelve.shape == (12, 16)
    panel.locator(".draw-buttons select").select_option("30")
    panel.wait_for_function("() => document.querySelector('#draw-turned-sentence').textContent.includes('330°')")
    wider = np.array(asked(panel)[-1])
    assert np.allclose(wider[1], twelve[2], atol=1e-4), "30° is twice 15°"
    rows = panel.evaluate("() => world.panel.view.table().rows.map(([degrees]) => degrees)")
    assert sorted(set(rows)) == list(range(0, 360, 30))
    size = panel.evaluate("async () => (await world.panel.view.picture()).size")
    assert size > 5_000, "a picture of something"


def test_another_network_can_be_asked(panel: Page) -> None:
    stroke(panel, (0.5, 0.1), (0.5, 0.9))
    expect(sentence(panel)).to_contain_text("“Dropout”")
    assert panel.evaluate("() => world.lanes.at(-1)") is None, "the followed one is not named"
    panel.locator(".draw-lane select").select_option("0")
    expect(sentence(panel)).to_contain_text("“No dropout” has no dropout of its own: it is thinned like “Dropout”.")
    assert panel.evaluate("() => world.lanes.at(-1)") == 0


def test_it_asks_again_while_the_network_learns_and_only_if_something_is_drawn(panel: Page) -> None:
    play = "() => world.store.update('run', { run: { ...world.store.state.run, state: 'playing' } })"
    panel.evaluate(play)
    stroke(panel, (0.5, 0.1), (0.5, 0.9))
    expect(sentence(panel)).to_contain_text("Step 70.")
    panel.evaluate("() => { world.step = 90; }")
    expect(sentence(panel)).to_contain_text("Step 90.")
    button(panel, "Clear").click()
    expect(sentence(panel)).to_contain_text("Nothing is drawn yet")
    count = len(asked(panel))
    panel.evaluate(play)
    panel.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert len(asked(panel)) == count


def test_a_refusal_is_told_in_the_servers_words(panel: Page) -> None:
    panel.evaluate("() => { world.refusal = 'the run is gone'; }")
    stroke(panel, (0.5, 0.1), (0.5, 0.9))
    expect(sentence(panel)).to_have_text("There is no answer: the run is gone.")


def test_a_run_without_images_has_nothing_to_draw(panel: Page) -> None:
    panel.evaluate(
        """() => {
          const { run } = world.store.state;
          world.store.update("run", { run: { ...run, config: { ...run.config, dataset: "moons" } } });
        }"""
    )
    expect(panel.locator(".draw-note")).to_contain_text("no images that a hand could draw")
    for part in (".draw-body", ".draw-starts", ".draw-turned"):
        expect(panel.locator(part)).to_have_attribute("hidden", "")


def test_a_finger_draws_and_does_not_scroll(panel: Page) -> None:
    assert panel.locator(".draw-pad").evaluate("(pad) => getComputedStyle(pad).touchAction") == "none"
    panel.locator(".draw-pad").evaluate(
        """(pad) => {
          pad.setPointerCapture = () => {}; // a finger that is no finger cannot be captured
          const { left, top, width } = pad.getBoundingClientRect();
          const send = (kind, pointerId, x, y) => pad.dispatchEvent(new PointerEvent(kind,
            { pointerId, pointerType: "touch", clientX: left + x * width, clientY: top + y * width, bubbles: true }));
          send("pointerdown", 5, 0.5, 0.1);
          send("pointerdown", 6, 0.1, 0.5); // a second finger does nothing
          send("pointermove", 6, 0.9, 0.5);
          send("pointermove", 5, 0.5, 0.9);
          send("pointerup", 5, 0.5, 0.9);
          send("pointermove", 5, 0.9, 0.9);
        }"""
    )
    expect(sentence(panel)).to_contain_text("Step 70.")
    drawn = np.array(asked(panel)[-1]).reshape(4, 4)
    assert np.allclose(drawn, drawn[:, ::-1]), "one upright line in the middle"


# ---------------------------------------------------------------- sub-networks in the plane

PLANE: Final = """async () => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/css/draw.css" });
  document.head.append(link);
  await new Promise((resolve) => link.addEventListener("load", resolve));
  const { tensor, frame, store, run, emptyRecords } = world;
  const { usual: layers } = RECORDS;
  store.update("run", { run: { ...run, layers, classes: ["0", "1"] }, ...emptyRecords(layers, 2) });
  store.update("data", { data: frame("data", {
    "train/x": tensor("F32", [2, 2], Float32Array.of(-2, -2, -2, 2)),
    "train/y": tensor("U8", [2], Uint8Array.of(0, 1)), "train/true": tensor("U8", [2], Uint8Array.of(0, 1)),
    extent: tensor("F32", [4], Float32Array.of(-2, 2, -2, 2)) }) });
  const map = (level) => Uint8Array.from({ length: 48 * 48 }, (_, cell) => level(cell % 48, Math.floor(cell / 48)));
  const members = new Uint8Array(16 * 48 * 48);
  for (let member = 0; member < 16; member += 1) { /* upright lines from column 16 to column 31 */
    members.set(map((column) => (column < 16 + member ? 0 : 255)), member * 48 * 48);
  }
  const right = (share) => Float32Array.from({ length: 48 * 48 }, (_, cell) => (cell % 48 < 24 ? 0 : share));
  world.plane = await world.open("subnetworks", "subnetworks", 720);
  world.view = frame("subnetworks", {
    step: tensor("U32", [1], Uint32Array.of(80)), lane: tensor("U8", [1], Uint8Array.of(1)),
    extent: tensor("F32", [4], Float32Array.of(-2, 2, -2, 2)), members: tensor("U8", [16, 48, 48], members),
    average: tensor("U8", [48, 48], map((column) => (column < 24 ? 0 : 255))),
    scaling: tensor("U8", [48, 48], map((column, row) => (row < 24 ? 0 : 255))),
    entropy: tensor("F32", [48, 48], right(Math.log(2))), information: tensor("F32", [48, 48], right(0.2)) });
  store.update("insights", { insights: { subnetworks: world.view } });
  await world.settle();
}"""


@pytest.fixture
def plane(module_page: Page) -> Page:
    """Sixteen sub-networks with upright boundaries side by side, and doubt on the right half of the plane."""
    page = build(module_page)
    page.evaluate(with_records(PLANE, ["input", [2]], ["hidden1", [24]]))
    return page


def test_the_plane_is_painted_and_told(plane: Page) -> None:
    # Columns 19 to 27 have at least 4 of 16 on either side: member m says 1 from column 16 + m on.
    divided = sum(4 <= min(16, max(0, column - 15)) <= 12 for column in range(48)) / 48
    expect(plane.locator("#subnetworks-sentence")).to_contain_text(
        f"Step 80. On {100 * divided:.1f}% of the plane in view at least 4 of 16 sub-networks of “Dropout” "
        "disagree with the majority. Their average and weight scaling differ on 50.0%. They disagree more far "
        "from the data than near them"
    )
    shades = plane.evaluate(
        """() => ["entropy", "information"].map((name) => {
          const canvas = document.querySelector(`[data-map=${name}]`);
          const at = (x) => [...canvas.getContext("2d").getImageData(x * canvas.width, canvas.height / 2, 1, 1).data];
          return [at(0.2), at(0.8)].map(([red, green, blue]) => red + green + blue);
        })"""
    )
    (blank, full), (blank_too, some) = shades
    assert blank == blank_too
    assert full < some < blank, "more doubt is darker on a light page"
    assert plane.evaluate("async () => (await world.plane.view.picture()).size") > 2_000
    table = plane.evaluate("() => world.plane.view.table()")
    assert len(table["rows"]) == 48 * 48
    assert table["rows"][0] == [-2, -2, 0, 0, 0, 0], "the lower left corner"
    assert table["rows"][-1] == pytest.approx([2, 2, 1, 1, math.log(2), 0.2])


def test_before_the_first_look_nothing_is_claimed(plane: Page) -> None:
    plane.evaluate("async () => { world.store.update('insights', { insights: {} }); await world.settle(); }")
    expect(plane.locator("#subnetworks-sentence")).to_have_text("No sub-networks have been sampled yet.")
    assert plane.evaluate("() => world.plane.view.table()") is None
