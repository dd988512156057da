"""Which device a run is on."""

from __future__ import annotations

import torch

from trainer.errors import KnobError


def pick_device(name: str) -> torch.device:
    """The device that ``name`` means here.

    Raises:
        KnobError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name, False):
        here = ", ".join(["auto", *(each for each, there in available.items() if there)])
        raise KnobError("device", name, f"one that this machine has: {here}")
    return torch.device(name)
