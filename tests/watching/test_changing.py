"""Models that change while they are watched, and watches that are dropped: what is seen of them, and what is left."""

from __future__ import annotations

import copy
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from dropout_lab.watching import calls, lab, sites
from dropout_lab.watching.lab import Watching
from dropout_lab.watching.modules import at, modules_of, numbers_of, parameters_of
from tests.watching.models import CLASSES, FEATURES, KINDS, Functional, Model, Twice, batch, make
from tests.watching.test_untouched import watching

DENSE = KINDS["nn.Dropout"]


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))


def told(watch: Watching) -> list[tuple[str, bool, str | None]]:
    """What is told of each site: its name, whether its mask is available, and why not."""
    return [(site["name"], site["available"], site["reason"]) for site in watch.told_model()["sites"]]


# Compiled after the watch began


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for before it is told that no call is seen."""
    torch._dynamo.reset()
    monkeypatch.setattr(calls, "_compiled", {})
    monkeypatch.setattr(lab, "UNCALLED_S", 0.0)
    monkeypatch.setattr(lab, "LOOK_S", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("mode", ["backward", "step"])
def test_a_model_that_is_compiled_later_says_so(mode: str) -> None:
    model = net()
    with watching(model) as watch:
        model(torch.randn(4, 8)).sum().backward()
        assert told(watch) == [("2", True, None)]
        compiled: Any = torch.compile(model, backend="eager", fullgraph=True)
        for _ in range(3):
            compiled(torch.randn(4, 8)).sum().backward()
            if mode == "step":
                watch.step()
        assert watch.told_state()["passes"] == 1
        watch.told_model()  # since then no call has come
        if mode == "step":
            watch.step()
            watch.step()
        assert told(watch) == [("2", False, sites.COMPILED_WHOLE)]
        model(torch.randn(4, 8))  # called as it is, it is seen again
        assert told(watch) == [("2", True, None)] or mode == "backward"


@pytest.mark.usefixtures("at_once")
def test_another_model_of_its_class_may_be_compiled() -> None:
    model, other = net(), net()
    with watching(model) as watch:
        model(torch.randn(4, 8)).sum().backward()
        watch.step()
        torch.compile(other, backend="eager")(torch.randn(4, 8))
        for _ in range(3):
            model(torch.randn(4, 8)).sum().backward()
            watch.step()
            assert told(watch) == [("2", True, None)]


@pytest.mark.usefixtures("at_once")
def test_a_model_that_is_compiled_in_place_says_so() -> None:
    model = net()
    with watching(model, share=1.0) as watch:
        model(torch.randn(4, 8))
        sampled = watch.told_state()["sampled"]
        model.compile(backend="eager")
        model(torch.randn(4, 8))
        assert watch.told_state()["sampled"] == sampled
        assert told(watch) == [("2", False, sites.COMPILED_WHOLE)]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("way", ["wrapped", "in place"])
def test_of_a_part_that_is_compiled_later_each_site_says_why(way: str) -> None:
    model: Any = nn.Sequential(net(), nn.Dropout(0.1))
    with watching(model, share=1.0) as watch:
        model(torch.randn(4, 8)).sum().backward()
        watch.step()
        assert told(watch) == [("0.2", True, None), ("1", True, None)]
        if way == "wrapped":
            model[0] = torch.compile(model[0], backend="eager")
        else:
            model[0].compile(backend="eager")
        model(torch.randn(4, 8)).sum().backward()
        watch.step()
        assert watch.told_state()["sampled"] == 1
        assert told(watch) == [("0.2", False, sites.COMPILED), ("1", False, sites.BESIDE_COMPILED)]
        model[0] = net()
        model(torch.randn(4, 8)).sum().backward()
        watch.step()
        assert watch.told_state()["sampled"] == 2
        assert [each[1:] for each in told(watch)][-1] == (True, None)


def test_a_compiled_part_trains_as_unwatched() -> None:
    def trained(watches: bool) -> list[Tensor]:
        torch.manual_seed(0)
        model: Any = nn.Sequential(net(), nn.Dropout(0.1))
        watch = watching(model, share=1.0) if watches else None
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for step in range(6):
            if step == 3:
                model[0] = torch.compile(model[0], backend="eager")
            model(torch.ones(4, 8)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        if watch is not None:
            watch.close()
        return [each.detach().clone() for each in model.parameters()]

    assert all(map(torch.equal, trained(True), trained(False)))


def test_a_model_that_something_else_stands_in_for_says_so() -> None:
    model = net()
    with watching(model) as watch:
        other: Any = fx.symbolic_trace(model)
        for _ in range(lab.UNCALLED_STEPS):
            other(torch.randn(4, 8)).sum().backward()
            watch.step()
        assert told(watch) == [("2", False, sites.NOT_CALLED)]
        model(torch.randn(4, 8))
        assert told(watch) == [("2", True, None)]


# Modules that are made anew


class Makes(nn.Module):
    """Makes its dropout anew in each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.Dropout(0.5)(self.one(x))  # FIRST
        x = nn.Sequential(nn.ReLU(), nn.Dropout(0.25))(self.two(x))  # SECOND
        return nn.Dropout(0.0)(x)  # type: ignore[no-any-return]


def line_of(mark: str) -> str:
    """``file.py:12``: where a mark stands in this file."""
    lines = Path(__file__).read_text().splitlines()
    return f"test_changing.py:{next(number for number, text in enumerate(lines, 1) if text.endswith(f'# {mark}'))}"


def test_dropout_that_is_made_in_each_pass_is_one_site() -> None:
    model = nn.Sequential(Makes(), Makes())
    with watching(model, share=1.0) as watch:
        for _ in range(20):
            model(torch.randn(4, 8)).sum().backward()
        found = watch.told_model()["sites"]
        assert [(site["name"], site["rate"], site["units"]) for site in found] == [
            *(("0", 0.5, 8), ("0 (call 2)", 0.25, 8), ("0 (call 3)", 0.0, 8)),
            *(("1", 0.5, 8), ("1 (call 2)", 0.25, 8), ("1 (call 3)", 0.0, 8)),
        ]
        assert {site["kind"] for site in found} == {"nn.Dropout"}
        assert [site["where"] for site in found][:2] == [line_of("FIRST"), line_of("SECOND")]
        assert len(watch.kept.whole(0)["rows"]["step/4"]) == watch.told_state()["sampled"]
        assert len(watch._sites._found) == 6
        assert watch.told_warnings() == []
        model.eval()
        with torch.no_grad():
            model(torch.randn(4, 8))
        texts = [warning["text"] for warning in watch.told_warnings()]
        assert any("It is made anew in each pass: make it once, in __init__." in text for text in texts)


def test_dropout_that_is_replaced_in_each_pass_is_one_site() -> None:
    class Replaces(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop: Any = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            self.drop = nn.Dropout(0.25)
            return self.drop(x)  # type: ignore[no-any-return]

    model = Replaces()
    with watching(model, share=1.0, control=True) as watch:
        for _ in range(20):
            model(torch.randn(4, 8))
        [site] = watch.told_model()["sites"]
        assert (site["name"], site["rate"], site["settable"]) == ("drop", 0.25, False)
        assert len(watch._sites._found) == 1
        with pytest.raises(ValueError, match="the rate of drop stands in the code"):
            watch._do({"op": "set", "site": 0, "rate": 0.75})
        with torch.no_grad():
            model(torch.randn(4, 8))
        assert [warning["kind"] for warning in watch.told_warnings()] == ["dropout_in_evaluation"]


def test_a_layer_that_is_replaced_once_keeps_its_site_and_its_knob() -> None:
    model = net()
    with watching(model, share=1.0, control=True) as watch:
        model(torch.randn(4, 8)).sum().backward()
        model[2] = nn.Dropout(0.25)
        with torch.no_grad():
            model(torch.randn(4, 8))
        assert [warning["kind"] for warning in watch.told_warnings()] == ["dropout_in_evaluation"]
        watch._do({"op": "set", "site": 0, "rate": 0.75})
        assert model[2].p == 0.75
        assert [site["name"] for site in watch.told_model()["sites"]] == ["2"]


# Other programs that replace what is called


class Holds(nn.Module):
    """Holds a module of a class that is watched."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.drop = inner, nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.inner(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "make_inner",
    [lambda: nn.Linear(8, 8), Twice, lambda: nn.LSTM(8, 8), net],
    ids=["leaf", "own", "LSTM", "Sequential"],
)
def test_a_graph_of_another_model_is_what_it_is_unwatched(make_inner: Callable[[], nn.Module]) -> None:
    def graph(model: nn.Module) -> str:
        traced = fx.symbolic_trace(model)
        return f"{traced.graph}\n{traced.code}"

    inner = make_inner()
    expected = graph(Holds(inner))
    with watching(inner) as watch:
        assert graph(Holds(make_inner())) == expected
        assert graph(Holds(inner)) == expected  # also where the watched one itself is in it
        assert graph(Holds(copy.deepcopy(inner))) == expected
        assert watch.told_state()["passes"] == 0
    assert graph(Holds(inner)) == expected


def test_a_call_that_is_replaced_above_is_still_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type] = []
    before = nn.Module.__call__

    def noting(self: nn.Module, *given: Any) -> Any:
        seen.append(type(self))
        return before(self, *given)

    model = net()
    with watching(model) as watch:
        monkeypatch.setattr(nn.Module, "__call__", noting)
        model(torch.randn(4, 8))
        assert seen[0] is nn.Sequential
        assert watch.told_state()["passes"] == 1


# Watches that are dropped


def left_of(model: nn.Module) -> list[str]:
    """What is left of a watch: what it replaced, and its thread."""
    threads = [thread.name for thread in threading.enumerate() if thread.name == "dropout-lab feed"]
    return ["__call__"] * ("__call__" in type(model).__dict__) + threads


def ended(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("in_a_cycle", [False, True])
def test_a_watch_that_nothing_holds_ends(in_a_cycle: bool, caplog: pytest.LogCaptureFixture) -> None:
    model = make(DENSE)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = set(threading.enumerate())
    watch = watching(model, optimizer=optimizer, val=batch(DENSE, 1, 20), name="dropped")
    threads = [thread for thread in threading.enumerate() if thread not in before]
    functional.cross_entropy(model(batch(DENSE, 1)[0]), batch(DENSE, 1)[1]).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    watch.vote(4)
    assert left_of(model)[0] == "__call__"
    gone, models = weakref.ref(watch), weakref.ref(model)
    if in_a_cycle:
        watch.itself = watch  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING, "dropout_lab"):
        del watch
        gc.collect()
    assert gone() is None
    assert "the watch of dropped has ended" in caplog.text
    assert "__call__" not in Model.__dict__
    assert not optimizer._optimizer_step_post_hooks
    ended(threads)
    assert model(batch(DENSE, 1)[0]).shape == (8, CLASSES)
    watching(model).close()  # it may be watched again
    del model, optimizer
    gc.collect()
    assert models() is None


def test_a_watch_that_is_closed_is_held_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    model = make(DENSE)
    watch = watching(model)
    watch.close()
    gone = weakref.ref(watch)
    with caplog.at_level(logging.WARNING, "dropout_lab"):
        del watch
        gc.collect()
    assert gone() is None
    assert caplog.text == ""


def test_a_watch_that_ends_while_the_lock_is_held_ends_afterwards() -> None:
    model = make(DENSE)
    watch = watching(model)
    assert calls._lock.acquire(blocking=False)  # as if the garbage collector came by in there
    try:
        del watch
        gc.collect()
        assert "__call__" in Model.__dict__
    finally:
        calls._lock.release()
    other = make(DENSE)
    watching(other).close()
    assert "__call__" not in Model.__dict__
    assert model(batch(DENSE, 1)[0]).shape == (8, CLASSES)


# Modules that change while another thread lists them


def test_modules_are_listed_as_pytorch_lists_them() -> None:
    shared = nn.Linear(4, 4)
    model: Any = nn.ModuleDict(
        {"a": nn.Sequential(shared, nn.Dropout()), "b": nn.ModuleList([shared, nn.Linear(4, 2)])}
    )
    model.register_module("none", None)
    tied: Any = model["b"][1]
    tied.bias = nn.Parameter(torch.zeros(2))
    assert modules_of(model) == list(model.named_modules())
    assert parameters_of(model) == [*shared.parameters(), *tied.parameters()]
    assert numbers_of(modules_of(model)) == {
        path: sum(each.numel() for each in module.parameters()) for path, module in model.named_modules()
    }
    assert all(at(model, path) is module for path, module in model.named_modules())
    assert at(model, "a.7") is None
    assert numbers_of(modules_of(nn.Sequential(nn.LazyLinear(3)))) == {"": 0, "0": 0}


def test_what_changes_while_it_is_copied_is_copied_again() -> None:
    class Moving(dict[str, nn.Module]):
        tries = 0

        def items(self) -> Any:
            Moving.tries += 1
            if Moving.tries % 5:
                raise RuntimeError("dictionary changed size during iteration")
            return super().items()

    model = net()
    model._modules = Moving(model._modules)
    assert [path for path, _ in modules_of(model)] == ["", "0", "1", "2", "3"]
    assert Moving.tries == 5


def test_a_model_may_change_while_it_is_told() -> None:
    model: Any = nn.ModuleDict({f"first{number}": nn.Dropout(0.5) for number in range(20)})
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            model[f"new{number % 300}"] = nn.Sequential(nn.Linear(2, 2), Functional())
            if number >= 200:
                model._modules.pop(f"new{(number - 200) % 300}", None)
            number += 1

    with watching(model) as watch:
        changing = threading.Thread(target=change)
        changing.start()
        try:
            for _ in range(60):
                watch._model_told = None
                rows = watch.told_model()["tree"]
                assert rows[0]["path"] == ""
                assert len(rows) > 20
        finally:
            stop.set()
            changing.join()
            sys.setswitchinterval(before)


def test_a_method_that_a_call_makes_use_of_is_part_of_it() -> None:
    model = make(DENSE)
    with watching(model, methods=["forward"]) as watch:
        assert model.forward(torch.randn(2, FEATURES)).shape == (2, CLASSES)
        assert model(torch.randn(2, FEATURES)).shape == (2, CLASSES)
        assert watch.told_state()["passes"] == 2
