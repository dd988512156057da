"""What the check needs beside Python, PyTorch, NumPy and scikit-learn: packages that may be carried to the machine."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

GIVEN: Final = ("torch", "numpy", "sklearn")
"""Modules that the machine is expected to have."""

CARRIED: Final = {
    "pydantic": "pydantic",
    "pydantic-core": "pydantic_core",
    "annotated-types": "annotated_types",
    "typing-extensions": "typing_extensions",
    "typing-inspection": "typing_inspection",
    "safetensors": "safetensors",
}
"""Packages that the trainer needs on top, and the module of each. PyTorch brings ``typing-extensions`` too, perhaps an
older one than Pydantic needs.
"""

LOCK: Final = Path(__file__).resolve().parents[2] / "requirements.lock"


def requirements(lock: Path = LOCK) -> list[str]:
    """The lock file's line of each carried package."""
    lines = {re.split(r"[=;<>! ]", line)[0]: line for line in lock.read_text().splitlines()}
    return [lines[name] for name in sorted(CARRIED)]


def missing() -> list[str]:
    """The modules that cannot be found here."""
    return [name for name in (*GIVEN, *CARRIED.values()) if find_spec(name) is None]


def advice(names: list[str]) -> str:
    """What to do where these modules are missing."""
    given = [name for name in names if name in GIVEN]
    carried = [name for name in names if name not in GIVEN]
    words = [f"The check cannot run: Python finds no {', '.join(names)}."]
    if given:
        words.append(f"Install {', '.join(given).replace('sklearn', 'scikit-learn')} on this machine.")
    if carried:
        words.append(
            "Carry what is missing: where there is a package index, python3 -m pip install --no-deps --target carried "
            "$(python3 -m scripts.gpu_check --needs); then set PYTHONPATH=carried here."
        )
    return " ".join(words)
