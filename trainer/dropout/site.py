"""Places that can drop, in L lanes at once: each lane with its own rate and its own kind of dropout, masks on record.

Shapes: L lanes, R masks drawn at once (one for each example of a mini-batch, or a single one), U units of the place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from trainer.dropout.drawing import Plan, blur, blur_all, drop_groups
from trainer.dropout.kinds import deviation, evaluation_scale, scale, threshold, training_scale
from trainer.lanewise import put
from trainer.settings.dropouts import DROPOUTS, KINDS


class LaneDropout(nn.Module):
    """A place that can drop, in L lanes: what passes it is multiplied by a factor of mean 1, whose mask is on record.

    Kinds are described in `trainer.settings.dropouts`. With p the rate, those of units multiply by a Bernoulli mask of
    mean 1-p, scaled in training, in eval mode or nowhere; those of factors by 1 + √(p/(1-p)) times a number of mean 0
    and variance 1; those of weights, where a dense layer follows, by 1, and the weights of that layer are dropped
    instead (`trainer.layers.dense.LaneDense`).

    A group is what shares one mask value: all places of a channel (Tompson et al. 2015), all time steps of a unit (Gal
    & Ghahramani 2016). Groups have a rate of their own; their mask and that of the single elements are drawn
    independently and multiplied.

    Attributes:
        keep: the mask of the latest draw, (L, R, U) of booleans: a numpy array on the CPU, a tensor elsewhere. It is
            overwritten by the next draw. Of factors: whether it is at least 1.
        multiplier: the factor of the latest draw, (L, R, U).
        kinds, rates, group_rates: of each lane.
        active: which lanes do anything.
        connecting: the lanes that drop weights here; ``connecting_index`` is the same as a tensor.
        weight_keep: which weights those lanes kept at the latest draw, (lanes, R, U, outputs) bool.
        used: whether any lane does anything: if not, the place costs nothing.
        generation: how often a draw or a pass has become another computation, or has got other tensors: a step that was
            captured before must not be used any more. Knobs that move are written in place and do not count.
        weight_scales: what a kept weight is multiplied by, (L,); in force where weights are dropped.
        words: 16-bit noise words that one lane needs for one step.
        weight_words: those that a lane which drops weights needs on top.

    Args:
        lanes: how many networks there are.
        rows: how many masks are drawn at once: the mini-batch's size, or 1 if all of it shares one.
        shape: of what is multiplied, for one example: (units,), (channels, rows, columns) or (time, units).
        device: where the tensors live.
        dtype: of the multiplier.
        tied: the dimensions of ``shape`` over which a group mask is shared; without any there are no groups.
        widths: how many units each lane really has, along the last dimension of ``shape``; all of them if left out.
    """

    def __init__(
        self,
        lanes: int,
        rows: int,
        shape: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
        tied: Sequence[int] = (),
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.lanes, self.rows, self.shape = lanes, rows, tuple(shape)
        self.units = math.prod(shape)
        self.widths = tuple(widths or (self.shape[-1],) * lanes)
        self._group_shape = tuple(1 if dim in tied else size for dim, size in enumerate(shape)) if tied else (0,)
        self.words = rows * (self.units + math.prod(self._group_shape))
        self.outputs, self.output_widths = 0, (0,) * lanes
        self.kinds, self.rates, self.group_rates = (KINDS[0],) * lanes, (0.0,) * lanes, (0.0,) * lanes
        self.active, self._scales, self._eval_scales = (False,) * lanes, (1.0,) * lanes, (1.0,) * lanes
        self.connecting: tuple[int, ...] = ()
        self.connecting_index = torch.zeros(0, dtype=torch.int64, device=device)
        self.used = self._grouped = False
        self._noises: tuple[str, ...] = ()  # the kinds in use whose masks are factors
        self.generation = 0
        self._plans: tuple[Plan, ...] = ()
        self._keep = torch.ones((lanes, rows, self.units), dtype=torch.bool, device=device)
        self.keep: Tensor | np.ndarray = self._keep.numpy() if device.type == "cpu" else self._keep
        self._keep_of = [np.asarray(each).reshape(-1) for each in self.keep] if device.type == "cpu" else []
        self.weight_keep = torch.ones((0, rows, self.units, 0), dtype=torch.bool, device=device)
        self.multiplier = torch.ones((lanes, rows, self.units), dtype=dtype, device=device)
        self._evaluated: Tensor | None = None
        self._real: dict[int, Tensor] = {}
        self._factors = torch.ones((lanes, 1, 1), dtype=dtype, device=device)
        self._deviations, self._group_deviations = (torch.zeros_like(self._factors) for _ in range(2))
        nothing = torch.full((lanes, 1, 1), threshold(0), dtype=torch.int16, device=device)
        self._limits, self._group_limits = nothing, nothing.clone()
        self.weight_scales = torch.ones((lanes,), dtype=dtype, device=device)
        self._weight_limits = nothing.flatten().clone()
        self._noisy: dict[str, Tensor] = {}  # by such a kind: which lanes have it, (L, 1, 1) bool

    def connect(self, outputs: int, widths: Sequence[int] | None = None) -> None:
        """Say that a dense layer of ``outputs`` units follows, of which each lane really has ``widths``."""
        self.outputs, self.output_widths = outputs, tuple(widths or (outputs,) * self.lanes)

    @property
    def weight_words(self) -> int:
        """Noise words that a lane which drops weights needs on top of `words`."""
        return self.rows * self.units * self.outputs

    def real(self, lane: int) -> Tensor:
        """Which units a lane really has, (U,) bool: the others are there because another lane is wider."""
        inside = torch.arange(self.shape[-1]) < self.widths[lane]
        return inside.expand(self.shape).flatten()

    def real_here(self, lane: int) -> Tensor:
        """The same where the tensors live: it is brought there once."""
        if lane not in self._real:
            self._real[lane] = self.real(lane).to(self._keep.device)
        return self._real[lane]

    # ---------------------------------------------------------------- knobs

    def set(self, kinds: Sequence[str], rates: Sequence[float], group_rates: Sequence[float]) -> None:
        """Give each lane its kind, its rate and its groups' rate, in force from the next draw on."""
        now = (tuple(kinds), tuple(rates), tuple(group_rates))
        if now == (self.kinds, self.rates, self.group_rates):
            return
        before = self._computation
        self.kinds, self.rates, self.group_rates = now
        connects = [DROPOUTS[kind].counted == "weights" and self.outputs > 0 for kind in kinds]
        plans = [
            Plan(lane, kind if DROPOUTS[kind].factors else "", 0.0 if drops_weights else rate, group_rate)
            for lane, (kind, rate, group_rate, drops_weights) in enumerate(zip(*now, connects, strict=True))
        ]
        connecting = tuple(lane for lane, (rate, own) in enumerate(zip(rates, connects, strict=True)) if rate and own)
        active = tuple(bool(p or q) for p, q in zip(rates, group_rates, strict=True))
        self._plans = tuple(plan for plan in plans if plan.rate or plan.group_rate)
        self._noises = tuple(dict.fromkeys(plan.noise for plan in self._plans if plan.noise))
        self._grouped = any(group_rates)
        self.used = any(active)
        self._scales = tuple(training_scale(*each) for each in zip(*now, strict=True))
        self._eval_scales = tuple(evaluation_scale(*each) for each in zip(*now, strict=True))
        if active != self.active or connecting != self.connecting:
            self._keep.fill_(True)
            self.multiplier.fill_(1)
        if connecting != self.connecting:
            self.connecting_index = torch.tensor(connecting, device=self._keep.device)
            shape = (len(connecting), self.rows, self.units, self.outputs)
            self.weight_keep = torch.ones(shape, dtype=torch.bool, device=self._keep.device)
        self.active, self.connecting = active, connecting
        self.generation += self._computation != before
        self._write(plans)

    @property
    def _computation(self) -> tuple[object, ...]:
        """All that draws and passes ask before they compute; while it is the same, tensors stay what they are, too."""
        return self.used, bool(self._plans), self._noises, self._grouped, self.connecting

    def _write(self, plans: Sequence[Plan]) -> None:
        """Put what each lane does into the tensors that the draws use."""
        alone = zip(self.kinds, plans, strict=True)
        put(self._factors, [training_scale(kind, plan.rate, plan.group_rate) for kind, plan in alone])
        put(self._limits, [plan.limit for plan in plans])
        put(self._group_limits, [plan.group_limit for plan in plans])
        if self._noises:
            put(self._deviations, [deviation(plan.rate) for plan in plans])
            put(self._group_deviations, [deviation(plan.group_rate) for plan in plans])
        for kind in self._noises:
            if kind not in self._noisy:
                self._noisy[kind] = torch.zeros_like(self._factors, dtype=torch.bool)
            put(self._noisy[kind], [plan.noise == kind for plan in plans])
        if self.connecting:
            put(self.weight_scales, [scale(rate) for rate in self.rates])
            put(self._weight_limits, [threshold(rate) for rate in self.rates])
        if all(factor == 1 for factor in self._eval_scales):
            self._evaluated = None
        else:
            self._evaluated = torch.empty_like(self._factors) if self._evaluated is None else self._evaluated
            put(self._evaluated, self._eval_scales)

    # ---------------------------------------------------------------- masks

    def draw(self, noise: Tensor | Sequence[np.ndarray | None], start: int) -> None:
        """Draw the masks of one step.

        Args:
            noise: 16-bit words, (L, all places' words) on a device, or a list of one array for each lane on the CPU,
                where a lane that drops nothing may have None.
            start: where this place's words begin: first those of the elements, then those of the groups.
        """
        if not self._plans:
            return
        middle, stop = start + self.rows * self.units, start + self.words
        if isinstance(noise, Tensor):
            self._draw_all(noise[:, start:middle], noise[:, middle:stop])
            return
        for plan in self._plans:
            own = noise[plan.lane]
            if own is None or plan.noise:
                continue
            if plan.rate:
                np.greater_equal(own[start:middle], plan.limit, out=self._keep_of[plan.lane])
            if plan.group_rate:
                keep = self._keep_of[plan.lane].reshape(self.rows, *self.shape)
                drop_groups(keep, plan, own[middle:stop].reshape(self.rows, *self._group_shape))
        # As bytes, and in two passes: torch converts booleans at a fifth of the speed, and multiplies mixed types
        # slowly.
        self.multiplier.copy_(self._keep.view(torch.uint8)).mul_(self._factors)
        for plan in self._plans if self._noises else ():
            own = noise[plan.lane]
            if plan.noise and own is not None:
                factor = self.multiplier[plan.lane].numpy().reshape(self.rows, *self.shape)
                groups = own[middle:stop].reshape(self.rows, *self._group_shape)
                blur(factor, plan, own[start:middle].reshape(factor.shape), groups)
                np.greater_equal(factor.reshape(-1), 1, out=self._keep_of[plan.lane])

    def _draw_all(self, elements: Tensor, groups: Tensor) -> None:
        """The factors of all lanes, by torch: elements (L, R·U), groups (L, R·groups)."""
        full, flat = (-1, self.rows, *self.shape), (-1, self.rows, self.units)
        torch.ge(elements.view(flat), self._limits, out=self._keep)
        wide = (-1, *(1,) * (len(full) - 1))
        if self._grouped:
            groups = groups.view(-1, self.rows, *self._group_shape)
            self._keep.view(full).logical_and_(groups >= self._group_limits.view(wide))
        torch.mul(self._keep, self._factors, out=self.multiplier)
        for kind in self._noises:
            factor = blur_all(kind, self._deviations.view(wide), elements.view(full))
            if self._grouped:
                factor = factor * blur_all(kind, self._group_deviations.view(wide), groups)
            factor, own = factor.view(flat), self._noisy[kind]
            torch.where(own, factor, self.multiplier, out=self.multiplier)
            torch.where(own, factor >= 1, self._keep, out=self._keep)

    def draw_weights(self, words: Sequence[np.ndarray | Tensor] | Tensor) -> None:
        """Draw which weights are kept by the lanes that drop weights; ``words`` has `weight_words` for each of them."""
        for keep, lane, own in zip(self.weight_keep, self.connecting, words, strict=True):
            if isinstance(own, Tensor):
                torch.ge(own.view(keep.shape), self._weight_limits[lane], out=keep)
            else:
                np.greater_equal(own.reshape(keep.shape), threshold(self.rates[lane]), out=keep.numpy())

    # ---------------------------------------------------------------- use

    def factor(self) -> Tensor | None:
        """What activations are multiplied by; None where that is 1 everywhere.

        While training (L, R, *shape), the latest draw; in eval mode (L, 1, …), (1-p)(1-q) where it is scaled there.
        """
        if self.training:
            return self.multiplier.view(-1, self.rows, *self.shape) if self.used else None
        return None if self._evaluated is None else self._evaluated.view(-1, *(1,) * (1 + len(self.shape)))

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, U) times the factor."""
        factor = (self.multiplier if self.used else None) if self.training else self._evaluated
        return x if factor is None else x * factor

    def scale_of(self, lane: int) -> float:
        """What a kept unit or weight of a lane is multiplied by in the present mode; of factors the mean."""
        return (self._scales if self.training else self._eval_scales)[lane]

    def factor_of(self, lane: int, row: int) -> Tensor:
        """What the units (U,) of one example are multiplied by in the present mode."""
        if self.training:
            return self.multiplier[lane, row if self.rows > 1 else 0]
        return self.multiplier.new_full((self.units,), self._eval_scales[lane])

    def bits(self, lane: int, row: int) -> Tensor | np.ndarray:
        """The mask bits of the latest draw for one example, (U,) bool: kept; of factors: one of at least 1.

        Where weights are dropped: whether the weight from each unit to the first unit of the next layer was kept.
        """
        row = row if self.rows > 1 else 0
        if lane in self.connecting:
            bits = self.weight_keep[self.connecting.index(lane), row, :, 0] & self._keep[lane, row]
            return bits.numpy() if bits.device.type == "cpu" else bits
        return self.keep[lane, row]  # on the CPU of numpy, which is faster for so little

    def bits_at(self, lane: int, row: Tensor, place: Tensor) -> Tensor:
        """The same, (1, U), for a step that is captured: numbers that move are tensors (1,).

        Args:
            lane: whose; where weights are dropped it is part of the computation.
            row: of the masks.
            place: of the lane's row among those of all lanes.
        """
        bits = self._keep.view(-1, self.units).index_select(0, place)
        if lane not in self.connecting:
            return bits
        return self.weight_keep[self.connecting.index(lane)].index_select(0, row)[..., 0] & bits

    def kept_weights_at(self, lane: int, row: Tensor, place: Tensor) -> Tensor:
        """The same as `kept_weights` for a step that is captured, (1,) int64: -1 in a lane that drops units."""
        if lane not in self.connecting:
            return torch.full_like(row, -1)
        real = self.real_here(lane) & self._keep.view(-1, self.units).index_select(0, place)  # (1, U)
        kept = self.weight_keep[self.connecting.index(lane)].index_select(0, row)[..., : self.output_widths[lane]]
        return (kept & real[..., None]).sum(dim=(1, 2))

    def kept_weights(self, lane: int, row: int) -> Tensor | None:
        """How many weights into the next layer were kept, () int64; None in a lane that drops units."""
        if lane not in self.connecting:
            return None
        row = row if self.rows > 1 else 0
        real = self.real_here(lane) & self._keep[lane, row]
        kept = self.weight_keep[self.connecting.index(lane), row, :, : self.output_widths[lane]]
        return (kept & real[:, None]).sum()
