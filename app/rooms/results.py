"""What came of a room, as CSV: a row for each student. Names only if they are asked for."""

from __future__ import annotations

import csv
import io
from typing import Any

from app.rooms.open import OpenRoom
from app.rooms.pictures import Reading
from app.rooms.questions import Question
from app.rooms.topics import networks_of


def results(at: OpenRoom, names: bool) -> str:
    """Return the answers and the places of all students.

    Args:
        at: the room.
        names: whether names are in it; without, students are numbers.
    """
    room = at.room
    room.count_answers()
    questions = [*room.asked, *([room.question] if room.question is not None else [])]
    run = at.class_run
    places = {} if run is None else {each["id"]: each for each in networks_of(at, run, Reading(run))}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = ["student", *(["name"] if names else []), "simulated", "place", "hidden rate", "input rate", "batch norm"]
    done = sorted(
        {number: of for student in room.students.values() for number, (_, of) in student.lessons.items()}.items()
    )
    lessons = [f"lesson {number} (right of {of})" for number, of in done]
    writer.writerow([*head, "validation loss", "validation accuracy", *_columns(questions), *lessons])
    for number, student in enumerate(room.students.values(), 1):
        place = places.get(student.id)
        row: list[Any] = [number, *([cell(student.name)] if names else []), "yes" if student.simulated else "no"]
        row.append("" if student.place is None else student.place + 1)
        about = ("hidden", "input", "batch_norm", "loss", "accuracy")
        row += ["" if place is None or place[name] is None else place[name] for name in about]
        for question in questions:
            for again in (False, True):
                given = student.answer(question.id, again)
                row.append("" if given is None else cell(question.choices[given]))
            row.append("" if question.truth is None else cell(question.choices[question.truth]))
        row += [student.lessons[number][0] if number in student.lessons else "" for number, _ in done]
        writer.writerow(row)
    return out.getvalue()


def _columns(questions: list[Question]) -> list[str]:
    told = []
    for number, question in enumerate(questions, 1):
        told.append(cell(f"{number}. {question.text} (predicted)"))
        told.append(f"{number}. (observed)")
        told.append(f"{number}. (by the numbers)")
    return told


def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front.

    Full-width forms count as what they stand for, blanks in front for nothing.
    """
    first = text.lstrip()[:1]
    return f"'{text}" if first in "=+-@\t\r＝＋－＠" and first else text
