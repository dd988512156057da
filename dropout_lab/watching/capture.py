"""What drops in one forward pass: every mask as it was drawn, and what it multiplied.

PyTorch has no list of the masks that it draws. Below autograd all of them pass one place, the dispatcher: there a
`TorchDispatchMode` sees the noise of ``nn.Dropout`` and its kin, of ``F.dropout``, of recurrent layers, of attention
and of layers written by hand, and sees which tensor each of them multiplies. A mask counts as one only when it has been
so used. Nothing is drawn here, and no tensor of the model's is changed: a pass gives bit for bit what it gives
unwatched.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from dropout_lab.watching.stack import functional_name
from dropout_lab.watching.whole import can_be_taken_apart, is_composite, rate_of, taken_apart, written_to

MOST_UNITS: Final = 1024  # of a row
MOST_LOOKED_AT: Final = 4_000_000  # activations of a site; of more, none are looked at
MOST_DESCRIBED: Final = 65_536  # of which mean, deviation and histogram are
BINS: Final = 40
FEW_HELD: Final = 8  # masks that are known, before those are looked for whose memory is gone

_aten = torch.ops.aten


def _overloads(*names: str) -> frozenset[Any]:
    """The operations of these names (``op.overload``) that this PyTorch has."""
    found = []
    for name in names:
        packet, _, overload = name.partition(".")
        operation = getattr(getattr(_aten, packet, None), overload, None)
        if operation is not None:
            found.append(operation)
    return frozenset(found)


_BERNOULLI: Final = _overloads("bernoulli_.float")
_BERNOULLI_OF: Final = _overloads("bernoulli.default", "bernoulli.p", "bernoulli_.Tensor")
_UNIFORM: Final = _overloads("rand.default", "rand.generator", "rand_like.default", "uniform_.default")
_SHIFTED: Final = _overloads("add.Tensor", "add_.Tensor", "add.Scalar", "add_.Scalar")
_FLOORED: Final = _overloads("floor.default", "floor_.default")
_BELOW: Final = _overloads("lt.Scalar", "le.Scalar", "lt.Tensor", "le.Tensor")
_ABOVE: Final = _overloads("gt.Scalar", "ge.Scalar", "gt.Tensor", "ge.Tensor")
_SAME: Final = _overloads("_to_copy.default", "clone.default", "div.Scalar", "mul.Scalar", "expand.default")
_DIVIDED: Final = _overloads("div.Tensor", "div_.Tensor")
_INVERTED: Final = _overloads("logical_not.default", "bitwise_not.default")
_MULTIPLIED: Final = _overloads("mul.Tensor", "mul_.Tensor")
_FILLED: Final = _overloads("masked_fill.Scalar", "masked_fill_.Scalar", "masked_fill.Tensor", "masked_fill_.Tensor")
_CHOSEN: Final = _overloads("where.self", "where.ScalarOther", "where.ScalarSelf")
_SOFTMAX: Final = _overloads("_softmax.default", "_safe_softmax.default")
_NATIVE: Final = _overloads("native_dropout.default")
_ZEROS: Final = _overloads("zeros.default")
_FUSED: Final[dict[Any, tuple[int, str]]] = {
    operation: (place, name)
    for names, place, name in (
        (("_scaled_dot_product_flash_attention.default",), 3, "dropout_p"),
        (("_scaled_dot_product_efficient_attention.default",), 5, "dropout_p"),
        (("_scaled_dot_product_cudnn_attention.default",), 5, "dropout_p"),
    )
    for operation in _overloads(*names)
}
"""Attention in one kernel: where among the arguments the rate stands, and how it is called."""
_CUDNN: Final = _overloads("_cudnn_rnn.default")
_CUDNN_DROPOUT: Final = 11  # among its arguments; behind it stands whether it trains

_CAST_INSIDE: Final = _overloads("_trilinear.default", "affine_grid_generator.default")
"""Operations that autocast reaches only by what they call inside, where it no longer acts below a dispatch mode."""
_AUTOCAST: Final = ("AutocastCPU", "AutocastCUDA")

FUSED_ATTENTION: Final = "a fused attention kernel draws the mask inside and does not hand it out"
FUSED_RECURRENT: Final = "cuDNN draws the mask inside and does not hand it out"
IN_ONE_PIECE: Final = "of nested and sparse tensors PyTorch drops in one operation, which does not hand the mask out"


@dataclass
class Draw:
    """One mask that was drawn in a pass and used.

    Attributes:
        module: in whose forward it was drawn; None: outside all modules. Of a module that was made in the pass itself
            and is none of the model's, the one of the model's in whose forward it was called.
        kind: what drops, as in code.
        of: what one bit stands for.
        rate: the probability of dropping; NaN where it cannot be told.
        row: bool (≤ 1,024), what was kept of the first example; of branches, in which examples they were kept; None
            where the mask cannot be seen.
        kept: int64 (), how many of the whole mask were kept.
        size: how many there are.
        shape: of the whole mask.
        where: file and line that made the call, for what is no module of PyTorch.
        reason: why the mask cannot be seen; None: it can.
        silent: bool (like ``row``), which units were 0 in front of the site for every example; None: not looked at.
        activations: float32 (3 + 41 + 40): mean, standard deviation, share of zeros, edges and histogram.
        mask: bool (``shape``), only where all of it is asked for.
        before: what it multiplied, only then.
        after: the product, only then.
    """

    module: nn.Module | None
    kind: str
    of: str
    rate: float
    row: Tensor | None
    kept: Tensor | None
    size: int
    shape: tuple[int, ...]
    where: str | None = None
    reason: str | None = None
    silent: Tensor | None = None
    activations: Tensor | None = None
    mask: Tensor | None = None
    before: Tensor | None = None
    after: Tensor | None = None


@dataclass
class _Drawn:
    """What was drawn.

    Attributes:
        bits: bool, what it keeps; None once it was used.
        rate: the probability of dropping.
        inner: the module in whose forward it was drawn,
        home: and the innermost one around it that is the model's.
        batch: the dimension of the examples.
        is_used: whether anything was multiplied by it.
    """

    bits: Tensor | None
    rate: float
    inner: nn.Module | None
    home: nn.Module | None
    batch: int
    is_used: bool = False


@dataclass(frozen=True)
class _Held:
    """Something that is known of a tensor for as long as its memory is there: nothing is kept alive by this.

    Attributes:
        memory: of the tensor.
        version: of the tensor, which rises when it is written over.
    """

    memory: StorageWeakRef
    version: int

    @property
    def is_gone(self) -> bool:
        """Whether the memory is no more."""
        return bool(self.memory.expired())  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Mask(_Held):
    """A tensor that holds a mask, or something made of one.

    Attributes:
        drawn: what was drawn.
        shape: of the tensor,
        stride: and how it lies in its memory.
    """

    drawn: _Drawn
    shape: torch.Size
    stride: tuple[int, ...]


@dataclass(frozen=True)
class _Uniform(_Held):
    """Uniform random numbers.

    Attributes:
        shift: what was added to them.
    """

    shift: float


class Capture(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees one forward pass, of one thread.

    Args:
        stack: the modules whose forward is running, the innermost last; kept up to date by whoever runs the pass.
        looks: whether activations are looked at as well, which takes longer.
        whole: whether masks, and what went in and came out, are kept whole: for tests.
        knows: whether a module is one of the model's; None: all are.

    Attributes:
        draws: what was seen, in its order.
        fault: what went wrong in here, if anything did. The pass is not concerned.
        operations: how many passed.
    """

    def __init__(
        self,
        stack: list[nn.Module],
        looks: bool = False,
        whole: bool = False,
        knows: Callable[[nn.Module], bool] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws: list[Draw] = []
        self.fault: Exception | None = None
        self.operations = 0
        self._casts = any(torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda"))  # below a mode none seems to be
        self._stack = stack
        self._looks = looks
        self._whole = whole
        self._knows = knows
        self._masks: dict[int, _Mask] = {}  # by where their memory is
        self._uniform: dict[int, _Uniform] = {}
        self._nothing: dict[int, _Held] = {}
        self._softened: tuple[int, _Held] | None = None
        self._written: dict[int, int] = {}  # how often what inference mode has made was written over
        self._look_for_gone_at = FEW_HELD

    supports_higher_order_operators = True

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """A part of the model that is compiled runs compiled, as it does when nobody looks."""
        return True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Without this PyTorch wraps what follows for its compiler: that loads 800 modules and slows each operation.

        No pass that the compiler has a part in is ever captured.
        """
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Let one operation through, and see what it was."""
        kwargs = kwargs or {}
        self.operations += 1
        if isinstance(func, HigherOrderOperator):  # a branch or a loop that is one operation
            return func(*args, **kwargs)
        if is_composite(func):
            if can_be_taken_apart(func, args, kwargs):
                return taken_apart(self, func, args, kwargs)
            if (rate := rate_of(func, args, kwargs)) > 0:
                self._guarded(Capture._in_one_piece, rate)
        before = _BEFORE.get(func)
        draw = None
        if before is not None and (self._masks or self._nothing):
            draw = self._guarded(before, args, kwargs)
        casts = self._casts and func in _CAST_INSIDE
        out = _run_cast(func, args, kwargs) if casts else func(*args, **kwargs)
        if draw is not None and self._whole:
            draw.after = out.clone()
        after = _AFTER.get(func)
        if after is not None:
            self._guarded(after, args, kwargs, out, func)
        if torch.is_inference_mode_enabled() and (self._masks or self._uniform):
            self._guarded(Capture._count_written, func, args, kwargs)
        return out

    def _guarded(self, see: Callable[..., Any], *given: Any) -> Any:
        """See something; what fails here is no fault of the pass."""
        if self.fault is not None:
            return None
        try:
            return see(self, *given)
        except Exception as error:
            self.fault = error
            self._masks.clear()
            return None

    # What draws

    def _bernoulli(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        keep = args[1] if len(args) > 1 else kwargs.get("p", 0.5)
        self._hold(out, out.bool(), 1 - float(keep))

    def _bernoulli_of(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        given = args[1] if len(args) > 1 else kwargs.get("p", args[0])
        if isinstance(given, Tensor):
            low, high = given.min(), given.max()
            keep = float(low) if bool(low == high) else math.nan
        else:
            keep = float(given)
        self._hold(out, out != 0, 1 - keep)

    def _rand(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        if len(args) < 3 and out.is_floating_point():  # uniform_ from 0 to 1
            self._put_uniform(args, out, 0.0)

    def _shift(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        for one, other in (args[:2], args[1::-1]):
            shift, by = self._shift_of(one), _number(other)
            if shift is not None and by is not None:
                self._put_uniform(args, out, shift + by)
                return

    def _floor(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        shift = self._shift_of(args[0])
        if shift is not None and 0 < shift < 1:  # ⌊u + keep⌋ is 1 with the probability `keep`
            self._uniform.pop(_place(out), None)
            self._hold(out, out != 0, 1 - shift)

    def _compare(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        shift = self._shift_of(args[0])
        if shift is not None:
            bound = _number(args[1])
            true = math.nan if bound is None else min(1.0, max(0.0, bound - shift))
            self._hold(out, out, 1 - true if func in _BELOW else true)

    def _put_uniform(self, args: tuple[Any, ...], out: Tensor, shift: float) -> None:
        if place := _place(out):
            written = 1 if args and out is args[0] else 0  # which is counted behind the operation
            self._uniform[place] = _Uniform(_memory(out), self._version(out) + written, shift)
            self._look_for_gone()

    def _shift_of(self, tensor: Any) -> float | None:
        """What was added to uniform numbers; None: they are none, or something else was done to them in place."""
        held = self._uniform.get(_place(tensor))
        if held is None or held.is_gone or self._version(tensor) > held.version:
            return None
        return held.shift

    def _zeros(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        if out.dim() == 0 and (place := _place(out)):
            self._nothing[place] = _Held(_memory(out), 0)
            self._look_for_gone()

    def _soften(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        if place := _place(out):
            self._softened = place, _Held(_memory(out), 0)

    # What is made of a mask

    def _same(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        mask = self._mask_in(args[0])
        if (
            mask is not None
            and out is not args[0]
            and (func not in _DIVIDED | _MULTIPLIED or _number(args[1]) is not None)
        ):
            self._put(out, mask.drawn)

    def _invert(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor, func: Any) -> None:
        mask = self._mask_in(args[0])
        if mask is not None and out.dtype == torch.bool:
            drawn = mask.drawn
            self._put(out, _Drawn(out.clone(), 1 - drawn.rate, drawn.inner, drawn.home, drawn.batch))

    # What uses one

    def _multiply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draw | None:
        one, other = args[0], args[1]
        if not isinstance(one, Tensor) or not isinstance(other, Tensor):
            return None
        for noise, values in ((other, one), (one, other)):
            mask = self._mask_in(noise)
            if mask is not None and noise.dim() and self._mask_in(values) is None:
                return self._use(mask, noise, values)
            nothing = self._nothing.get(_place(noise))
            if nothing is not None and values.dim() > 0 and not nothing.is_gone and self._drops_all(values):
                none = torch.zeros_like(values, dtype=torch.bool)
                return self._use(self._mask(none, none, 1.0), none, values)
        return None

    def _fill(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draw | None:
        mask = self._mask_in(args[1])
        if mask is None or _number(args[2]) != 0:
            return None
        return self._use(mask, args[1], args[0], fills=True)

    def _choose(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draw | None:
        mask = self._mask_in(args[0])
        if mask is None:
            return None
        if isinstance(args[1], Tensor) and args[1].dim() > 0 and _is_zero(args[2]):
            return self._use(mask, args[0], args[1])
        if isinstance(args[2], Tensor) and args[2].dim() > 0 and _is_zero(args[1]):
            return self._use(mask, args[0], args[2], fills=True)
        return None

    def _native(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, func: Any) -> None:
        if args[2] is not False and 0 < args[1] < 1 and out[1].is_nested:
            self._in_one_piece(args[1])
        elif args[2] is not False and 0 < args[1] < 1:
            draw = self._use(self._mask(out[1], out[1], args[1]), out[1], args[0])
            if draw is not None and self._whole:
                draw.after = out[0].clone()

    def _fused(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, func: Any) -> None:
        place, name = _FUSED[func]
        rate = args[place] if len(args) > place else kwargs.get(name, 0.0)
        if rate > 0:
            self._unseen("scaled_dot_product_attention", "attention weights", rate, FUSED_ATTENTION)

    def _cudnn(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, func: Any) -> None:
        rate, trains = args[_CUDNN_DROPOUT], args[_CUDNN_DROPOUT + 1]
        if trains and rate > 0:
            self._unseen("", "units", rate, FUSED_RECURRENT)

    def _in_one_piece(self, rate: float) -> None:
        self._unseen("", "units", rate, IN_ONE_PIECE)

    def _count_written(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for written in written_to(func, args, kwargs):
            if place := _place(written):
                self._written[place] = self._written.get(place, 0) + 1

    # How it is noted

    def _hold(self, tensor: Tensor, bits: Tensor, rate: float) -> None:
        if tensor.is_nested:
            if functional_name(sys._getframe())[0] is not None:
                self._in_one_piece(rate)
        elif tensor.numel():
            self._put(tensor, self._drawn(tensor, bits.clone() if bits is tensor else bits, rate))

    def _put(self, tensor: Tensor, drawn: _Drawn) -> None:
        if place := _place(tensor):
            self._masks[place] = self._mask_of(tensor, drawn)
            self._look_for_gone()

    def _mask(self, tensor: Tensor, bits: Tensor, rate: float) -> _Mask:
        return self._mask_of(tensor, self._drawn(tensor, bits, rate))

    def _mask_of(self, tensor: Tensor, drawn: _Drawn) -> _Mask:
        return _Mask(_memory(tensor), self._version(tensor), drawn, tensor.shape, tensor.stride())

    def _drawn(self, tensor: Tensor, bits: Tensor, rate: float) -> _Drawn:
        return _Drawn(bits, rate, self._inner, self._home, self._batch(tensor))

    def _mask_in(self, tensor: Any) -> _Mask | None:
        """The mask that a tensor holds; None: it holds none."""
        mask = self._masks.get(_place(tensor))
        return None if mask is None or mask.is_gone else mask

    def _look_for_gone(self) -> None:
        """Forget what is known of memory that is no more: a pass without gradients frees its noise at once."""
        if len(self._masks) + len(self._uniform) + len(self._nothing) < self._look_for_gone_at:
            return
        for held in (self._masks, self._uniform, self._nothing):
            for place in [place for place, each in held.items() if each.is_gone]:
                del held[place]
        left = len(self._masks) + len(self._uniform) + len(self._nothing)
        self._look_for_gone_at = max(FEW_HELD, 2 * left)

    def _version(self, tensor: Tensor) -> int:
        """How often a tensor was written over; of those made in inference mode PyTorch does not count it."""
        return self._written.get(_place(tensor), 0) if tensor.is_inference() else tensor._version

    def _is_softened(self, tensor: Tensor) -> bool:
        """Whether a softmax has made this, last of all."""
        if self._softened is None:
            return False
        place, held = self._softened
        return _place(tensor) == place and not held.is_gone

    @property
    def _home(self) -> nn.Module | None:
        """The innermost module of the model whose forward is running."""
        if self._knows is None:
            return self._inner
        return next((module for module in reversed(self._stack) if self._knows(module)), None)

    @property
    def _inner(self) -> nn.Module | None:
        return self._stack[-1] if self._stack else None

    def _batch(self, mask: Tensor) -> int:
        """Along which dimension of a mask the examples lie."""
        inner = self._inner
        if isinstance(inner, nn.RNNBase):
            return 1 if mask.dim() == 3 else 0  # (time, batch, units), whatever `batch_first` says of what comes in
        if mask.dim() == 3 and not isinstance(inner, nn.MultiheadAttention):
            for module in reversed(self._stack):
                attention = getattr(module, "self_attn", None)
                if isinstance(attention, nn.MultiheadAttention):
                    return 0 if attention.batch_first else 1
        return 0

    def _use(self, mask: _Mask, noise: Tensor, values: Tensor, fills: bool = False) -> Draw | None:
        """A mask is used; again in the same pass, as at each time step of a layer by hand, it is no other mask.

        Args:
            mask: what is known of it.
            noise: what is used of it: itself, or a view.
            values: what it is used on.
            fills: whether it says where a zero goes, and not what stays.
        """
        drawn = mask.drawn
        if drawn.is_used:
            return None
        as_drawn = noise.shape == mask.shape and noise.stride() == mask.stride and drawn.bits is not None
        bits, rate = (drawn.bits if as_drawn and drawn.bits is not None else noise != 0), drawn.rate
        drawn.is_used, drawn.bits = True, None
        if as_drawn and bits.shape != noise.shape:
            bits = bits.expand(noise.shape)
        if as_drawn and self._version(noise) != mask.version and not self._is_alpha(drawn):
            now = noise.bool()  # it was scaled in place, or something was kept by hand
            if not torch.equal(now, bits):
                bits, rate = now, math.nan
        if fills:
            bits, rate = ~bits, 1 - rate
        attends = self._is_softened(values)
        batch = drawn.batch if drawn.batch < bits.dim() else 0
        draw = self._noted(drawn, attends, bits, values, rate)
        whole = draw.of == "branches" or bits.dim() < max(1, values.dim())  # also one mask for all examples
        one = bits if whole else bits.select(batch, 0)
        draw.row = one.reshape(-1)[:MOST_UNITS].clone()
        draw.kept = torch.count_nonzero(bits)
        if not attends and draw.of != "branches" and values.numel() <= MOST_LOOKED_AT and values.is_floating_point():
            self._look(draw, bits, values, batch)
        if self._whole:
            draw.mask, draw.before = bits.clone(), values.clone()
        self.draws.append(draw)
        return draw

    def _is_alpha(self, drawn: _Drawn) -> bool:
        """Whether the noise is alpha dropout's, which PyTorch writes over before it is used."""
        if isinstance(drawn.inner, nn.AlphaDropout | nn.FeatureAlphaDropout):
            return True
        return functional_name(sys._getframe())[0] in ("F.alpha_dropout", "F.feature_alpha_dropout")

    def _noted(self, drawn: _Drawn, attends: bool, bits: Tensor, values: Tensor, rate: float) -> Draw:
        kind, where = self._kind(drawn.inner, drawn.home, attends)
        of = "attention weights" if attends else _of(bits, values)
        return Draw(drawn.home, kind, of, rate, None, None, bits.numel(), tuple(bits.shape), where)

    def _kind(self, module: nn.Module | None, home: nn.Module | None, attends: bool) -> tuple[str, str | None]:
        """What drops, as in code, and where it was called, if it is no module of PyTorch that the model has."""
        if module is not None and type(module).__module__.startswith("torch.nn.") and not _holds_others(module):
            return f"nn.{type(module).__name__}", None if module is home else functional_name(sys._getframe())[1]
        name, where = functional_name(sys._getframe())
        if name is None:
            name = "scaled_dot_product_attention" if attends else "by hand"
        return name, where

    def _drops_all(self, values: Tensor) -> bool:
        """Whether it is dropout that multiplies with nothing, as it does with a rate of 1."""
        if self._is_softened(values):
            return True
        if isinstance(self._inner, nn.RNNBase):
            return float(self._inner.dropout) == 1
        return functional_name(sys._getframe())[0] is not None

    def _unseen(self, kind: str, of: str, rate: float, reason: str) -> None:
        name, where = self._kind(self._inner, self._home, False)
        self.draws.append(Draw(self._home, kind or name, of, float(rate), None, None, 0, (), where, reason))

    def _look(self, draw: Draw, bits: Tensor, values: Tensor, batch: int) -> None:
        """Look at the activations in front of a site."""
        if bits.dim() == values.dim() and values.numel():
            over = [batch] + [
                at for at in range(bits.dim()) if at != batch and bits.shape[at] == 1 and values.shape[at] > 1
            ]
            draw.silent = (values.abs().amax(dim=over, keepdim=True) == 0).reshape(-1)[:MOST_UNITS]
            if draw.row is None or draw.silent.shape != draw.row.shape:
                draw.silent = None
        if self._looks and values.numel():
            draw.activations = _described(values)


def _described(values: Tensor) -> Tensor:
    """Mean, standard deviation, share of zeros, 41 edges and 40 counts of the activations that are not 0, as one."""
    values = values.detach().reshape(-1)
    values = values[:: -(-values.numel() // MOST_DESCRIBED)]  # evenly spread, if there are very many
    values = values.to("cpu", torch.float32)  # where a histogram is allowed, whatever is asked of a GPU
    if not bool(torch.isfinite(values.sum())):
        values = values[torch.isfinite(values)]
    if not values.numel():
        return torch.zeros(3 + BINS + 1 + BINS, dtype=torch.float32)
    low, high = (float(each) for each in torch.aminmax(values))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(values, BINS, low, high)
    zeros = values.numel() - int(torch.count_nonzero(values))
    if zeros:  # they have a number of their own, and would hide all else
        at = torch.histc(torch.zeros(1, dtype=torch.float32), BINS, low, high)
        counts = counts - at * zeros
    summary = torch.stack([values.mean(), values.std(correction=0), values.new_tensor(zeros / values.numel())])
    return torch.cat([summary, torch.linspace(low, high, BINS + 1, dtype=torch.float32), counts])


def _run_cast(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operation with autocast acting inside it, as it does when nobody looks."""
    excluded = [torch._C._dispatch_tls_is_dispatch_key_excluded(key) for key in _AUTOCAST]
    try:
        for key in _AUTOCAST:
            torch._C._dispatch_tls_set_dispatch_key_excluded(key, False)
        return func(*args, **kwargs)
    finally:
        for key, was in zip(_AUTOCAST, excluded, strict=True):
            torch._C._dispatch_tls_set_dispatch_key_excluded(key, was)


def _of(bits: Tensor, values: Tensor) -> str:
    """What one bit of a mask stands for, by what it is spread over."""
    if bits.shape == values.shape or bits.dim() != values.dim():
        return "units"
    spread = [at for at in range(bits.dim()) if bits.shape[at] == 1 and values.shape[at] > 1]
    own = [at for at in range(bits.dim()) if bits.shape[at] > 1]
    if spread and own in ([0], []):
        return "branches"
    return "channels" if spread else "units"


def _holds_others(module: nn.Module) -> bool:
    """Whether a module of PyTorch is one that puts modules together, and drops nothing by itself."""
    return next(module.children(), None) is not None and not isinstance(module, nn.MultiheadAttention)


def _place(tensor: Any) -> int:
    """Where a tensor's memory is; 0: nowhere."""
    if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.is_nested:
        return 0
    return tensor.untyped_storage().data_ptr()


def _memory(tensor: Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]


def _number(value: Any) -> float | None:
    """A number, or a tensor that is one; None: it is neither."""
    if isinstance(value, Tensor):
        return float(value) if value.dim() == 0 else None
    return float(value) if isinstance(value, int | float) else None


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor) and value.dim() > 0:
        return not bool(value.any())
    return _number(value) == 0


_BEFORE: Final[dict[Any, Callable[..., Draw | None]]] = {
    **dict.fromkeys(_MULTIPLIED, Capture._multiply),
    **dict.fromkeys(_FILLED, Capture._fill),
    **dict.fromkeys(_CHOSEN, Capture._choose),
}
"""What is seen before an operation, because it may write over what went in."""
_AFTER: Final[dict[Any, Callable[..., None]]] = {
    **dict.fromkeys(_BERNOULLI, Capture._bernoulli),
    **dict.fromkeys(_BERNOULLI_OF, Capture._bernoulli_of),
    **dict.fromkeys(_UNIFORM, Capture._rand),
    **dict.fromkeys(_SHIFTED, Capture._shift),
    **dict.fromkeys(_FLOORED, Capture._floor),
    **dict.fromkeys(_BELOW | _ABOVE, Capture._compare),
    **dict.fromkeys(_ZEROS, Capture._zeros),
    **dict.fromkeys(_SOFTMAX, Capture._soften),
    **dict.fromkeys(_SAME | _DIVIDED | _MULTIPLIED, Capture._same),
    **dict.fromkeys(_INVERTED, Capture._invert),
    **dict.fromkeys(_NATIVE, Capture._native),
    **dict.fromkeys(_FUSED, Capture._fused),
    **dict.fromkeys(_CUDNN, Capture._cudnn),
}
"""What is seen behind it."""
