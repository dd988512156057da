"""The experiments: named configurations, each with the question that it answers. No torch is needed to list them."""

from __future__ import annotations

from typing import Any, Final

from trainer.errors import KnobError
from trainer.presets.costs import COSTS
from trainer.presets.dense import DENSE
from trainer.presets.ensembles import ENSEMBLES
from trainer.presets.expected import described as figures_of
from trainer.presets.networks import NETWORKS
from trainer.presets.preset import GROUPS, Guess, Picture, Preset

__all__ = ["GROUPS", "PRESETS", "Guess", "Picture", "Preset", "described", "find_preset", "grouped"]

PRESETS: Final[tuple[Preset, ...]] = tuple(
    sorted((*DENSE, *COSTS, *ENSEMBLES, *NETWORKS), key=lambda preset: preset.number)
)


def find_preset(name: str) -> Preset:
    """The experiment of that name.

    Raises:
        KnobError: there is none.
    """
    for preset in PRESETS:
        if preset.id == name:
            return preset
    raise KnobError("experiment", name, f"one of {', '.join(preset.id for preset in PRESETS)}")


def grouped() -> list[tuple[str, list[Preset]]]:
    """The groups, each with its experiments."""
    return [(group, [preset for preset in PRESETS if preset.group == group]) for group in GROUPS]


def described() -> list[dict[str, Any]]:
    """Every experiment as plain data, with its whole configuration and with what it came to elsewhere."""
    return [{**preset.described(), "expected": figures_of(preset.id)} for preset in PRESETS]
