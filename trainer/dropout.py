"""Places that can drop, in L lanes at once: each lane with its own rate and its own kind of dropout, masks on record.

Shapes: L lanes, R masks drawn at once (one for each example of a mini-batch, or a single one), U units of the place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from trainer.kinds import WORDS, deviation, evaluation_scale, normal_table, threshold, training_scale


class _Plan:
    """What one lane does at a place, in force from the next draw on.

    Args:
        lane: which.
        gaussian: whether its factors are normal numbers.
        rate: of single units; 0 where the lane's rate is one of weights.
        group_rate: of groups.
    """

    def __init__(self, lane: int, gaussian: bool, rate: float, group_rate: float) -> None:
        self.lane, self.gaussian, self.rate, self.group_rate = lane, gaussian, rate, group_rate
        self.limit, self.group_limit = threshold(rate), threshold(group_rate)


class LaneDropout(nn.Module):
    """A place that can drop, in L lanes: what passes it is multiplied by a factor of mean 1, whose mask is on record.

    Kinds, with p the rate and m a Bernoulli mask of mean 1-p (sections are those of Srivastava et al. 2014):
    ``inverted``: m/(1-p), as `torch.nn.Dropout` has it (section 10); ``classic``: m while training and 1-p in eval mode
    (section 4); ``unscaled``: m while training and 1 in eval mode, wrong on purpose; ``gaussian``: a normal number of
    mean 1 and variance p/(1-p) (section 10); ``dropconnect``: where a dense layer follows, 1 here, and the weights of
    that layer are dropped instead (`trainer.layers.LaneDense`); elsewhere as inverted.

    A group is what shares one mask value: all places of a channel (Tompson et al. 2015), all time steps of a unit (Gal
    & Ghahramani 2016). Groups have a rate of their own; their mask and that of the single elements are drawn
    independently and multiplied.

    Attributes:
        keep: the mask of the latest draw, (L, R, U) of booleans: a numpy array on the CPU, a tensor elsewhere. It is
            overwritten by the next draw. Gaussian: whether the factor is at least 1.
        multiplier: the factor of the latest draw, (L, R, U).
        kinds, rates, group_rates: of each lane.
        active: which lanes do anything.
        connecting: the lanes that drop weights here; ``connecting_index`` is the same as a tensor.
        weight_keep: which weights those lanes kept at the latest draw, (lanes, R, U, outputs) bool.
        used: whether any lane does anything: if not, the place costs nothing.
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
        self.kinds, self.rates, self.group_rates = ("inverted",) * lanes, (0.0,) * lanes, (0.0,) * lanes
        self.active, self._scales, self._eval_scales = (False,) * lanes, (1.0,) * lanes, (1.0,) * lanes
        self.connecting: tuple[int, ...] = ()
        self.connecting_index = torch.zeros(0, dtype=torch.int64, device=device)
        self.used = self._blurs = False
        self._plans: tuple[_Plan, ...] = ()
        self._keep = torch.ones((lanes, rows, self.units), dtype=torch.bool, device=device)
        self.keep: Tensor | np.ndarray = self._keep.numpy() if device.type == "cpu" else self._keep
        self._keep_of = [np.asarray(each).reshape(-1) for each in self.keep] if device.type == "cpu" else []
        self.weight_keep = torch.ones((0, rows, self.units, 0), dtype=torch.bool, device=device)
        self.multiplier = torch.ones((lanes, rows, self.units), dtype=dtype, device=device)
        self._evaluated: Tensor | None = None
        self._factors = torch.ones((lanes, 1, 1), dtype=dtype, device=device)
        self._deviations, self._group_deviations = (torch.zeros_like(self._factors) for _ in range(2))
        self._limits, self._group_limits = (self._integers([threshold(0)] * lanes) for _ in range(2))
        self._gaussian = torch.zeros((lanes, 1, 1), dtype=torch.bool, device=device)

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

    # ---------------------------------------------------------------- knobs

    def set(self, kinds: Sequence[str], rates: Sequence[float], group_rates: Sequence[float]) -> None:
        """Give each lane its kind, its rate and its groups' rate, in force from the next draw on."""
        now = (tuple(kinds), tuple(rates), tuple(group_rates))
        if now == (self.kinds, self.rates, self.group_rates):
            return
        self.kinds, self.rates, self.group_rates = now
        connects = [kind == "dropconnect" and self.outputs > 0 for kind in kinds]
        plans = [
            _Plan(lane, kind == "gaussian", 0.0 if drops_weights else rate, group_rate)
            for lane, (kind, rate, group_rate, drops_weights) in enumerate(zip(*now, connects, strict=True))
        ]
        connecting = tuple(lane for lane, (rate, own) in enumerate(zip(rates, connects, strict=True)) if rate and own)
        active = tuple(bool(p or q) for p, q in zip(rates, group_rates, strict=True))
        self._plans = tuple(plan for plan in plans if plan.rate or plan.group_rate)
        self._blurs = any(plan.gaussian for plan in self._plans)
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
        self._write(plans)

    def _write(self, plans: Sequence[_Plan]) -> None:
        """Put what each lane does into the tensors that the draws use."""
        alone = zip(self.kinds, plans, strict=True)
        self._copy(self._factors, [training_scale(kind, plan.rate, plan.group_rate) for kind, plan in alone])
        self._limits.copy_(self._integers([plan.limit for plan in plans]))
        self._group_limits.copy_(self._integers([plan.group_limit for plan in plans]))
        if self._blurs:
            self._copy(self._deviations, [deviation(plan.rate) for plan in plans])
            self._copy(self._group_deviations, [deviation(plan.group_rate) for plan in plans])
            self._copy(self._gaussian, [plan.gaussian for plan in plans])
        if all(factor == 1 for factor in self._eval_scales):
            self._evaluated = None
        else:
            self._evaluated = torch.empty_like(self._factors) if self._evaluated is None else self._evaluated
            self._copy(self._evaluated, self._eval_scales)

    def _integers(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int16, device=self._keep.device).view(-1, 1, 1)

    @staticmethod
    def _copy(to: Tensor, values: Sequence[float]) -> None:
        to.copy_(torch.tensor(values, dtype=torch.float64).view(-1, 1, 1))

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
            if own is None or plan.gaussian:
                continue
            if plan.rate:
                np.greater_equal(own[start:middle], plan.limit, out=self._keep_of[plan.lane])
            if plan.group_rate:
                self._drop_groups(plan, own[middle:stop])
        # As bytes, and in two passes: torch converts booleans at a fifth of the speed, and multiplies mixed types
        # slowly.
        self.multiplier.copy_(self._keep.view(torch.uint8)).mul_(self._factors)
        for plan in self._plans if self._blurs else ():
            own = noise[plan.lane]
            if plan.gaussian and own is not None:
                self._blur(plan, own[start:middle], own[middle:stop])

    def _drop_groups(self, plan: _Plan, words: np.ndarray) -> None:
        """Take whole groups out of the mask of one lane, by numpy."""
        keep = self._keep_of[plan.lane].reshape(self.rows, *self.shape)
        kept = words.reshape(self.rows, *self._group_shape) >= plan.group_limit
        if plan.rate:
            keep &= kept
        else:
            keep[...] = kept

    def _blur(self, plan: _Plan, elements: np.ndarray, groups: np.ndarray) -> None:
        """A Gaussian factor of one lane, by numpy."""
        table, factor = normal_table(), self.multiplier[plan.lane].numpy().reshape(self.rows, *self.shape)
        factor.fill(1)
        if plan.rate:
            factor += deviation(plan.rate) * table[elements.view(np.uint16)].reshape(factor.shape)
        if plan.group_rate:
            shape = (self.rows, *self._group_shape)
            factor *= 1 + deviation(plan.group_rate) * table[groups.view(np.uint16)].reshape(shape)
        np.greater_equal(factor.reshape(-1), 1, out=self._keep_of[plan.lane])

    def _draw_all(self, elements: Tensor, groups: Tensor) -> None:
        """The factors of all lanes, by torch: elements (L, R·U), groups (L, R·groups)."""
        full, flat = (-1, self.rows, *self.shape), (-1, self.rows, self.units)
        torch.ge(elements.view(flat), self._limits, out=self._keep)
        grouped = any(self.group_rates)
        wide = (-1, *(1,) * (len(full) - 1))
        if grouped:
            groups = groups.view(-1, self.rows, *self._group_shape)
            self._keep.view(full).logical_and_(groups >= self._group_limits.view(wide))
        self.multiplier.copy_(self._keep.view(torch.uint8)).mul_(self._factors)
        if not self._blurs:
            return
        table = torch.from_numpy(normal_table()).to(self.multiplier)
        factor = 1 + self._deviations * table[elements.view(flat).long() & (WORDS - 1)]
        if grouped:
            blurred = 1 + self._group_deviations.view(wide) * table[groups.long() & (WORDS - 1)]
            factor = (factor.view(full) * blurred).view(flat)
        torch.where(self._gaussian, factor, self.multiplier, out=self.multiplier)
        torch.where(self._gaussian, factor >= 1, self._keep, out=self._keep)

    def draw_weights(self, words: Sequence[np.ndarray | Tensor] | Tensor) -> None:
        """Draw which weights are kept by the lanes that drop weights; ``words`` has `weight_words` for each of them."""
        for keep, lane, own in zip(self.weight_keep, self.connecting, words, strict=True):
            limit = threshold(self.rates[lane])
            if isinstance(own, Tensor):
                torch.ge(own.view(keep.shape), limit, out=keep)
            else:
                np.greater_equal(own.reshape(keep.shape), limit, out=keep.numpy())

    # ---------------------------------------------------------------- use

    def factor(self) -> Tensor | None:
        """What activations are multiplied by; None where that is 1 everywhere.

        While training (L, R, *shape), the latest draw; in eval mode (L, 1, …), (1-p)(1-q) in ``classic`` lanes.
        """
        if self.training:
            return self.multiplier.view(-1, self.rows, *self.shape) if self.used else None
        return None if self._evaluated is None else self._evaluated.view(-1, *(1,) * (1 + len(self.shape)))

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, U) times the factor."""
        factor = (self.multiplier if self.used else None) if self.training else self._evaluated
        return x if factor is None else x * factor

    def scale_of(self, lane: int) -> float:
        """What a kept unit or weight of a lane is multiplied by in the present mode; of Gaussian noise the mean."""
        return (self._scales if self.training else self._eval_scales)[lane]

    def factor_of(self, lane: int, row: int) -> Tensor:
        """What the units (U,) of one example are multiplied by in the present mode."""
        if self.training:
            return self.multiplier[lane, row if self.rows > 1 else 0]
        return self.multiplier.new_full((self.units,), self._eval_scales[lane])

    def bits(self, lane: int, row: int) -> Tensor | np.ndarray:
        """The mask bits of the latest draw for one example, (U,) bool: kept; Gaussian: a factor of at least 1.

        Where weights are dropped: whether the weight from each unit to the first unit of the next layer was kept.
        """
        row = row if self.rows > 1 else 0
        if lane in self.connecting:
            return self.weight_keep[self.connecting.index(lane), row, :, 0] & self._keep[lane, row]
        return self.keep[lane, row]  # on the CPU of numpy, which is faster for so little

    def kept_weights(self, lane: int, row: int) -> Tensor | None:
        """How many weights into the next layer were kept, () int64; None in a lane that drops units."""
        if lane not in self.connecting:
            return None
        row = row if self.rows > 1 else 0
        real = self.real(lane).to(self._keep.device) & self._keep[lane, row]
        kept = self.weight_keep[self.connecting.index(lane), row, :, : self.output_widths[lane]]
        return (kept & real[:, None]).sum()
