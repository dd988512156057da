"""Simulated students, so that a lesson can be tried alone: they join, set rates, answer and leave."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from app.rooms.people import Knobs, Student

if TYPE_CHECKING:
    from app.rooms.open import OpenRoom

JOINS_PER_TICK: Final = 5
TURNS_S: Final = (4.0, 20.0)  # from one turn of a knob to the next
ANSWERS_S: Final = (1.0, 8.0)  # until a question is answered
AWAY: Final = 0.05  # how likely one goes away instead of turning a knob, and
AWAY_S: Final = (3.0, 10.0)  # for how long


class Rehearsal:
    """What simulated students do.

    Args:
        at: the room.
        now: the time, in seconds.
        chance: what they decide by.
    """

    def __init__(self, at: OpenRoom, now: Callable[[], float], chance: random.Random | None = None) -> None:
        self._at = at
        self._now = now
        self._chance = chance or random.Random()
        self._wanted: int | None = None
        self._next: dict[str, float] = {}
        self._answers: dict[tuple[str, int, bool], float] = {}

    def want(self, students: int) -> None:
        """Have so many simulated students from now on."""
        self._wanted = students

    def tick(self) -> None:
        """Let them do what is due."""
        room = self._at.room
        there = room.simulated
        if self._wanted is not None:
            for _ in range(min(JOINS_PER_TICK, self._wanted - len(there))):
                self._join()
            self._at.tend()
            for student in there[self._wanted :]:
                self._leave(student)
            if len(room.simulated) == self._wanted:
                self._wanted = None
        for student in room.simulated:
            self._act(student)

    def stop(self) -> None:
        """Nobody does anything more."""
        self._next.clear()
        self._answers.clear()

    def _join(self) -> None:
        room = self._at.room
        numbers = {each.name for each in room.simulated}
        number = next(each for each in range(1, 1000) if f"Simulated {each}" not in numbers)
        student, _ = room.join(f"Simulated {number}", simulated=True)
        student.knobs = self._knobs()
        self._next[student.id] = self._now() + self._chance.uniform(*TURNS_S)

    def _leave(self, student: Student) -> None:
        self._at.remove(student)
        self._next.pop(student.id, None)

    def _knobs(self) -> Knobs:
        return Knobs(
            input=self._chance.choice((0.0, 0.1, 0.2, 0.3)),
            hidden=self._chance.randrange(19) / 20,
            batch_norm=self._chance.random() < 0.1,
        )

    def _act(self, student: Student) -> None:
        room, now = self._at.room, self._now()
        question = room.question
        if question is None:
            self._answers.clear()
        elif question.is_open and student.here:
            key = (student.id, question.id, question.again)
            due = self._answers.setdefault(key, now + self._chance.uniform(*ANSWERS_S))
            if due <= now and student.answer(question.id, question.again) is None:
                room.answer(student, question.id, self._chance.randrange(len(question.choices)))
        if now < self._next.setdefault(student.id, now + self._chance.uniform(*TURNS_S)):
            return
        if not student.here:
            student.here = True
        elif self._chance.random() < AWAY:
            student.here = False
            self._next[student.id] = now + self._chance.uniform(*AWAY_S)
            return
        self._next[student.id] = now + self._chance.uniform(*TURNS_S)
        knobs = self._knobs()
        student.knobs = knobs
        self._at.do(self._turn(student, knobs))

    async def _turn(self, student: Student, knobs: Knobs) -> None:
        at = self._at
        if at.room.way == "class" and at.class_run is not None and student.place is not None:
            if student.place >= len(at.class_run.config.lanes):
                return
            lane = at.class_run.config.lanes[student.place]
            await at.turning(student.id, at.class_run.id, student.place).turn(knobs.of_lane(len(lane.dropout)))
        elif at.room.way == "own" and (run := at.stage.here(student.run)) is not None:
            place = run.config.followed_at_first
            lane = run.config.lanes[place]
            await at.turning(student.id, run.id, place).turn(knobs.of_lane(len(lane.dropout)))
