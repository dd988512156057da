"""A room that is open on this server: who is connected, the runs behind it, and what it does by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from app.errors import NotFoundError, NoWorkerError, TooManyViewersError
from app.opening import Opening, parse_opening
from app.rooms.commands import Way
from app.rooms.people import Knobs, Student, knobs_of
from app.rooms.pictures import is_behind
from app.rooms.readers import Reader
from app.rooms.rehearsal import Rehearsal
from app.rooms.room import Room
from app.rooms.stage import Stage
from app.rooms.turning import Turning
from app.run import Phase, Run
from app.runs import Runs
from app.settings import Settings
from app.store.keeper import Keeper
from app.viewers import RUN_ENDED
from app.wire import dumps
from trainer.errors import DropoutLabError

MOST_HOSTS: Final = 20  # connections of hosts
MOST_WATCHERS: Final = 40  # and for hosts and students there is always room: they have tokens
STRANGER_S: Final = 60.0  # after which a student who was never connected gives way to others in a full room
OF_A_STUDENT: Final = 4  # connections: tabs, and a phone that has not noticed that its last one is cut
HIDDEN: Final = (64, 64)
"""Units of a network of the class run. 128 such networks with Adam's moments are a checkpoint of 14 MB, which is less
than the most that is kept (`trainer.wire.stream`); and 100 of them make a step in a tenth of what the default takes."""
AT_ONCE: Final = 4  # own runs that are opened side by side
REMOVED: Final = 4403  # close code: the token is worth nothing
SIMULATED_RUNS: Final = 8  # own runs of simulated students: enough to see how it looks
TEND_S: Final = 0.3  # between two looks at whether all is as it should be, and at what is to be written down,
REST_S: Final = 5.0  # and while nobody is there
OPEN_AGAIN_S: Final = 10.0  # until it is tried again to open one that could not be

_log = logging.getLogger(__name__)


class OpenRoom:
    """A room at work.

    Args:
        room: what is kept of it.
        runs: the runs of the lab.
        keeper: keeps it.
        settings: the limits.
        now: the time, in seconds.

    Attributes:
        room: what is kept of it.
        readers: whoever has it open.
        stage: its runs.
        emptied_at: when the last reader left.
        over: whether it has ended.
        opening: what is being opened: ``"host"``, ``"class"`` or both.
    """

    def __init__(
        self, room: Room, runs: Runs, keeper: Keeper, settings: Settings, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.room = room
        self.readers: set[Reader] = set()
        self.stage = Stage(runs, keeper, room.client or f"room {room.code}", room.code)
        self.emptied_at = now()
        self.over = False
        self.opening: set[str] = set()
        self._refused_host_at = -OPEN_AGAIN_S
        self._claiming: set[int] = set()
        self._tended_at = now()
        self._keeper = keeper
        self._settings = settings
        self._now = now
        self._turnings: dict[str, Turning] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._written = ""
        self._saving: asyncio.Task[bool] | None = None
        self._next: asyncio.Task[None] | None = None
        self._opening_own: set[str] = set()
        self._refused_at: dict[str, float] = {}
        self._rehearsal = Rehearsal(self, now)

    # Who is connected

    def enter(self, reader: Reader) -> None:
        """Let a reader in.

        Raises:
            NotFoundError: the room is over.
            TooManyViewersError: too many are there.
        """
        self.check()
        if reader.role == "host" and sum(each.role == "host" for each in self.readers) >= MOST_HOSTS:
            raise TooManyViewersError(f"this room has {MOST_HOSTS} connections of hosts already, and may have no more")
        watchers = [each for each in self.readers if each.role == "watcher"]
        if reader.role == "watcher" and len(watchers) >= MOST_WATCHERS:
            raise TooManyViewersError(f"this room has {MOST_WATCHERS} watchers already, and may have no more")
        share = self._settings.share_of(MOST_WATCHERS)
        mine = sum(each.client == reader.client for each in watchers)
        if reader.role == "watcher" and mine >= share < MOST_WATCHERS:
            raise TooManyViewersError(f"this room has as many watchers from your address as it may, {share}")
        if reader.member is not None:
            self.room.student(reader.member).seen = True
            own = sorted((each for each in self.readers if each.member == reader.member), key=lambda each: each.came)
            for old in own[: max(0, len(own) + 1 - OF_A_STUDENT)]:
                old.close(RUN_ENDED, "this student has opened the room elsewhere")
                self.readers.discard(old)
        self.readers.add(reader)

    def check(self) -> None:
        """Let pass who comes while there is a room.

        Raises:
            NotFoundError: it is over.
        """
        if self.over:
            raise NotFoundError("this room has ended")

    def leave(self, reader: Reader) -> None:
        """A reader has gone."""
        self.readers.discard(reader)
        self.emptied_at = self._now()

    @property
    def connected(self) -> set[str]:
        """Students who are connected."""
        return {each.member for each in self.readers if each.member is not None}

    def is_here(self, student: Student, connected: set[str]) -> bool:
        """Whether a student is here, or is simulated to be."""
        return student.here if student.simulated else student.id in connected

    # Its runs

    @property
    def run(self) -> Run | None:
        """The host's run."""
        return self.stage.here(self.room.run)

    @property
    def class_run(self) -> Run | None:
        """The class run."""
        return self.stage.here(self.room.class_run)

    def own_runs(self) -> list[Run]:
        """The students' own runs that are open."""
        found = (self.stage.here(each.run) for each in self.room.students.values())
        return [run for run in found if run is not None]

    def runs_of_way(self) -> list[Run]:
        """The runs by which everybody works now."""
        if self.room.way == "own":
            return self.own_runs()
        run = self.run if self.room.way == "follow" else self.class_run
        return [] if run is None else [run]

    @property
    def plays(self) -> bool:
        """Whether any of these trains."""
        return any(run.playing for run in self.runs_of_way())

    def tick(self) -> None:
        """Do what is due: runs that are missing, simulated students, what is to be written down."""
        if self.over:
            return
        self._read()
        if self.readers:
            self._rehearsal.tick()
        now = self._now()
        if now - self._tended_at >= (TEND_S if self.readers else REST_S):
            self._tended_at = now
            self.tend()
            self._save_soon()

    def tend(self) -> None:
        """Put right what a loss, or two things at once, may have left: who has a place has its network, a network of
        nobody counts in no average, and nothing trains while everybody is to wait.
        """
        room, run = self.room, self.class_run
        if run is not None and run.phase is Phase.OPEN and not is_behind(run):
            lanes, seated = run.last_config.lanes, {each.place: each for each in room.seated}
            for place, lane in enumerate(lanes):
                student = seated.get(place)
                if place in self._claiming:
                    continue
                if student is not None and (student.unclaimed or not lane.averaged):
                    self.do(self.claim(student))
                elif student is None and lane.averaged:
                    self.do(self.give_up(place))
        waits = room.paused or (room.question is not None and room.question.phase != "running")
        if waits and self.readers:
            for each in self.runs_of_way():
                if each.phase is Phase.OPEN and (each.playing or each.rests) and not each.is_stepping:
                    each.stand_still()
        for name in [name for name in self._turnings if not self._turnings[name].is_busy][
            : -2 * len(room.students) or None
        ]:
            del self._turnings[name]
        for student_id in self._refused_at.keys() - room.students.keys():
            del self._refused_at[student_id]

    def _read(self) -> None:
        """See to it that the runs of the way are there while somebody is."""
        room, wanted = self.room, dict[str, frozenset[str]]()
        if self.readers:
            if room.way == "class" and room.class_run is not None:
                wanted[room.class_run] = frozenset({"average"})
            if room.way == "follow":
                if room.run is None and "host" not in self.opening:
                    if self._now() - self._refused_host_at >= OPEN_AGAIN_S:
                        self.do(self.open_host_run())
                elif room.run is not None:
                    wanted[room.run] = frozenset()
            if room.way == "own":
                connected = self.connected
                few = {each.id for each in room.simulated[:SIMULATED_RUNS]}
                here = [
                    each
                    for each in room.students.values()
                    if self.is_here(each, connected) and (not each.simulated or each.id in few)
                ]
                for student in here:
                    if student.run is None:
                        self._open_own(student)
                    else:
                        wanted[student.run] = frozenset()
            shown = room.students.get(room.shown or "")
            if shown is not None and shown.run is not None and room.way == "own":
                wanted[shown.run] = frozenset()
        self.stage.read(wanted)
        self._forget_lost()

    def _forget_lost(self) -> None:
        """Runs that are no more are opened anew where they are needed."""
        room = self.room
        if room.run is not None and self.stage.is_gone(room.run):
            room.run = None
        if room.class_run is not None and self.stage.is_gone(room.class_run):
            room.class_run = None
            for student in room.students.values():
                student.place = None
        for student in room.students.values():
            if student.run is not None and self.stage.is_gone(student.run):
                student.run = None

    def do(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something beside; what is refused is told in the log."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except DropoutLabError as error:
            _log.info("a room could not do what it wanted: %s", error)
        except Exception:
            _log.exception("a room could not do what it wanted")

    def _experiment(self) -> Opening:
        preset = self.room.preset
        return parse_opening({**preset.knobs, "experiment": preset.id, "stop_at": preset.steps})

    async def _open_run(self, way: Way, opening: Opening, owner: bytes) -> Run:
        """Open a run of a way at the speed that holds there, also if the host sets another one meanwhile.

        Raises:
            DropoutLabError: as of `Stage.open`.
        """
        speed = self.room.speed(way)
        run = await self.stage.open(opening, owner, speed)
        try:
            while (now := self.room.speed(way)) != speed:
                speed = now
                await self.stage.order(run, {"op": "speed", "steps_per_second": speed})
        except BaseException:
            await self.stage.end(run.id)
            raise
        return run

    async def open_host_run(self) -> None:
        """Open the host's run, of the experiment that is chosen when it is there.

        Raises:
            DropoutLabError: it cannot be opened; it is tried again after a while.
        """
        if "host" in self.opening:
            return
        self.opening.add("host")
        try:
            while True:
                preset = self.room.preset
                run = await self._open_run("follow", self._experiment(), self.room.host)
                if self.room.preset is preset:
                    break
                await self.stage.end(run.id)
        except DropoutLabError:
            self._refused_host_at = self._now()
            raise
        finally:
            self.opening.discard("host")
        old, self.room.run = self.room.run, run.id
        await self.save()
        await self.stage.end(old)

    def _open_own(self, student: Student) -> None:
        since = self._now() - self._refused_at.get(student.id, -OPEN_AGAIN_S)
        if student.id in self._opening_own or len(self._opening_own) >= AT_ONCE or since < OPEN_AGAIN_S:
            return
        self._opening_own.add(student.id)
        self.do(self._open_run_of(student))

    async def _open_run_of(self, student: Student) -> None:
        preset = self.room.preset
        try:
            run = await self._open_run("own", self._experiment(), student.digest or b"")
        except DropoutLabError as error:
            student.trouble = str(error)
            self._refused_at[student.id] = self._now()
            raise
        finally:
            self._opening_own.discard(student.id)
        student.trouble = ""
        if self.room.students.get(student.id) is not student or self.room.preset is not preset:
            await self.stage.end(run.id)
            return
        student.run = run.id
        if not self.room.paused and any(each.playing for each in self.own_runs()):  # the others train already
            await self.stage.order(run, {"op": "play"})

    async def begin_class_run(self, places: int | None) -> None:
        """Open the class run anew: everybody's network begins with the rates that its student has chosen.

        Until it is there, everybody has the network of the run before.

        Raises:
            NoWorkerError: it is being opened already.
            DropoutLabError: it cannot be opened; the one before stays.
        """
        if "class" in self.opening:
            raise NoWorkerError("the class run is being opened already")
        self.opening.add("class")
        room = self.room
        try:
            for student in room.students.values():
                student.knobs = self.class_knobs(student) or student.knobs
            count, dealt = room.deal(places)
            chosen = {place: student.knobs for place, student in dealt.items()}
            run = await self._open_run("class", class_opening(count, chosen), room.host)
            old, room.class_run = room.class_run, run.id
            room.places = count
            places_of = {student.id: place for place, student in dealt.items()}
            for student in room.students.values():
                student.place, student.began, student.unclaimed = places_of.get(student.id), 0, False
            await self.save()
            await self.stage.end(old)
        finally:
            self.opening.discard("class")
        room.seat()  # who came meanwhile; `tend` gives them their networks
        for place, student in dealt.items():
            if student.knobs != chosen[place] and student.place == place:
                self.do(self.turning(student.id, run.id, place).turn(student.knobs.of_lane(1 + len(HIDDEN))))
        self.tend()

    def class_knobs(self, student: Student) -> Any:
        """What a student's network of the class run is set to now; None: it has none."""
        run = self.class_run
        if run is None or student.place is None or student.place >= len(run.config.lanes):
            return None
        return knobs_of(run.last_config.lanes[student.place].model_dump(mode="json", include={"dropout", "batch_norm"}))

    def turning(self, name: str, run_id: str, lane: int) -> Turning:
        """What turns the knobs of one network, by whose hand."""
        key = f"{name} {run_id} {lane}"
        if key not in self._turnings:

            async def send(knobs: Mapping[str, Any]) -> int:
                run = self.stage.here(run_id)
                if run is None:
                    return 0
                return await self.stage.order(run, {"op": "set", "lane": lane, "knobs": dict(knobs)})

            self._turnings[key] = Turning(send)
        return self._turnings[key]

    async def claim(self, student: Student) -> None:
        """A student takes over a place: its network begins anew, unless nothing has been trained yet."""
        run, place = self.class_run, student.place
        if run is None or place is None or place >= len(run.config.lanes) or place in self._claiming:
            return
        lane = run.last_config.lanes[place]
        knobs: dict[str, Any] = {**student.knobs.of_lane(len(lane.dropout)), "averaged": True}
        if run.step > 0 or run.playing:
            knobs["restarts"] = lane.restarts + 1
        self._claiming.add(place)
        try:
            step = await self.turning(student.id, run.id, place).turn(knobs)
        finally:
            self._claiming.discard(place)
        student.began, student.unclaimed = (step - 1 if "restarts" in knobs else 0), False

    async def give_up(self, place: int) -> None:
        """Nobody has this place any more: its network no longer counts in the average."""
        run = self.class_run
        if run is None or place >= len(run.config.lanes) or place in self._claiming:
            return
        self._claiming.add(place)
        try:
            await self.stage.order(run, {"op": "set", "lane": place, "knobs": {"averaged": False}})
        finally:
            self._claiming.discard(place)

    def forget_strangers(self) -> None:
        """In a full room, part with students who joined a while ago and were never connected."""
        if self.room.is_full:
            before = self._now() - STRANGER_S
            for student in self.room.real:
                if not student.seen and (student.came is None or student.came < before):
                    self.remove(student)

    def remove(self, student: Student) -> None:
        """A student is in the room no longer: the token is worth nothing, and what it had is free."""
        self.room.leave(student)
        for reader in tuple(self.readers):
            if reader.member == student.id:
                reader.say(dumps({"op": "removed"}))
                reader.close(REMOVED, "removed")
        if student.run is not None:
            self.do(self.stage.end(student.run))
        self.room.seat()  # of those who wait for a place; `tend` gives them its network
        self.tend()

    def rehearse(self, students: int) -> None:
        """Have so many simulated students."""
        self._rehearsal.want(students)

    # Its end, and what is kept

    def _save_soon(self) -> None:
        if self._saving is None or self._saving.done():
            text = self.room.text()
            if text != self._written:
                self._saving = asyncio.create_task(self._save(text))

    async def _save(self, text: str) -> bool:
        is_kept = await self._keeper.save_room(self.room.code, text)
        if is_kept:
            self._written = text
        return is_kept

    async def save(self) -> None:
        """Write it down as it is now; of many who wait for that at once, the next writing is everybody's."""
        if self.over:
            return
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save(self.room.text()))
            await asyncio.wait({self._saving})
            return
        if self._next is None:
            self._next = asyncio.create_task(self._save_behind(self._saving))
        await asyncio.wait({self._next})

    async def _save_behind(self, saving: asyncio.Task[bool]) -> None:
        await asyncio.wait({saving})
        self._next = None
        text = self.room.text()
        if text != self._written and not self.over:
            self._saving = asyncio.create_task(self._save(text))
            await asyncio.wait({self._saving})

    async def end(self, reason: str) -> None:
        """End it, with all its runs: nothing of it stays."""
        self.over = True
        text = dumps({"op": "ended", "reason": reason})
        for reader in tuple(self.readers):
            reader.say(text)
            reader.close(RUN_ENDED, "ended")
        self.stop()
        if self._saving is not None:
            await asyncio.wait({self._saving})
        await self.stage.end_all(self.room.runs)
        await self._keeper.forget_room(self.room.code)

    def stop(self) -> None:
        """Stop what it does by itself."""
        self.stage.close()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        with contextlib.suppress(RuntimeError):
            self._rehearsal.stop()


def class_opening(places: int, chosen: Mapping[int, Knobs]) -> Opening:
    """Return what a class run is opened with: a network for each place, of the same seed and data.

    Args:
        places: how many.
        chosen: what the students set of theirs; the other places are nobody's.
    """
    lanes = [
        {
            "name": str(place + 1),
            **chosen.get(place, Knobs()).of_lane(1 + len(HIDDEN)),
            "averaged": place in chosen,
        }
        for place in range(places)
    ]
    return parse_opening({"hidden": HIDDEN, "lanes": lanes})
