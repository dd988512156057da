"""What each reader of a room is offered: topics, made of the room and of its runs when these have changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from app.rooms.known import known_curve
from app.rooms.links import only_here
from app.rooms.open import OpenRoom
from app.rooms.people import Student, knobs_of
from app.rooms.pictures import CURVE, Reading, average_of, followed, is_behind, short, standing
from app.rooms.questions import ready_for
from app.rooms.readers import Reader
from app.run import Run
from app.wire import dumps
from trainer.presets import PRESETS

PHONE_S: Final = 0.4  # between two topics of numbers to a phone,
PRUNE_S: Final = 10.0  # between two looks at what is needed no more

_NOTHING: Final = {"loss": None, "accuracy": None, "train_loss": None}


class Topics:
    """Offers the topics of one room.

    Args:
        at: the room.
        now: the time, in seconds.
    """

    def __init__(self, at: OpenRoom, now: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._now = now
        self._readings: dict[str, tuple[Any, Reading]] = {}
        self._curves: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._phones_at = 0.0
        self._pruned_at = 0.0

    def offer(self) -> None:
        """Offer every reader what has changed; what has not is not sent again."""
        at = self._at
        if not at.readers:
            return
        now = self._now()
        connected = at.connected
        room = dumps(self._room(connected))
        to_phones = now - self._phones_at >= PHONE_S
        if now - self._pruned_at >= PRUNE_S:
            self._pruned_at = now
            self._prune()
        if to_phones:
            self._phones_at = now
        wide: dict[str, str] = {}
        if any(reader.shows != "phone" for reader in at.readers):
            wide = {op: dumps(body) for op, body in self._wide().items()}
        people = curves = ""
        if any(reader.shows == "host" for reader in at.readers):
            people = dumps({"people": self._people(connected)})
            curves = dumps({"of": self._own_curves()}) if at.room.way == "own" else ""
        narrow = self._followed_text() if at.room.way == "follow" and to_phones else ""
        ranks = self._ranks() if at.room.way == "class" and to_phones else {}
        for reader in tuple(at.readers):
            reader.offer("room", room)
            if reader.member is not None:
                student = at.room.students.get(reader.member)
                if student is None:
                    continue
                reader.offer("you", dumps(self._you(student)))
                if to_phones and at.room.way != "follow":
                    mine = self._mine(student, ranks)
                    if mine is not None:
                        reader.offer("mine", dumps(mine))
                elif narrow:
                    reader.offer("followed", narrow)
            elif reader.shows != "phone":
                if reader.shows == "host":
                    reader.offer("offered", self._offered())
                    reader.offer("people", people)
                    if curves:
                        reader.offer("curves", curves)
                for op, body in wide.items():
                    reader.offer(op, body)

    def _prune(self) -> None:
        """Forget what was made of runs that are the room's no more."""
        room = self._at.room
        runs = {room.run, room.class_run, *(each.run for each in room.students.values())}
        for run_id in [each for each in self._readings if each not in runs]:
            del self._readings[run_id]
        for name in [each for each in self._curves if each.split()[1] not in runs]:
            del self._curves[name]

    # What everybody gets

    def _room(self, connected: set[str]) -> dict[str, Any]:
        at, room = self._at, self._at.room
        real, simulated = room.real, room.simulated
        preset = room.preset
        here = sum(each.id in connected for each in real)
        waits = room.class_run is not None and room.way == "class"
        waiting = sum(each.place is None for each in room.students.values()) if waits else 0
        class_run = standing(at.class_run) or _missing(room.class_run)
        if class_run is not None:
            class_run |= {"places": room.places, "taken": len(room.seated)}
        elif "class" in at.opening and room.way == "class":
            class_run = {**_OPENING, "places": room.places, "taken": len(room.seated)}
        return {
            "code": room.code,
            "way": room.way,
            "locked": room.locked,
            "paused": room.paused,
            "muted": room.muted,
            "experiment": {"id": preset.id, "title": preset.title},
            "link": room.link,
            "only_here": only_here(room.link),
            "links": room.links,
            "students": {"joined": len(real), "here": here, "simulated": len(simulated), "waiting": waiting},
            "run": standing(at.run) or _missing(room.run) or (dict(_OPENING) if "host" in at.opening else None),
            "class_run": class_run,
            "question": self._question(connected),
            "knobs_of": self._named(room.knobs_of),
            "shown": self._named(room.shown),
            "look": room.look if room.look["panel"] is not None else None,
            "known": known_curve(0 if at.class_run is None else at.class_run.reach) if room.known else None,
        }

    def _named(self, student_id: str | None) -> dict[str, str] | None:
        student = self._at.room.students.get(student_id or "")
        return None if student is None else {"id": student.id, "name": student.name}

    def _question(self, connected: set[str]) -> dict[str, Any] | None:
        room = self._at.room
        question = room.question
        if question is None:
            return None
        room.count_answers()
        of = sum(self._at.is_here(each, connected) for each in room.students.values())
        return {
            "id": question.id,
            "text": question.text,
            "choices": list(question.choices),
            "phase": question.phase,
            "answered": room.answered(),
            "of": max(of, room.answered()),
            "counts": None if question.phase == "asked" else question.counts,
            "counts_again": question.counts_again if question.phase == "told" else None,
            "truth": question.truth,
            "why": question.why,
        }

    # What a student gets

    def _you(self, student: Student) -> dict[str, Any]:
        at, room = self._at, self._at.room
        knobs, may_turn, run = student.knobs, True, at.stage.here(student.run)
        if room.way == "class":
            knobs = at.class_knobs(student) or student.knobs
            may_turn = room.class_run is None or student.place is not None
        else:
            host = at.run
            turned = run if room.way == "own" else host
            may_turn = turned is not None and (room.way == "own" or room.knobs_of == student.id)
            if turned is not None:
                lane = turned.last_config.lanes[turned.config.followed_at_first]
                knobs = knobs_of({"dropout": lane.dropout, "batch_norm": lane.batch_norm})
        answers = {str(number): pair for number, pair in student.answers.items()}
        return {
            "id": student.id,
            "role": "student",
            "name": student.name,
            "run": student.run,
            "lane": student.place,
            "began": student.began,
            "knobs": knobs.told(),
            "may_turn": may_turn,
            "answers": answers,
            "trouble": student.trouble,
        }

    def _mine(self, student: Student, ranks: dict[str, tuple[int, dict[str, Any]]]) -> dict[str, Any] | None:
        at, room = self._at, self._at.room
        if room.way == "own":
            run = at.stage.here(student.run)
            if run is None or is_behind(run):
                return None
            reading, lane = self._reading(run), run.config.followed_at_first
            told = {**self._standing(run), **reading.last(lane), "gone": reading.gone(lane)}
            curve = self._curve(run, reading, lane, 0)
            if len(run.config.lanes) > 1:
                other = 1 if lane == 0 else 0
                curve = {**curve, "without": reading.curve(other)["loss"]}
                told["without"] = reading.last(other)
            return {**told, "curve": curve}
        run = at.class_run
        if run is None or student.place is None or is_behind(run):
            return None
        reading = self._reading(run)
        rank, best = ranks.get(student.id, (None, None))
        return {
            **self._standing(run),
            **reading.last(student.place, student.began),
            "gone": reading.gone(student.place),
            "rank": rank,
            "of": len(ranks),
            "best": best,
            "curve": self._curve(run, reading, student.place, student.began),
        }

    @staticmethod
    def _standing(run: Run) -> dict[str, Any]:
        return {"step": run.step, "state": run.standing}

    def _ranks(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """Where each student's network stands by its validation loss, and which is the best."""
        at = self._at
        run = at.class_run
        if run is None:
            return {}
        found = sorted(
            (each for each in networks_of(at, run, self._reading(run)) if each["loss"] is not None and each["trained"]),
            key=lambda each: each["loss"],
        )
        if not found:
            return {}
        best = {"name": found[0]["name"], "loss": found[0]["loss"]}
        return {each["id"]: (place + 1, best) for place, each in enumerate(found)}

    def _followed_text(self) -> str:
        run = self._at.run
        return "" if run is None or is_behind(run) else dumps(followed(run, self._reading(run)))

    # What a projector and a host get

    def _wide(self) -> dict[str, dict[str, Any]]:
        at, room = self._at, self._at.room
        told: dict[str, dict[str, Any]] = {}
        if room.way == "class" and (run := at.class_run) is not None and not is_behind(run):
            reading = self._reading(run)
            seated = room.seated
            places = [(each.place, each.began) for each in seated if each.place is not None]
            names = {each.place: each.name for each in seated if each.place is not None}
            told["places"] = {"step": run.step, "places": networks_of(at, run, reading)}
            told["race"] = self._race(run, reading, places)
            told["average"] = average_of(run, names)
        if room.way == "follow" and (run := at.run) is not None and not is_behind(run):
            told["followed"] = followed(run, self._reading(run))
        shown = room.students.get(room.shown or "")
        own = None if shown is None else at.stage.here(shown.run)
        if shown is not None and room.way == "own" and own is not None and not is_behind(own):
            told["shown"] = followed(own, self._reading(own), shown.name)
        return told

    def _race(self, run: Run, reading: Reading, places: list[tuple[int, int]]) -> dict[str, Any]:
        key = (run.version[0], len(reading.step), tuple(places))
        return self._kept(f"race {run.id}", key, lambda: reading.race(places))

    def _curve(self, run: Run, reading: Reading, lane: int, began: int) -> dict[str, Any]:
        key = (len(reading.step), int(reading.step[-1]) if len(reading.step) else 0, began)
        return self._kept(f"curve {run.id} {lane}", key, lambda: reading.curve(lane, began, CURVE))

    def _kept(self, name: str, key: Any, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if name not in self._curves or self._curves[name][0] != key:
            self._curves[name] = key, make()
        return self._curves[name][1]

    def _people(self, connected: set[str]) -> list[dict[str, Any]]:
        at, room = self._at, self._at.room
        by_student: dict[str, list[Reader]] = {}
        for reader in at.readers:
            if reader.member is not None:
                by_student.setdefault(reader.member, []).append(reader)
        seated = {}
        if room.way == "class" and (run := at.class_run) is not None and not is_behind(run):
            seated = {each["id"]: each for each in networks_of(at, run, self._reading(run))}
        told = []
        for student in room.students.values():
            readers = by_student.get(student.id, [])
            about = {
                "id": student.id,
                "name": student.name,
                "role": "student",
                "here": at.is_here(student, connected),
                "simulated": student.simulated,
                "lane": student.place,
                "run": student.run,
                "state": None,
                "step": None,
                "hidden": student.knobs.hidden,
                "input": student.knobs.input,
                "answered": self._has_answered(student),
                **_connection(readers),
                "trouble": student.trouble,
                "lessons": [[number, *score] for number, score in sorted(student.lessons.items())],
            }
            told.append(about | self._doing(student, seated))
        return told

    def _has_answered(self, student: Student) -> bool:
        question = self._at.room.question
        return question is not None and student.answer(question.id, question.again) is not None

    def _doing(self, student: Student, seated: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """How a student's network does."""
        at = self._at
        if at.room.way == "class":
            found = seated.get(student.id)
            names = ("hidden", "input", "loss", "accuracy", "gone")
            run = at.class_run
            doing = {} if found is None or run is None else {"step": run.step - student.began, "state": run.standing}
            return {"gone": None, "loss": None, "accuracy": None, **doing} | (
                {} if found is None else {name: found[name] for name in names}
            )
        run = at.stage.here(student.run) if at.room.way == "own" else None
        if run is None or is_behind(run):
            return {"gone": None, "loss": None, "accuracy": None}
        reading, place = self._reading(run), run.config.followed_at_first
        lane = run.last_config.lanes[place]
        knobs = knobs_of({"dropout": lane.dropout, "batch_norm": lane.batch_norm})
        last = reading.last(place)
        return {
            "state": run.standing,
            "step": run.step,
            "hidden": knobs.hidden,
            "input": knobs.input,
            "loss": last["loss"],
            "accuracy": last["accuracy"],
            "gone": reading.gone(place),
        }

    def _own_curves(self) -> dict[str, Any]:
        at = self._at
        told = {}
        for student in at.room.students.values():
            run = at.stage.here(student.run)
            if run is not None and not is_behind(run):
                told[student.id] = self._curve(run, self._reading(run), run.config.followed_at_first, 0)
        return told

    def _offered(self) -> str:
        room = self._at.room
        experiments = [
            {"id": each.id, "title": each.title, "group": each.group} for each in PRESETS if each.search is None
        ]
        questions = [
            {"key": each.key, "text": each.text, "choices": list(each.choices)}
            for each in ready_for(room.way, room.preset)
        ]
        return dumps({"experiments": experiments, "questions": questions})

    def _reading(self, run: Run) -> Reading:
        """The scores of a run, read once while they stay."""
        return reading_of(self._readings, run)


def reading_of(known: dict[str, tuple[Any, Reading]], run: Run) -> Reading:
    """Return the scores of a run, read again only if there are new ones.

    Args:
        known: what was read before, by the runs' names.
        run: the run.
    """
    key = run.version
    if run.id not in known or known[run.id][0] != key:
        known[run.id] = key, Reading(run)
    return known[run.id][1]


def networks_of(at: OpenRoom, run: Run, reading: Reading) -> list[dict[str, Any]]:
    """Return the networks of the class run whose places are taken, in the order of the places."""
    told = []
    for student in at.room.seated:
        place = student.place
        if place is None or place >= len(run.config.lanes):
            continue
        lane = run.last_config.lanes[place]
        knobs = knobs_of({"dropout": lane.dropout, "batch_norm": lane.batch_norm})
        about = {"lane": place, "id": student.id, "name": student.name, "simulated": student.simulated}
        last = reading.last(place, student.began)
        trained = len(reading.step) > 0 and int(reading.step[-1]) > student.began
        told.append(
            {
                **about,
                **knobs.told(),
                "began": student.began,
                "trained": trained,
                **last,
                "gone": reading.gone(place),
            }
        )
    return told


_OPENING: Final = {"id": None, "state": "opening", "step": 0, "speed": None}


def _missing(run_id: str | None) -> dict[str, Any] | None:
    """What is told of a run that is being opened again."""
    return None if run_id is None else {"id": run_id, "state": "lost", "step": None, "speed": None}


def _connection(readers: list[Reader]) -> dict[str, Any]:
    """How a student's connection is: the best, if there are several."""
    if not readers:
        return {"latency_ms": None, "age_s": None, "reads": True}
    best = min(readers, key=lambda each: each.age_s)
    latency = best.latency_s
    return {
        "latency_ms": None if latency is None else round(1000 * latency),
        "age_s": short(round(best.age_s, 1)),
        "reads": best.reads,
    }
