"""A room: who is in it, how they work, and what they were asked: all that outlives the server, as plain data."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import ClientShareError, NotFoundError, TooManyViewersError
from app.rooms.commands import MOST_PLACES, WAYS, Way
from app.rooms.names import likeness, unique
from app.rooms.people import Student
from app.rooms.questions import Question, find_ready
from app.store.records import digest_of
from app.wire import dumps
from trainer.errors import KnobError
from trainer.presets import Preset, find_preset

MOST_STUDENTS: Final = 200  # real ones: of the class run 128 have places
MOST_ASKED: Final = 50  # questions that are kept for the results: the newest
FIRST: Final = "twin"  # the experiment that a room begins with


@dataclass
class Room:
    """One room, as it is kept.

    Attributes:
        code: by which it is joined.
        host: the digest of the host's token.
        client: where it was opened from: its runs count in that address's share.
        opened_at: seconds since 1970.
        way: how everybody works.
        locked: nobody joins.
        muted: nobody but the host chooses names.
        paused: the host has everybody stand still.
        experiment: the one of the ways ``follow`` and ``own``.
        run: the host's run.
        class_run: the class run,
        places: and how many places it has.
        students: by their ids, in the order in which they came.
        question: the one that is open,
        asked: and those before it.
        knobs_of: the student who has the knobs of the host's run.
        shown: the student whose run is on the projector.
        look: the panel and the step that the host looks at.
        known: whether the known curve is shown.
        links: addresses of its page for students, the best first,
        link: and the one that is shown.
        count: students and questions that there were so far.
        speeds: steps a second that the host has set, by the way; None: as fast as it goes.
    """

    code: str
    host: bytes
    client: str = ""
    opened_at: float = field(default_factory=time.time)
    way: Way = "class"
    locked: bool = False
    muted: bool = False
    paused: bool = False
    experiment: str = FIRST
    run: str | None = None
    class_run: str | None = None
    places: int = 0
    students: dict[str, Student] = field(default_factory=dict)
    question: Question | None = None
    asked: list[Question] = field(default_factory=list)
    knobs_of: str | None = None
    shown: str | None = None
    look: dict[str, Any] = field(default_factory=lambda: {"panel": None, "step": None})
    known: bool = False
    links: list[str] = field(default_factory=list)
    link: str = ""
    count: int = 0
    speeds: dict[str, float | None] = field(default_factory=dict)

    # Its runs

    def speed(self, way: Way) -> float | None:
        """How fast a run of a way trains, in steps a second, until the host says otherwise; None: as fast as it goes.

        What the host has said holds for runs that are opened later, too, such as that of a student who comes late.
        """
        return self.speeds.get(way, None if way == "class" else self.preset.speed)

    def choose(self, experiment: str) -> None:
        """Have another experiment in the ways ``follow`` and ``own``, at its own speed."""
        self.experiment = experiment
        self.speeds = {way: speed for way, speed in self.speeds.items() if way == "class"}

    @property
    def runs(self) -> set[str]:
        """All runs that it knows of."""
        found = (self.run, self.class_run, *(each.run for each in self.students.values()))
        return {run for run in found if run is not None}

    # Who is in it

    @property
    def preset(self) -> Preset:
        """Its experiment."""
        return find_preset(self.experiment)

    @property
    def real(self) -> list[Student]:
        """Students that are people."""
        return [each for each in self.students.values() if not each.simulated]

    @property
    def simulated(self) -> list[Student]:
        """Those that are not."""
        return [each for each in self.students.values() if each.simulated]

    def student(self, student_id: str) -> Student:
        """Return a student.

        Raises:
            NotFoundError: there is none of this id.
        """
        found = self.students.get(student_id)
        if found is None:
            raise NotFoundError("there is no such student in this room: they were removed, or never came")
        return found

    def who(self, token: str) -> Student | None:
        """Return the student who has a token; None: nobody."""
        digest = digest_of(token)
        found = None
        for each in self.students.values():  # all of them, so that the time says nothing
            if each.digest is not None and secrets.compare_digest(each.digest, digest):
                found = each
        return found

    def is_host(self, token: str) -> bool:
        """Whether this is the host's token."""
        return secrets.compare_digest(digest_of(token), self.host)

    @property
    def is_full(self) -> bool:
        """Whether nobody more can join."""
        return len(self.real) >= MOST_STUDENTS

    def check_join(self, client: str, share: int) -> None:
        """Let somebody pass who may join.

        Args:
            client: where they come from.
            share: how many students may have come from there.

        Raises:
            TooManyViewersError: the room is locked, or full.
            ClientShareError: as many have come from there as may.
        """
        if self.locked:
            raise TooManyViewersError("this room is locked: its host lets nobody in just now")
        if self.is_full:
            raise TooManyViewersError(f"this room is full: {MOST_STUDENTS} students are in it")
        if sum(each.client == client for each in self.real) >= share < MOST_STUDENTS:
            raise ClientShareError(f"{share} students have joined this room from your address, and no more may", 60)

    def join(self, name: str, simulated: bool = False) -> tuple[Student, str]:
        """Let somebody in; the student, and the token.

        Args:
            name: as `app.rooms.names.read_name` returns it.
            simulated: whether there is nobody.
        """
        self.count += 1
        token = secrets.token_urlsafe(24)
        digest = None if simulated else digest_of(token)
        wanted = name if simulated or not self.muted else f"Student {self.count}"
        student = Student(f"m{self.count}", self._unique(wanted), digest, simulated)
        self.students[student.id] = student
        self._take_place(student)
        return student, token

    def rename(self, student: Student, name: str) -> None:
        """Give a student another name, with a number if somebody has it."""
        student.name = self._unique(name, student)

    def _unique(self, name: str, but: Student | None = None) -> str:
        return unique(name, {likeness(each.name) for each in self.students.values() if each is not but})

    def leave(self, student: Student) -> None:
        """A student is no longer in the room, and what it had is free."""
        self.students.pop(student.id, None)
        self.knobs_of = None if self.knobs_of == student.id else self.knobs_of
        self.shown = None if self.shown == student.id else self.shown

    # Places

    def deal(self, places: int | None) -> tuple[int, dict[int, Student]]:
        """Deal out the places of a class run that is to begin: real students first, each in the order of coming.

        Args:
            places: how many there are to be; None: a quarter more than students, at least 8.

        Returns:
            How many there are, and who gets which.
        """
        everybody = [*self.real, *self.simulated]
        wanted = max(8, -(-5 * len(everybody) // 4)) if places is None else places
        count = min(MOST_PLACES, wanted)
        return count, dict(enumerate(everybody[:count]))

    def _take_place(self, student: Student) -> None:
        if self.class_run is None:
            return
        taken = {each.place for each in self.students.values()}
        student.place = next((place for place in range(self.places) if place not in taken), None)
        student.unclaimed = student.place is not None

    def seat(self) -> list[Student]:
        """Give free places to those who wait for one; who has got one."""
        waiting = [each for each in [*self.real, *self.simulated] if each.place is None]
        for student in waiting:
            self._take_place(student)
        return [student for student in waiting if student.place is not None]

    @property
    def seated(self) -> list[Student]:
        """Students who have a place, in the order of the lanes."""
        return sorted(
            (each for each in self.students.values() if each.place is not None), key=lambda each: each.place or 0
        )

    # Questions

    def ask(self, key: str | None, text: str, choices: Iterable[str], resumes: bool) -> None:
        """Ask something.

        Args:
            key: of a ready-made question, whose text and choices count.
            text: of one's own.
            choices: of the same.
            resumes: whether the run plays, and is to play on when the question is over.

        Raises:
            KnobError: there is no such ready-made question.
        """
        if key is not None:
            ready = find_ready(key)
            if ready is None:
                raise KnobError("key", key, "the key of a ready-made question")
            text, choices = ready.text, ready.choices
        resumes = resumes or (self.question is not None and self.question.resumes)
        self.drop()
        self.count += 1
        self.question = Question(self.count, text, tuple(choices), key, resumes=resumes)

    def drop(self) -> None:
        """Close the question; the answers stay for the results."""
        if self.question is not None:
            self.count_answers()
            self.asked.append(self.question)
        self.question = None
        for old in self.asked[:-MOST_ASKED]:
            for student in self.students.values():
                student.answers.pop(old.id, None)
        self.asked = self.asked[-MOST_ASKED:]

    def answer(self, student: Student, number: int, choice: int) -> None:
        """Take an answer; one that was given before is changed.

        Raises:
            NotFoundError: that question is not open.
            KnobError: there is no such choice.
        """
        question = self.question
        if question is None or question.id != number or not question.is_open:
            raise NotFoundError("this question is not open: the host has gone on")
        if choice >= len(question.choices):
            raise KnobError("choice", choice, f"a whole number from 0 to {len(question.choices) - 1}")
        pair = student.answers.setdefault(number, [None, None])
        pair[question.again] = choice

    def count_answers(self) -> None:
        """Count what was answered to the open question."""
        question = self.question
        if question is not None:
            question.counts, question.counts_again = self._counts(question, False), self._counts(question, True)

    def _counts(self, question: Question, again: bool) -> list[int]:
        given = [each.answer(question.id, again) for each in self.students.values()]
        return [given.count(choice) for choice in range(len(question.choices))]

    def answered(self) -> int:
        """How many have answered the open question, the first or the second time."""
        question = self.question
        if question is None:
            return 0
        return sum(each.answer(question.id, question.again) is not None for each in self.students.values())

    # Kept

    def text(self) -> str:
        """All of it as JSON."""
        told = {name: getattr(self, name) for name in (*_PLAIN, "speeds")}
        question = None if self.question is None else self.question.plain()
        students = [each.plain() for each in self.students.values()]
        asked = [each.plain() for each in self.asked]
        return dumps({**told, "host": self.host.hex(), "question": question, "asked": asked, "students": students})

    @classmethod
    def read(cls, text: str) -> Room:
        """The room of which `text` told.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        told: Mapping[str, Any] = json.loads(text)
        students = {each["id"]: Student.of(each) for each in told["students"]}
        question = None if told["question"] is None else Question.of(told["question"])
        about = {name: told[name] for name in _PLAIN}
        asked = [Question.of(each) for each in told["asked"]]
        find_preset(about["experiment"])
        if about["way"] not in WAYS:
            raise ValueError("no such way")
        about["speeds"] = {way: _speed(told["speeds"][way]) for way in WAYS if way in told.get("speeds", {})}
        return cls(host=bytes.fromhex(told["host"]), students=students, question=question, asked=asked, **about)


def _speed(value: Any) -> float | None:
    return None if value is None else float(value)


_PLAIN: Final = (
    *("code", "client", "opened_at", "way", "locked", "muted", "paused", "experiment", "run", "class_run", "places"),
    *("knobs_of", "shown", "look", "known", "links", "link", "count"),
)

Clock = Callable[[], float]
