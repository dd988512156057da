"""Features, the variance shift, gradient noise and the cost of a step: what is drawn of them, and what is said."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.static import PLOTLY
from tests.browser.test_words import NAN, call
from tests.browser.world import build
from trainer.settings.networks import NETWORKS

PUT: Final = """([kind, tensors]) => {
  const types = { F32: Float32Array, U32: Uint32Array, U8: Uint8Array };
  const made = Object.entries(tensors).map(([name, [dtype, shape, values]]) =>
    [name, world.tensor(dtype, shape, types[dtype].from(values, (value) => value ?? Number.NaN))]);
  const frame = world.frame(kind, Object.fromEntries(made));
  const { insights, trails } = world.store.state;
  world.store.update("insights", { insights: { ...insights, [kind]: frame },
    trails: { ...trails, [kind]: [...(trails[kind] ?? []), frame] } });
}"""
TRACES: Final = """id => (document.querySelector(`#${id} .chart-picture`).data ?? [])
  .map(({ name, x, y, xaxis }) => ({ name, x: [...x], y: [...y], xaxis }))"""


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, a run of two networks, and Plotly."""
    page = build(module_page)
    page.evaluate("(url) => { document.body.dataset.plotlyUrl = url; }", PLOTLY)
    return page


def lanes(page: Page, *own: dict[str, Any], **knobs: Any) -> None:
    """Give the run these networks, each otherwise as the first is."""
    page.evaluate(
        """([own, knobs]) => {
          const { run, store } = world;
          const config = { ...run.config, ...knobs, lanes: own.map((lane) => ({ ...run.config.lanes[0], ...lane })) };
          store.update("run", { run: { ...run, config, follow: { ...run.follow, lane: own.length - 1 } } });
        }""",
        [list(own), knobs],
    )


def put(page: Page, kind: str, **tensors: tuple[str, list[int], list[Any]]) -> None:
    """Let a frame come; ``__`` in a name stands for a slash."""
    named = {name.replace("__", "/"): tensor for name, tensor in tensors.items()}
    page.evaluate(PUT, [kind, {"step": ("U32", [1], [500]), **named}])


def floats(*values: float | None) -> tuple[str, list[int], list[float | None]]:
    return "F32", [len(values)], list(values)


def show(page: Page, kind: str) -> None:
    page.evaluate("async (kind) => { await world.open(kind, kind, 480); }", kind)
    page.add_style_tag(content=".chart-picture { height: 300px; }")


def traces(page: Page, name: str, points: int = 0) -> list[dict[str, Any]]:
    """What Plotly was given, once it was given anything; a line of at least so many ``points``, if there are any."""
    drawn = """([id, points]) => (document.querySelector(`#${id} .chart-picture`).data ?? [])
      .some(({ x }) => (x ?? []).length >= points)"""
    page.wait_for_function(drawn, arg=[name, points])
    found: list[dict[str, Any]] = page.evaluate(TRACES, name)
    return found


# Gradient noise, in words


def gradients(page: Page, *own: dict[str, Any]) -> str:
    usual = {"name": "Dropout", "norm": 0.5, "noise": 1.5, "ratio": 3.0, "masks": 1.2}
    reading = {"step": 200, "draws": 16, "lanes": [usual | each for each in own]}
    return str(call(page, "words/gradient", "gradientSentence", reading))


def test_noise_is_told_in_lengths_of_the_mean_gradient_and_by_what_masks_make_of_it(module_page: Page) -> None:
    assert gradients(module_page, {}) == (
        "Step 200, 16 fresh mini-batches and masks. In “Dropout” the gradient of one mini-batch is on average 1.50 "
        "away from the mean, which is 0.500 long: 3.0 times its length. Fresh masks on one and the same mini-batch "
        "make 64.0% of the squared noise in “Dropout”."
    )


def test_without_masks_all_noise_is_that_of_mini_batches(module_page: Page) -> None:
    said = gradients(module_page, {"name": "Plain", "masks": 0})
    assert said.endswith("No masks are drawn, so all of it comes from which examples are in a mini-batch.")


def test_a_mean_gradient_that_cannot_be_told_from_0_has_no_ratio(module_page: Page) -> None:
    said = gradients(module_page, {"name": "Done", "norm": 0, "ratio": NAN, "masks": 0}, {"name": "D", "masks": 1.49})
    assert "The mean gradient of “Done” cannot be told from 0 with so few mini-batches." in said
    assert "make nearly all of the squared noise in “D”." in said
    assert "NaN" not in said


def test_of_many_networks_the_least_and_the_most_noisy_are_named(module_page: Page) -> None:
    said = gradients(module_page, *({"name": f"p {number}", "ratio": 2.0 + number} for number in range(5)))
    assert (
        "2.0 times the length of the mean gradient away from it in “p 0”, the least of 5, and 6.0 times in “p 4”"
        in said
    )
    assert "more than half of the squared noise in 5 of the 5 networks that drop." in said


def test_before_the_first_look_and_of_what_diverged_no_gradient_is_told(module_page: Page) -> None:
    assert call(module_page, "words/gradient", "gradientSentence", None) == "No gradient noise has been measured yet."
    said = gradients(module_page, {"name": "Fast", "noise": NAN, "norm": NAN, "ratio": NAN, "masks": NAN})
    assert said == "Step 200, 16 fresh mini-batches and masks. “Fast” diverged: there is no gradient to measure."


# Cost, in words


def costs(page: Page, *own: tuple[str, bool, Any], spread: float = 0.02, device: str = "cpu") -> str:
    timed = [
        {"name": name, "drops": drops, "milliseconds": time}
        | (
            {"lower": NAN, "upper": NAN}
            if time == NAN
            else {"lower": time * (1 - spread), "upper": time * (1 + spread)}
        )
        for name, drops, time in own
    ]
    return str(call(page, "words/cost", "costSentence", {"device": device, "stepCount": 84, "lanes": timed}))


def test_a_step_with_dropout_is_compared_with_one_without(module_page: Page) -> None:
    assert costs(module_page, ("No dropout", False, 1.0), ("Dropout", True, 1.234)) == (
        "A step with dropout takes 1.2 times as long here: 1.23 ms against 1.00 ms. Medians over 84 steps, in turns, "
        "on this server’s processor, which has other things to do as well: the times are its own, and the ratios hold "
        "roughly."
    )
    assert "this server’s cuda" in costs(module_page, ("A", False, 1.0), ("B", True, 2.0), device="cuda")


def test_a_difference_within_what_the_steps_themselves_differ_by_is_not_claimed(module_page: Page) -> None:
    said = costs(module_page, ("No dropout", False, 1.0), ("Dropout", True, 1.2), spread=0.1)
    assert "A step takes about as long in both networks, 1.00 ms to 1.20 ms" in said
    assert "times as long" not in said
    assert "about as long in both" in costs(module_page, ("A", False, 1.0), ("B", True, 1.04), spread=0.0)


def test_the_quickest_and_the_slowest_of_many_are_named_and_those_not_timed_counted(module_page: Page) -> None:
    said = costs(module_page, ("A", False, 2.0), ("B", False, 1.0), ("C", True, 1.5), ("D", True, NAN))
    assert (
        "A step of “A”, the slowest, takes 2.0 times as long as one of “B”, the quickest: 2.00 ms against 1.00 ms."
        in said
    )
    assert "Only the first 3 of 4 networks were timed." in said
    assert costs(module_page, ("A", False, 2.0)).startswith(
        "A step of “A” takes 2.00 ms here. Medians over 84 steps on"
    )


def test_before_the_stop_watch_has_run_no_time_is_told(module_page: Page) -> None:
    assert call(module_page, "words/cost", "costSentence", None) == "No step has been timed yet."
    assert costs(module_page, ("A", False, NAN)) == "No step has been timed yet."


# Variance, in words


def shift(name: str, ratio: Any, theory: Any = NAN, layer: str = "hidden1") -> dict[str, Any]:
    return {"name": name, "layer": layer, "ratio": ratio, "theory": theory}


def variances(page: Page, shifts: list[dict[str, Any]], losses: list[tuple[str, Any, Any]], **changed: Any) -> str:
    known = [{"name": name, "shift": ratio, "val": val} for name, ratio, val in losses]
    reading = {"step": 500, "directly": True, "shared": False, "shifts": shifts, "losses": known} | changed
    return str(call(page, "words/variance", "varianceSentence", reading))


def test_the_shift_is_told_with_its_theory_and_no_harm_beyond_the_runs_own_losses(module_page: Page) -> None:
    shifts = [shift("p = 0", 1.0, 1.0), shift("p = 0.5", 2.27, 2.26)]
    assert variances(module_page, shifts, [("p = 0", 1.0, 0.077), ("p = 0.5", 2.27, 0.08)]) == (
        "Step 500. What enters batch norm varies 2.27 times as much in training as in evaluation in hidden 1 of “p = "
        "0.5” (median over its units), with dropout directly before batch norm; elsewhere it is less shifted. "
        "1 + p/(1 − p) · E[x²]/Var[x] says 2.26 for “p = 0.5”, where 2.27 was measured. Up to the ratio of 2.27 of "
        "“p = 0.5” no harm can be seen: a validation loss of 0.080, against 0.077 of “p = 0”, which is not shifted "
        "(too close to tell apart)."
    )


def test_harm_is_told_where_the_losses_show_it_and_not_put_down_to_the_shift(module_page: Page) -> None:
    losses = [("p = 0", 1.0, 0.06), ("p = 0.5", 2.3, 0.07), ("p = 0.8", 6.2, 0.2), ("p = 0.9", 13.0, 0.3)]
    said = variances(module_page, [shift("p = 0.9", 13.0)], losses)
    assert "Up to the ratio of 2.30 of “p = 0.5” no harm can be seen" in said
    assert "“p = 0.8” and “p = 0.9” have a validation loss (0.200 to 0.300) above it: by the shift or" in said
    alone = variances(module_page, [shift("D", 3.0)], [losses[0], ("D", 3.0, 0.5)])
    assert "no harm" not in alone
    assert "“D” has a validation loss of 0.500, above the 0.060 of “p = 0”, which is not shifted" in alone


def test_no_harm_is_spoken_of_before_training_or_without_a_network_to_compare_with(module_page: Page) -> None:
    losses = [("p = 0", 1.0, 2.3), ("p = 0.5", 2.6, 2.3)]
    assert "harm" not in variances(module_page, [shift("p = 0.5", 2.6)], losses, step=0)
    assert "harm" not in variances(module_page, [shift("p = 0.5", 2.6)], losses[1:])
    assert "harm" not in variances(module_page, [shift("p = 0.5", 2.6)], [("p = 0", 1.0, NAN), losses[1]])


def test_a_lower_loss_is_no_harm_whatever_seeds_do(module_page: Page) -> None:
    said = variances(module_page, [shift("Both", 1.5)], [("BN", 1.0, 0.86), ("Both", 1.5, 0.44)])
    assert (
        "“Both” no harm can be seen: a validation loss of 0.440, against 0.860 of “BN”, which is not shifted." in said
    )


def test_what_is_hardly_shifted_is_not_called_shifted(module_page: Page) -> None:
    said = variances(module_page, [shift("BN", 1.02)], [("BN", 1.02, 0.1)], directly=False, shared=True)
    assert "varies as much in training as in evaluation, with a layer between dropout and batch norm" in said
    assert "Measured with a mask for each example" in said
    assert "says" not in said


def test_without_figures_no_variance_is_told(module_page: Page) -> None:
    assert call(module_page, "words/variance", "varianceSentence", None) == "No variance has been measured yet."
    assert variances(module_page, [], []) == "Step 500. No network has batch norm."
    assert variances(module_page, [shift("BN", NAN)], []).endswith("no unit whose variance could be compared.")


# Features, in words


def features(page: Page, **changed: Any) -> str:
    auto = {"step": 3000, "steps": 3000, "rate": [0, 0.5], "val": [1e-5, 0.0055], "sparsity": [0.218, 0.351]}
    usual = {
        "trainSize": 1000,
        "kind": NETWORKS["mlp"].described(),
        "dataset": "digits",
        "step": 1000,
        "pixels": 64,
        "first": [{"name": "No dropout", "sparsity": 0.231}, {"name": "Dropout", "sparsity": 0.282}],
        "auto": auto | changed.pop("auto", {}),
    }
    return str(call(page, "words/features", "featuresSentence", usual | changed))


def test_strokes_of_the_autoencoder_and_noise_of_the_classifier_are_told_with_their_figures(module_page: Page) -> None:
    said = features(module_page)
    assert "learn to paint its 1,000 training images" in said
    assert "They have made all 3,000 steps." in said
    assert "They are sparser with dropout of 0.5, 0.351 against 0.218 (Hoyer sparsity" in said
    assert "show strokes where without it there is noise" in said
    assert (
        "Dropout paints less exactly: mean squared error on validation images 0.0055 with dropout, under 0.0001" in said
    )
    assert "a sparsity of 0.231 in “No dropout” and 0.282 in “Dropout”; normal noise has 0.231." in said
    assert "To the eye it looks much like noise, with dropout and without." in said


def test_strokes_are_not_promised_while_the_figures_do_not_show_them(module_page: Page) -> None:
    early = features(module_page, auto={"step": 40, "sparsity": [0.16, 0.17]})
    assert "Step 40 of 3,000." in early
    assert "about as sparse with dropout of 0.5, 0.170 against 0.160" in early
    assert "strokes" not in early
    assert "strokes" not in features(module_page, auto={"step": 2000})
    assert "drawn at random" in features(module_page, auto={"step": 0}, step=0)


def test_noise_is_claimed_of_digits_and_of_what_is_no_sparser_than_was_seen(module_page: Page) -> None:
    assert "To the eye" not in features(module_page, dataset="idx")
    assert "strokes" not in features(module_page, dataset="idx")
    sparse = [{"name": "A", "sparsity": 0.23}, {"name": "B", "sparsity": 0.5}]
    assert "To the eye" not in features(module_page, first=sparse)


def test_kernels_and_sequences_have_words_of_their_own(module_page: Page) -> None:
    assert "are of 9 pixels, too few for a stroke" in features(module_page, kind=NETWORKS["cnn"].described(), pixels=9)
    lstm = features(module_page, kind=NETWORKS["lstm"].described(), first=[{"name": "D", "sparsity": NAN}], pixels=0)
    assert lstm.endswith("The first layer of an LSTM reads one row at a time: it has no images.")
    assert call(module_page, "words/features", "featuresSentence", None) == "No features have been looked at yet."


def test_sparsity_is_hoyers_and_noise_has_the_one_that_is_named(module_page: Page) -> None:
    assert call(module_page, "words/features", "hoyer", [0, 0, -3, 0]) == pytest.approx(1)
    assert call(module_page, "words/features", "hoyer", [1, -1, 1, 1]) == pytest.approx(0)
    # Over 4,000 vectors of 64 normal numbers: the mean has a standard error of .0006; ‖x‖ in place of its mean shifts
    # it by less than .01.
    noise = np.random.default_rng(1).standard_normal((4000, 64))
    ratio = np.abs(noise).sum(axis=1) / np.sqrt((noise**2).sum(axis=1))
    assert call(module_page, "words/features", "noiseSparsity", 64) == pytest.approx(((8 - ratio) / 7).mean(), abs=0.01)


# Pictures


def test_a_curve_of_the_ratio_is_drawn_where_the_rates_vary_and_the_units_of_the_followed_network(world: Page) -> None:
    rates = [0, 0.2, 0.5]
    names = [{"name": f"p = {rate:g}", "dropout": [0, rate, 0], "batch_norm": True} for rate in rates]
    lanes(world, *names, batch_norm_order="after_dropout")
    show(world, "variance")
    expect(world.locator("#variance .chart-note")).to_have_text("Waiting for the first variances …")
    put(
        world,
        "variance",
        ratio__hidden1=floats(1, 1.25, 2.3),
        theory__hidden1=floats(1, 1.24, 2.25),
        training__hidden1=("F32", [3, 3], [1, 2, 3, 1, 2, 3, 6, 2, 0]),
        evaluation__hidden1=("F32", [3, 3], [1, 2, 3, 1, 2, 3, 3, 1, 0]),
    )
    drawn = traces(world, "variance")
    assert drawn[0]["name"] == "theory, hidden 1"
    assert drawn[0]["x"] == pytest.approx(rates)
    assert [(trace["x"], trace["y"]) for trace in drawn[1:4]] == [
        (pytest.approx([rate]), pytest.approx([ratio])) for rate, ratio in zip(rates, (1, 1.25, 2.3), strict=True)
    ]
    units = {trace["name"]: trace["y"] for trace in drawn if trace["xaxis"] == "x2"}
    assert units == {"training, each unit": [2, 6], "evaluation, each unit": [1, 3]}, (
        "least varying first, without the still"
    )
    expect(world.locator("#variance-sentence")).to_contain_text("2.30 times as much in training as in evaluation")


def test_networks_stand_side_by_side_where_their_rates_do_not_vary(world: Page) -> None:
    lanes(
        world,
        {"name": "Plain"},
        {"name": "BN", "batch_norm": True},
        {"name": "Both", "batch_norm": True, "dropout": [0, 0.5, 0]},
    )
    show(world, "variance")
    put(
        world,
        "variance",
        ratio__hidden2=floats(None, 1, 1.3),
        theory__hidden2=floats(None, None, None),
        training__hidden2=("F32", [3, 1], [None, 1, 1.3]),
        evaluation__hidden2=("F32", [3, 1], [None, 1, 1]),
    )
    drawn = [trace for trace in traces(world, "variance") if trace["xaxis"] != "x2" and len(trace["x"]) > 0]
    assert [trace["name"] for trace in drawn] == ["BN, hidden 2", "Both, hidden 2"], (
        "what has no batch norm has no point"
    )
    expect(world.get_by_role("button", name="Both, training ÷ evaluation")).to_be_visible()
    table = world.evaluate(
        """async () => {
          const { tableOf } = await import("/static/js/views/shifts.js");
          return tableOf(world.store.state);
        }"""
    )
    assert table["columns"] == ["network", "layer", "unit", "rate", "training", "evaluation", "ratio", "theory"]
    assert table["rows"][0][:3] == ["BN", "hidden2", "median"]
    assert len(table["rows"]) == 4


def test_gradient_noise_is_a_line_over_the_steps_with_gaps_where_there_is_none(world: Page) -> None:
    lanes(world, {"name": "A"}, {"name": "B", "dropout": [0, 0.5, 0]})
    show(world, "gradient")
    for step in (0, 100):
        put(
            world,
            "gradient",
            step=("U32", [1], [step]),
            draws=("U32", [1], [16]),
            norm=floats(0.5, 0),
            noise=floats(1, 2),
            ratio=floats(2, None),
            masks=floats(0, 1.5),
        )
    drawn = {trace["name"]: trace for trace in traces(world, "gradient", 2)}
    assert drawn["A: noise of one mini-batch"]["x"] == [0, 100]
    assert drawn["A: noise of masks alone"]["y"] == [None, None], "a logarithmic axis has no 0"
    assert drawn["B: length of the mean"]["y"] == [None, None]
    assert drawn["B: noise of masks alone"]["y"] == [1.5, 1.5]


def test_a_frame_of_other_networks_is_not_drawn(world: Page) -> None:
    lanes(world, {"name": "A"}, {"name": "B"})
    show(world, "cost")
    times = dict.fromkeys(("milliseconds", "lower", "upper"), floats(1, 2, 3))
    put(world, "cost", step_count=("U32", [1], [84]), **times)
    expect(world.locator("#cost-sentence")).to_have_text("No step has been timed yet.")


def test_the_cost_of_each_network_is_a_bar_and_of_one_not_timed_there_is_none(world: Page) -> None:
    lanes(world, {"name": "A"}, {"name": "B", "dropout": [0, 0.5, 0]}, {"name": "C"})
    show(world, "cost")
    times = {"milliseconds": floats(1, 2, None), "lower": floats(0.9, 1.9, None), "upper": floats(1.1, 2.2, None)}
    put(world, "cost", step_count=("U32", [1], [84]), **times)
    (bars,) = traces(world, "cost")
    assert bars["x"] == [1, 2]
    expect(world.locator("#cost-sentence")).to_contain_text("Only the first 2 of 3 networks were timed.")
    table = "async () => (await import('/static/js/views/cost.js')).tableOf(world.store.state)"
    rows = [row[:2] for row in world.evaluate(table)["rows"]]
    assert rows[:2] == [["A", 1], ["B", 2]]


def atoms(page: Page, step: int) -> None:
    """Two sets of 4 atoms of 2×2, and the first layer of both networks: 1 unit."""
    values = [math.sin(index) for index in range(16)]
    put(
        page,
        "features",
        lane=("U8", [2], [1, 0]),
        first=("F32", [2, 1, 2, 2], [1, -1, 1, None, 4, 4, -4, 4]),
        auto__step=("U32", [1], [step]),
        auto__steps=("U32", [1], [3000]),
        auto__rate=floats(0, 0.5),
        auto__val_loss=floats(0.001, 0.002),
        auto__sparsity=floats(0.2, 0.3),
        auto__atoms=("F32", [2, 4, 2, 2], [*values, *(-value for value in values)]),
    )


def test_atoms_and_first_layers_are_pictures_those_without_dropout_on_the_left(world: Page) -> None:
    lanes(world, {"name": "Plain"}, {"name": "Drops", "dropout": [0, 0.5, 0]})
    show(world, "features")
    atoms(world, 1500)
    captions = world.locator("#features figcaption")
    expect(captions).to_have_text(
        ["Autoencoder, no dropout", "Autoencoder, dropout of 0.5", "First layer of “Plain”", "First layer of “Drops”"]
    )
    expect(world.locator("#features .features-progress")).to_have_text("autoencoders at step 1,500 of 3,000")
    assert world.locator("#features progress").evaluate("(bar) => bar.value") == pytest.approx(0.5)
    expect(world.get_by_role("img", name="First layer of “Drops”: weights of 1 units as images")).to_be_visible()
    grey = world.evaluate(
        """() => [...document.querySelectorAll("#features .features-first canvas")].map((canvas) => {
          const cell = canvas.width / 4; /* one image of 2×2 with a line around */
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const middle = (place) => Math.round((place + 1.5) * cell);
          const at = (row, column) => data[4 * (middle(row) * canvas.width + middle(column))];
          return [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
        })"""
    )
    (plain, drops) = grey
    assert plain[0] == plain[1] == plain[3] > 136 > plain[2]
    assert 136 < drops[0] < plain[0], "both are on one scale"
    assert drops[1] < 136
    assert drops[3] == 255, "a unit's weight that is not there is as the lines are, the colour of the panel"


def test_features_can_be_taken_away_as_picture_and_table(world: Page) -> None:
    lanes(world, {"name": "Plain"}, {"name": "Drops", "dropout": [0, 0.5, 0]})
    taken = world.evaluate(
        """async () => {
          const { view } = await world.open("features", "features");
          globalThis.features = view;
          return { picture: await view.picture(), table: view.table() };
        }"""
    )
    assert taken == {"picture": None, "table": None}, "nothing to take yet"
    atoms(world, 3000)
    expect(world.locator("#features canvas")).to_have_count(4)
    taken = world.evaluate(
        """async () => {
          const blob = await features.picture();
          return { type: blob.type, size: blob.size, table: features.table() };
        }"""
    )
    assert taken["type"] == "image/png"
    assert taken["size"] > 1000
    assert taken["table"]["columns"] == ["set", "unit", "w1", "w2", "w3", "w4"]
    assert len(taken["table"]["rows"]) == 4 + 4 + 1 + 1
    assert taken["table"]["rows"][8] == ["First layer of “Plain”", 1, 4, 4, -4, 4]
