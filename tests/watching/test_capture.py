"""The masks that are recorded are those that were used: what went in, times the mask, is what came out."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional

from dropout_lab.watching.capture import FEW_HELD, FUSED_ATTENTION, IN_ONE_PIECE, Capture, Draw
from dropout_lab.watching.tracing import stacked
from tests.watching.models import (
    CLASSES,
    FEATURES,
    KINDS,
    Attention,
    ComparedDropout,
    Functional,
    Kind,
    Model,
    Twice,
    batch,
    make,
)

ROOT = Path(__file__).resolve().parents[2]
ALPHA = 1.7580993408473766  # Klambauer et al. (2017), section "New dropout technique": −α′ of alpha dropout


def captured(model: nn.Module, x: Tensor, seed: int = 3) -> tuple[list[Draw], Tensor]:
    """The draws of one pass, whole, and what it gave."""
    stack: list[nn.Module] = []
    capture = Capture(stack, looks=True, whole=True)
    torch.manual_seed(seed)
    with stacked(stack, capture.draws), capture:
        out = model(x)
    assert capture.fault is None
    assert stack == []
    return capture.draws, out


def _agrees(draw: Draw, alpha: bool) -> bool:
    """Whether what came out is what went in, times the mask, scaled or not (some layers scale before)."""
    assert draw.before is not None
    assert draw.after is not None
    assert draw.mask is not None
    kept = draw.before * draw.mask
    keep = 1 - draw.rate
    scales = (
        (1 / keep, 1.0, 1 / math.sqrt((ALPHA**2 * draw.rate + 1) * keep))
        if not alpha
        else (1 / math.sqrt((ALPHA**2 * draw.rate + 1) * keep),)
    )
    return any(torch.allclose(draw.after, kept * scale, rtol=1e-5, atol=1e-7) for scale in scales)


MODES = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_masks_are_those_that_were_used(name: str, mode: str) -> None:
    kind = KINDS[name]
    model, (x, _) = make(kind), batch(kind, 1)
    with MODES[mode]():
        draws, out = captured(model, x)
        torch.manual_seed(3)
        assert torch.equal(out, model(x))
    assert [draw.kind for draw in draws] == list(kind.kinds) * (kind.sites // len(kind.kinds))
    for draw in draws:
        assert draw.row is not None
        assert draw.kept is not None
        assert draw.mask is not None
        assert draw.mask.shape == draw.shape
        assert _agrees(draw, kind.alpha)
        assert int(draw.kept) == int(draw.mask.sum())
        assert draw.size == draw.mask.numel()
        assert 0 < int(draw.kept) < draw.size
        assert not kind.of or draw.of == kind.of
        assert draw.reason is None


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_drawn_in_evaluation(name: str) -> None:
    kind = KINDS[name]
    model, (x, _) = make(kind).eval(), batch(kind, 1)
    draws, out = captured(model, x)
    assert draws == []
    assert torch.equal(out, model(x))


@pytest.mark.parametrize("name", ["nn.AlphaDropout", "nn.FeatureAlphaDropout"])
def test_alpha_dropout_moves_what_it_drops(name: str) -> None:
    kind = KINDS[name]
    model, (x, _) = make(kind), batch(kind, 1)
    seen: list[Tensor] = []
    drop = model.body[-1]
    handle = drop.register_forward_hook(lambda module, given, out: seen.append(out.clone()))
    [draw], _ = captured(model, x)
    handle.remove()
    assert draw.mask is not None
    assert draw.before is not None
    a = 1 / math.sqrt((ALPHA**2 * draw.rate + 1) * (1 - draw.rate))
    mask = draw.mask.to(torch.float32)
    expected = a * draw.before * mask + ALPHA * a * (mask - 1) + ALPHA * a * draw.rate
    assert torch.allclose(seen[0], expected, rtol=1e-5, atol=1e-6)


def test_a_row_is_the_first_example() -> None:
    for name in ("nn.Dropout", "nn.Dropout2d", "nn.MultiheadAttention"):
        kind = KINDS[name]
        [draw], _ = captured(make(kind), batch(kind, 1)[0])
        assert draw.mask is not None
        assert draw.row is not None
        assert torch.equal(draw.row, draw.mask[0].flatten())
    for name in ("nn.LSTM", "nn.GRU, time first"):
        kind = KINDS[name]
        draws, _ = captured(make(kind), batch(kind, 1)[0])
        for draw in draws:
            assert draw.mask is not None
            assert draw.row is not None
            assert torch.equal(draw.row, draw.mask[:, 0].flatten())


def test_of_a_branch_a_row_has_every_example() -> None:
    kind = KINDS["DropPath by hand"]
    [draw], _ = captured(make(kind), batch(kind, 1, examples=20)[0])
    assert draw.mask is not None
    assert draw.row is not None
    assert torch.equal(draw.row, draw.mask.flatten())


def test_time_first_layers_of_a_transformer() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2)
    draws, _ = captured(layer, torch.randn(3, 5, 4))  # time, batch, units
    after_attention = draws[1]
    assert after_attention.mask is not None
    assert after_attention.row is not None
    assert torch.equal(after_attention.row, after_attention.mask[:, 0].flatten())


def test_zero_outputs_are_no_mask() -> None:
    """Behind a ReLU most outputs are zero that were not dropped."""
    kind = KINDS["nn.Dropout"]
    [draw], _ = captured(make(kind), batch(kind, 1, examples=200)[0])
    assert draw.after is not None
    assert draw.kept is not None
    zeros = int((draw.after == 0).sum())
    assert zeros > 1.3 * (draw.size - int(draw.kept))
    assert abs(int(draw.kept) - draw.size / 2) < 5 * math.sqrt(draw.size) / 2


@pytest.mark.parametrize("name", ["nn.Dropout", "nn.Dropout2d", "F.dropout", "nn.MultiheadAttention", "nn.LSTM"])
def test_a_rate_of_one_drops_everything(name: str) -> None:
    kind = KINDS[name]
    model, (x, _) = make(kind), batch(kind, 1)
    for module in model.modules():
        for knob in ("p", "dropout"):
            if isinstance(module.__dict__.get(knob), float):
                setattr(module, knob, 1.0)
    draws, _ = captured(model, x)
    assert len(draws) == kind.sites
    for draw in draws:
        assert draw.kept is not None
        assert draw.row is not None
        assert int(draw.kept) == 0
        assert not draw.row.any()
        assert draw.rate == 1


def test_a_rate_of_zero_keeps_everything() -> None:
    model = Model(Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), nn.Dropout(0.0)), 6))
    [draw], _ = captured(model, torch.randn(8, FEATURES))
    assert draw.kept is not None
    assert draw.row is not None
    assert int(draw.kept) == draw.size == 48
    assert draw.row.all()
    assert draw.row.shape == (6,)


def test_random_numbers_that_multiply_nothing_are_no_dropout() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            labels = torch.empty(len(x)).bernoulli_(0.5)
            noise = torch.rand_like(x)
            chosen = torch.rand(len(x)) < 0.5
            return x + noise + labels[:, None] + chosen[:, None]

    draws, _ = captured(Noisy(), torch.randn(8, 4))
    assert draws == []


def test_one_mask_for_all_time_steps_is_one_mask() -> None:
    class Locked(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            mask = torch.empty(x.shape[0], x.shape[2]).bernoulli_(0.7) / 0.7
            return torch.stack([x[:, at] * mask for at in range(x.shape[1])], 1)

    [draw], _ = captured(Locked(), torch.randn(8, 5, 4))
    assert draw.shape == (8, 4)
    assert draw.rate == pytest.approx(0.3)


def test_a_mask_that_is_turned_is_still_the_one_that_was_used() -> None:
    class Turned(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.empty(x.shape[1], x.shape[0]).bernoulli_(0.5).t()

    [draw], _ = captured(Turned(), torch.randn(8, 4))
    assert draw.shape == (8, 4)
    assert _agrees(draw, alpha=False)


def test_half_precision() -> None:
    kind = KINDS["nn.TransformerEncoderLayer"]
    model, (x, _) = make(kind), batch(kind, 1)
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        expected = model(x)
        draws, out = captured(model, x)
    assert torch.equal(out, expected)
    assert len(draws) == 4


def test_dropout_that_is_one_operation() -> None:
    """On a GPU `native_dropout` draws and multiplies at once, and hands its mask out."""
    stack: list[nn.Module] = []
    capture = Capture(stack, whole=True)
    x = torch.randn(4, 6)
    with capture:
        out, mask = torch.native_dropout(x, 0.4, True)
    if not capture.draws or capture.draws[0].shape != (4, 6):
        pytest.fail("the mask of native_dropout was not seen")
    draw = capture.draws[0]
    assert draw.mask is not None
    assert torch.equal(draw.mask, mask)
    assert torch.allclose(out, x * mask / 0.6)


def test_attention_in_one_kernel_is_named_and_not_guessed() -> None:
    capture = Capture([])
    operation = torch.ops.aten._scaled_dot_product_flash_attention.default
    capture._fused((None, None, None, 0.3), {}, None, operation)
    capture._fused((None, None, None, 0.0), {}, None, operation)
    [draw] = capture.draws
    assert (draw.row, draw.kept, draw.reason) == (None, None, FUSED_ATTENTION)


def test_activations_in_front_of_a_site() -> None:
    kind = KINDS["nn.Dropout"]
    model, (x, _) = make(kind), batch(kind, 1, examples=50)
    with torch.no_grad():
        model.body[0].bias[2] = -100.0  # this unit is silent for every example
        seen = model.body[1](model.body[0](x))
    [draw], _ = captured(model, x)
    assert draw.silent is not None
    assert draw.activations is not None
    assert draw.silent.tolist() == [False, False, True, False, False, False]
    mean, deviation, zero = draw.activations[:3].tolist()
    assert mean == pytest.approx(float(seen.mean()), rel=1e-5)
    assert deviation == pytest.approx(float(seen.std(correction=0)), rel=1e-5)
    assert zero == pytest.approx(float((seen == 0).float().mean()))
    assert int(draw.activations[44:].sum()) == int((seen != 0).sum())


def test_what_fails_in_here_is_no_fault_of_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Capture, "_noted", lambda *given: 1 / 0)
    kind = KINDS["nn.Dropout"]
    model, (x, _) = make(kind), batch(kind, 1)
    stack: list[nn.Module] = []
    capture = Capture(stack)
    torch.manual_seed(3)
    with stacked(stack, capture.draws), capture:
        out = model(x)
    torch.manual_seed(3)
    assert torch.equal(out, model(x))
    assert isinstance(capture.fault, ZeroDivisionError)


def test_a_module_that_fails_and_is_caught() -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no")

    class Catching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.failing, self.twice, self.head = Failing(), Twice(), nn.Linear(6, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            try:
                out: Tensor = self.failing(x)
            except RuntimeError:
                out = self.head(self.twice(x))
            return out

    model = Catching()
    draws, _ = captured(model, torch.randn(8, FEATURES))
    assert [draw.module for draw in draws] == [model.twice.drop] * 2


def test_other_models_are_not_concerned() -> None:
    inner = nn.Dropout(0.5)
    assert functional.dropout(torch.ones(4), 0.5, training=False).tolist() == [1.0] * 4
    draws, _ = captured(inner, torch.randn(3, 4))
    assert len(draws) == 1


def test_a_pass_loads_nothing_of_the_compiler() -> None:
    program = (
        "import sys, torch\n"
        "from dropout_lab.watching.capture import Capture\n"
        "capture = Capture([])\n"
        "with capture:\n"
        "    torch.nn.functional.dropout(torch.ones(3, 3), 0.5)\n"
        "assert len(capture.draws) == 1\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


class ByHand(nn.Module):
    """A mask that a function makes for some values."""

    def __init__(self, mask: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.mask = mask
        self.used = torch.zeros(0)

    def forward(self, x: Tensor) -> Tensor:
        self.used = self.mask(x)
        return x * self.used


def _always_first(x: Tensor) -> Tensor:
    keep = torch.rand(x.shape) < 0.2
    keep[:, :2] = True
    return keep


@pytest.mark.parametrize(
    ("mask", "rate"),
    [
        (_always_first, None),
        (lambda x: torch.rand(x.shape).mul_(2) < 0.5, None),
        (lambda x: torch.bernoulli(torch.sigmoid(x)), None),
        (lambda x: torch.bernoulli(torch.full(x.shape, 0.7)).div_(0.7), 0.3),
        (lambda x: torch.empty(x.shape[1]).bernoulli_(0.6), 0.4),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_masks_by_hand_are_what_was_used(mask: Callable[[Tensor], Tensor], rate: float | None, mode: str) -> None:
    model = ByHand(mask)
    with MODES[mode]():
        draws, _ = captured(model, torch.randn(40, 8))
    for draw in draws:
        assert draw.mask is not None
        assert draw.row is not None
        assert torch.equal(draw.mask, model.used.bool())
        assert len(draw.row) == 8
        assert math.isnan(draw.rate) if rate is None else draw.rate == pytest.approx(rate)
    assert len(draws) == (0 if mask.__name__ == "<lambda>" and rate is None and not draws else 1)


def test_branches_and_loops_of_one_operation() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.drop(x)
            out: Tensor = torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))
            return out

    model, x = Branching(), torch.randn(4, 6)
    draws, out = captured(model, x)
    assert len(draws) == 1
    torch.manual_seed(3)
    assert torch.equal(out, model(x))


def test_tensors_without_memory_of_their_own() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            near = torch.eye(4).to_sparse() * 0.5
            out: Tensor = self.drop(torch.sparse.mm(near, x))
            return out

    draws, _ = captured(Graph(), torch.randn(4, 6))
    assert len(draws) == 1


@pytest.mark.parametrize("name", [name for name in KINDS if "checkpointed" not in name])
def test_inference_in_half_precision_stays_what_it_is(name: str) -> None:
    kind = KINDS[name]
    model, (x, _) = make(kind), batch(kind, 1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        draws, out = captured(model, x)
        state = torch.get_rng_state()
        torch.manual_seed(3)
        assert torch.equal(out, model(x))
        assert torch.equal(state, torch.get_rng_state())
    assert len(draws) == kind.sites


def test_what_was_made_in_inference_mode_is_looked_into_outside() -> None:
    """Of such tensors autograd takes nothing apart, in whatever mode they are used."""
    with torch.inference_mode():
        x = torch.randn(8, 6)
    drop = nn.Dropout(0.5)
    with torch.no_grad():
        [draw], out = captured(drop, x)
        torch.manual_seed(3)
        assert torch.equal(out, drop(x))
    assert draw.shape == (8, 6)


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.filterwarnings("ignore:.*nested tensors")
def test_dropout_of_nested_tensors_is_named_and_not_seen(layout: torch.layout, mode: str) -> None:
    with MODES[mode]():
        x = torch.nested.nested_tensor([torch.randn(3, 4), torch.randn(2, 4)], layout=layout)
        drop = nn.Dropout(0.5)
        [draw], out = captured(drop, x)
        torch.manual_seed(3)
        assert all(map(torch.equal, out.unbind(), drop(x).unbind()))
    assert (draw.kind, draw.row, draw.rate, draw.reason) == ("nn.Dropout", None, 0.5, IN_ONE_PIECE)


def test_what_autocast_reaches_only_inside() -> None:
    class Bilinear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix, self.drop = nn.Bilinear(8, 8, 3), nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.drop(self.mix(x, x))
            return out

    torch.manual_seed(0)
    model, x = Bilinear(), torch.randn(4, 8)
    for dtype in (None, torch.bfloat16):
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            draws, out = captured(model, x)
            torch.manual_seed(3)
            assert torch.equal(out, model(x))
            assert len(draws) == 1


# What is held


class Passing(nn.Module):
    """Lets pass what comes, and notes how many of the masks that were drawn so far are still in memory."""

    def __init__(self, drawn: list[StorageWeakRef]) -> None:
        super().__init__()
        self.drawn, self.most = drawn, 0

    def forward(self, x: Tensor) -> Tensor:
        self.most = max(self.most, sum(not each.expired() for each in self.drawn))  # type: ignore[no-untyped-call]
        return x


@pytest.mark.parametrize("mode", ["no_grad", "inference"])
def test_a_pass_without_gradients_frees_its_noise_at_once(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[StorageWeakRef] = []
    hold = Capture._hold

    def noting(self: Capture, tensor: Tensor, bits: Tensor, rate: float) -> None:
        drawn.append(StorageWeakRef(tensor.untyped_storage()))  # type: ignore[no-untyped-call]
        drawn.append(StorageWeakRef(bits.untyped_storage()))  # type: ignore[no-untyped-call]
        hold(self, tensor, bits, rate)

    monkeypatch.setattr(Capture, "_hold", noting)
    passing = Passing(drawn)
    kinds = (nn.Dropout(0.5), nn.AlphaDropout(0.5), Functional(), Attention(), ComparedDropout(0.3))
    model = nn.Sequential(*(module for each in kinds for module in (each, each, passing)))
    stack: list[nn.Module] = []
    capture = Capture(stack)
    with MODES[mode](), stacked(stack, capture.draws), capture:
        model(torch.randn(4, 6, 4))
    assert capture.fault is None
    assert len(capture.draws) == 10
    assert len(drawn) == 20
    assert passing.most == 0


def test_random_numbers_that_are_no_masks_are_forgotten() -> None:
    class Sampling(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(200):
                x = x + torch.bernoulli(torch.full(x.shape, 0.5)) + torch.rand(x.shape)
            return x

    stack: list[nn.Module] = []
    capture = Capture(stack)
    with torch.no_grad(), stacked(stack, capture.draws), capture:
        Sampling()(torch.randn(4, 6))
    assert capture.draws == []
    assert len(capture._masks) + len(capture._uniform) <= FEW_HELD


def test_memory_that_is_used_again_is_no_mask() -> None:
    class Again(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            torch.empty(x.shape).bernoulli_(0.5)  # freed: what comes next may lie where it lay
            return x * torch.ones(x.shape)

    with torch.no_grad():
        draws, _ = captured(Again(), torch.randn(64, 64))
    assert draws == []


def test_one_mask_in_another_type_is_one_mask() -> None:
    class Locked(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            mask = torch.rand(x.shape[0], x.shape[2]) < 0.7
            return torch.stack([x[:, at] * mask.to(x.dtype) / 0.7 for at in range(x.shape[1])], 1)

    [draw], _ = captured(Locked(), torch.randn(8, 5, 4))
    assert draw.shape == (8, 4)
