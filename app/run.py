"""One run: who watches it, what is known of it, and what its worker is asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

from numpy.typing import NDArray

from app.backlog import Packet
from app.errors import (
    NoWorkerError,
    RunFailedError,
    RunFileError,
    TooManyMessagesError,
    TooManyViewersError,
    WrongTokenError,
    describe,
)
from app.layout import obstacles_of
from app.memory import CHECKPOINT, Checkpoint, Memory
from app.metrics import Metrics
from app.opening import Fork, Opening
from app.pool.base import Pool
from app.questions import Questions
from app.runfile import RunFile
from app.settings import Settings
from app.store.records import Found, digest_of
from app.tables import Stored
from app.told import check_told
from app.viewers import SERVER_ERROR, Outbox
from app.wire import dumps
from trainer.errors import DropoutLabError
from trainer.logs import of_run
from trainer.settings.changes import ChangeLog, read_changes
from trainer.settings.config import ExperimentConfig, parse

PROTOCOL: Final = 3
MAX_UNANSWERED: Final = 1000  # commands that a worker has not answered yet
OWNER_SEATS: Final = 4  # beyond the limit of viewers, so that a full class does not lock its teacher out
VIEWERS_EVERY_S: Final = 0.5  # how often viewers are told how many they are
MAX_LOSSES: Final = 5  # workers in a row that a run may lose before it gets anywhere,
LOSSES_WITHIN_S: Final = 120.0  # each within this time of the one before, beside what a worker may hang
HOLD_S: Final = 0.5  # that viewers wait at most for a change to be written down
PART_BYTES: Final = 256 * 1024  # of a run's changes, in one message to a viewer,
MAX_STEP: Final = 2**53  # behind all changes
OPENING_BYTES: Final = 32 * 1024  # and in one to a worker, which takes it in between two slices of training
KEPT: Final = ("state", "steps_per_second", "follow", "experiment", "stop_at", "steps_to", "ensemble", "search")
"""What a run that is opened again takes over from the run before."""

_log = logging.getLogger(__name__)

Answer = Callable[[dict[str, Any]], None]


class Phase(Enum):
    """Where a run is in its life."""

    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"
    ENDED = "ended"


_MOVES: Final = {
    Phase.OPENING: {Phase.OPEN, Phase.ENDED},
    Phase.OPEN: {Phase.LOST, Phase.ENDED},
    Phase.LOST: {Phase.OPEN, Phase.ENDED},
    Phase.ENDED: set[Phase](),
}


class IllegalMoveError(DropoutLabError):
    """A run was moved from one phase to another that cannot follow it."""


class Run:
    """A run that exists: its seed, its configuration and its changes are here, its networks are with a worker.

    Args:
        run_id: its name in the API.
        opening: what it is opened with.
        pool: where it trains.
        settings: the limits.
        now: the time, in seconds.
        table: the uploaded table that it learns from, if it does; kept as long as the run lives.
        client: who has it opened, for what one client may have.
        metrics: where it counts what happens.
        owner: the digest of a token that somebody has already, and is to own it by; by default it gets one of its own.
        room: the code of the room that opens it, if one does.
    """

    def __init__(
        self,
        run_id: str,
        opening: Opening,
        pool: Pool,
        settings: Settings,
        now: Callable[[], float],
        table: Stored | None = None,
        client: str = "",
        metrics: Metrics | None = None,
        owner: bytes | None = None,
        room: str | None = None,
    ) -> None:
        self.id = run_id
        self.room = room
        self.client = client
        self.opening = opening
        self.memory = 0  # bytes that a worker needs for it
        self._metrics = metrics
        self.token = secrets.token_urlsafe(24) if owner is None else ""
        self.token_digest = digest_of(self.token) if owner is None else owner
        self.phase = Phase.OPENING
        self.viewers: set[Outbox] = set()
        self.unwatched_since = now()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.config = opening.config
        self._first_config = opening.config.model_dump(mode="json")
        self.changes = opening.changes
        self._state: dict[str, Any] = {name: getattr(opening, name) for name in ("experiment", "stop_at", "search")}
        if opening.follow is not None:
            self._state["follow"] = opening.follow
        self._obstacles_of: ExperimentConfig | None = None
        self._blocked: dict[str, str] = {}
        self._pool = pool
        self._settings = settings
        self._now = now
        self.table = table
        self.parent = opening.parent
        self._answers: dict[int, Answer] = {}
        self._questions = Questions(now)
        self._refs = 0
        self._memory = Memory(run_id)
        self._going_on: int | None = None  # from the checkpoint of this step, while a worker opens it
        self.turns = 0  # how often it changed otherwise than by being trained
        self.starts = 0  # how often it has begun anew, with no changes
        self._losses = 0
        self._lost_at = now()
        self._reached = 0  # the step at which it was when its worker was lost
        self._count_timer: asyncio.TimerHandle | None = None
        self._saved = asyncio.Event()  # a checkpoint came
        self._strict = False  # whether it must not be opened without its checkpoint
        self._later: list[dict[str, Any]] | None = None  # while it is handed over: what the next worker is to be told
        self._stays = False  # it cannot be handed over: it is too large for a checkpoint
        self.name: str | None = None  # what its owner calls it,
        self.pinned = False  # and whether it is to be kept for good
        self.opened_at = time.time()
        self._rests = False  # it was paused because nobody watched
        self._unkept: str | None = None
        self.is_kept = False  # whether what changes is written down at once
        self._awaits: int | None = None  # the revision of the changes that is to be written down before more is said
        self._held: list[Callable[[], None]] = []  # what is to be said then
        self._hold_timer: asyncio.TimerHandle | None = None
        self._silent = False  # its worker says nothing, and may soon be given up
        self._last_config: tuple[int, ExperimentConfig] | None = None  # by the revision of the changes
        self._room_views: frozenset[str] | None = None  # a room reads it, and of its views these

    @classmethod
    def revived(
        cls,
        found: Found,
        pool: Pool,
        settings: Settings,
        now: Callable[[], float],
        client: str = "",
        metrics: Metrics | None = None,
    ) -> Run:
        """A run that was kept, as it was: its owner's token, its changes, its last checkpoint.

        Raises:
            KnobError, UnknownKnobError, TooManyChangesError: what was kept is no run of this version.
        """
        record, kept = found.record, dict(found.record.kept)
        config = parse(record.first_config)
        about = {name: kept.get(name) for name in ("experiment", "stop_at", "search")} | {
            "parent": kept.pop("parent", None)
        }
        opening = Opening(config, read_changes(config, record.changes), follow=kept.get("follow"), **about)
        run = cls(record.id, opening, pool, settings, now, found.table, client, metrics, room=record.room)
        run.token, run.token_digest = "", record.token_digest
        run.name, run.pinned, run.opened_at = record.name, record.pinned, record.opened_at
        run._take_up(kept, record.step, found.checkpoint)
        return run

    def forked(self, run_id: str, fork: Fork, checkpoint: Checkpoint | None, client: str = "") -> Run:
        """A run that has this one's past up to a step, and a future of its own.

        Args:
            run_id: its name.
            fork: from where on, and with which changes.
            checkpoint: the last state of this one at that step or before; without it, it is trained from step 0.
            client: who has it opened.
        """
        step, until = fork.step, fork.changes_until
        if until is None:  # a change that was made where a run stands still is part of what one sees
            until = step + (step == self.reach)
        config = ExperimentConfig.model_validate(self._first_config)
        stop_at = self._state.get("stop_at")
        opening = Opening(
            config,
            ChangeLog(self.changes.until(until)),
            experiment=self._state.get("experiment"),
            stop_at=stop_at if stop_at is None or stop_at > step else None,
            follow=self._state.get("follow"),
            parent={"run": self.id, "step": step},
        )
        run = Run(run_id, opening, self._pool, self._settings, self._now, self.table, client, self._metrics)
        run._state |= {name: self._state[name] for name in ("steps_per_second", "ensemble") if name in self._state}
        run._state["state"] = "paused"
        run._reached = step
        if checkpoint is not None:
            frame = checkpoint.under(run_id)
            run._memory.checkpoint = Checkpoint(checkpoint.step, frame, checkpoint.config, checkpoint.history)
            run._memory.go_back()
        return run

    @classmethod
    def brought(
        cls,
        run_id: str,
        file: RunFile,
        table: Stored | None,
        pool: Pool,
        settings: Settings,
        now: Callable[[], float],
        client: str = "",
        metrics: Metrics | None = None,
    ) -> Run:
        """A run that comes from a file, with a token of its own: paused at its step, and with that state or not at all.

        Args:
            run_id: its name here.
            file: what the file says.
            table: what it learns from, if that is a table of a reader's own.
            pool: where it trains.
            settings: the limits.
            now: the time, in seconds.
            client: whose share of runs it counts in.
            metrics: where it counts what happens.
        """
        run = cls(run_id, file.opening, pool, settings, now, table, client, metrics)
        run.name = file.name
        run._take_up({**file.kept, "state": "paused", "steps_to": None}, file.step, file.checkpoint(run_id))
        run._strict = True
        return run

    def _take_up(self, kept: Mapping[str, Any], step: int, checkpoint: Checkpoint | None) -> None:
        """Go on with what there was before: its speed, what is followed, its step, and what had been measured."""
        self._state |= {**kept, "step": step}
        self._reached = step
        self._memory.checkpoint = checkpoint
        if checkpoint is not None:
            self._memory.go_back()

    # What it is now

    @property
    def playing(self) -> bool:
        """Whether it trains."""
        return self._state.get("state") == "playing"

    @property
    def rests(self) -> bool:
        """Whether it stands still only until somebody watches."""
        return self._rests

    @property
    def is_stepping(self) -> bool:
        """Whether it makes steps that were asked for by their number."""
        return self._state.get("steps_to") is not None

    @property
    def standing(self) -> str:
        """``playing`` or ``paused`` or, while no worker has it, its phase."""
        return self.phase.value if self.phase is not Phase.OPEN else "playing" if self.playing else "paused"

    @property
    def step(self) -> int:
        """Updates made so far, as far as is known here."""
        step: int = self._state.get("step", 0)
        return step

    @property
    def reach(self) -> int:
        """The step at which it is, or to which it is being trained again because it was there before."""
        return max(self.step, self._reached)

    @property
    def last_config(self) -> ExperimentConfig:
        """Its configuration with all changes that are known: other than now while it is trained again after a loss."""
        if self.changes.next_after(self.step + 1) is None:
            return self.config
        if self._last_config is None or self._last_config[0] != self.changes.revision:
            first = ExperimentConfig.model_validate(self._first_config)
            self._last_config = self.changes.revision, self.changes.config_at(MAX_STEP, first)
        return self._last_config[1]

    @property
    def unwatched_s(self) -> float:
        """For how long nobody has watched it, in seconds."""
        return 0.0 if self.is_watched else self._now() - self.unwatched_since

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches it, be it a viewer or a room."""
        return bool(self.viewers) or self._room_views is not None

    @property
    def steps_per_second(self) -> float | None:
        """How fast it is to train; None: as fast as it goes."""
        speed: float | None = self._state.get("steps_per_second")
        return speed

    @property
    def diverged(self) -> list[dict[str, Any] | None]:
        """Of each lane that diverged, when that was; None of the others."""
        return list(self._state.get("diverged") or [])

    @property
    def is_open(self) -> bool:
        """Whether a worker trains it, or is to take it up again."""
        return self.phase in (Phase.OPEN, Phase.LOST)

    @property
    def first_config(self) -> dict[str, Any]:
        """Its configuration at step 0."""
        return self._first_config

    @property
    def kept(self) -> dict[str, Any]:
        """What it goes on with beside its knobs, when it is opened again."""
        kept: dict[str, Any] = {name: self._state[name] for name in KEPT if name in self._state}
        return kept if self.parent is None else {**kept, "parent": self.parent}

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest state from which it can go on."""
        return self._memory.checkpoint

    @property
    def version(self) -> tuple[int, int]:
        """How often it changed, and the last frame that came: of one version there is one record."""
        return self.turns, self._memory.seq

    def state(self) -> dict[str, Any]:
        """Return the run state of the protocol; its changes are JSON that is written already."""
        return {**self._news(), "changes": self.changes.text}

    def _news(self) -> dict[str, Any]:
        """The same without the changes: whoever watches knows them but for the new ones."""
        known = {"first_config": self._first_config, "viewers": len(self.viewers), "name": self.name}
        known["keep_days"] = self._settings.keep_days if self._settings.keep else None
        about = {"obstacles": self._obstacles(), "parent": self.parent}
        troubles = {"unkept": self._unkept, "silent": self._silent}
        return {"id": self.id, **self._state, **known, **about, **troubles}

    def _obstacles(self) -> dict[str, str]:
        """What stands against each panel that would show nothing; found again only of another configuration."""
        if self._obstacles_of is not self.config:
            self._obstacles_of = self.config
            self._blocked = obstacles_of(self.config, self._state.get("search"))
        return self._blocked

    def curves(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Return what was measured so far: ``losses`` and ``scores``, each a table with a column ``step``."""
        return self._memory.curves()

    def latest(self) -> dict[str, Packet]:
        """Return the newest frame of each kind of which only the newest counts."""
        return self._memory.latest()

    def scores(self) -> dict[str, NDArray[Any]]:
        """Return the evaluations so far: a table with a column ``step``."""
        return self._memory.scores()

    def masks(self) -> dict[str, NDArray[Any]]:
        """Return the last steps with their masks: views that the next step may overwrite."""
        return self._memory.masks()

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The places that can drop, as the run state has them."""
        return list(self._state.get("layers") or [])

    def check_token(self, token: str) -> None:
        """Let the owner pass.

        Raises:
            WrongTokenError: this is not the owner's token.
        """
        if not secrets.compare_digest(digest_of(token), self.token_digest):
            raise WrongTokenError(f"this is not the token of run {self.id}; without a token one watches")

    # To the worker

    def request(self) -> dict[str, Any]:
        """What a worker needs to make it again, beside its changes and a checkpoint."""
        request: dict[str, Any] = {"op": "open", "run": self.id, "config": self._first_config}
        if self.table is not None:
            request["table"] = self.table.content
        if self.memory:
            request["memory"] = self.memory
        return request | self.kept

    def open(self) -> None:
        """Have the pool open it: for the first time, or again after its worker was lost."""
        request = self.request()
        kept = self._memory.checkpoint
        self._going_on = None if kept is None else kept.step
        if self._reached:
            scored = kept is not None and kept.history.is_scored(kept.step)
            request |= {"reach": self._reached, "scored": scored}
        if self._strict:
            request["strict"] = True
        frame = None if kept is None else kept.frame
        self._pool.open(self.id, request, self.changes.parts(OPENING_BYTES), frame)

    def command(self, command: dict[str, Any], answer: Answer) -> None:
        """Send the worker a command; ``answer`` gets its reply, or that of an error.

        Raises:
            NoWorkerError: its worker was lost and the next is not ready yet.
            TooManyMessagesError: the worker is behind with answering.
        """
        if self.phase is not Phase.OPEN:
            raise NoWorkerError("the run's worker was lost and the next one is starting; try again in a few seconds")
        if len(self._answers) >= MAX_UNANSWERED:
            raise TooManyMessagesError(f"{MAX_UNANSWERED:,} commands of this run still wait for their answer")
        self._refs += 1
        self._answers[self._refs] = answer
        message = {"op": "command", "run": self.id, "ref": self._refs, "command": command}
        if self._later is None:
            self._pool.send(self.id, message)
        else:
            self._later.append(message)

    def hand_over(self) -> bool:
        """Have its worker part with it, so that another can go on with it; whether it was asked to.

        Nobody who watches hears of it, and no step is made again. A run that stands still costs its worker nothing and
        stays where it is; so does a search.
        """
        is_idle = not self.playing or self.step == 0 or self._state.get("search") is not None
        if self.phase is not Phase.OPEN or self._later is not None or self._stays or is_idle:
            return False
        self._later = []
        self._pool.send(self.id, {"op": "hand_over", "run": self.id})
        return True

    def pause_unwatched(self) -> None:
        """Pause it because nobody watches; it plays on when somebody does."""
        if self.phase is Phase.OPEN:
            self.command({"op": "pause"}, lambda reply: None)
            self._rests = True

    # From the worker

    def on_message(self, message: dict[str, Any]) -> None:
        """Take in what the worker says; ``failed`` is the registry's business.

        Raises:
            StreamError: it cannot be understood.
        """
        check_told(message)
        match message["op"]:
            case "opened":
                self._opened(message["state"])
            case "reply":
                answer = self._answers.pop(message["ref"], None)
                if answer is not None:
                    self._answer(answer, message)
            case "changed":
                self._changed(message)
            case "handed_over":
                self._handed_over(message["step"], message.get("why") == "too large")

    def _handed_over(self, step: int | None, is_too_large: bool) -> None:
        """Go on with another worker from where the last one stood, or with the same if it could not part with it."""
        later, self._later = self._later or [], None
        if step is None:
            self._stays = is_too_large
        else:
            self._reached = max(self._reached, step)
            self._memory.count_on(0)
            self.open()
        for message in later:
            self._pool.send(self.id, message)

    def _opened(self, state: dict[str, Any]) -> None:
        self._learn(state)
        expected, self._going_on = self._going_on, None
        if self._strict:
            self._check_brought(expected, state)
        if expected != state["step"]:  # a worker that cannot use a checkpoint begins at step 0
            self._memory.checkpoint = None
            self._forget_frames()
            if expected is not None:
                self._start_over()
                self._tell_changed("restarted", 0)
        if self.phase is not Phase.OPEN:  # as it is while it is handed over
            self._move(Phase.OPEN)
        self._tell_worker_who_watches()
        self._rest_no_more()

    def _check_brought(self, expected: int | None, state: Mapping[str, Any]) -> None:
        """See that a worker has taken up what was in a file, and that its masks are of these layers.

        Raises:
            RunFailedError: it has not, or they are not.
        """
        self._strict = False
        widths = {f"mask/{layer['name']}": (layer["units"] + 7) // 8 for layer in state["layers"]}
        kept = self._memory.checkpoint
        masks = {} if kept is None else kept.history.masks()
        if (expected or 0) != state["step"] or any(
            masks[name].shape[1] != widths.get(name) for name in masks if name in widths
        ):
            described = RunFileError("its state or its masks are not those of its networks").described()
            raise RunFailedError(described)

    def _changed(self, message: dict[str, Any]) -> None:
        reason, state = message["reason"], message["state"]
        if reason in ("reset", "batch"):
            self.changes.clear()
            self.starts += 1
            self._reached = 0
            self._stays = False
            self._memory.checkpoint = None
            self._first_config = state["config"]
        for change in message["changes"]:
            self.changes.insert(change["step"], change.get("lane"), change["knobs"])
        if message["changes"]:
            self._hold()
        self._learn(state)
        if reason in ("reset", "batch"):
            self._start_over()
        self._tell_changed(reason, message["step"])

    def _learn(self, state: dict[str, Any]) -> None:
        """Take over what the worker says of the run as it is now."""
        self.turns += 1
        if state["config"] != self._state.get("config"):
            self.config = parse(state["config"])
        self._state = {name: value for name, value in state.items() if name != "first_config"}

    def on_frame(self, raw: bytes) -> None:
        """Take in a frame and hand it to every viewer.

        Raises:
            FrameError: it is none, or not of this run.
        """
        packet = self._memory.add(raw)
        if packet.kind == CHECKPOINT:
            self._memory.save(packet, raw, self._state["config"])
            self._saved.set()
            return
        if packet.kind == "data":
            if not self.ready.done():
                self.ready.set_result(None)
            return
        if packet.kind == "steps":
            steps = packet.frame.tensors["step"]
            self._state["step"] = int(steps[-1])
            self._losses = 0
            if self._metrics is not None:
                self._metrics.trained(len(steps))
        self._to_viewers(lambda viewer: viewer.put(packet))

    def lost(self) -> None:
        """Its worker is gone: tell the viewers, and open it again.

        Raises:
            RunFailedError: this happened too often before it got anywhere.
        """
        within_s = LOSSES_WITHIN_S + self._settings.worker_stuck_s
        self._losses = self._losses + 1 if self._now() - self._lost_at < within_s else 1
        self._lost_at = self._now()
        self._silent = False
        self._later = None
        self._refuse_unanswered(NoWorkerError("the run's worker was lost before it could answer"))
        if self._losses > MAX_LOSSES:
            raise RunFailedError({"message": f"{self._losses} workers in a row were lost with this run"})
        if self.phase is Phase.OPEN:
            self._move(Phase.LOST)
            self._memory.count_on()
            self._reached = self.reach
            kept = self._memory.checkpoint
            step, config = (0, self._first_config) if kept is None else (kept.step, kept.config)
            self._state |= {"step": step, "config": config}
            self.config = ExperimentConfig.model_validate(config)
            self._start_over()
            self._tell_changed("restarted", step)
            if kept is not None:
                past = self._memory.go_back()
                self._to_viewers(lambda viewer: viewer.put(past))
        self.open()

    def _start_over(self) -> None:
        """Nothing of the old start may reach a viewer any more."""
        self.turns += 1
        self._forget_frames()
        self._to_viewers(Outbox.discard)

    def _forget_frames(self) -> None:
        layers = {layer["name"]: layer["units"] for layer in self._state.get("layers", [])}
        self._memory.restart(len(self.config.lanes), layers)

    # The viewers

    def join(self, owner: bool, client: str = "") -> Outbox:
        """Let a viewer in: its outbox already holds all that was, and from now on gets all that comes.

        Args:
            owner: whether it may turn the knobs.
            client: where it comes from.

        Raises:
            TooManyViewersError: the run is full, or has as many viewers from there as it may.
        """
        most, more = self._settings.max_viewers_per_run, OWNER_SEATS if owner else 0
        if len(self.viewers) >= most + more:
            raise TooManyViewersError(f"this run has as many viewers as it may, {most:,}")
        share = self._settings.share_of(most)
        if sum(viewer.client == client for viewer in self.viewers) >= share + more:
            raise TooManyViewersError(
                f"this run has as many viewers from your address as it may, {share:,} of {most:,}"
            )
        viewer = Outbox(owner, client, None if self._metrics is None else self._metrics.left)
        self.viewers.add(viewer)
        role = "owner" if owner else "viewer"
        try:
            viewer.greet(self._greeting(role), self.changes.revision)
            viewer.begin(self._memory.first_frames())
        except Exception:  # nobody will ever take this viewer out again
            self.viewers.discard(viewer)
            raise
        self._viewers_changed()
        self._rest_no_more()
        return viewer

    def _rest_no_more(self) -> None:
        """Play on, if it stood still only because nobody watched and somebody does."""
        if self._rests and self.is_watched and self.phase is Phase.OPEN:
            self._rests = False
            self.command({"op": "play"}, lambda reply: None)

    def stand_still(self) -> None:
        """Pause it, and have it stay so, whoever comes to watch."""
        self._rests = False
        if self.phase is Phase.OPEN:
            if self.playing:
                self.command({"op": "pause"}, lambda reply: None)
        else:  # whoever opens it next takes this over
            self._state["state"] = "paused"
            self.turns += 1

    def _greeting(self, role: str) -> Iterator[str]:
        """What a viewer is told first: the run as it is now, with its changes in as many messages as they need."""
        step, news, parts = self.step, self._news(), self.changes.parts(PART_BYTES)
        yield dumps({"op": "hello", "protocol": PROTOCOL, "role": role, "run": {**news, "changes": next(parts)}})
        for part in parts:
            yield dumps({"op": "changed", "reason": "changes", "step": step, "run": news, "changes": part})

    def show(self, viewer: Outbox, views: Iterable[str]) -> None:
        """A viewer has these views open: it gets their newest frames, and what is made of them from now on."""
        opened = frozenset(views) - viewer.views
        viewer.views = frozenset(views)
        latest = self._memory.latest()
        for kind in opened & latest.keys():
            viewer.put(latest[kind].again(self._memory.seq))
        self._tell_worker_who_watches()

    def ask(self, viewer: Outbox, command: dict[str, Any], answer: Answer) -> None:
        """Have the worker answer a viewer's question: one at a time for each viewer, and few for a run.

        Raises:
            NoWorkerError: as of `command`.
            TooManyMessagesError: the viewer's last question is not answered yet, too many others wait, or all viewers
                together ask too often.
        """
        self._questions.check(viewer)

        def answered(reply: dict[str, Any]) -> None:
            self._questions.answered(viewer)
            answer(reply)

        self.command(command, answered)
        self._questions.asked(viewer)

    def leave(self, viewer: Outbox) -> None:
        """A viewer has gone."""
        self.viewers.discard(viewer)
        if not self.is_watched:
            self.unwatched_since = self._now()
        self._viewers_changed()

    def hold(self, views: Iterable[str] | None) -> None:
        """A room reads it: its losses, scores and masks, and these of its views. None: it does so no longer."""
        held = None if views is None else frozenset(views)
        if held == self._room_views:
            return
        self._room_views = held
        if not self.is_watched:
            self.unwatched_since = self._now()
        self._tell_worker_who_watches()
        self._rest_no_more()

    def call(self, name: str | None, pinned: bool) -> None:
        """Give it a name, or take it away; have it kept for good, or as long as others."""
        self.name, self.pinned = name, pinned
        self.turns += 1
        self._tell_changed("name", self.step)

    async def rested(self, within_s: float) -> None:
        """Wait for the checkpoint of a run that stands still: a worker makes it as soon as it has the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.is_open and not self.playing and self._is_ahead:
                    self._saved.clear()
                    await self._saved.wait()

    @property
    def _is_ahead(self) -> bool:
        """Whether it has gone on since its last checkpoint."""
        return self.step != (0 if self.checkpoint is None else self.checkpoint.step)

    def tell_unkept(self, problem: str | None) -> None:
        """Tell every viewer why it would not outlive the server; None: it would."""
        self.is_kept = problem is None
        if problem is not None:
            self.release()
        if problem != self._unkept:
            self._unkept = problem
            self._tell_changed("unkept", self.step)

    def tell_silent(self, is_silent: bool) -> None:
        """Tell every viewer that its worker says nothing, or is heard again."""
        if is_silent is not self._silent:
            self._silent = is_silent
            self._tell_changed("silent", self.step)

    def _viewers_changed(self) -> None:
        if self.phase is Phase.ENDED:
            return
        self._tell_worker_who_watches()
        if self._count_timer is None:
            self._count_timer = asyncio.get_running_loop().call_later(VIEWERS_EVERY_S, self._tell_count)

    def _tell_count(self) -> None:
        self._count_timer = None
        self._tell_changed("viewers", self.step)

    def _tell_worker_who_watches(self) -> None:
        if self.phase is Phase.OPEN:
            in_room = self._room_views or frozenset()
            views = sorted(in_room.union(*(viewer.views for viewer in self.viewers)))
            watch = {
                "op": "watch",
                "run": self.id,
                "viewers": len(self.viewers) or int(self.is_watched),
                "views": views,
            }
            has_pictures = bool(self.viewers) or self._room_views is None
            self._pool.send(self.id, watch if has_pictures else {**watch, "pictures": False})

    def _tell_changed(self, reason: str, step: int) -> None:
        """Tell every viewer how the run is now, and which changes are new to it."""
        told = dumps({"op": "changed", "reason": reason, "step": step, "run": self._news()}) if self.viewers else ""
        texts: dict[int, str] = {}  # by what a viewer knows already: most know the same

        def text_since(revision: int) -> str:
            if revision not in texts:
                texts[revision] = f'{told[:-1]},"changes":{self.changes.text_since(revision)}}}'
            return texts[revision]

        self._to_viewers(lambda viewer: viewer.tell(text_since, self.changes.revision, reason))

    # What is said only once it is written down

    def _hold(self) -> None:
        """Say nothing more until the changes are written down: nobody shall have seen what could be lost.

        That takes some milliseconds; a store that takes long is not waited for.
        """
        if not self.is_kept:
            return
        self._awaits = self.changes.revision
        if self._hold_timer is None:
            self._hold_timer = asyncio.get_running_loop().call_later(HOLD_S, self.release)

    def written(self, revision: int) -> None:
        """The changes until this revision are written down."""
        if self._awaits is not None and revision >= self._awaits:
            self.release()

    def release(self) -> None:
        """Say what was held."""
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        self._hold_timer = self._awaits = None
        held, self._held = self._held, []
        for say in held:
            say()

    def _to_viewers(self, tell: Callable[[Outbox], None]) -> None:
        """Tell every viewer, now or once what was changed before is written down."""
        viewers = tuple(self.viewers)
        if self._awaits is None:
            self._tell(viewers, tell)
        else:
            self._held.append(lambda: self._tell([each for each in viewers if each in self.viewers], tell))

    def _tell(self, viewers: Iterable[Outbox], tell: Callable[[Outbox], None]) -> None:
        """Tell some viewers; one that cannot be told is parted from, and the others do not hear of it."""
        for viewer in viewers:
            try:
                tell(viewer)
            except Exception:
                _log.exception("a viewer of run %s is parted from", self.id, extra=of_run(self.id))
                self.viewers.discard(viewer)
                viewer.close(SERVER_ERROR, "internal")

    # The end

    def end(self, reason: str, message: str, code: int) -> None:
        """Tell everybody that it is over, and hang up."""
        self.release()
        self._move(Phase.ENDED)
        self._saved.set()
        if self._count_timer is not None:
            self._count_timer.cancel()
        self._refuse_unanswered(NoWorkerError("the run has ended"))
        text = dumps({"op": "ended", "reason": reason, "message": message})

        def part(viewer: Outbox) -> None:
            viewer.say(text)
            viewer.close(code, reason)

        self._to_viewers(part)
        self.refuse(RunFailedError({"message": message}))

    def refuse(self, error: RunFailedError) -> None:
        """Whoever waits for it to be open hears of an error, in the worker's own words."""
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # somebody may have stopped waiting for it

    def _refuse_unanswered(self, error: Exception) -> None:
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            self._answer(answer, {"error": describe(error)})

    def _answer(self, answer: Answer, reply: dict[str, Any]) -> None:
        """Hand a reply to the viewer who waits for it: what goes wrong there is that viewer's alone."""
        try:
            answer(reply)
        except Exception:
            _log.exception("a viewer of run %s could not be answered", self.id, extra=of_run(self.id))

    def _move(self, phase: Phase) -> None:
        if phase not in _MOVES[self.phase]:
            raise IllegalMoveError(f"a run that is {self.phase.value} cannot become {phase.value}")
        self.phase = phase
