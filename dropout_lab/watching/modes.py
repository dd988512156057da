"""Dropout where it should be off: the forgotten ``eval()``, and dropout that cannot be switched off."""

from __future__ import annotations

import sys
from typing import Any, Final

from dropout_lab.watching.sites import Site, Sites
from dropout_lab.watching.stack import caller, is_recomputed

MOST: Final = 32  # different ones


class Warnings:
    """What is probably wrong, each with the line that led to it."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}

    def told(self) -> list[dict[str, Any]]:
        """Return them as the lab is told of them: each with the step at which it came first, and how often it came."""
        return list(self._found.values())

    def check(self, sites: Sites, step: int) -> None:
        """Look at a pass without gradients that begins: is dropout on?

        Args:
            sites: of the model.
            step: of the training.
        """
        for site in sites.all:
            if site.module is not None and site.module.training and site.read_rate() > 0 and sites.has(site):
                frame = sys._getframe(1)
                if is_recomputed(frame):
                    return
                where = caller(frame) or "somewhere"
                self._warn(
                    "dropout_in_evaluation",
                    where,
                    step,
                    f"Dropout was on in a pass without gradients, called at {where}. If this evaluates the model, call "
                    "model.eval() before it and model.train() behind it. If it is meant (Monte Carlo dropout), all is "
                    "well.",
                )
                return

    def always_on(self, site: Site, step: int) -> None:
        """A site has dropped although its module is in evaluation mode."""
        where = site.where or caller(sys._getframe(1)) or "somewhere"
        self._warn(
            "dropout_always_on",
            where,
            step,
            f"{site.kind} in {site.path or 'the model'} drops although the module is in evaluation mode ({where}). "
            "Pass training=self.training to it.",
        )

    def _warn(self, kind: str, where: str, step: int, text: str) -> None:
        key = f"{kind}:{where}"[:150]
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= MOST:
                return
            found = {"id": key, "kind": kind, "step": step, "count": 0, "where": where[:200], "text": text[:500]}
        self._found[key] = {**found, "count": found["count"] + 1}
