"""The PyTorch part, or the exporter, of a kind: its record names it, and it is imported when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

_TRAINER: Final = __name__.removesuffix(".settings.parts")  # which has a longer name in the installed package


@cache
def part(named: str) -> Any:
    """What ``".models.mlp:LaneMLP"`` names, of the trainer; of another package it is ``"package.module:name"``.

    Raises:
        ImportError: there is no such module.
        AttributeError: it has nothing of that name.
    """
    module, _, name = named.partition(":")
    return getattr(import_module(module, _TRAINER), name)
