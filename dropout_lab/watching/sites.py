"""The places of a model that drop, and the tree of modules in which they stand."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_lab.watching.capture import MOST_UNITS, Draw
from trainer.printable import one_line

MOST_MODULES: Final = 2000
MOST_SITES: Final = 512
MOST_TEXT: Final = 200
RATE_NAMES: Final = (
    "p",
    "dropout",
    "dropout_p",
    "drop_prob",
    "attn_dropout",
    "attention_dropout",
    "dropout_rate",
    "rate",
)
"""How modules by hand call their rate."""

COMPILED: Final = "torch.compile runs this part as one piece, in which masks are drawn where nobody can see them"
SCRIPTED: Final = "a scripted module runs outside Python"


@dataclass
class Site:
    """A place that drops.

    Attributes:
        index: its number.
        module: in whose forward it stands; None: outside all modules.
        path: of the module.
        call: the number of its call within one pass, from 1.
        kind: what drops, as in code.
        of: what one bit of a mask stands for.
        knob: the attribute of the module that is its rate; None: it has none that is known.
        rate: the probability of dropping as it was last seen.
        units: of a row, as sent; 0 until one was seen.
        shape: of the whole mask.
        reason: why its mask cannot be seen; None: it can.
        where: the line that makes the call, for what is no module of PyTorch.
        off_from: the rate that it had before it was switched off; None: it is on.
    """

    index: int
    module: nn.Module | None
    path: str
    call: int
    kind: str
    of: str = "units"
    knob: str | None = None
    rate: float = math.nan
    units: int = 0
    shape: tuple[int, ...] = ()
    reason: str | None = None
    where: str | None = None
    off_from: float | None = None

    @property
    def name(self) -> str:
        """Its path, with the number of the call where it is not the first."""
        path = self.path or "the model itself"
        return path if self.call == 1 else f"{path} (call {self.call})"

    def read_rate(self) -> float:
        """Return its rate as it is now."""
        if self.knob is not None and self.module is not None:
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # it may be no number any more
                self.rate = float(getattr(self.module, self.knob))
        return self.rate

    def told(self) -> dict[str, Any]:
        """Return it as the server is told of it."""
        rate = self.read_rate()
        return {
            "index": self.index,
            "path": one_line(self.path)[:MOST_TEXT],
            "call": self.call,
            "name": one_line(self.name)[:MOST_TEXT],
            "kind": self.kind,
            "of": self.of,
            "rate": rate if math.isfinite(rate) else None,
            "training": bool(self.module.training) if self.module is not None else True,
            "units": self.units,
            "shape": list(self.shape[:8]),
            "available": self.reason is None,
            "reason": self.reason,
            "settable": self.knob is not None and self.reason is None,
            "off": self.off_from is not None,
            "where": self.where[:MOST_TEXT] if self.where else None,
        }


@dataclass
class Sites:
    """All sites of a model that are known.

    Args:
        model: the watched one.

    Attributes:
        all: the sites, by their index.
        reason: why no mask of the model can be seen, if none can.
    """

    model: nn.Module
    all: list[Site] = field(default_factory=list)
    reason: str | None = None

    def __post_init__(self) -> None:
        self._paths = {id(module): path for path, module in self.model.named_modules()}
        self._found: dict[tuple[int, int], Site] = {}
        self.reason = _reason(self.model)
        for path, module in self.model.named_modules():
            if (knob := knob_of(module)) is not None and getattr(module, knob) > 0:
                for call in range(1, calls_of(module) + 1):
                    site = self._add(module, path, call, f"nn.{type(module).__name__}")
                    if site is not None:
                        site.knob, site.reason = knob, self.reason
                        site.of = _usual(module)

    def of(self, draw: Draw, call: int, drew: Collection[int] = ()) -> Site | None:
        """Return the site of a mask; None: there are too many.

        Args:
            draw: the mask.
            call: how many were drawn in this module before in the pass, and this one.
            drew: the modules (``id``) in which masks were drawn in the pass.
        """
        site = self._found.get((id(draw.module), call)) or self._lent(draw, call, drew)
        if site is None:
            path = self._paths.get(id(draw.module))
            if path is None and draw.module is not None:  # a module that came later
                self._paths = {id(module): path for path, module in self.model.named_modules()}
                path = self._paths.get(id(draw.module), type(draw.module).__name__)
            site = self._add(draw.module, path or "", call, draw.kind)
        if site is not None:
            self._learn(site, draw)
        return site

    def _lent(self, draw: Draw, call: int, drew: Collection[int]) -> Site | None:
        """The site of a dropout module that only lends its rate: ``F.dropout(weights, self.dropout.p)``, as attention
        does in many models. It was put down when the model was looked through, and never draws anything itself.
        """
        if draw.module is None or knob_of(draw.module) or _knob_by_value(draw.module, draw.rate):
            return None
        lenders = [
            each
            for each in draw.module.children()
            if isinstance(each, _DropoutNd) and id(each) not in drew and math.isclose(each.p, draw.rate, abs_tol=1e-6)
        ]
        site = self._found.get((id(lenders[0]), 1)) if len(lenders) == 1 else None
        if site is None or site.shape:
            return None
        self._found[id(draw.module), call] = self._found.pop((id(lenders[0]), 1))
        return site

    def hide(self, reason: str) -> None:
        """No mask can be seen, and why."""
        self.reason = reason
        for site in self.all:
            site.reason = reason

    def has(self, site: Site) -> bool:
        """Whether a site's module is still where it was: a layer may have been replaced by another."""
        try:
            return self.model.get_submodule(site.path) is site.module
        except AttributeError:
            return False

    def shape(self) -> tuple[Any, ...]:
        """Return what of all sites changes what is told of the model."""
        return tuple(
            (site.units, site.of, site.reason, site.rate, site.off_from, site.knob, site.shape[1:]) for site in self.all
        )

    def _add(self, module: nn.Module | None, path: str, call: int, kind: str) -> Site | None:
        if len(self.all) >= MOST_SITES:
            return None
        site = Site(len(self.all), module, path, call, kind)
        self.all.append(site)
        self._found[id(module), call] = site
        return site

    def _learn(self, site: Site, draw: Draw) -> None:
        site.kind, site.of, site.where, site.reason = draw.kind, draw.of, draw.where, draw.reason
        if draw.row is not None:
            site.units = site.units or min(MOST_UNITS, draw.row.numel())  # rows of all passes are as wide as the first
        site.shape = draw.shape
        if site.module is not draw.module and not math.isclose(site.read_rate(), draw.rate, abs_tol=1e-6):
            site.module, site.knob = draw.module, None  # it was moved, and is not what the mask is drawn with
        elif site.knob is None and draw.module is not None:
            site.knob = knob_of(draw.module) or _knob_by_value(draw.module, draw.rate)
        if site.knob is None or site.module is None:
            site.rate = draw.rate


def knob_of(module: nn.Module) -> str | None:
    """Return the attribute of a module of PyTorch that is its rate; None: it has none."""
    if isinstance(module, _DropoutNd):
        return "p"
    if isinstance(module, nn.RNNBase):
        return "dropout" if module.num_layers > 1 else None
    return "dropout" if isinstance(module, nn.MultiheadAttention) else None


def calls_of(module: nn.Module) -> int:
    """Return in how many places a module of PyTorch drops within one call."""
    return max(1, module.num_layers - 1) if isinstance(module, nn.RNNBase) else 1


def _usual(module: nn.Module) -> str:
    """What one bit will stand for, before a mask was seen."""
    if isinstance(module, nn.MultiheadAttention):
        return "attention weights"
    per_channel = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
    return "channels" if isinstance(module, per_channel) else "units"


def _knob_by_value(module: nn.Module, rate: float) -> str | None:
    """The one attribute of a module by hand that is called as rates are and has the rate that was seen."""
    found = [
        name
        for name in RATE_NAMES
        if isinstance(value := module.__dict__.get(name), float) and math.isclose(value, rate, abs_tol=1e-6)
    ]
    return found[0] if len(found) == 1 else None


def _reason(model: nn.Module) -> str | None:
    for module in model.modules():
        if hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None:
            return COMPILED
        if type(module).__module__.startswith("torch.jit"):
            return SCRIPTED
    return None


def tree_of(model: nn.Module, sites: list[Site]) -> tuple[list[dict[str, Any]], int]:
    """Return the modules of a model as rows of a tree, and how many were left out."""
    at: dict[str, list[int]] = {}
    for site in sites:
        at.setdefault(site.path, []).append(site.index)
    rows = [
        {
            "path": one_line(path)[:MOST_TEXT],
            "type": type(module).__name__[:MOST_TEXT],
            "depth": path.count(".") + 1 if path else 0,
            "parameters": sum(each.numel() for each in module.parameters()),
            "training": bool(module.training),
            "sites": at.get(path, []),
        }
        for path, module in _first(model)
    ]
    return rows, max(0, sum(1 for _ in model.named_modules()) - MOST_MODULES)


def _first(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for number, each in enumerate(model.named_modules()):
        if number >= MOST_MODULES:
            return
        yield each
