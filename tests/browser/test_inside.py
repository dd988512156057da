"""What units do, on the page: sentences that follow from the numbers, pictures of them, and what one can take away."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pretend import Pretend
from tests.browser.test_words import NAN, call
from trainer.settings.dropouts import DROPOUTS

pytestmark = pytest.mark.timeout(300)

VIEWS: Final = ("activity", "correlation", "damage", "visits")
LAYERS: Final = ["hidden1", "hidden2"]


def active(name: str, mean: list[Any], weight: float = 0.1, **changed: Any) -> dict[str, Any]:
    return {"name": name, "mean": mean, "firing": [0.2, 0.5], "dead": [0, 0], "weight": weight} | changed


def activity(page: Page, own: dict[str, Any], other: dict[str, Any] | None = None, **changed: Any) -> str:
    usual = {"step": 1000, "layers": LAYERS, "signed": False, "own": own, "other": other}
    return str(call(page, "words/activity", "activitySentence", usual | changed))


def test_activity_is_compared_layer_by_layer_and_weights_are_cleared_of_it(module_page: Page) -> None:
    own, other = active("D", [0.05, 0.12], 0.104), active("N", [0.25, 0.96], firing=[0.75, 0.7], dead=[0.05, 0.125])
    assert activity(module_page, own, other) == (
        "Step 1,000, on validation data. The mean activation of “D” is 0.050 in hidden 1 and 0.120 in hidden 2: 0.20 "
        "and 0.13 times that of “N”. Above zero are 20.0% and 50.0% of its activations, against 75.0% and 70.0%. Dead, "
        "for such a unit is never above zero, are 0.0% and 0.0% of its units, against 5.0% and 12.5%. Its weights are "
        "about as large, 0.104 on average against 0.100: it is not that they shrink."
    )
    assert "Its weights are smaller, 0.050 on average" in activity(module_page, active("D", [0.05, 0.12], 0.05), other)
    louder = activity(module_page, active("D", [0.5, 0.12]), other)
    assert "it is not that they shrink" not in louder


def test_activity_is_said_of_one_network_of_states_and_of_what_has_diverged(module_page: Page) -> None:
    alone = activity(module_page, active("D", [0.05, 0.12]))
    assert "that of" not in alone
    assert "against" not in alone
    assert "No unit is dead" in alone
    states = activity(module_page, active("D", [-0.01, 0.02]), layers=["recurrent", "output"], signed=True)
    assert "mean activation" not in states
    assert "none that never changes" in states
    gone = active("N", [NAN, NAN])
    assert "“N” has diverged" in activity(module_page, active("D", [0.05, 0.12]), gone)
    assert activity(module_page, gone) == "Step 1,000. “N” has diverged: its activations are no numbers."
    assert call(module_page, "words/activity", "activitySentence", None) == "The units have not been looked at yet."


def damaged(name: str, whole: Any, half: Any, spread: float = 0.04) -> dict[str, Any]:
    return {"name": name, "accuracy": [whole, half, half, half], "spread": [0, spread, spread, spread]}


def damage(page: Page, *lanes: dict[str, Any]) -> str:
    reading = {"step": 1000, "draws": 64, "shares": [0, 0.25, 0.5, 0.75], "lanes": list(lanes), "classes": 10}
    reading |= {"valSize": 797}
    return str(call(page, "words/damage", "damageSentence", reading))


def test_damage_compares_what_two_networks_lose(module_page: Page) -> None:
    assert damage(module_page, damaged("D", 0.9, 0.84), damaged("N", 0.75, 0.37, 0.08)) == (
        "Step 1,000. With half the units of every hidden layer killed for good, “D” gets 84.0% ± 4.0 right instead of "
        "90.0%, “N” gets 37.0% ± 8.0 right instead of 75.0% (means of 64 random choices ± their standard deviation). "
        "“D” loses 6.0 points, “N” 38.0 points: the first can do better without any particular unit. Guessing among 10 "
        "classes gets about 10.0%."
    )


def test_damage_claims_nothing_that_chance_or_ignorance_may_have_done(module_page: Page) -> None:
    # Standard errors of 0.5 points each: two of their difference are 1.41.
    assert "too alike to tell apart" in damage(module_page, damaged("D", 0.9, 0.84), damaged("N", 0.9, 0.83))
    assert "too alike" not in damage(module_page, damaged("D", 0.9, 0.84), damaged("N", 0.9, 0.82))
    beginner = damage(module_page, damaged("D", 0.15, 0.12), damaged("N", 0.5, 0.3))
    assert "“D” loses 3.0 points, “N” 20.0 points." in beginner
    assert "can do better without" not in beginner


def test_damage_is_said_of_one_of_many_and_of_networks_that_diverged(module_page: Page) -> None:
    assert "“D” gets 84.0% ± 4.0 right" in damage(module_page, damaged("D", 0.9, 0.84))
    many = damage(module_page, damaged("A", 0.9, 0.5), damaged("B", 0.8, 0.7), damaged("C", 0.9, 0.2))
    assert "most is left of “B”, which gets 70.0%" in many
    assert "least of “C”, 20.0%" in many
    gone = damage(module_page, damaged("D", NAN, NAN), damaged("N", 0.9, 0.5))
    assert "1 of 2 networks diverged. With half" in gone
    assert damage(module_page, damaged("D", NAN, NAN)) == "Step 1,000. 1 of 1 networks diverged."


def correlation(page: Page, own: dict[str, Any], other: dict[str, Any] | None, **changed: Any) -> str:
    usual = {"step": 1000, "layers": LAYERS, "place": 0, "units": 128, "own": own, "other": other}
    return str(call(page, "words/correlation", "correlationSentence", usual | changed))


def test_correlation_says_what_becomes_less_and_what_does_not(module_page: Page) -> None:
    own = {"name": "D", "mean": [0.168, 0.261], "strong": [0.015, 0.02]}
    other = {"name": "N", "mean": [0.25, 0.307], "strong": [0.01, 0.04]}
    assert correlation(module_page, own, other) == (
        "Step 1,000, hidden 1. Pairs of units of “D” have a correlation of 0.168 on average, whatever its sign; of “N” "
        "0.250. That is × 0.67 in hidden 1 and 0.85 in hidden 2. Strongly correlated, beyond 0.7 or −0.7, are 1.5% of "
        "the pairs against 1.0%: no fewer."
    )
    assert "fewer here, but not reliably" in correlation(module_page, own, other, place=1)
    assert "against" not in correlation(module_page, own, None)
    assert "Of 1,000 units 640" in correlation(module_page, own, other, units=1000)
    dead = correlation(module_page, {**own, "mean": [NAN, 0.2]}, other)
    assert dead.startswith("Step 1,000, hidden 1. “D” has no two units")


def visits(page: Page, **changed: Any) -> str:
    usual = {
        "step": 1000,
        "name": "D",
        "kind": DROPOUTS["inverted"].described(),
        "masks": 1000,
        "distinct": 1000,
        "drawn": 64000,
        "units": 448,
        "counted": 448,
        "within": 426,
    }
    return str(call(page, "words/visits", "visitsSentence", usual | changed))


def test_visits_say_how_many_networks_were_trained_out_of_how_many(module_page: Page) -> None:
    assert visits(module_page) == (
        "Step 1,000. Training has drawn 64,000 masks for “D”. The 1,000 on record, one a step, are all different: "
        "1,000 of the 2^448 ≈ 7 × 10^134 sub-networks that 448 units can make. 95.1% of the 448 units shown were "
        "dropped as often as expected, within two standard deviations; chance alone makes that about 95%."
    )
    few = visits(module_page, units=3, distinct=8)
    assert "are 8 of them different: all 8 sub-networks that 3 units can make" in few
    assert "The first 100,000 on record" in visits(module_page, masks=250_000, distinct=100_000)
    assert "drops nothing" in visits(module_page, units=0)
    assert "No mask of “D” has been recorded yet" in visits(module_page, masks=0)
    noise = visits(module_page, kind=DROPOUTS["gaussian"].described())
    assert "Gaussian noise drops nothing" in noise
    assert "sub-networks" not in noise
    assert "that 448 weights can make" in visits(module_page, kind=DROPOUTS["dropconnect"].described())
    assert "shown" not in visits(module_page, counted=0)


def test_powers_of_two_are_written_as_people_read_them(module_page: Page) -> None:
    written = {
        0: "1",
        10: "1,024",
        20: "1,048,576",
        30: "2^30 ≈ 10^9",
        448: "2^448 ≈ 7 × 10^134",
        4096: "2^4096 ≈ 10^1233",
    }
    for exponent, words in written.items():
        assert call(module_page, "words/visits", "powerWords", exponent) == words


def test_small_multiples_have_room_and_do_not_touch(module_page: Page) -> None:
    for count, width in itertools.product(range(1, 9), (300, 430, 900)):
        grid = call(module_page, "charts/multiples", "gridOf", count, width)
        assert grid["columns"] * grid["rows"] >= count > grid["columns"] * (grid["rows"] - 1)
        room = {"bottom": 0.4, "gap": 0.05, "below": 0.3}
        places = [call(module_page, "charts/multiples", "placeOf", grid, index, room) for index in range(count)]
        for place in places:
            (left, right), (low, high) = place["x"], place["y"]
            assert 0 <= left < right <= 1 + 1e-9
            assert 0.4 - 1e-9 <= low < high <= 1 + 1e-9
            beside = [each for each in places if each["x"][0] < right and left < each["x"][1]]
            assert [each for each in beside if each["y"][0] < high and low < each["y"][1]] == [place]


FRAMES: Final = """({ masks }) => {
  const { store } = window.dropoutLab;
  const { run } = store.state;
  const lanes = run.config.lanes.length;
  const tensor = (dtype, shape, data) => ({ dtype, shape, data });
  const f32 = (...values) => tensor("F32", [values.length], Float32Array.from(values));
  const u32 = (...values) => tensor("U32", [values.length], Uint32Array.from(values));
  const frame = (kind, tensors) => ({ kind, run: run.id, seq: 1, meta: {}, tensors: { step: u32(70), ...tensors } });
  const each = (make) => Object.assign({}, ...["hidden1", "hidden2", "hidden3"].map(make));
  const grid = (rows, columns, at) => tensor("U32", [rows, columns],
    Uint32Array.from({ length: rows * columns }, (_, cell) => at(Math.floor(cell / columns), cell % columns)));
  const units = 4;
  const signs = Int8Array.from({ length: 2 * units * units }, (_, cell) =>
    cell % (units + 1) === 0 && cell < 16 ? 127 : cell < 16 ? -127 : 0);
  const insights = {
    activity: frame("activity", { weight: f32(0.1, 0.1), ...each((layer) => ({
      [`mean/${layer}`]: f32(0.4, 0.1), [`firing/${layer}`]: f32(0.8, 0.25), [`dead/${layer}`]: f32(0.1, 0),
      [`edges/${layer}`]: f32(...Array.from({ length: 41 }, (_, edge) => edge / 40)),
      [`histogram/${layer}`]: grid(lanes, 40, (lane, bin) => (lane === 0 || bin < 10 ? 400 - 10 * bin : 0)) })) }),
    correlation: frame("correlation", { lane: tensor("U8", [2], Uint8Array.of(1, 0)), ...each((layer) => ({
      [`mean/${layer}`]: f32(0.25, 0.15), [`strong/${layer}`]: f32(0.01, 0.02),
      [`histogram/${layer}`]: grid(lanes, 40, (lane, bin) => bin),
      [`matrix/${layer}`]: tensor("I8", [2, units, units], signs) })) }),
    damage: frame("damage", { share: f32(0, 0.25, 0.5, 0.75), draws: u32(64),
      accuracy: tensor("F32", [2, 4], Float32Array.of(0.75, 0.5, 0.25, 0.125, 0.875, 0.875, 0.75, 0.5)),
      spread: tensor("F32", [2, 4], Float32Array.of(0, 0.0625, 0.0625, 0.0625, 0, 0.0625, 0.0625, 0.0625)) }),
    visits: frame("visits", { lane: tensor("U8", [1], Uint8Array.of(1)), masks: u32(masks), distinct: u32(masks),
      drawn: tensor("F64", [1], Float64Array.of(64 * masks)), units: u32(192),
      "dropped/input": tensor("U32", [64], Uint32Array.from({ length: 64 }, (_, unit) => (unit === 5 ? 90 : 20))),
      "expected/input": tensor("F64", [1], Float64Array.of(20)),
      "dropped/hidden1": tensor("U32", [128], new Uint32Array(128).fill(50)),
      "expected/hidden1": tensor("F64", [1], Float64Array.of(50)) }),
  };
  store.update("insights", { insights });
}"""


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """The page with these panels open, on a server that pretends."""
    page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', '{' '.join(VIEWS)}')")
    return Pretend(page, static_url).open()


def table(lab: Pretend, view: str) -> Any:
    """What the view of a name hands out in numbers, opened once more beside the page's own."""
    return lab.page.evaluate(
        """async (name) => {
          const { create, topics } = await import(`/static/js/views/${name}.js`);
          const element = document.createElement("div");
          document.body.append(element);
          const view = create(element, { document, ...window.dropoutLab });
          view.update(new Set(topics));
          const found = view.table();
          view.destroy();
          element.remove();
          return found;
        }""",
        view,
    )


def test_every_sentence_waits_and_then_says_what_the_newest_frame_says(lab: Pretend) -> None:
    page = lab.page
    expect(page.locator("#damage-sentence")).to_have_text("No units have been killed yet.")
    expect(page.locator("#visits-sentence")).to_have_text("No masks have been counted yet.")
    page.evaluate(FRAMES, {"masks": 100})
    expect(page.locator("#activity-sentence")).to_contain_text("0.25, 0.25 and 0.25 times that of “No dropout”")
    expect(page.locator("#correlation-sentence")).to_contain_text("2.0% of the pairs against 1.0%: no fewer")
    expect(page.locator("#damage-sentence")).to_contain_text("“Dropout” loses 12.5 points, “No dropout” 50.0 points")
    expect(page.locator("#visits-sentence")).to_contain_text("2^192")
    # 191 of 192 are where they should be.
    expect(page.locator("#visits-sentence")).to_contain_text("99.5% of the 192 units shown")


def test_a_matrix_has_a_hue_for_each_sign_and_the_layer_can_be_chosen(lab: Pretend) -> None:
    page = lab.page
    page.evaluate(FRAMES, {"masks": 100})
    figures = page.locator(".correlation-matrices figure")
    expect(figures.nth(0)).to_contain_text("Dropout")
    expect(figures.nth(1)).to_contain_text("No dropout")
    corners = figures.locator("canvas").first.evaluate(
        """(canvas) => [[0, 0], [1, 0]].map(([x, y]) => {
          const [red, , blue] = canvas.getContext("2d").getImageData(x, y, 1, 1).data;
          return blue > red;
        })"""
    )
    assert corners == [True, False], "with itself +1, with its neighbour −1"
    select = page.locator(".correlation-layer select")
    assert select.locator("option").all_inner_texts() == ["hidden 1", "hidden 2", "hidden 3"]
    select.select_option("hidden3")
    expect(page.locator("#correlation-sentence")).to_contain_text("Step 70, hidden 3.")


def test_a_unit_that_chance_does_not_explain_stands_out(lab: Pretend) -> None:
    page = lab.page
    page.evaluate(FRAMES, {"masks": 100})
    canvas = page.locator(".visits-canvas")
    expect(canvas).to_have_css("height", "136px")  # two layers that drop
    reds = canvas.evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const places = [];
          for (let at = 0; at < data.length; at += 4) {
            if (data[at] > 150 && data[at + 1] < 110 && data[at + 3] === 255) places.push((at / 4) % canvas.width);
          }
          const reach = canvas.width - 74 - 8;
          return places.map((x) => Math.floor(((x - 74) / reach) * 64));
        }"""
    )
    assert set(reds) == {5}
    box = canvas.bounding_box()
    assert box
    canvas.hover(position={"x": 74 + (box["width"] - 82) * 5.5 / 64, "y": 30})
    expect(page.locator(".visits-frame .tip")).to_have_text("input, unit 5: dropped 90 times, expected 20.0, SD 4.0")


def test_the_numbers_can_be_taken_away(lab: Pretend) -> None:
    lab.page.evaluate(FRAMES, {"masks": 100})
    assert table(lab, "visits")["rows"][5] == ["input", 5, 90, 20, 4]
    correlated = table(lab, "correlation")
    assert correlated["rows"][1][:4] == ["hidden1", "Dropout", pytest.approx(0.15), pytest.approx(0.02)]
    assert len(correlated["rows"][0]) == len(correlated["columns"]) == 44
    killed = table(lab, "damage")["rows"]
    assert ["Dropout", 50, 75] in [row[:3] for row in killed]
    assert any(row[0] == "Dropout: above zero" and row[2] == 0.25 for row in table(lab, "activity")["rows"])


def test_frames_of_other_networks_than_the_run_has_are_not_shown(lab: Pretend) -> None:
    page = lab.page
    page.evaluate(FRAMES, {"masks": 100})
    expect(page.locator("#damage-sentence")).to_contain_text("loses")
    lab.run["config"]["lanes"] = lab.run["config"]["lanes"][:1]
    lab.run["follow"]["lane"] = 0
    lab.changed()
    expect(page.locator("#damage-sentence")).to_have_text("No units have been killed yet.")
    expect(page.locator("#activity-sentence")).to_have_text("The units have not been looked at yet.")
    expect(page.locator("#correlation-sentence")).to_have_text("The units have not been compared yet.")
