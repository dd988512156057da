"""The places of a model that drop, and the tree of modules in which they stand."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_lab.watching.capture import MOST_UNITS, Draw
from dropout_lab.watching.modules import at, children_of, modules_of, numbers_of
from trainer.printable import one_line

MOST_MODULES: Final = 2000
MOST_SITES: Final = 512
MOST_TEXT: Final = 200
OFTEN: Final = 3
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
BESIDE_COMPILED: Final = "a part of the model is compiled by torch.compile, and then none of its passes is looked into"
BESIDE_SCRIPTED: Final = "a part of the model is a scripted module, and then none of its passes is looked into"
COMPILED_WHOLE: Final = "torch.compile runs the model as one piece, in which masks are drawn where nobody can see them"
NOT_CALLED: Final = (
    "the model itself was not called: something else trains, such as a compiled or a scripted form of it, or one of "
    "its methods, which watch(…, methods=…) would name"
)
_HIDING: Final = {COMPILED: BESIDE_COMPILED, SCRIPTED: BESIDE_SCRIPTED}


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
        replaced: how often another module took the place of its module.
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
    replaced: int = 0

    @property
    def is_remade(self) -> bool:
        """Whether its module is made again and again, so that a rate that is set on one of them stays for no other."""
        return self.replaced >= OFTEN

    @property
    def name(self) -> str:
        """Its path, with the number of the call where it is not the first."""
        path = self.path or "the model itself"
        return path if self.call == 1 else f"{path} (call {self.call})"

    def read_rate(self) -> float:
        """Return its rate as it is now."""
        if self.knob is not None and self.module is not None:
            try:
                self.rate = float(getattr(self.module, self.knob))
            except Exception:  # it may be no number any more, or be computed by code that fails
                return self.rate
        return self.rate

    def told(self, missed: str | None = None) -> dict[str, Any]:
        """Return it as the server is told of it.

        Args:
            missed: why no mask of the model is seen just now; None: they are.
        """
        rate = self.read_rate()
        reason = self.reason or missed
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
            "available": reason is None,
            "reason": reason,
            "settable": self.knob is not None and reason is None,
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
        missed: why none is seen just now, though nothing in the model says so.
    """

    model: nn.Module
    all: list[Site] = field(default_factory=list)
    reason: str | None = None
    missed: str | None = None

    def __post_init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._is_listed = False  # whether paths are those of now
        self._found: dict[tuple[int, int], Site] = {}
        self._is_hidden = False  # whatever is in it
        self._hidden: dict[int, str] = {}  # parts that cannot be looked into, by the `id` of each module in them
        self._list()
        for path, module in modules_of(self.model):
            if (knob := knob_of(module)) is not None and getattr(module, knob) > 0:
                for call in range(1, calls_of(module) + 1):
                    site = self._add(module, path, call, f"nn.{type(module).__name__}")
                    if site is not None:
                        site.knob = knob
                        site.of = _usual(module)
        self.look()

    def _list(self) -> None:
        self._paths = {id(module): path for path, module in modules_of(self.model)}
        self._is_listed = True

    def begin_pass(self) -> None:
        """A pass begins: modules that are not known may have come since the one before."""
        self._is_listed = False

    def path_of(self, module: nn.Module) -> str | None:
        """Return where a module stands in the model; None: it is none of the model's."""
        path = self._paths.get(id(module))
        if path is not None and at(self.model, path) is module:  # and no other that has its place in memory now
            return path
        if not self._is_listed:
            self._list()
            return self.path_of(module)
        return None

    def knows(self, module: nn.Module) -> bool:
        """Whether a module is one of the model's."""
        return self.path_of(module) is not None

    def look(self) -> None:
        """Look whether the model, or a part of it, is such that its masks cannot be seen, and say so of each site."""
        if self._is_hidden or not (self._hidden or _is_any_hidden(self.model)):
            return
        hidden = _hidden_in(self.model)
        if hidden == self._hidden:
            return
        self._hidden = hidden
        whole = hidden.get(id(self.model))
        self.reason = whole or (_HIDING[next(iter(hidden.values()))] if hidden else None)
        for site in self.all:
            site.reason = hidden.get(id(site.module), self.reason)

    def of(self, draw: Draw, call: int, drew: Collection[int] = ()) -> Site | None:
        """Return the site of a mask; None: there are too many.

        Args:
            draw: the mask.
            call: how many were drawn in this module before in the pass, and this one.
            drew: the modules (``id``) in which masks were drawn in the pass.
        """
        site = self._found.get((id(draw.module), call)) or self._lent(draw, call, drew)
        if site is None:
            path = (self.path_of(draw.module) or "") if draw.module is not None else ""
            site = self._replaced(draw.module, path, call) or self._add(draw.module, path, call, draw.kind)
        if site is not None:
            self._learn(site, draw)
        return site

    def _replaced(self, module: nn.Module | None, path: str, call: int) -> Site | None:
        """The site of a module that stood where this one stands now, and is the model's no more."""
        if module is None:
            return None
        for site in self.all:
            if site.path == path and site.call == call and site.module is not None and not self.knows(site.module):
                self._take_over(site, module)
                return site
        return None

    def _take_over(self, site: Site, module: nn.Module) -> None:
        self._found.pop((id(site.module), site.call), None)
        self._found[id(module), site.call] = site
        site.module, site.replaced = module, site.replaced + 1
        site.knob = None if site.is_remade else knob_of(module)

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
        self.reason, self._is_hidden = reason, True
        for site in self.all:
            site.reason = reason

    def has(self, site: Site) -> bool:
        """Whether a site's module is still where it was: a layer may have been replaced by another.

        One of the same class takes its place as the site's.
        """
        found = at(self.model, site.path)
        if found is not None and found is not site.module and type(found) is type(site.module):
            self._take_over(site, found)
        return found is site.module

    def shape(self) -> tuple[Any, ...]:
        """Return what of all sites changes what is told of the model."""
        return self.missed, *(
            (site.units, site.of, site.reason, site.rate, site.off_from, site.knob, site.shape[1:])
            for site in tuple(self.all)
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
        elif site.knob is None and draw.module is not None and not site.is_remade:
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


def hides(module: nn.Module) -> str | None:
    """Return why nobody can look into a module; None: one can."""
    if getattr(module, "_compiled_call_impl", None) is not None or "_orig_mod" in module._modules:
        return COMPILED
    return SCRIPTED if type(module).__module__.startswith("torch.jit") else None


def _is_any_hidden(model: nn.Module) -> bool:
    """Whether nobody can look into a model, or a part of it."""
    seen, waiting = {id(model)}, [model]
    while waiting:
        module = waiting.pop()
        if hides(module) is not None:
            return True
        for _, child in children_of(module):
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)
    return False


def _hidden_in(model: nn.Module) -> dict[int, str]:
    """The modules of a model that nobody can look into (``id``), and why."""
    if (whole := hides(model)) is not None:
        return {id(module): COMPILED_WHOLE if whole == COMPILED else whole for _, module in modules_of(model)}
    hidden: dict[int, str] = {}
    for _, module in modules_of(model):
        if id(module) not in hidden and (reason := hides(module)) is not None:
            hidden |= {id(each): reason for _, each in modules_of(module)}
    return hidden


def tree_of(model: nn.Module, sites: list[Site]) -> tuple[list[dict[str, Any]], int]:
    """Return the modules of a model as rows of a tree, and how many were left out."""
    found: dict[str, list[int]] = {}
    for site in tuple(sites):
        found.setdefault(site.path, []).append(site.index)
    every = modules_of(model)
    first = every[:MOST_MODULES]
    numbers = numbers_of(first)
    rows = [
        {
            "path": one_line(path)[:MOST_TEXT],
            "type": type(module).__name__[:MOST_TEXT],
            "depth": path.count(".") + 1 if path else 0,
            "parameters": numbers[path],
            "training": bool(module.training),
            "sites": found.get(path, []),
        }
        for path, module in first
    ]
    return rows, len(every) - len(first)
