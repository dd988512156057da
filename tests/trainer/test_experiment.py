"""A run is its seed, its configuration and its changes: whatever else is done, the numbers are the same."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer import Experiment
from trainer.errors import KnobError, StateError, UnknownKnobError
from trainer.models import LaneMLP
from trainer.settings.config import parse
from trainer.training.trace import Steps

RATES = [0.2, 0.5, 0.4]
TWIN: list[dict[str, Any]] = [{"name": "without"}, {"name": "with", "dropout": RATES}]


def small(**knobs: Any) -> Experiment:
    given = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": TWIN, "seed": 5}
    changes = knobs.pop("changes", ())
    return Experiment(parse(given | knobs), device="cpu", changes=changes)


def weights(experiment: Experiment) -> dict[str, Tensor]:
    model: dict[str, Tensor] = experiment.state_dict()["model"]
    return model


def assert_same_weights(first: Experiment, second: Experiment) -> None:
    mine, theirs = weights(first), weights(second)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, theirs[name]), name


def assert_same_steps(first: Steps, second: Steps) -> None:
    assert torch.equal(first.step, second.step)
    assert torch.equal(first.loss, second.loss)
    assert torch.equal(first.example, second.example)
    for name, mask in first.masks.items():
        assert torch.equal(mask, second.masks[name])


def rows(steps: Steps, start: int, stop: int) -> Steps:
    cut = slice(start, stop)
    masks = {name: mask[cut] for name, mask in steps.masks.items()}
    kept = {name: count[cut] for name, count in steps.kept.items()}
    return Steps(
        step=steps.step[cut],
        loss=steps.loss[cut],
        lane=steps.lane,
        example=steps.example[cut],
        kinds=steps.kinds[cut],
        rates=steps.rates[cut],
        group_rates=steps.group_rates[cut],
        masks=masks,
        kept=kept,
    )


def test_two_runs_with_the_same_seed_are_identical_and_another_seed_is_not() -> None:
    first, second, other = small(), small(), small(seed=6)
    ours = first.run(30)
    assert_same_steps(ours, second.run(30))
    assert_same_weights(first, second)
    assert not torch.equal(ours.loss, other.run(30).loss)


def test_nothing_depends_on_how_steps_are_cut_or_on_what_is_looked_at_meanwhile() -> None:
    whole, pieces = small(), small()
    long = whole.run(24)
    done = 0
    for count in (1, 7, 3, 13):
        part = pieces.run(count, trace=True)
        assert_same_steps(part, rows(long, done, done + count))
        pieces.evaluate()
        pieces.sample_subnetworks(1, members=3)
        done += count
    assert_same_weights(whole, pieces)


def test_following_another_lane_or_example_does_not_change_the_training() -> None:
    first, second = small(), small()
    first.run(20)
    second.follow(lane=0, example=33)
    second.run(20)
    assert_same_weights(first, second)


def test_a_lane_added_at_the_end_changes_neither_weights_nor_masks_nor_training_of_the_others() -> None:
    two, three = small(), small(lanes=[*TWIN, {"name": "third", "dropout": [0, 0.9, 0.9], "l2": 0.01}])
    for mine, theirs in zip(two.model.parameters(), three.model.parameters(), strict=True):
        assert torch.equal(mine, theirs[:2])
    ours, others = two.run(20), three.run(20)
    assert all(torch.equal(ours.masks[name], others.masks[name]) for name in ours.masks)
    assert torch.allclose(ours.loss, others.loss[:, :2], rtol=1e-4)  # a larger batched product may round differently


def test_mini_batches_are_epochs_of_permutations_without_the_last_incomplete_batch() -> None:
    experiment = small()
    (batches,) = experiment.batches._courses
    assert batches.per_epoch == 70 // 16
    for epoch in range(3):
        seen = [
            batches.example(epoch * 4 + number, row) for number in range(1, 5) for row in range(16)
        ]  # steps count from 1
        assert len(set(seen)) == 64
        x = torch.cat([batches.at(epoch * 4 + number)[0] for number in range(1, 5)])
        assert torch.equal(x, experiment.data.train_x[seen])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_run_that_was_saved_and_loaded_goes_on_bit_for_bit(optimizer: str) -> None:
    experiment = small(optimizer=optimizer)
    experiment.run(9)
    experiment.set(lane=0, batch_norm=True, l2=0.01)
    experiment.follow(lane=0, example=7)
    experiment.run(4)
    file = io.BytesIO()
    torch.save(experiment.state_dict(), file)
    file.seek(0)
    other = small(optimizer=optimizer)
    other.run(2)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.step == 13
    assert other.followed == (0, 7)
    assert other.changes == experiment.changes
    assert other.config == experiment.config
    assert_same_steps(experiment.run(12), other.run(12))
    assert_same_weights(experiment, other)
    assert torch.equal(experiment.evaluate().val_loss, other.evaluate().val_loss)


def test_a_state_is_a_copy_that_further_training_does_not_change() -> None:
    experiment = small()
    experiment.run(3)
    state = experiment.state_dict()
    expected = experiment.run(5)
    experiment.load_state_dict(state)
    assert_same_steps(experiment.run(5), expected)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"seed": 6}, "the state was saved with seed = 6, this experiment has 5"),
        ({"hidden": [20, 13]}, "hidden"),
        ({"lanes": [*TWIN, TWIN[0]]}, "the state has 3 lanes, this experiment has 2"),
    ],
)
def test_a_state_of_another_experiment_is_refused_and_nothing_changes(knobs: dict[str, Any], message: str) -> None:
    experiment = small()
    experiment.run(3)
    before = weights(experiment)
    with pytest.raises(StateError, match=message):
        experiment.load_state_dict(small(**knobs).state_dict())
    for rubbish in ({"step": 3}, small().state_dict() | {"model": {"linear0.weight": torch.zeros(3)}}):
        with pytest.raises(StateError, match="no state of an experiment"):
            experiment.load_state_dict(rubbish)
    assert experiment.step == 3
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(experiment).items())


def test_a_change_is_in_force_from_the_next_step_on_and_is_listed_with_it() -> None:
    experiment = small()
    experiment.run(10)
    experiment.set(lane=1, dropout=(0.0, 0.95, 0.0))
    after = experiment.run(200)
    assert experiment.changes == [{"step": 11, "lane": 1, "knobs": {"dropout": [0.0, 0.95, 0.0]}}]
    assert bool(after.masks["input"].all())
    assert bool(after.masks["hidden2"].all())
    # 4,000 units kept with probability .05: 200 ± 13.8; seven standard deviations fail below once in 1e11.
    assert abs(int(after.kept["hidden1"].sum()) - 200) < 7 * math.sqrt(4000 * 0.05 * 0.95)
    # Already the first step: 13 or more of 20 units kept at .05 has a probability below 1e-11.
    assert int(after.kept["hidden1"][0]) < 13


def test_two_changes_of_one_lane_before_one_step_are_one() -> None:
    experiment = small()
    experiment.set(lane=1, l2=0.01)
    experiment.set(lane=1, batch_norm=True)
    experiment.set(lane=1, l2=0.02)
    experiment.set(learning_rate=0.01)
    assert experiment.changes == [
        {"step": 1, "lane": 1, "knobs": {"l2": 0.02, "batch_norm": True}},
        {"step": 1, "knobs": {"learning_rate": 0.01}},
    ]
    assert experiment.first_config.lanes[1].l2 == 0
    assert experiment.config.lanes[1].l2 == 0.02


def test_the_first_configuration_and_the_changes_replay_the_run() -> None:
    experiment = small()
    experiment.run(5)
    experiment.set(lane=1, dropout=[0.1, 0.9, 0.3], batch_norm=True)
    experiment.run(6)
    experiment.set(learning_rate=0.02)
    experiment.set(lane=0, l2=0.05, name="penalised")
    experiment.run(3)
    experiment.set(lane=1, batch_norm=False)
    last = experiment.run(8)
    again = Experiment(experiment.first_config, device="cpu", changes=experiment.changes)
    assert again.changes == experiment.changes
    again.run(14)
    assert_same_steps(again.run(8), last)
    assert_same_weights(again, experiment)
    assert again.config == experiment.config


def test_a_change_made_during_a_replay_takes_its_place_among_those_to_come() -> None:
    experiment = small(changes=[{"step": 9, "lane": 1, "knobs": {"l2": 0.03}}])
    experiment.run(3)
    assert experiment.config.lanes[1].l2 == 0
    experiment.set(lane=1, l2=0.01)
    assert [change["step"] for change in experiment.changes] == [4, 9]
    experiment.run(5)
    assert experiment.config.lanes[1].l2 == 0.01
    experiment.run(1)
    assert experiment.config.lanes[1].l2 == 0.03


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("abc", "changes = 'abc' is not allowed: it must be a list of at most 100,000 changes"),
        ([5], r"changes\[0\] = 5"),
        ([{"step": 0, "knobs": {}}], r"changes\[0\].step = 0"),
        ([{"step": 1, "knobs": 3}], r"changes\[0\].knobs = 3"),
        ([{"step": 1, "lane": 9, "knobs": {}}], "lane = 9"),
        ([{"step": 1, "knobs": {"seed": 1}}], "seed = 1"),
        ([{"step": 1, "lane": 0, "knobs": {"rate": 1}}], "there is no knob 'rate'"),
    ],
)
def test_changes_that_cannot_be_replayed_are_refused(changes: Any, message: str) -> None:
    with pytest.raises((KnobError, UnknownKnobError), match=message):
        small(changes=changes)


@pytest.mark.parametrize(
    ("lane", "knobs"),
    [(1, {"dropout": [0.2, 1, 0.5]}), (1, {"l2": 0.01, "speed": 3}), (9, {"l2": 0.01}), (None, {"hidden": [3]})],
)
def test_a_refused_change_changes_nothing(lane: int | None, knobs: dict[str, Any]) -> None:
    experiment, untouched = small(), small()
    with pytest.raises((KnobError, UnknownKnobError)):
        experiment.set(lane, **knobs)
    assert experiment.config == untouched.config
    assert experiment.changes == []
    assert_same_steps(experiment.run(5), untouched.run(5))


def test_reset_goes_back_to_the_initial_weights_and_keeps_the_knobs() -> None:
    experiment = small()
    start = weights(experiment)
    first = experiment.run(6)
    experiment.reset()
    assert experiment.step == 0
    assert all(torch.equal(start[name], tensor) for name, tensor in weights(experiment).items())
    assert_same_steps(experiment.run(6), first)
    experiment.set(lane=0, l2=0.02)
    experiment.reset()
    assert experiment.changes == []
    assert experiment.first_config == experiment.config
    assert experiment.config.lanes[0].l2 == 0.02


def test_evaluating_leaves_mode_global_random_state_and_weights() -> None:
    experiment = small()
    experiment.set(lane=0, batch_norm=True)
    experiment.run(5)
    before, torch_state, numpy_state = weights(experiment), torch.get_rng_state(), str(np.random.get_state())
    for training in (True, False):
        experiment.model.train(training)
        scores = experiment.evaluate()
        experiment.sample_subnetworks(1, members=2)
        assert experiment.model.training is training
        assert all(each.training is training for each in experiment.model.modules())
    assert scores.step == 5
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(experiment).items())


def test_batch_norm_switched_on_in_mid_run_starts_from_statistics_of_the_training_set() -> None:
    experiment = small()
    experiment.run(20)
    model = experiment.model
    assert isinstance(model, LaneMLP)
    before = [(each.weight.clone(), each.bias.clone()) for each in model.linears]
    experiment.set(lane=0, batch_norm=True)
    norm, linear = model.norms[0], model.linears[0]
    z = experiment.data.train_x @ linear.weight[0].detach() + linear.bias[0].detach()
    assert torch.allclose(norm.running_mean[0, 0], z.mean(dim=0), atol=1e-5)
    assert torch.allclose(norm.running_var[0, 0], z.var(dim=0), rtol=1e-4, atol=1e-6)
    assert torch.equal(norm.running_mean[1], torch.zeros(1, 20))  # the other lane has it off
    for (weight, bias), each in zip(before, model.linears, strict=True):
        assert torch.equal(weight, each.weight)
        assert torch.equal(bias, each.bias)


def test_batch_norm_that_is_off_stands_still_whatever_the_optimiser_remembers() -> None:
    experiment = small(lanes=[{"name": "a", "batch_norm": True, "l2": 0.01}, {"name": "b", "batch_norm": True}])
    experiment.run(8)
    experiment.set(lane=0, batch_norm=False)
    norm = experiment.model.norms[1]
    still = [tensor[0].clone() for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)]
    moving = norm.weight[1].clone()
    experiment.run(8)
    for mine, then in zip((norm.weight, norm.bias, norm.running_mean, norm.running_var), still, strict=True):
        assert torch.equal(mine[0], then)
    assert not torch.equal(norm.weight[1], moving)


def test_batch_norm_can_be_toggled_at_any_time_without_touching_the_other_lane() -> None:
    toggled, steady = small(), small()
    for step, on in enumerate([True, False, True, False]):
        toggled.set(lane=0, batch_norm=on)
        ours, theirs = toggled.run(3 + step), steady.run(3 + step)
        assert torch.isfinite(ours.loss).all()
        assert torch.equal(ours.loss[:, 1], theirs.loss[:, 1])


@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
def test_every_layer_is_kept_at_its_rate_within_five_standard_errors_over_a_thousand_steps(mask: str) -> None:
    """A layer of n units over 1,000 steps is kept 1,000 n (1-p) times, ± √(1,000 n p (1-p)); the rounding of p to 2⁻¹⁶
    adds at most 1,000 n 2⁻¹⁷. Five standard errors are passed by chance once in 1.7 million.
    """
    experiment = small(mask=mask)
    steps = experiment.run(1000)
    for layer, rate in zip(experiment.layers, RATES, strict=True):
        count = 1000 * layer.units
        bound = 5 * math.sqrt(count * rate * (1 - rate)) + count * 2**-17
        assert abs(int(steps.kept[layer.name].sum()) - count * (1 - rate)) < bound
        assert torch.equal(steps.kept[layer.name], steps.masks[layer.name].sum(dim=1))


def test_a_recorded_mask_is_the_row_of_the_tensor_that_multiplied_the_activations() -> None:
    experiment = small()
    for example in (0, 31):
        experiment.follow(example=example)
        for _ in range(8):
            steps = experiment.run(1)
            row = experiment.batches.row_of(example, experiment.step, experiment.followed[0])
            assert int(steps.example[0]) == experiment.batches.example(experiment.step, row or 0, 1)
            assert row is None or int(steps.example[0]) == example
            for dropout, mask in zip(experiment.model.dropouts, steps.masks.values(), strict=True):
                assert torch.equal(mask[0], dropout.multiplier[1, row or 0] > 0)


def test_with_one_mask_per_batch_all_examples_share_it() -> None:
    experiment = small(mask="per_batch")
    steps = experiment.run(3)
    for dropout, mask in zip(experiment.model.dropouts, steps.masks.values(), strict=True):
        assert dropout.multiplier.shape[1] == 1
        assert torch.equal(mask[-1], dropout.multiplier[1, 0] > 0)


def test_what_drops_at_most_places_is_followed_at_first() -> None:
    rates = [(0, 0, 0), (0.2, 0, 0), (0, 0.5, 0.5), (0.1, 0.1, 0)]
    lanes = [{"name": str(index), "dropout": own} for index, own in enumerate(rates)]
    assert parse({"hidden": [8, 8], "lanes": lanes}).followed_at_first == 2
    assert parse({"hidden": [8, 8], "lanes": lanes[:2]}).followed_at_first == 1
    assert parse({"hidden": [8, 8], "lanes": lanes[:1]}).followed_at_first == 0
    channels = [{"name": "dense", "dropout": (0, 0, 0, 0.5)}, {"name": "both", "spatial_dropout": (0.2, 0.2)}]
    assert parse({"network": "cnn", "lanes": channels}).followed_at_first == 1


def test_a_patient_look_waits_for_the_followed_example_and_changes_no_number() -> None:
    patient, plain = Experiment(parse({}), device="cpu"), Experiment(parse({}), device="cpu")
    looked = []
    for _ in range(8):
        steps, same = patient.run(1, trace=True, patient=True), plain.run(1)
        assert torch.equal(steps.loss, same.loss)
        held = patient.batches.row_of(0, patient.step, 1) is not None
        assert (steps.trace is not None) == held
        looked.append(held)
    assert set(looked) == {True, False}
    assert plain.run(1, trace=True).trace is not None


@pytest.mark.parametrize(
    "bad", [{"lane": 2}, {"lane": -1}, {"lane": True}, {"example": 70}, {"example": "3"}, {"example": 1.0}]
)
def test_what_is_not_there_cannot_be_followed(bad: dict[str, Any]) -> None:
    experiment = small()
    with pytest.raises(KnobError, match="is not allowed: it must be a number from 0 to"):
        experiment.follow(**bad)
    assert experiment.followed == (1, 0)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "3"])
def test_a_number_of_steps_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(KnobError, match="count"):
        small().run(count)


def test_a_boundary_is_the_probability_of_class_1_with_its_first_row_at_the_bottom() -> None:
    experiment = small(dataset="gaussians", data_noise=0.2, label_noise=0, lanes=[{"name": "a"}])
    experiment.run(300)
    grid = experiment.boundary(17)
    assert grid.shape == (1, 17, 17)
    assert float(grid[0, 0, 0]) < 0.05  # class 0 lies at the lower left
    assert float(grid[0, -1, -1]) > 0.95
    with pytest.raises(KnobError, match="size"):
        experiment.boundary(1)
    with pytest.raises(KnobError, match="points in the plane"):
        small().boundary(8)


def test_a_run_that_diverges_goes_on() -> None:
    experiment = small(optimizer="sgd", learning_rate=1.0, lanes=[{"name": "a", "l2": 0.1}])
    steps = experiment.run(200)
    assert len(steps.loss) == 200
    assert experiment.evaluate().val_loss.shape == (1,)
