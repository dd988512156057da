"""The parts of the check find what they are there to find: each is given a fault, and says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scripts.gpu_check import looking, masks, memory, parity, recorded, replayed, runs, speed, waiting, workers
from scripts.gpu_check.rows import Finding, Row, Sheet, verdict
from scripts.gpu_check.runs import config_of, share_of_largest, started, started_as_written
from tests.trainer.graphs import Recorder
from tests.trainer.lanes import Compared
from trainer.dropout.noise import DeviceNoise
from trainer.training.experiment import Experiment
from trainer.training.graphs import Compute, Graph
from trainer.training.trace import Steps


@pytest.fixture
def sheet() -> Sheet:
    return Sheet("cpu", True, lambda row: None)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


DROPS: list[dict[str, Any]] = [{"rate": 0.4}]


def test_steps_that_are_silently_made_as_they_are_written_are_found(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of("mlp", DROPS)
    assert recorded.recorded(sheet, config).outcome == "not on a CPU"
    monkeypatch.setattr(recorded, "started", started_as_written)
    found = recorded.recorded(sheet, config)
    assert found.outcome == "failed"
    assert "told to record nothing" in found.detail


def test_another_signature_of_a_private_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded.private_calls().outcome == "passed"
    monkeypatch.setattr(recorded, "_ADAM", (*recorded._ADAM[:-1], "minimize"))
    found = recorded.private_calls()
    assert found.outcome == "failed"
    assert "_fused_adam_.default(self, grads," in found.detail


def test_a_private_call_that_is_no_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    called = recorded.private_calls().figures["calls"]
    assert isinstance(called, int)
    assert called > 5
    monkeypatch.delattr(torch, "_foreach_copy_")
    assert recorded.private_calls().detail == "other than they were: _foreach_copy_"


class Drifting(Recorder):
    """Records graphs that go wrong after some launches, when they are no longer compared with anything."""

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        graph, state, launches = super().record(compute, x, target), self.state, [0]

        class Drift:
            def replay(self) -> None:
                graph.replay()
                launches[0] += 1
                if launches[0] > 2:
                    state()

        return Drift()

    def state(self) -> None:
        """Do damage."""


def test_a_recorded_step_that_moves_weights_otherwise_is_found(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = Drifting()
    monkeypatch.setattr(runs, "_stand_in", lambda: graphs)
    pair = replayed.Pair(sheet, config_of("mlp", DROPS))
    pair.compare(1)
    assert replayed._same(sheet, pair).outcome == "not on a CPU"
    weight = pair.replayed.model.weights[0].detach()
    monkeypatch.setattr(graphs, "state", lambda: weight[0, 0, 0].add_(0.01))
    pair.set(0, l2=1e-3)
    pair.compare(1)
    assert [replayed._same(sheet, pair).outcome for _ in range(3)][-1] == "failed"


def test_every_live_knob_is_moved() -> None:
    assert replayed.every_knob().outcome == "passed"


def spoiled(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Experiment, Steps], object]) -> None:
    """Have every call of `run` end with something that should not be."""
    run = Experiment.run

    def spoiling(self: Experiment, *given: Any, **named: Any) -> Steps:
        steps = run(self, *given, **named)
        spoil(self, steps)
        return steps

    monkeypatch.setattr(Experiment, "run", spoiling)


def test_one_bit_on_record_that_is_another_than_the_multiplier_is_found(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of("mlp", DROPS)
    assert masks._bits(sheet, config).outcome == "passed"
    spoiled(monkeypatch, lambda _, steps: steps.masks["hidden1"][0, 3].logical_not_())
    assert masks._bits(sheet, config).outcome == "failed"


def test_a_multiplier_that_was_not_the_one_used_is_found(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("mlp", DROPS)
    assert masks._used(sheet, config).outcome == "passed"
    spoiled(monkeypatch, lambda run, _: run.model.dropouts[1].multiplier.fill_(1))
    assert masks._used(sheet, config).outcome == "failed"


def test_shares_beyond_six_standard_deviations_are_found() -> None:
    draws, spread = 10_000, 50.0  # of Binomial(10,000, ½)
    assert masks._within(5000 + int(5.9 * spread), draws, 0.5).outcome == "passed"
    assert masks._within(5000 - int(6.1 * spread), draws, 0.5).outcome == "failed"


def test_noise_that_lacks_words_is_found(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = DeviceNoise._random

    def halved(self: DeviceNoise, room: Tensor) -> None:
        draw(self, room)
        room.bitwise_and_(-2)  # one word in four is always even

    assert masks._range(sheet).outcome == "passed"
    monkeypatch.setattr(DeviceNoise, "_random", halved)
    assert masks._range(sheet).outcome == "failed"


def test_steps_that_depend_on_how_they_are_cut_into_calls_are_found(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of("mlp", DROPS)
    assert masks._cut(sheet, config).outcome == "passed"
    spoiled(monkeypatch, lambda run, _: run.model.weights[-1].detach()[..., 0].add_(1e-3))
    found = masks._cut(sheet, config)
    assert found.outcome == "failed"
    assert "losses" in found.detail


def test_waiting_is_forbidden_within_steps_and_only_there(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = started(sheet, config_of("mlp", DROPS))
    said, read = ["default"], list[str]()
    copy = Tensor.cpu

    def to_cpu(self: Tensor) -> Tensor:
        read.append(said[-1])
        return copy(self)

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", said.append)
    monkeypatch.setattr(Tensor, "cpu", to_cpu)
    with waiting._nothing_waits(True):
        experiment.run(3)
    assert said == ["default", *["error", "default"] * 3]
    assert set(read) == {"default"}


def test_a_step_that_waits_fails_its_row_and_leaves_the_rest_alone(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def waits(*given: Any) -> None:
        raise RuntimeError("called a synchronizing CUDA operation")

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", said.append)
    monkeypatch.setattr(Experiment, "_step", waits)
    with pytest.raises(RuntimeError, match="synchronizing"), waiting._nothing_waits(True):
        started(sheet, config_of("mlp", DROPS)).run(3)
    assert said == ["error", "default"]


def test_memory_that_grows_is_found_and_memory_that_does_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Sheet("cuda", False, lambda row: None)
    counts = iter(range(200))
    monkeypatch.setattr(memory, "held", lambda _: memory.Held(0, 0, next(counts) * 2**25))
    assert memory._grown(gpu, 40, lambda: iter([None] * 40)).outcome == "failed"
    monkeypatch.setattr(memory, "held", lambda _: memory.Held(next(counts) * 2**17, 0, 0))
    assert memory._grown(gpu, 40, lambda: iter([None] * 40)).outcome == "failed"
    monkeypatch.setattr(memory, "held", lambda _: memory.Held(2**30, 2**30, 2**31))
    assert memory._grown(gpu, 40, lambda: iter([None] * 40)).outcome == "passed"


def test_an_experiment_that_holds_itself_is_found(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory._gone_at_once(sheet).outcome == "passed"

    def held(*given: Any) -> Experiment:
        experiment = started(*given)
        experiment.me = experiment  # type: ignore[attr-defined]
        return experiment

    monkeypatch.setattr(memory, "started", held)
    assert memory._gone_at_once(sheet).outcome == "failed"


@pytest.mark.parametrize(
    ("mine", "why"),
    [
        ({"a": np.zeros(3)}, "found by one alone: b"),
        ({"a": np.zeros(2), "b": np.ones(2)}, "a is (2,), on the CPU (3,)"),
        ({"a": np.zeros(3), "b": np.array([1, 1.001])}, "in b"),
        ({"a": np.zeros(3), "b": np.array([1, math.nan])}, "in b"),
    ],
)
def test_what_is_seen_otherwise_than_on_the_cpu_is_found(sheet: Sheet, mine: dict[str, Any], why: str) -> None:
    theirs = {"a": np.zeros(3), "b": np.ones(2)}
    assert looking._compared(Sheet("cuda", True, lambda row: None), theirs, theirs).outcome == "passed"
    found = looking._compared(Sheet("cuda", True, lambda row: None), mine, theirs)
    assert found.outcome == "failed"
    assert why in found.detail


def test_products_in_tf32_are_found_in_float32() -> None:
    random = torch.Generator().manual_seed(0)
    x, weight = torch.rand(16, 64, generator=random), torch.rand(64, 32, generator=random)
    # TF32 keeps 10 of the 23 bits behind the point.
    short = [(each.view(torch.int32) & ~0x1FFF).view(torch.float32) for each in (x, weight)]
    right = x @ weight
    errors = [parity._error(Compared(0, "logits", mine, right), 1.0) for mine in (short[0] @ short[1], right)]
    assert errors[0] > parity.LIMIT["float32"]
    assert errors[1] == 0


def test_a_gradient_of_rounding_is_no_error_and_a_wrong_one_is() -> None:
    zero, rounding = torch.zeros(4), torch.full((4,), 1e-9)
    assert parity._error(Compared(0, "gradient", rounding, zero), 0.08) == 0
    right = torch.tensor([0.08, 0.02])
    assert parity._error(Compared(0, "gradient", right * 1.01, right), 0.08) > parity.LIMIT["float32"]


def test_free_lanes_are_read_off_the_curve() -> None:
    curve = [(1, 1.0), (16, 1.0), (64, 2.0), (256, 5.0)]
    assert speed.free_lanes(curve, 0.5) == 0
    assert speed.free_lanes(curve, 1.0) == 16
    assert speed.free_lanes(curve, 1.5) == 40
    assert speed.free_lanes(curve, 9.0) == 256


def test_goals_of_speed_are_missed_below_them_and_passed_above() -> None:
    gpu = Sheet("cuda", False, lambda row: None)

    def of(lanes: int, lab: float) -> speed.Measured:
        return speed.Measured(lanes, 1.0, 0.5, 1.0, lab, lanes / lab, lanes / lab / 2, 1 / lab)

    slow, fast = [of(64, 1.0), of(256, 2.0)], [of(64, 0.5), of(256, 0.9), of(512, 1.5)]
    assert [speed._free(gpu, each).outcome for each in (slow, fast)] == ["missed", "passed"]
    assert [speed._ratio(gpu, each).outcome for each in (slow, fast)] == ["missed", "passed"]
    assert speed._ratio(gpu, []).outcome == "missed"


def test_a_worker_that_ends_before_its_hello_is_told() -> None:
    rows: list[Row] = []

    def try_one() -> Finding:
        with workers.workers(1, "tpu"):
            return verdict(True)

    Sheet("cpu", True, rows.append).attempt("one worker", try_one)
    assert rows[0].finding.outcome == "failed"
    assert "a worker ended with status 1 before its hello" in rows[0].finding.detail


def test_shares_of_the_largest_number() -> None:
    assert share_of_largest(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])) == 0.5
    assert share_of_largest(torch.tensor([math.nan, 2.0]), torch.tensor([math.nan, 2.0])) == 0
    assert share_of_largest(torch.tensor([math.nan]), torch.tensor([1.0])) == math.inf
    assert share_of_largest(torch.zeros(0), torch.zeros(0)) == 0
