"""The knobs of a search: which candidates are tried, for how long, and how many side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trainer.errors import KnobError
from trainer.settings.knobs import knob
from trainer.settings.lane import EVALUATE_EVERY, MAX_SEED, Knobs, Rate, as_tuple

DEFAULT_STEPS: Final = 1000
"""For how long a candidate of the default search trains. Over three seeds the order of the 64 by validation loss at
step 1,000 has a rank correlation of .93 to .95 with that at 1,500; at 500 slow learning rates are still on their way,
and it is .54 to .61."""

DEFAULT_BATCH: Final = 32
"""Half of the default candidates, so that the first results are there after half of the time. 64 at a time are hardly
faster, 16 a fifth slower (docs/decisions.md)."""

MAX_CANDIDATES: Final = 256
MAX_VALUES: Final = 16  # of one list: a grid of more squares a side is no picture

Method = Literal["grid", "random"]
LearningRate = Annotated[float, Field(strict=True, ge=1e-5, le=1, allow_inf_nan=False)]
AXES: Final = ("input", "hidden", "learning_rate")
DRAWN: Final = {"method": ["random"]}


class SearchConfig(Knobs):
    """What a search tries: a grid, or points drawn at random between the least and the greatest of each list.

    Raises:
        pydantic.ValidationError: as `ExperimentConfig` does; `parse_search` turns it into `KnobError`.
    """

    method: Method = knob(
        "grid",
        label="method",
        help="Which candidates are tried.",
        choices={
            "grid": "every combination of the three lists",
            "random": "drawn between the least and the greatest of each list, learning rates evenly in their logarithm "
            "(Bergstra & Bengio 2012)",
        },
    )
    input: Annotated[tuple[Rate, ...], BeforeValidator(as_tuple)] = knob(
        (0.0, 0.1, 0.2, 0.4),
        label="input rates",
        help="Dropout at the input.",
        step=0.05,
        min_length=1,
        max_length=MAX_VALUES,
    )
    hidden: Annotated[tuple[Rate, ...], BeforeValidator(as_tuple)] = knob(
        (0.0, 0.25, 0.5, 0.75),
        label="hidden rates",
        help="Dropout at every other place that can drop.",
        step=0.05,
        min_length=1,
        max_length=MAX_VALUES,
    )
    learning_rate: Annotated[tuple[LearningRate, ...], BeforeValidator(as_tuple)] = knob(
        (5e-4, 1e-3, 2e-3, 4e-3),
        label="learning rates",
        help="How far one step moves the weights.",
        step=0.1,
        scale="log",
        min_length=1,
        max_length=MAX_VALUES,
    )
    candidates: int = knob(
        64, label="candidates", help="How many are tried.", step=1, only_for=DRAWN, ge=1, le=MAX_CANDIDATES
    )
    steps: int = knob(
        DEFAULT_STEPS,
        label="steps of each",
        help="For how long each is trained.",
        step=EVALUATE_EVERY,
        ge=EVALUATE_EVERY,
        le=5000,
    )
    batch: int = knob(DEFAULT_BATCH, label="side by side", help="How many are trained at a time.", step=1, ge=1, le=64)
    seed: int = knob(
        0,
        label="seed of the draw",
        help="Fixes which candidates are drawn at random.",
        step=1,
        only_for=DRAWN,
        ge=0,
        le=MAX_SEED,
    )

    @model_validator(mode="before")
    @classmethod
    def _count(cls, given: Any) -> Any:
        """Let a grid have as many candidates as its lists make."""
        if not isinstance(given, Mapping) or given.get("method", "grid") != "grid":
            return given
        lists = [given.get(axis, cls.model_fields[axis].default) for axis in AXES]
        if not all(isinstance(values, list | tuple) and 1 <= len(values) <= MAX_VALUES for values in lists):
            return given
        count = math.prod(map(len, lists))
        shape = " × ".join(str(len(values)) for values in lists)
        if count > MAX_CANDIDATES:
            raise KnobError("search.candidates", count, f"at most {MAX_CANDIDATES}: the lists make a grid of {shape}")
        if given.get("candidates", count) != count:
            raise KnobError("search.candidates", given["candidates"], f"{count}, as the lists make a grid of {shape}")
        return {**given, "candidates": count}

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.steps % EVALUATE_EVERY:
            wanted = f"a multiple of {EVALUATE_EVERY}, the steps from one evaluation to the next"
            raise KnobError("search.steps", self.steps, wanted)
        for axis in AXES:
            values: tuple[float, ...] = getattr(self, axis)
            for index, value in enumerate(values):
                if value in values[:index]:
                    raise KnobError(f"search.{axis}[{index}]", value, "a value that is not in the list already")
        return self
