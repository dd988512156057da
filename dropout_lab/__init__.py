"""Dropout Lab as a package: the trainer for Python, ``watch`` for one's own networks, the command ``dropout-lab``.

Importing it imports nothing else: what is named first is loaded then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app import __version__
    from dropout_lab.watching import watch
    from trainer import Experiment, ExperimentConfig, Lane

__all__ = ["Experiment", "ExperimentConfig", "Lane", "__version__", "watch"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from app import __version__

        return __version__
    if name in ("Experiment", "ExperimentConfig", "Lane"):
        import trainer

        return getattr(trainer, name)
    if name == "watch":
        from dropout_lab.watching import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
