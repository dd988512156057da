"""Dropout where it should be off: the forgotten ``eval()``, and dropout that cannot be switched off."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Final

from dropout_lab.watching.sites import Site, Sites
from dropout_lab.watching.stack import call_of, caller, is_recomputed

MOST: Final = 32  # different ones
MOST_CALLS: Final = 256  # of the model, that are remembered


@dataclass
class _Call:
    """A place in a program at which a model is called.

    Attributes:
        where: the line that led there when it was looked at last; None: it was PyTorch itself.
        varies: whether different lines lead there.
    """

    where: str | None
    varies: bool = False


class Warnings:
    """What is probably wrong, each with the line that led to it."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}
        self._calls: dict[tuple[CodeType, int], _Call] = {}

    def told(self) -> list[dict[str, Any]]:
        """Return them as the lab is told of them: each with the step at which it came first, and how often it came."""
        return list(self._found.values())

    def check(self, sites: Sites, step: int, looks: bool = True) -> None:
        """Look at a pass without gradients that begins: is dropout on?

        Args:
            sites: of the model.
            step: of the training.
            looks: whether the stack is looked through although this call of the model is known.
        """
        for site in sites.all:
            if site.module is not None and site.module.training and site.read_rate() > 0 and sites.has(site):
                where = self._where(sys._getframe(1), looks)
                if where is not None:
                    self._warn(
                        "dropout_in_evaluation",
                        where,
                        step,
                        f"Dropout was on in a pass without gradients, called at {where}. If this evaluates the model, "
                        "call model.eval() before it and model.train() behind it. If it is meant (Monte Carlo "
                        "dropout), all is well.",
                    )
                return

    def _where(self, frame: FrameType, looks: bool) -> str | None:
        """The line that led to a pass; None: PyTorch makes it again, or by itself.

        To look through the stack takes as long as a small model. So each call of the model is looked at once, and then
        in sampled passes; one to which different lines lead is looked at each time.
        """
        at = call_of(frame)
        known = None if at is None else self._calls.get(at)
        if known is not None and not known.varies and not looks:
            return known.where
        where = None if is_recomputed(frame) else caller(frame) or "somewhere"
        if known is not None:
            known.varies = known.varies or known.where != where
            known.where = where
        elif at is not None and len(self._calls) < MOST_CALLS:
            self._calls[at] = _Call(where)
        return where

    def always_on(self, site: Site, step: int) -> None:
        """A site has dropped although its module is in evaluation mode."""
        where = site.where or caller(sys._getframe(1)) or "somewhere"
        made = site.kind.startswith("nn.") and site.where is not None
        advice = "It is made anew in each pass: make it once, in __init__." if made else None
        self._warn(
            "dropout_always_on",
            where,
            step,
            f"{site.kind} in {site.path or 'the model'} drops although the module is in evaluation mode ({where}). "
            f"{advice or 'Pass training=self.training to it.'}",
        )

    def _warn(self, kind: str, where: str, step: int, text: str) -> None:
        key = f"{kind}:{where}"[:150]
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= MOST:
                return
            found = {"id": key, "kind": kind, "step": step, "count": 0, "where": where[:200], "text": text[:500]}
        self._found[key] = {**found, "count": found["count"] + 1}
