"""What the check is run on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from typing import Any, Final

_ASKED: Final = "driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu,persistence_mode"


def facts() -> dict[str, Any]:
    """Versions, the processor, and the GPU that PyTorch uses; ``gpu`` is None where it can use none, ``why`` says why.

    Must be called in a process of its own: it sets up CUDA.
    """
    import torch

    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "cuda": torch.version.cuda,
        "gpu": None,
        "why": "",
    }
    if not torch.cuda.is_available():
        return found | {"why": _why(torch.version.cuda)}
    properties = torch.cuda.get_device_properties(0)
    return found | {
        "gpu": {
            "name": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "multiprocessors": properties.multi_processor_count,
            "memory_mib": round(properties.total_memory / 2**20),
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "count": torch.cuda.device_count(),
            **nvidia_smi(),
        }
    }


def _why(cuda: str | None) -> str:
    """Why PyTorch can use no GPU."""
    import torch

    if cuda is None:
        return "this PyTorch is built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return " ".join(str(error).split())
    return "PyTorch finds none"


def nvidia_smi() -> dict[str, str]:
    """Driver, clocks and power limit of the first GPU, if the program is there."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, f"--query-gpu={_ASKED}", "--format=csv,noheader", "--id=0"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(_ASKED.split(","), (each.strip() for each in asked.stdout.split(",")), strict=False))
