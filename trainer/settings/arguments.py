"""What the arguments of commands are: which values each takes, said as a check, in words and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from trainer.errors import DropoutLabError, KnobError, quote
from trainer.settings.config import ExperimentConfig

MAX_SEQ: Final = 2**63  # of a frame


class CommandError(DropoutLabError):
    """A message that is no command of the table, or not with such arguments."""


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Attributes:
        name: what it is called in the message.
        needed: whether the command means nothing without it.
        null: what it means where it is null; empty where it must not be.
    """

    name: str
    needed: bool = False
    null: str = ""

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """What it takes, as the end of a sentence; of a run, if ``config`` is given, with the limits that it sets."""
        raise NotImplementedError

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether a value other than null is what it takes."""
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        """Its type and limits as plain data."""
        raise NotImplementedError

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let a value pass that it takes.

        Raises:
            KnobError: it does not take it.
            CommandError: it is not even of the right form.
        """
        if not (value is None and self.null) and not self.takes(value, config):
            raise KnobError(self.name, value, self.all_allowed(config))

    def all_allowed(self, config: ExperimentConfig | None = None) -> str:
        """What it takes, null among it."""
        return self.allowed(config) + (f", or null for {self.null}" if self.null else "")

    def described(self) -> dict[str, Any]:
        """All of it as plain data, for the schema."""
        null = {"null": self.null} if self.null else {}
        return {"name": self.name, "needed": self.needed, **self.told(), **null}


@dataclass(frozen=True)
class Whole(Argument):
    """A whole number.

    Attributes:
        least: the least that is taken.
        most: the greatest.
    """

    least: int = 0
    most: int = 0

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """Both ends."""
        return f"a whole number from {self.least} to {self.most:,}"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is whole and between the ends."""
        return type(value) is int and self.least <= value <= self.most

    def told(self) -> dict[str, Any]:
        """Both ends."""
        return {"type": "integer", "min": self.least, "max": self.most}


@dataclass(frozen=True)
class Sequential(Whole):
    """How many frames were digested, or the number of the last.

    Attributes:
        what: the same in words.
    """

    most: int = MAX_SEQ
    what: str = ""

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """Its words: a greatest number would tell nobody anything."""
        return self.what

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let it pass if it is such a number."""
        _check_form(self, value, config)


@dataclass(frozen=True)
class Place(Argument):
    """The number of a lane or of an example, of as many as the run has.

    Attributes:
        of: of what: ``"lanes"`` or ``"examples"``.
    """

    of: Literal["lanes", "examples"] = "lanes"

    def count(self, config: ExperimentConfig | None) -> int:
        """How many the run has."""
        assert config is not None, f"which {self.of} there are depends on the run"
        return len(config.lanes) if self.of == "lanes" else config.train_size

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """The numbers that there are."""
        if config is None:
            return {"lanes": "the number of a lane", "examples": "the number of a training example"}[self.of]
        return f"a whole number from 0 to {self.count(config) - 1:,}"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether there is one of this number."""
        return type(value) is int and 0 <= value < self.count(config)

    def told(self) -> dict[str, Any]:
        """Of what it is the number."""
        return {"type": "place", "of": self.of}


@dataclass(frozen=True)
class Number(Argument):
    """A number.

    Attributes:
        least: the least that is taken.
        most: the greatest.
    """

    least: float = 0.0
    most: float = 0.0

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """Both ends."""
        return f"a number from {_short(self.least)} to {_short(self.most)}"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is between the ends, which no NaN is."""
        return _is_number(value) and self.least <= value <= self.most

    def told(self) -> dict[str, Any]:
        """Both ends."""
        return {"type": "number", "min": self.least, "max": self.most}


@dataclass(frozen=True)
class Choice(Argument):
    """One of some words.

    Attributes:
        values: the words.
    """

    values: tuple[str, ...] = ()

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """All of them."""
        return f"one of {', '.join(self.values)}"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is one of them."""
        return isinstance(value, str) and value in self.values

    def told(self) -> dict[str, Any]:
        """All of them."""
        return {"type": "choice", "choices": list(self.values)}


@dataclass(frozen=True)
class Choices(Choice):
    """A list of some of these words."""

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """All of them."""
        return f"a list of {', '.join(self.values)}"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is a list of nothing else."""
        return isinstance(value, list) and all(super(Choices, self).takes(each, config) for each in value)

    def told(self) -> dict[str, Any]:
        """All of them."""
        return {"type": "choices", "choices": list(self.values)}

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let it pass if it is such a list."""
        _check_form(self, value, config)


@dataclass(frozen=True)
class Text(Argument):
    """A text."""

    what: str = ""

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """Which text."""
        return self.what

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is a text."""
        return isinstance(value, str)

    def told(self) -> dict[str, Any]:
        """That it is one."""
        return {"type": "text"}

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let it pass if it is a text."""
        _check_form(self, value, config)


@dataclass(frozen=True)
class Moved(Argument):
    """Live knobs and their new values; what each takes is said where the knobs are."""

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """Its form."""
        return "an object of knobs and their values"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it has the form."""
        return isinstance(value, Mapping) and len(value) > 0

    def told(self) -> dict[str, Any]:
        """That they are knobs."""
        return {"type": "knobs"}

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let it pass if it has the form."""
        _check_form(self, value, config)


@dataclass(frozen=True)
class Rows(Argument):
    """Examples of a viewer's own, each a list of numbers. How many features the data have, only a worker knows.

    Attributes:
        most: how many examples.
        limit: of each number, either way.
    """

    most: int = 0
    limit: float = 0.0

    def allowed(self, config: ExperimentConfig | None = None) -> str:
        """How many."""
        return f"a list of 1 to {self.most} examples"

    def takes(self, value: Any, config: ExperimentConfig | None) -> bool:
        """Whether it is a list of so many."""
        return isinstance(value, list) and 1 <= len(value) <= self.most

    def check(self, value: Any, config: ExperimentConfig | None) -> None:
        """Let a list of examples pass; of one that is none it is told which number of it is wrong."""
        super().check(value, config)
        for row, example in enumerate(value):
            if not isinstance(example, list):
                raise KnobError(f"{self.name}[{row}]", example, "a list of numbers, one for each feature")
            for column, each in enumerate(example):
                if not _is_number(each) or not abs(each) <= self.limit:
                    allowed = f"a number from {-self.limit:,.0f} to {self.limit:,.0f}"
                    raise KnobError(f"{self.name}[{row}][{column}]", each, allowed)

    def told(self) -> dict[str, Any]:
        """How many, and how large a number may be."""
        return {"type": "examples", "max_items": self.most, "min": -self.limit, "max": self.limit}


def _check_form(argument: Argument, value: Any, config: ExperimentConfig | None) -> None:
    """Let a value pass that has the form of an argument; the refusal of another form is one of the whole message."""
    if not (value is None and argument.null) and not argument.takes(value, config):
        allowed = argument.allowed(config)
        raise CommandError(f"{argument.name} = {quote(value)} is not allowed: it must be {allowed}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"
