"""A step that is recorded once and replayed: what it reads stays in its place, and what changes it is noticed.

The graphs of `tests.trainer.graphs` record on the CPU. When one is replayed, every operation of the step is held to the
recorded one: its name, its plain numbers, and where the tensors lie that were there before. So whatever a real graph
would go on doing, although the step no longer does it, fails here.
"""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.networks import everywhere, rates, small, ways
from tests.trainer.graphs import Counting, Recorder, Refusing, Trusting
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS
from trainer.training import graphs
from trainer.training.captured import CapturedStep, difference, same
from trainer.training.experiment import Experiment
from trainer.training.graphs import CudaGraphs, Graphs, NoGraphs, graphs_of, undisturbed
from trainer.training.ring import ROOM

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
RATES = (0.2, 0.5)
MOVES: list[dict[str, Any]] = [
    {"dropout": (0.1, 0.7)},
    {"l1": 2e-4},
    {"l2": 2e-3},
    {"weight_decay": 0.2},
    {"max_norm": 0.7},
    {"label_smoothing": 0.3},
    {"input_noise": 0.2},
    {"learning_rate": 0.02},
]
TURNS: list[dict[str, Any]] = [
    {"batch_norm": True},
    {"l1": 0.0},
    {"l2": 0.0},
    {"weight_decay": 0.0},
    {"max_norm": 0.0},
    {"label_smoothing": 0.0},
    {"input_noise": 0.0},
    {"dropout": (0.0, 0.5)},
    {"dropout_kind": "gaussian"},
    {"dropout_kind": "dropconnect"},
    {"learning_rate": 0.005},  # that of the other lane
]
SMALL = {"train_size": 64, "batch_size": 16}


def experiment_of(graphs: Graphs | None = None, dtype: torch.dtype = torch.float32, **knobs: Any) -> Experiment:
    """Two lanes; in the first of them every knob is in use."""
    used = {
        "l1": 1e-4,
        "l2": 1e-3,
        "weight_decay": 0.1,
        "max_norm": 1.0,
        "label_smoothing": 0.1,
        "input_noise": 0.1,
        "learning_rate": 0.01,
    }
    lanes = [{"dropout": RATES, **used}, {"dropout": (0.0, 0.5), "learning_rate": 0.005}]
    given = {"hidden": [12], **SMALL, "lanes": lanes, **knobs}
    return Experiment(parse(given), device="cpu", dtype=dtype, graphs=graphs or Recorder())


def recorded(experiment: Experiment) -> int:
    return experiment.recording.recorded


@pytest.mark.parametrize("move", MOVES, ids=lambda move: next(iter(move)))
def test_a_knob_that_moves_is_read_where_it_lies_and_nothing_is_recorded_anew(move: dict[str, Any]) -> None:
    experiment = experiment_of()
    experiment.run(2)
    experiment.set(lane=0, **move)
    experiment.run(2)
    assert recorded(experiment) == 1
    assert experiment.recording.replayed == 4


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: "-".join(map(str, next(iter(turn.items())))))
def test_a_knob_that_is_turned_on_or_off_for_the_first_or_last_lane_is_another_computation(
    turn: dict[str, Any],
) -> None:
    experiment = experiment_of()
    experiment.run(2)
    experiment.set(lane=0, **turn)
    experiment.run(2)
    assert recorded(experiment) == 2
    assert experiment.recording.replayed == 4


def test_dropconnect_that_is_turned_off_and_on_between_two_steps_has_other_tensors_and_is_recorded_anew() -> None:
    """What the graph read is freed meanwhile: the computation is the same, and its tensors are not."""
    experiment = experiment_of()
    experiment.set(lane=0, dropout_kind="dropconnect")
    experiment.run(2)
    for kind in ("inverted", "dropconnect"):
        experiment.set(lane=0, dropout_kind=kind)
    experiment.run(2)  # the replay would notice a tensor that is another one
    assert recorded(experiment) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_rates_on_a_ramp_are_no_other_computation(kind: str) -> None:
    ramp = {"schedule": "ramp_down", "schedule_steps": 40, "dropout_kind": kind}
    experiment = experiment_of(lanes=[{"dropout": RATES, **ramp}, {"dropout": (0.0, 0.5)}])
    experiment.run(20)
    assert recorded(experiment) == 1
    assert experiment.recording.replayed == 20


def test_the_followed_lane_moves_without_a_new_recording_but_where_weights_are_dropped() -> None:
    experiment = experiment_of()
    for lane in (0, 1, 0):
        experiment.follow(lane=lane)
        experiment.run(2)
    assert recorded(experiment) == 1
    experiment.set(lane=0, dropout_kind="dropconnect")
    for lane, kept in ((0, 16 * 64), (1, 64)):
        experiment.follow(lane=lane)
        assert int(experiment.run(2).kept["input"].max()) <= kept
    assert recorded(experiment) == 3


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_no_order_of_changes_leaves_a_graph_that_does_what_the_step_no_longer_does(
    network: str, optimizer: str
) -> None:
    """Every replay is held to the step as it then is, and the run to one of which nothing is ever recorded."""
    shape = small(network, 12)
    lanes = [{**everywhere(shape, 0.2, 0.5), **ways(network)[-1]}, {"dropout": rates(shape, 0.0, 0.5)}]
    given = {"optimizer": optimizer, **SMALL, **shape, "lanes": lanes}
    ours, theirs = (Experiment(parse(given), "cpu", graphs=made) for made in (Recorder(), NoGraphs()))
    changes: list[dict[str, Any]] = [{"dropout_kind": kind} for kind in (*KINDS, "classic", "dropconnect", "inverted")]
    changes += [{"batch_norm": True}, {"l2": 0.01}, {"schedule": "ramp_down", "schedule_steps": 30}]
    changes += [{"learning_rate": 0.01}, {"max_norm": 0.5}, {"batch_norm": False}, {"learning_rate": None}]
    for number, (change, lane) in enumerate(product(changes, (0, 1))):
        for experiment in (ours, theirs):
            experiment.set(lane=lane, **change)
        if number % 3:  # some changes come together, without a step in between
            steps = [experiment.run(2, trace=number % 2 == 0) for experiment in (ours, theirs)]
            assert torch.equal(steps[0].loss, steps[1].loss)
            for layer, kept in steps[0].kept.items():
                assert torch.equal(kept, steps[1].kept[layer])
                assert torch.equal(steps[0].masks[layer], steps[1].masks[layer])
    for mine, other in zip(ours._update.state, theirs._update.state, strict=True):
        assert torch.equal(mine, other)
    assert ours.recording.written == 0
    assert theirs.recording.replayed == 0


def test_of_a_step_the_device_is_told_four_things_and_all_else_is_in_the_graph() -> None:
    """Words are drawn, features and labels copied in, and the graph is launched."""
    experiment = Experiment(parse({"batch_size": 16}), "cpu", graphs=Recorder())
    experiment.run(2)
    counts = []
    for steps in (1, 2):  # none of which begins an epoch
        with Counting() as outside:
            experiment.run(steps)
        counts.append(outside.names)
    every = list(counts[1])
    for name in counts[0]:
        every.remove(name)
    assert sorted(every) == ["copy_", "copy_", "random_"]


def test_masks_are_recorded_as_they_were_used_however_steps_are_cut() -> None:
    whole, cut = (experiment_of() for _ in range(2))
    steps = whole.run(ROOM + 9)
    parts = [cut.run(count) for count in (1, 8, ROOM)]
    assert torch.equal(steps.loss, torch.cat([part.loss for part in parts]))
    for layer, masks in steps.masks.items():
        assert torch.equal(masks, torch.cat([part.masks[layer] for part in parts]))
    last = whole.run(1)
    for site, masks in zip(whole.model.dropouts, last.masks.values(), strict=True):
        row = whole.batches.row_of(int(last.example), whole.step, last.lane)
        assert row is not None
        assert torch.equal(site.multiplier[last.lane, row] != 0, masks[0])


def test_a_graph_that_differs_from_the_written_step_is_never_used(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong(Recorder):
        def record(self, compute: Any, x: Tensor, target: Tensor) -> Any:
            class Graph:
                def replay(self) -> None:
                    state.add_(3)

            return Graph()

    state = torch.zeros(1)

    def compute(x: Tensor, target: Tensor) -> None:
        state.add_(1)

    step = CapturedStep(Wrong(), [state])
    for count in (1.0, 2.0):
        step(compute, 0, torch.ones(2), torch.ones(2))
        assert state == count
    assert step.recording.written == 2
    assert step.recording.recorded == 0
    assert "differs" in str(step.recording.reason)
    assert "differs" in caplog.text


def test_what_could_not_be_recorded_is_told_and_tried_again_when_the_computation_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusing = Refusing()
    experiment = experiment_of(refusing)
    with caplog.at_level(logging.WARNING):
        experiment.run(3)
    told = experiment.recording
    assert (told.recorded, told.failed, told.written, told.replayed) == (0, 1, 3, 0)
    assert "no memory" in str(told.reason)
    assert "no memory" in caplog.text
    refusing.why = None
    experiment.run(3)
    assert experiment.recording.written == 6
    experiment.set(lane=0, batch_norm=True)
    experiment.run(3)
    told = experiment.recording
    assert (told.recorded, told.replayed, told.reason) == (1, 3, None)


def test_a_failure_leaves_the_state_as_it_was_and_is_not_asked_for_again_at_every_step() -> None:
    state, seen = torch.zeros(1), []

    def compute(x: Tensor, target: Tensor) -> None:
        seen.append(x)
        state.add_(1)

    step = CapturedStep(Refusing(), [state])
    step(compute, 0, torch.ones(2), torch.ones(2))
    assert state == 1
    tried = len(seen)
    step(compute, 0, torch.ones(2), torch.ones(2))
    assert state == 2
    assert len(seen) == tried + 1


def test_an_error_of_the_program_is_no_reason_to_go_on() -> None:
    refusing = Refusing(lambda: TypeError("a mistake"))
    with pytest.raises(TypeError, match="a mistake"):
        experiment_of(refusing).run(1)


def test_without_anything_that_records_steps_are_made_as_they_are_written() -> None:
    experiment = Experiment(parse({}), "cpu")
    experiment.run(2)
    assert not experiment.recording.possible
    assert graphs_of(torch.device("cpu")) is None


def test_what_is_told_of_recordings_is_a_copy() -> None:
    experiment = experiment_of()
    before = experiment.recording
    experiment.run(2)
    assert before.replayed == 0


@pytest.mark.parametrize("made", [NoGraphs, Trusting], ids=["written", "recorded"])
def test_an_experiment_that_nobody_needs_is_gone_at_once(made: type[NoGraphs | Trusting]) -> None:
    """Its graph with it: one that waits for the garbage collector may die in the middle of another's capture."""
    experiment = experiment_of(made())
    experiment.run(3, trace=True)
    experiment.set(lane=0, dropout_kind="dropconnect", batch_norm=True, patience=1)
    experiment.run(30)
    experiment.evaluate()
    experiment.reset()
    experiment.run(2)
    gone: list[weakref.ref[Any]] = [weakref.ref(each) for each in (experiment, experiment.model, experiment._steps)]
    gc.disable()
    try:
        del experiment
        assert [each() for each in gone] == [None, None, None]
    finally:
        gc.enable()


def test_an_experiment_that_still_owes_something_is_gone_at_once_too() -> None:
    experiment = experiment_of()
    experiment.set(lane=0, patience=1)
    experiment.run(25, settle=False)
    experiment._adopt(experiment.config.with_knobs({"batch_norm": True}, 1))
    assert len(experiment._owed) == 2
    gone: list[weakref.ref[Any]] = [weakref.ref(each) for each in (experiment, experiment.model)]
    gc.disable()
    try:
        del experiment
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()


def test_nothing_is_collected_during_a_capture_and_what_is_garbage_goes_before() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.me = self

    before: weakref.ref[Cycle] = weakref.ref(Cycle())
    was = gc.isenabled()
    with undisturbed():
        assert before() is None
        assert not gc.isenabled()
    assert gc.isenabled() == was


class Cuda:
    """What `CudaGraphs` asks of PyTorch, and in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.current: Any = "default"
        self.collecting: list[bool] = []
        self.fails: Exception | None = None
        cuda = self

        class Stream:
            device_index = 0
            made = 0

            def __init__(self, device: Any = None) -> None:
                Stream.made += 1

            def wait_stream(self, other: Any) -> None:
                cuda.told.append(("wait", self, other))

        @contextmanager
        def stream(chosen: Any) -> Iterator[None]:
            before, cuda.current = cuda.current, chosen
            try:
                yield
            finally:
                cuda.current = before

        @contextmanager
        def graph(made: Any, pool: Any, stream: Any) -> Iterator[None]:
            assert cuda.current is stream  # so that warm-up and capture share one
            cuda.told.append(("capture", pool, stream))
            cuda.collecting.append(gc.isenabled())
            yield
            if cuda.fails is not None:
                raise cuda.fails

        self.Stream, self.here = Stream, Stream()
        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "stream", stream)
        monkeypatch.setattr(torch.cuda, "graph", graph)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", type("CUDAGraph", (), {}))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: self.here)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, len(self.told)))
        monkeypatch.setattr(
            torch._C, "_cuda_endAllocateToPool", lambda *given: self.told.append(("end", *given)), raising=False
        )
        monkeypatch.setattr(torch, "zeros", lambda *size, device: None)
        graphs._cuda_graphs.cache_clear()

    @property
    def captures(self) -> list[tuple[Any, ...]]:
        return [told[1:] for told in self.told if told[0] == "capture"]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    yield Cuda(monkeypatch)
    graphs._cuda_graphs.cache_clear()


def test_all_recordings_of_a_gpu_share_one_stream_and_one_pool_that_something_keeps_alive(cuda: Cuda) -> None:
    first, second = (graphs_of(torch.device("cuda", 0)) for _ in range(2))
    assert isinstance(first, CudaGraphs)
    assert first is second is graphs_of(torch.device("cuda"))
    x, made = torch.ones(1), []
    for each in (first, second, first):
        assert each is not None
        with each.aside():
            made.append(each.record(lambda x, target: None, x, x))
    assert cuda.Stream.made == 2  # that of the recordings, and the stand-in for the default one
    assert len(cuda.captures) == 4  # the first is the graph to which the pool belongs
    assert len(set(cuda.captures)) == 1
    assert cuda.collecting == [False] * 4


def test_what_is_done_aside_waits_for_what_was_asked_before_and_is_waited_for(cuda: Cuda) -> None:
    made = CudaGraphs(torch.device("cuda", 0))
    with made.aside():
        aside = cuda.current
    assert cuda.current == "default"
    assert cuda.told == [("wait", aside, cuda.here), ("wait", cuda.here, aside)]


def test_a_capture_that_failed_is_ended_for_the_allocator_and_its_graph_stays_where_it_is(cuda: Cuda) -> None:
    made = CudaGraphs(torch.device("cuda", 0))
    with made.aside():
        made.record(lambda x, target: None, torch.ones(1), torch.ones(1))
        cuda.fails = RuntimeError("operation failed due to a previous error during capture")
        with pytest.raises(RuntimeError, match="previous error"):
            made.record(lambda x, target: None, torch.ones(1), torch.ones(1))
    assert [told for told in cuda.told if told[0] == "end"] == [("end", 0, cuda.captures[0][0])]
    assert len(made._spoiled) == 1
    assert gc.isenabled()


def test_tensors_are_the_same_up_to_rounding_and_no_further() -> None:
    value = torch.tensor([1.0, -2.0, 1e-9])
    assert same(value, value * (1 + 1e-6))
    assert not same(value, value * 1.01)
    assert not same(value, torch.tensor([1.0, float("nan"), 1e-9]))
    assert same(torch.tensor([3]), torch.tensor([3]))
    assert not same(torch.tensor([3]), torch.tensor([4]))
    assert same(torch.empty(0), torch.empty(0))


def test_networks_that_have_diverged_are_compared_by_what_is_still_a_number() -> None:
    """A lane that has diverged must not keep the others from being launched as a graph."""
    gone = torch.tensor([1.0, float("nan"), float("inf"), -float("inf")])
    assert same(gone, gone.clone())
    assert not same(gone, torch.tensor([1.01, float("nan"), float("inf"), -float("inf")]))
    assert not same(gone, torch.tensor([1.0, float("nan"), -float("inf"), float("inf")]))
    assert not same(gone, torch.tensor([1.0, 1.0, float("inf"), -float("inf")]))
    assert not same(torch.tensor([1.0, 1.0]), torch.tensor([1.0, float("nan")]))
    assert difference(gone * 1.5, gone) == 0.5


@pytest.mark.parametrize("device", DEVICES)
def test_steps_that_may_be_recorded_are_those_that_are_traced_and_never_recorded(device: str) -> None:
    both = [experiment_of() if device == "cpu" else on_gpu() for _ in range(2)]
    for knobs in ({}, {"dropout": (0.1, 0.7)}, {"batch_norm": True}, {"l2": 0.0}):
        for experiment in both:
            experiment.set(lane=0, **knobs)
        both[0].run(4)
        for _ in range(4):
            both[1].run(1, trace=True)
    for mine, theirs in zip(*(each.model.state_dict().values() for each in both), strict=True):
        assert same(mine, theirs)


def on_gpu() -> Experiment:
    return Experiment(experiment_of().config, device="cuda")
