"""What is said in a room, and what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app.errors import BadMessageError, NotOwnerError, NoWorkerError
from app.rooms.names import read_name
from app.rooms.open import OpenRoom
from app.rooms.people import Student
from app.rooms.pictures import Reading, average_of
from app.rooms.questions import Network, find_ready, judge
from app.rooms.readers import Reader
from app.rooms.topics import networks_of
from app.run import Run
from trainer.errors import KnobError
from trainer.presets import find_preset
from trainer.settings.panels import PANELS

_PANELS: Final = frozenset(panel.id for panel in PANELS) | {"race", "curve", "ensemble"}
"""What the host may look at: a panel of the lab or, of the class run, a chart of the projector."""

Said = Mapping[str, Any]
Answer = dict[str, Any]


async def obey(at: OpenRoom, reader: Reader, said: Said) -> Answer:
    """Do what was said; what is told of it beside that it was done.

    Args:
        at: the room.
        reader: who said it.
        said: as `app.rooms.commands.read_said` returns it.

    Raises:
        RefusedError, KnobError: it cannot be done; nothing has changed.
    """
    at.check()
    student = None if reader.member is None else at.room.student(reader.member)
    if student is None:
        return await _HOST[said["op"]](at, said)
    return await _STUDENT[said["op"]](at, student, said)


# The host


async def _way(at: OpenRoom, said: Said) -> Answer:
    room = at.room
    if said["to"] == room.way:
        return {}
    _halt(at)
    room.way, room.shown, room.paused = said["to"], None, False
    return {}


async def _experiment(at: OpenRoom, said: Said) -> Answer:
    room, preset = at.room, find_preset(said["name"])
    if preset.search is not None:
        raise KnobError("name", said["name"], "an experiment that is no search: its networks change by themselves")
    room.choose(preset.id)
    ended = [room.run]
    room.run = None
    for student in room.students.values():
        ended.append(student.run)
        student.run = None
    for run_id in ended:
        await at.stage.end(run_id)
    if room.way == "follow":
        await at.open_host_run()
    return {}


async def _begin(at: OpenRoom, said: Said) -> Answer:
    await at.begin_class_run(said.get("places"))
    return {"places": at.room.places}


async def _play(at: OpenRoom, said: Said) -> Answer:
    if at.room.way == "class" and at.room.class_run is None:
        await at.begin_class_run(None)
    question = at.room.question
    if question is not None and question.phase != "running":
        raise BadMessageError("a question is open: the run plays when it has come so far, or is dropped")
    at.room.paused = False
    await _let_play(at)
    return {}


async def _let_play(at: OpenRoom) -> None:
    """Have the runs of the way train: own runs as far as they are there, else the one.

    Raises:
        NoWorkerError: it is not there now.
    """
    runs = at.runs_of_way()
    if at.room.way == "own":
        await at.stage.order_all(runs, {"op": "play"})
    elif runs:
        await at.stage.order(runs[0], {"op": "play"})
    else:
        raise NoWorkerError("there is no run yet: it is being opened; try again in a moment")


async def _pause(at: OpenRoom, said: Said) -> Answer:
    at.room.paused = True
    _halt(at)
    return {}


async def _speed(at: OpenRoom, said: Said) -> Answer:
    speed = at.room.speeds[at.room.way] = said["steps_per_second"]
    await at.stage.order_all(at.runs_of_way(), {"op": "speed", "steps_per_second": speed})
    return {}


async def _step(at: OpenRoom, said: Said) -> Answer:
    await at.stage.order_all(at.runs_of_way(), {"op": "step", "count": said.get("count", 1)})
    return {}


async def _lock(at: OpenRoom, said: Said) -> Answer:
    at.room.locked = said["on"]
    return {}


async def _mute(at: OpenRoom, said: Said) -> Answer:
    at.room.muted = said["on"]
    return {}


async def _rename(at: OpenRoom, said: Said) -> Answer:
    student = at.room.student(said["student"])
    at.room.rename(student, read_name(said["name"]))
    return {"name": student.name}


async def _remove(at: OpenRoom, said: Said) -> Answer:
    student = at.room.student(said["student"])
    at.remove(student)
    return {}


async def _lend(at: OpenRoom, said: Said) -> Answer:
    at.room.knobs_of = None if said["student"] is None else at.room.student(said["student"]).id
    return {}


async def _show(at: OpenRoom, said: Said) -> Answer:
    at.room.shown = None if said["student"] is None else at.room.student(said["student"]).id
    return {}


async def _ask(at: OpenRoom, said: Said) -> Answer:
    own = {"text", "choices"} & said.keys()
    if ("key" in said and own) or ("key" not in said and len(own) < 2):
        raise BadMessageError("ask needs the key of a ready-made question, or a text and its choices")
    plays = at.plays
    at.room.ask(said.get("key"), said.get("text", ""), said.get("choices", ()), resumes=plays)
    _halt(at)
    return {}


def _halt(at: OpenRoom) -> None:
    """Have the runs of the way stand still, those too that only rest until somebody watches."""
    for run in at.runs_of_way():
        run.stand_still()


async def _next(at: OpenRoom, said: Said) -> Answer:
    question = at.room.question
    if question is None:
        raise BadMessageError("there is no question that could go on")
    if said.get("phase", question.phase) != question.phase:
        raise BadMessageError(f"the question has gone on already: it is in the phase {question.phase}")
    at.room.count_answers()
    match question.phase:
        case "asked":
            question.phase = "shown"
        case "shown":
            if at.room.way == "class" and at.room.class_run is None:
                await at.begin_class_run(None)
            if question.phase == "shown" and at.room.question is question:
                question.phase = "running"
                at.room.paused = False
                await _let_play(at)
        case "running":
            question.phase = "again"
            _halt(at)
        case "again":
            question.truth, question.why = _judged(at, question.key)
            question.phase = "told"
            at.room.count_answers()
        case "told":
            resumes = question.resumes
            at.room.drop()
            if resumes and not at.room.paused:
                await at.stage.order_all(at.runs_of_way(), {"op": "play"})
    return {}


def _judged(at: OpenRoom, key: str | None) -> tuple[int | None, str]:
    """What the numbers say of a question."""
    ready = None if key is None else find_ready(key)
    run = at.class_run if at.room.way == "class" else at.run
    if ready is None or run is None:
        return None, ""
    reading = Reading(run)
    if at.room.way == "class":
        names = {each.place: each.name for each in at.room.seated if each.place is not None}
        networks = [
            Network(each["name"], each["hidden"], each["loss"], each["accuracy"], each["train_loss"])
            for each in networks_of(at, run, reading)
        ]
        return judge(ready, networks, average_of(run, names), run.step)
    found = [(lane, reading.last(index)) for index, lane in enumerate(run.config.lanes)]
    networks = [
        Network(lane.name, max(lane.dropout[1:], default=0.0), last["loss"], last["accuracy"], last["train_loss"])
        for lane, last in found
    ]
    return judge(ready, networks, None, run.step)


async def _drop(at: OpenRoom, said: Said) -> Answer:
    question = at.room.question
    at.room.drop()
    if question is not None and question.resumes and not at.room.paused:
        await at.stage.order_all(at.runs_of_way(), {"op": "play"})
    return {}


async def _known(at: OpenRoom, said: Said) -> Answer:
    at.room.known = said["on"]
    return {}


async def _rehearse(at: OpenRoom, said: Said) -> Answer:
    at.rehearse(said["students"])
    return {}


async def _link(at: OpenRoom, said: Said) -> Answer:
    if said["to"] not in at.room.links:
        raise KnobError("to", said["to"], f"one of {', '.join(at.room.links)}")
    at.room.link = said["to"]
    return {}


async def _look(at: OpenRoom, said: Said) -> Answer:
    if said["panel"] is not None and said["panel"] not in _PANELS:
        raise KnobError("panel", said["panel"], f"one of {', '.join(sorted(_PANELS))}, or null")
    at.room.look = {"panel": said["panel"], "step": said.get("step")}
    return {}


async def _end(at: OpenRoom, said: Said) -> Answer:
    at.do(at.end("its host has ended it"))
    return {}


async def _host_knobs(at: OpenRoom, said: Said) -> Answer:
    run = at.run
    if at.room.way != "follow" or run is None:
        raise NotOwnerError("the host turns the knobs of the host's run alone, in the way follow")
    return await _turn(at, "host", run, run.config.followed_at_first, said)


async def _turn(at: OpenRoom, hand: str, run: Run, lane: int, said: Said) -> Answer:
    """Turn knobs of a network; only those that were named."""
    rates = list(run.last_config.lanes[lane].dropout)
    knobs: dict[str, Any] = {}
    if "hidden" in said or "input" in said:
        first = said.get("input", rates[0])
        knobs["dropout"] = [first, *([said["hidden"]] * (len(rates) - 1) if "hidden" in said else rates[1:])]
    if "batch_norm" in said:
        knobs["batch_norm"] = said["batch_norm"]
    return {"step": await at.turning(hand, run.id, lane).turn(knobs)}


# A student


async def _knobs(at: OpenRoom, student: Student, said: Said) -> Answer:
    room = at.room
    if room.way == "follow":
        run = at.run
        if room.knobs_of != student.id or run is None:
            raise NotOwnerError("the knobs of this run are the host's; they can be lent to you")
        return await _turn(at, student.id, run, run.config.followed_at_first, said)
    if room.way == "own":
        run = at.stage.here(student.run)
        if run is None:
            raise NoWorkerError(student.trouble or "your run is being opened; try again in a moment")
        return await _turn(at, student.id, run, run.config.followed_at_first, said)
    student.knobs = (at.class_knobs(student) or student.knobs).moved(said)
    run = at.class_run
    if run is None or student.place is None:
        return {"step": 0}  # they are those that the next class run begins with
    return await _turn(at, student.id, run, student.place, said)


async def _answer(at: OpenRoom, student: Student, said: Said) -> Answer:
    at.room.answer(student, said["question"], said["choice"])
    await at.save()
    return {}


def _own(at: OpenRoom, student: Student) -> Run:
    """The student's own run.

    Raises:
        NotOwnerError: nobody works on their own now.
        NoWorkerError: it is not there yet.
    """
    if at.room.way != "own":
        raise NotOwnerError("the run is the host's to start and to stop just now")
    if at.room.paused:
        raise NotOwnerError("the host has paused everybody")
    run = at.stage.here(student.run)
    if run is None:
        raise NoWorkerError(student.trouble or "your run is being opened; try again in a moment")
    return run


async def _student_play(at: OpenRoom, student: Student, said: Said) -> Answer:
    if at.room.question is not None and at.room.question.is_open:
        raise NotOwnerError("a question is open: the runs wait for the answers")
    return {"step": await at.stage.order(_own(at, student), {"op": "play"})}


async def _student_pause(at: OpenRoom, student: Student, said: Said) -> Answer:
    return {"step": await at.stage.order(_own(at, student), {"op": "pause"})}


async def _anew(at: OpenRoom, student: Student, said: Said) -> Answer:
    if at.room.way == "class":
        if at.class_run is None or student.place is None:
            raise NoWorkerError("you have no network in the class's run yet")
        student.knobs = at.class_knobs(student) or student.knobs
        await at.claim(student)
        return {"began": student.began}
    return {"step": await at.stage.order(_own(at, student), {"op": "reset"})}


async def _call(at: OpenRoom, student: Student, said: Said) -> Answer:
    if at.room.muted:
        raise NotOwnerError("the host has switched off that students choose their names")
    at.room.rename(student, read_name(said["name"]))
    return {"name": student.name}


_HOST: Final[dict[str, Callable[[OpenRoom, Said], Awaitable[Answer]]]] = {
    "way": _way,
    "experiment": _experiment,
    "begin": _begin,
    "play": _play,
    "pause": _pause,
    "speed": _speed,
    "step": _step,
    "lock": _lock,
    "mute": _mute,
    "rename": _rename,
    "remove": _remove,
    "lend": _lend,
    "show": _show,
    "ask": _ask,
    "next": _next,
    "drop": _drop,
    "known": _known,
    "rehearse": _rehearse,
    "link": _link,
    "look": _look,
    "end": _end,
    "knobs": _host_knobs,
}
_STUDENT: Final[dict[str, Callable[[OpenRoom, Student, Said], Awaitable[Answer]]]] = {
    "knobs": _knobs,
    "answer": _answer,
    "play": _student_play,
    "pause": _student_pause,
    "anew": _anew,
    "call": _call,
}
