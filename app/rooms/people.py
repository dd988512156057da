"""Who is in a room: students, with their names, their places and what they have answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

INPUT_RATE: Final = 0.2
HIDDEN_RATE: Final = 0.5


@dataclass
class Knobs:
    """What a student sets of a network: the same three everywhere.

    Attributes:
        input: dropout rate of the input.
        hidden: of all hidden layers.
        batch_norm: whether the network has it.
    """

    input: float = INPUT_RATE
    hidden: float = HIDDEN_RATE
    batch_norm: bool = False

    def moved(self, said: Mapping[str, Any]) -> Knobs:
        """The same with what was said in its place."""
        now = {"input": self.input, "hidden": self.hidden, "batch_norm": self.batch_norm}
        return Knobs(**{name: said.get(name, value) for name, value in now.items()})

    def told(self) -> dict[str, Any]:
        """As plain data."""
        return {"input": self.input, "hidden": self.hidden, "batch_norm": self.batch_norm}

    def of_lane(self, places: int) -> dict[str, Any]:
        """As knobs of a lane.

        Args:
            places: how many the network has that can drop: the input first.
        """
        return {"dropout": [self.input, *[self.hidden] * (places - 1)], "batch_norm": self.batch_norm}


def knobs_of(lane: Mapping[str, Any]) -> Knobs:
    """Return what a student would have set of a lane.

    Args:
        lane: its knobs as plain data.
    """
    rates = lane.get("dropout") or [0.0, 0.0]
    return Knobs(float(rates[0]), float(max(rates[1:], default=0.0)), bool(lane.get("batch_norm")))


@dataclass
class Student:
    """Somebody who joined, or whom a rehearsal simulates.

    Attributes:
        id: by which the host names them.
        name: as everybody sees it.
        digest: of the token; None of one that is simulated.
        simulated: whether there is nobody.
        place: the lane of the class run.
        began: the step at which that lane began.
        unclaimed: whether the lane is still to begin anew for this student.
        run: the student's own run.
        knobs: of the class run: those that the next one begins with.
        answers: by question, the first and the second.
        here: whether a simulated one is here; a real one is while it is connected.
        trouble: why there is no own run.
        client: where a real one joined from, as long as this server runs.
        came: when a real one joined, in seconds of the room's clock; None: before this server started.
        seen: whether a real one has ever been connected.
        lessons: by the number of a lesson, how many of its questions were answered right, and how many there are; those
            that the student has told of.
    """

    id: str
    name: str
    digest: bytes | None
    simulated: bool = False
    place: int | None = None
    began: int = 0
    unclaimed: bool = False
    run: str | None = None
    knobs: Knobs = field(default_factory=Knobs)
    answers: dict[int, list[int | None]] = field(default_factory=dict)
    here: bool = True
    trouble: str = ""
    client: str = ""
    came: float | None = None
    seen: bool = False
    lessons: dict[int, tuple[int, int]] = field(default_factory=dict)

    def answer(self, question: int, again: bool) -> int | None:
        """What was answered, the first or the second time."""
        return self.answers.get(question, [None, None])[again]

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        told = {
            name: getattr(self, name)
            for name in ("id", "name", "simulated", "place", "began", "unclaimed", "run", "seen")
        }
        digest = None if self.digest is None else self.digest.hex()
        answers = [[number, *pair] for number, pair in self.answers.items()]
        lessons = [[number, *score] for number, score in sorted(self.lessons.items())]
        return {**told, "digest": digest, "knobs": self.knobs.told(), "answers": answers, "lessons": lessons}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Student:
        """The student of which `plain` told."""
        digest = None if told["digest"] is None else bytes.fromhex(told["digest"])
        about = {name: told[name] for name in ("simulated", "place", "began", "unclaimed", "run", "seen")}
        answers = {number: [first, second] for number, first, second in told["answers"]}
        lessons = {number: (right, of) for number, right, of in told.get("lessons", [])}  # a room kept before has none
        knobs = Knobs(**told["knobs"])
        return cls(told["id"], told["name"], digest, **about, knobs=knobs, answers=answers, lessons=lessons)
