"""Series of numbers that a training program has drawn over its steps: what they are called and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trainer.printable import one_line

MOST_NAME: Final = 100  # characters

ROLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("loss", "train_loss", "training_loss", "train/loss"), "train_loss"),
    **dict.fromkeys(("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "val/loss"), "val_loss"),
    **dict.fromkeys(("accuracy", "acc", "train_accuracy", "train_acc", "train/accuracy"), "train_accuracy"),
    **dict.fromkeys(
        ("val_accuracy", "val_acc", "valid_accuracy", "validation_accuracy", "eval_accuracy", "test_accuracy"),
        "val_accuracy",
    ),
}
"""What a series means, by its name."""


def role_of(name: str) -> str:
    """Return what a series means, by its name: ``val_loss`` and its like, or ``other``."""
    plain = name.removesuffix(" (on val)").removesuffix(" (of the model)").lower().replace(" ", "_").replace("-", "_")
    return ROLES.get(plain.removesuffix("_step").removesuffix("_epoch"), "other")  # as Lightning tells them apart


def printable(name: str) -> str:
    """A name on one line, with nothing in it that cannot be seen."""
    return one_line(str(name)).strip()[:MOST_NAME] or "value"


def as_number(name: str, value: Any) -> float:
    """Return a value of a series as a number.

    Raises:
        TypeError: it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} = {value!r:.100} is not allowed: it must be a number") from None
