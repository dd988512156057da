"""Training is what it would be unwatched, bit for bit, and nothing stays behind."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as modules

from dropout_lab.watching.lab import Watching
from tests.watching.models import KINDS, Kind, Model, batch, make

NOWHERE = "http://127.0.0.1:9"  # the port of "discard": nobody is there
STEPS = 1000


def watching(model: nn.Module, share: float = 0.3, **given: Any) -> Watching:
    """A watch without a lab, which records as much as it can."""
    settings: dict[str, Any] = {"optimizer": None, "val": None, "name": "test", "control": False, "server": NOWHERE}
    return Watching(model, **{**settings, "share": share, **given})


class Trained:
    """What a training came to."""

    def __init__(self, kind: Kind, steps: int, *, watch: bool, way: str = "plain") -> None:
        self.model = make(kind)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-2)
        self.losses: list[float] = []
        torch.manual_seed(7)
        if watch:
            with watching(self.model, val=batch(kind, 10**6, 30)) as self.lab:
                self._train(kind, steps, way)
        else:
            self._train(kind, steps, way)
        self.state = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.generator = torch.get_rng_state()

    def _train(self, kind: Kind, steps: int, way: str) -> None:
        for step in range(steps):
            x, y = batch(kind, step % 50)
            loss = WAYS[way](self.model, x, y, step)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.losses.append(float(loss.detach()))
            if hasattr(self, "lab"):
                self.lab.step(loss=loss)

    def equals(self, other: Trained) -> bool:
        return (
            self.losses == other.losses
            and torch.equal(self.generator, other.generator)
            and all(torch.equal(value, other.state[name]) for name, value in self.state.items())
        )


def _plain(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    loss = functional.cross_entropy(model(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    if step % 25 == 0:
        model.eval()
        with torch.no_grad():
            model(x)
        model.train()
    return loss


def _accumulated(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    for part in range(0, len(x), 4):
        loss = functional.cross_entropy(model(x[part : part + 4]), y[part : part + 4]) / 2
        loss.backward()  # type: ignore[no-untyped-call]
    return loss


def _several(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    out = model(x)
    functional.cross_entropy(out, y).backward(retain_graph=True)  # type: ignore[no-untyped-call]
    loss: Tensor = out.square().mean() * 0.01
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def _half(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        loss = functional.cross_entropy(model(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def _failing(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    if step % 3 == 0:
        with pytest.raises((RuntimeError, AssertionError)):  # before PyTorch 2.7 a transformer asserts
            model(x[..., :1])
    return _plain(model, x, y, step)


def _evaluated(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    """Dropout left on in a pass without gradients draws random numbers, too."""
    with torch.no_grad():
        model(x)
    return _plain(model, x, y, step)


def _inferred(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    """Likewise in inference mode."""
    with torch.inference_mode():
        model(x)
    return _plain(model, x, y, step)


def _copied(model: Model, x: Tensor, y: Tensor, step: int) -> Tensor:
    if step % 10 == 0:
        twin = copy.deepcopy(model)
        assert torch.equal(twin(x.clone()).detach(), twin(x.clone()).detach()) == (not _draws(twin))
        pickle.loads(pickle.dumps(model))
    return _plain(model, x, y, step)


def _draws(model: nn.Module) -> bool:
    return model.training


WAYS = {
    "plain": _plain,
    "accumulated": _accumulated,
    "several": _several,
    "half": _half,
    "failing": _failing,
    "evaluated": _evaluated,
    "inferred": _inferred,
    "copied": _copied,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_trains_as_unwatched(name: str) -> None:
    kind = KINDS[name]
    watched = Trained(kind, STEPS, watch=True)
    assert watched.lab._sampled >= 20
    assert watched.lab.problem is None or "masks" not in watched.lab.problem
    assert watched.lab._sites.all
    assert watched.equals(Trained(kind, STEPS, watch=False))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "plain"])
@pytest.mark.parametrize("name", ["nn.Dropout", "nn.TransformerEncoderLayer", "nn.LSTM"])
def test_every_way_trains_as_unwatched(name: str, way: str) -> None:
    kind = KINDS[name]
    watched = Trained(kind, 150, watch=True, way=way)
    assert watched.lab._sampled >= 5
    assert watched.equals(Trained(kind, 150, watch=False, way=way))


def test_votes_leave_the_random_numbers_alone() -> None:
    kind = KINDS["nn.Dropout"]
    model = make(kind)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    with watching(model, val=batch(kind, 3, 40)) as lab:
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        lab.vote(16)
        assert torch.equal(state, torch.get_rng_state())
        assert model.training
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in weights.items())
        assert lab.kept.whole(0)["ensemble"]["passes"].tolist() == [16]


@pytest.fixture
def hooks() -> Iterator[None]:
    """There are as many hooks for all modules afterwards as before."""
    names = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks")
    before = {name: len(getattr(modules, name)) for name in names}
    yield
    assert {name: len(getattr(modules, name)) for name in names} == before


@pytest.mark.usefixtures("hooks")
def test_nothing_stays_behind() -> None:
    kind = KINDS["nn.TransformerEncoderLayer"]
    model = make(kind)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watching(model, optimizer=optimizer):
        assert "__call__" in Model.__dict__
        for each in model.modules():
            assert not each._forward_hooks
            assert not each._forward_pre_hooks
        x, y = batch(kind, 1)
        functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert "__call__" not in Model.__dict__
    assert not optimizer._optimizer_step_post_hooks
    for parameter in model.parameters():
        assert not parameter._backward_hooks


def test_a_class_keeps_a_call_of_its_own() -> None:
    class Own(nn.Module):
        def __call__(self, *given: Any) -> Any:
            return super().__call__(*given) + 1

        def forward(self, x: Tensor) -> Tensor:
            return x

    own, before = Own(), Own.__dict__["__call__"]
    with watching(own) as one, watching(Own()):
        assert own(torch.zeros(1)).tolist() == [1.0]
        assert one._passes == 1
        with pytest.raises(ValueError, match="watched already"):
            watching(own)
    assert Own.__dict__["__call__"] is before


def test_a_copy_is_not_watched() -> None:
    kind = KINDS["nn.Dropout"]
    model, (x, _) = make(kind), batch(kind, 1)
    with watching(model) as lab:
        twin = copy.deepcopy(model)
        restored = pickle.loads(pickle.dumps(model))
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=False)
        for each in (twin, restored, loaded):
            each(x)
        assert lab._passes == 0
        model(x)
        assert lab._passes == 1


def test_the_fast_path_of_pytorch_stays() -> None:
    """A hook in a module would make PyTorch take another path in evaluation, with other roundings."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    x = torch.randn(3, 5, 4)
    with torch.no_grad():
        expected = encoder(x)
        with watching(encoder, share=1.0) as lab:
            for _ in range(10):
                assert torch.equal(encoder(x), expected)
            assert lab._sampled >= 3


def test_a_compiled_model_is_left_alone() -> None:
    kind = KINDS["nn.Dropout"]
    compiled: Any = torch.compile(make(kind), backend="eager")
    with watching(compiled) as lab:
        x, _ = batch(kind, 1)
        assert compiled(x).shape == (8, 5)
        assert lab._sampled == 0
        [site] = lab.told_model()["sites"]
        assert not site["available"]
        assert "torch.compile" in site["reason"]


def test_a_compiler_that_comes_by_stumbles_over_nothing() -> None:
    kind = KINDS["nn.Dropout"]
    with watching(make(kind)) as lab:
        compiled = torch.compile(lambda x: lab._model(x) + 1, backend="eager", fullgraph=True)
        assert compiled(batch(kind, 1)[0]).shape == (8, 5)
        assert lab.told_state()["passes"] == 0


def test_functions_of_functions_are_left_alone() -> None:
    kind = KINDS["nn.Dropout"]
    model = make(kind).eval()
    with watching(model) as lab:
        x, _ = batch(kind, 1)
        assert torch.func.vmap(model, randomness="different")(x[:, None]).shape == (8, 1, 5)
        assert lab._sampled == 0
