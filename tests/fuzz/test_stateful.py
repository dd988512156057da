"""Whatever its owner, its viewers and its workers do, in whatever order: a run is its seed, configuration and changes.

A real worker in this thread, stepped by hand, between two commands as many turns as Hypothesis likes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from random import Random
from typing import Any, Final

import torch
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.live import Conversation
from app.opening import parse_opening
from app.pool.base import PoolStatus
from app.run import Phase as RunPhase
from app.runs import Runs
from app.settings import Settings
from app.viewers import Outbox
from tests.anything import KNOBS, SEED, TIMES, number
from tests.fuzz.doors import Complaints
from tests.fuzz.mutations import json_bytes
from tests.fuzz.readers import MESSAGES
from tests.fuzz.workers import CONFIG, make
from trainer.settings.commands import MIN_SPEED
from trainer.settings.config import parse
from trainer.settings.panels import VIEWS
from trainer.training.checkpoint import packed
from trainer.training.experiment import Experiment
from trainer.wire.frames import decode, peek
from trainer.wire.jsontext import dumps
from trainer.worker.look import evaluation_trace
from trainer.worker.loop import Worker

TURNS: Final = 3000  # after which whatever was asked must have been answered
RULES: Final = 40  # in a story


class Bridge:
    """A pool of one worker that works when it is told to, and the line between the two."""

    full = False

    def __init__(self) -> None:
        self.listener: Any = None
        self.runs: set[str] = set()
        self.now = 0.0
        self._start()

    def _start(self) -> None:
        self.worker = Worker(self, make, evaluation_trace, clock=self.clock, pack=packed)

    def clock(self) -> float:
        """A clock on which every look takes a tenth of a millisecond."""
        self.now += 0.0001
        return self.now

    # The worker's line

    def send(self, message: dict[str, Any]) -> None:
        self.listener.on_message(message["run"], json.loads(dumps(message)))

    def send_frame(self, frame: bytes) -> None:
        self.listener.on_frame(peek(frame)[1], frame)

    def flush(self) -> None:
        """Nothing waits."""

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        return []

    # The app's pool

    async def start(self, listener: Any) -> None:
        self.listener = listener

    async def stop(self) -> None:
        """There is nothing to stop."""

    def status(self) -> PoolStatus:
        return PoolStatus(1, 1, ("cpu",))

    def open(
        self, run: str, request: dict[str, Any], changes: Iterable[str] = (), checkpoint: bytes | None = None
    ) -> None:
        for part in changes:
            self.worker.receive({"op": "changes", "run": run, "changes": json.loads(part)})
        if checkpoint is not None:
            self.worker.receive({"op": "checkpoint", "run": run, "frame": checkpoint})
        self.worker.receive({**json.loads(dumps(request)), "op": "open", "run": run})
        self.runs.add(run)

    def send_to(self, run: str, message: dict[str, Any]) -> None:
        self.worker.receive({**json.loads(dumps(message)), "run": run})

    def close(self, run: str) -> None:
        self.runs.discard(run)
        self.worker.receive({"op": "close", "run": run})

    def work(self, turns: int) -> None:
        for _ in range(turns):
            self.now += 0.002
            self.worker.turn()

    def lose(self) -> None:
        """Lose the worker with all that it has, and start another."""
        self._start()
        self.listener.on_lost(sorted(self.runs))


class AppPool:
    """The app's view of a bridge: `Bridge.send` is the worker's, this one's is the app's."""

    def __init__(self, bridge: Bridge) -> None:
        self.start, self.stop, self.status = bridge.start, bridge.stop, bridge.status
        self.open, self.close, self.send = bridge.open, bridge.close, bridge.send_to


class Socket:
    """Keeps the texts that a viewer is sent, and acknowledges every frame."""

    def __init__(self, outbox: Outbox) -> None:
        self.texts: list[dict[str, Any]] = []
        self._outbox = outbox

    async def send_text(self, data: str) -> None:
        self.texts.append(json.loads(data))

    async def send_bytes(self, data: bytes) -> None:
        self._outbox.credit(decode(data).seq)


class Story(RuleBasedStateMachine):
    """One run, its owner, its viewers and its workers."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.heard = Complaints()
        logging.getLogger().addHandler(self.heard)
        self.bridge = Bridge()
        self.ids = 0
        self.viewers: list[tuple[Outbox, asyncio.Task[None], Socket, Conversation]] = []

    def breathe(self) -> None:
        """Let the loop do what is due."""
        for _ in range(20):
            self.loop.run_until_complete(asyncio.sleep(0))

    def within(self, work: Any) -> Any:
        """Do something that needs a running loop."""

        async def do() -> Any:
            return work()

        return self.loop.run_until_complete(do())

    @initialize(noise=st.sampled_from([0, 0.2]), key=st.integers(0, 3))
    def begin(self, noise: float, key: int) -> None:
        settings = Settings(log_level="error", keep=False, max_messages_per_second=10_000)
        self.runs = Runs(settings, AppPool(self.bridge))
        self.loop.run_until_complete(self.bridge.start(self.runs))
        opened = self.loop.create_task(self.runs.create(parse_opening({**CONFIG, "label_noise": noise, "seed": key})))
        while not opened.done():
            self.breathe()
            self.bridge.work(1)
        self.run = opened.result()
        self.join(owner=True)

    def join(self, owner: bool) -> None:
        outbox = self.within(lambda: self.run.join(owner))
        socket = Socket(outbox)
        task = self.loop.create_task(outbox.pump(socket, 60))
        self.viewers.append((outbox, task, socket, Conversation(self.run, outbox, 10_000)))

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Say something as the owner, and work until it is answered."""
        self.ids += 1
        _, _, socket, conversation = self.viewers[0]
        message = json.dumps({"op": op, "id": self.ids, **fields})
        self.within(lambda: conversation.receive(message))
        for _ in range(TURNS):
            self.breathe()
            answers = [text for text in socket.texts if text.get("id") == self.ids]
            if answers:
                assert len(answers) == 1
                return answers[0]
            self.within(lambda: self.bridge.work(1))
        raise AssertionError(f"{message} was never answered")

    @rule(turns=st.integers(1, 30))
    def work(self, turns: int) -> None:
        self.within(lambda: self.bridge.work(turns))

    @rule(op=st.sampled_from(["play", "pause", "reset"]))
    def command(self, op: str) -> None:
        assert self.ask(op)["op"] == "ack"

    @rule(count=st.integers(1, 40))
    def step(self, count: int) -> None:
        assert self.ask("step", count=count)["op"] == "ack"

    @rule(speed=st.one_of(st.none(), st.sampled_from([MIN_SPEED, 10, 1000])))
    def speed(self, speed: float | None) -> None:
        assert self.ask("speed", steps_per_second=speed)["op"] == "ack"

    @rule(lane=st.integers(0, 1), data=st.data())
    def turn(self, lane: int, data: st.DataObject) -> None:
        name = data.draw(
            st.sampled_from(["dropout", "l2", "weight_decay", "label_smoothing", "input_noise", "patience"])
        )
        drawn = number(KNOBS["lane"][name])
        value: Any = data.draw(st.tuples(drawn, drawn)) if name == "dropout" else data.draw(drawn)
        value = int(value) if name == "patience" else value
        assert self.ask("set", lane=lane, knobs={name: value})["op"] == "ack"

    @rule(rate=number(KNOBS["run"]["learning_rate"]))
    def turn_the_runs(self, rate: float) -> None:
        assert self.ask("set", knobs={"learning_rate": rate})["op"] == "ack"

    @rule(lane=st.integers(-1, 2), example=st.integers(-1, 20))
    def follow(self, lane: int, example: int) -> None:
        allowed = 0 <= lane < 2 and 0 <= example < 20
        assert (self.ask("follow", lane=lane, example=example)["op"] == "ack") == allowed

    @rule(members=st.integers(1, 3), masks=st.sampled_from(["per_member", "per_example"]))
    def ensemble(self, members: int, masks: str) -> None:
        assert self.ask("ensemble", members=members, masks=masks)["op"] == "ack"

    @rule(x=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3))
    def question(self, x: list[float]) -> None:
        assert (self.ask("ask", x=[x])["op"] == "ack") == (len(x) == 2)

    @rule(views=st.sets(st.sampled_from(sorted(set(VIEWS) - {"features", "separate"})), max_size=3))
    def show(self, views: set[str]) -> None:
        assert self.ask("views", open=sorted(views))["op"] == "ack"

    @rule(which=st.integers(0, 10**6))
    def nonsense(self, which: int) -> None:
        rng = Random(which)
        data = json_bytes(
            rng, rng.choice([each for each in MESSAGES if each["op"] not in ("reset", "step", "play", "set")])
        )
        conversation = self.viewers[-1][3]
        self.within(lambda: conversation.receive(data.decode("utf-8", "replace")))

    @rule()
    def come(self) -> None:
        if len(self.viewers) < 4:
            self.join(owner=False)

    @rule()
    def go(self) -> None:
        if len(self.viewers) > 1:
            outbox, task, _, _ = self.viewers.pop()
            task.cancel()
            self.within(lambda: self.run.leave(outbox))

    @rule()
    def lose_the_worker(self) -> None:
        if self.run._losses >= 4:
            return  # which is as many as a run may lose before it gets anywhere
        self.within(self.bridge.lose)
        for _ in range(TURNS):
            if self.run.phase is RunPhase.OPEN:
                return
            self.within(lambda: self.bridge.work(1))
        raise AssertionError("it was not opened again")

    @invariant()
    def the_run_is_well(self) -> None:
        if not hasattr(self, "run"):
            return
        self.breathe()
        assert self.heard.heard == []
        assert self.run.phase is RunPhase.OPEN
        assert self.run.step >= 0
        assert self.run.config in self.configs()  # after a loss, some changes are still to be made again
        assert not any(task.done() for _, task, _, _ in self.viewers)

    def configs(self) -> list[Any]:
        """The run's configuration at step 0, and after each of its changes."""
        found = [parse(self.run.first_config)]
        for change in self.run.changes.changes:
            found.append(found[-1].with_knobs(change["knobs"], change.get("lane")))
        return found

    def teardown(self) -> None:
        try:
            if hasattr(self, "run"):
                self.its_losses_are_those_of_its_replay()
        finally:
            logging.getLogger().removeHandler(self.heard)
            for _, task, _, _ in self.viewers:
                task.cancel()
            self.breathe()
            self.loop.close()

    def its_losses_are_those_of_its_replay(self) -> None:
        assert self.ask("pause")["op"] == "ack"
        self.within(lambda: self.bridge.work(50))
        self.breathe()
        losses = self.run.curves()["losses"]
        if not len(losses["step"]):
            return
        changes = self.run.changes.changes
        alone = Experiment(parse(self.run.first_config), "cpu", changes=changes).run(int(losses["step"][-1]))
        told = torch.from_numpy(losses["loss"].copy())
        assert torch.equal(
            alone.loss[torch.from_numpy(losses["step"].astype("int64")) - 1].nan_to_num(), told.nan_to_num()
        )


def test_whatever_is_done_to_a_run_it_can_be_made_again() -> None:
    own = settings(
        max_examples=max(1, round(12 * TIMES)),
        stateful_step_count=RULES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(Story), settings=own)
