"""An experiment: L networks that train side by side, step by step, with every mask on record."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from trainer.data import datasets
from trainer.data.batches import Batches
from trainer.ensemble.subnetworks import Ensemble, EnsembleInProgress
from trainer.errors import KnobError
from trainer.models import make_network, scheduled
from trainer.settings.changes import Change, ChangeLog, read_changes
from trainer.settings.config import ExperimentConfig
from trainer.settings.lane import EVALUATE_EVERY
from trainer.settings.pieces import Pieces, finish, rows_of
from trainer.training.alone import Alone
from trainer.training.beginnings import Beginnings
from trainer.training.boundary import probability_in_pieces
from trainer.training.captured import Recording
from trainer.training.devices import pick_device
from trainer.training.divergence import Divergence
from trainer.training.graphs import Graphs, graphs_of
from trainer.training.judge import Judge, Scores
from trainer.training.making import CapturedSteps, Maker, WrittenSteps
from trainer.training.optim import LaneOptimizer
from trainer.training.recorder import Recorder
from trainer.training.redrawing import redraw
from trainer.training.saved import read_state
from trainer.training.stopping import EarlyStopping
from trainer.training.trace import LayerInfo, Snapshot, Steps
from trainer.training.update import Update

SubnetworkMasks = Literal["per_member", "per_example"]


class Experiment:
    """A run: its configuration and the changes made to it, each at its step. Doing the same again gives the same
    numbers.

    Everything random is a function of the seed and the step (`trainer.seeds`), so that nothing depends on how steps are
    cut into calls of `run`, on evaluations, or on what is followed.

    Batch norm that is switched on in mid-run starts from the present weights: its running statistics are estimated
    once, from the whole training set without dropout, and its scale and shift stand where they were. While it is off,
    all of these and their moments in the optimiser stand still. On from step 0, it is what `torch.nn.BatchNorm1d` is.

    A lane whose knob ``restarts`` changes begins anew (`trainer.training.beginnings`): it has its initial weights again
    and counts its own steps from there, for its optimiser and its schedule. Mini-batches, masks and evaluations go by
    the step of the run.

    Args:
        config: the configuration at step 0.
        device: ``"auto"`` (CUDA if there is one, else the CPU), ``"cpu"``, ``"cuda"`` or ``"mps"``.
        dtype: of weights and activations.
        changes: changes to be made again, each before the step that it names, as `changes` lists them; a log of them is
            taken as it is, for somebody has checked what is in it, and each is checked when it is made.
        sources: where data come from that are not this program's own.
        graphs: what records steps; that of the device if left out, CUDA graphs on a GPU and nothing elsewhere.

    Raises:
        KnobError: there is no such device, or a change names a step, lane or value that cannot be.
        UnknownKnobError: a change names no knob.
        TooManyChangesError: they are too many.

    Attributes:
        log: the changes, by their steps.
        config: the configuration as it is now.
        first_config: the configuration at step 0.
        step: updates made so far.
        data: the data set.
        layers: the input and each hidden layer.
        followed: the lane and the training example whose masks are recorded.
        model: the networks, all lanes in one.
        judge: knows the examples by which they are judged.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        device: str = "auto",
        dtype: torch.dtype = torch.float32,
        changes: Sequence[Mapping[str, Any]] | ChangeLog = (),
        sources: datasets.Sources | None = None,
        graphs: Graphs | None = None,
    ) -> None:
        self.device = pick_device(device)
        self._graphs = graphs or graphs_of(self.device)
        self.dtype = dtype
        self.config = self.first_config = config
        self.log = changes if isinstance(changes, ChangeLog) else read_changes(config, changes)
        self.data = datasets.load(config, sources or datasets.Sources())
        self.followed = (config.followed_at_first, 0)
        self.batches = Batches(self.data, config, self.device, dtype)
        self.judge = Judge(self.data, config, self.device, dtype)
        self._alone = Alone(config, self.data, self.device, dtype)
        self._start()

    def _start(self) -> None:
        """Make the networks of step 0."""
        self.step = 0
        self._replayed = 0  # the step before which changes were last made again
        self.model = model = make_network(self.config, self.data, self.device, self.dtype)
        shapes = (self.data.shape, *(dropout.shape for dropout in model.dropouts[1:]))
        self.layers = tuple(
            LayerInfo(name, dropout.units, shape)
            for name, dropout, shape in zip(self.config.layers, model.dropouts, shapes, strict=True)
        )
        weights, norms, live = model.weights, model.norm_parameters, self._graphs is not None
        self._optimizer = LaneOptimizer(self.config.optimizer, weights, norms, model.limited, live)
        self._stopping = EarlyStopping(model.state_dict(), model.lanes)
        self._divergence = Divergence(model.state_dict().values(), model.parameters(), model.lanes)
        self._beginnings = Beginnings(model, self._optimizer, self._stopping, self._divergence, self.data)
        self._update = update = Update(model, self._optimizer, self.config)
        self._steps: Maker = WrittenSteps(update, self.config, self.device)
        if self._graphs is not None:
            self._steps = CapturedSteps(update, self.config, self.device, self._graphs)
        self._noise, self._input_noise = self._steps.noise, self._steps.input_noise
        # Work that is due before the next step, and of what. None of it is begun here: a generator that waits would
        # hold on to an experiment that nobody needs any more, and one that was left half-way would pass for done.
        self._owed: deque[tuple[Callable[[Experiment, Any], Pieces[None]], Any]] = deque()
        self._use_knobs()

    def _use_knobs(self) -> None:
        """Write the live knobs into the tensors that hold them."""
        config, lanes = self.config, self.config.lanes
        self._scheduled = scheduled(config)
        self.model.use(config, self.step + 1, self.began)
        self._update.use(config)
        self._input_noise.use(config)
        self._stopping.use([lane.patience for lane in lanes])

    @property
    def recording(self) -> Recording:
        """How steps have been made since the run was at step 0 or loaded, as graphs or as they are written, and why."""
        return replace(self._steps.recording)

    @property
    def stopped(self) -> list[dict[str, Any] | None]:
        """For each lane, when early stopping froze it and which weights it has: ``step``, ``best_step``, ``best_loss``;
        None for a lane that trains.
        """
        return [None if stop is None else asdict(stop) for stop in self._stopping.stopped]

    @property
    def began(self) -> list[int]:
        """For each lane the step after which it began: 0 with the run, or where it began anew."""
        return list(self._beginnings.began)

    @property
    def diverged(self) -> list[dict[str, Any] | None]:
        """For each lane, at which ``step`` its loss or its weights were no finite numbers any more, and ``after`` which
        change (None: with the knobs that it started with); None for a lane that has not diverged.
        """
        return self._divergence.described()

    # ---------------------------------------------------------------- training

    def run(self, count: int, trace: bool = False, settle: bool = True, patient: bool = False) -> Steps:
        """Make ``count`` steps, at least one, and return what they left behind.

        Args:
            count: how many updates.
            trace: also look closely at the last of these steps whose mini-batch held the followed example, else at the
                last.
            settle: whether what the last step owes is done as well: whoever says no does it with `settling`.
            patient: look at none where no mini-batch held the followed example.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise KnobError("count", count, "a whole number of steps, at least 1")
        lane, followed = self.followed
        first = self.step + 1
        rows = [self.batches.row_of(followed, step, lane) for step in range(first, first + count)]
        held = [k for k, row in enumerate(rows) if row is not None]
        traced = (held[-1] if held else None if patient else count - 1) if trace else None
        recorder = self._steps.recorder(lane, [row or 0 for row in rows])
        snapshot: Snapshot | None = None
        for k, row in enumerate(rows):
            snapshot = self._replay(recorder, k, snapshot)
            self.settle()
            taken = self._step(recorder, k, row or 0, traced == k)
            snapshot = taken or snapshot
        self._find_diverged(recorder, count)
        if settle:
            self.settle()
        snapshot = self._told(snapshot)
        examples = [self.batches.example(first + k, row or 0, lane) for k, row in enumerate(rows)]
        return recorder.steps(first, examples, self.layers, snapshot, self.judge.labels(lane))

    def _step(self, recorder: Recorder, k: int, row: int, trace: bool) -> Snapshot | None:
        """Make one step and record it as number ``k`` of this call."""
        step = self.step + 1
        if self._scheduled:
            self.model.use(self.config, step, self._beginnings.began)
        x, target = self.batches.at(step)
        example = self.batches.example(step, row, recorder.lane) if trace else None
        snapshot = self._steps.make(recorder, step, k, row, example, x, target)
        self._stopping.hold()
        self._beginnings.stepped()
        self.step = step
        if step % EVALUATE_EVERY == 0:
            self._divergence.mark(recorder.loss[k])
            if self._stopping.watching:
                self._find_diverged(recorder, k + 1)
                self._owed.append((Experiment._observing, step))
        return snapshot

    def _find_diverged(self, recorder: Recorder, count: int) -> None:
        """End the lanes that have diverged in the first ``count`` steps of a record that are not looked at yet."""
        new = recorder.unseen(count)
        for lane in self._divergence.find(self.step + 1 - len(new), new, self.log, self.config):
            self._stopping.give_up(lane)

    def _observing(self, step: int) -> Pieces[None]:
        """Let early stopping know how the networks do after ``step``."""
        self._stopping.observe(step, (yield from self.judge.val_losses_in_pieces(self.model)))

    @property
    def settled(self) -> bool:
        """Whether nothing is owed: early stopping has judged the last step, batch norm has its statistics."""
        return not self._owed

    def settle(self) -> None:
        """Do all that is owed."""
        finish(self.settling())

    def settling(self) -> Pieces[None]:
        """Do all that is owed, in pieces (`settings/pieces.py`), between which nothing else may be done to the run.

        `run` and `set` leave to it, if they are told to, what takes as long as many steps. Nothing depends on when it
        is done: it is always done before the next step, the next change and the next evaluation. What was left half-way
        is begun anew by whoever does it next.
        """
        while self._owed:
            work, of = self._owed[0]
            yield from work(self, of)
            self._owed.popleft()

    def prepare(self, most: int) -> int:
        """Make the changes that are due before the next step, and say how many steps may be made in one go.

        Args:
            most: how many are wanted.

        Returns:
            How many of them can be made before there is something to settle, at least 1.
        """
        self._replay()
        if self._stopping.watching:
            most = min(most, EVALUATE_EVERY - self.step % EVALUATE_EVERY)
        change = self.log.next_after(self.step + 1)
        return max(1, most if change is None else min(most, change - self.step - 1))

    # ---------------------------------------------------------------- knobs

    def set(self, /, lane: int | None = None, settle: bool = True, **knobs: Any) -> None:
        """Move live knobs of a lane or, without one, of the run; in force from step ``self.step + 1`` on.

        Args:
            lane: whose knobs these are.
            settle: whether what the change owes is done as well, as of `run`.
            knobs: their new values, by name.

        Raises:
            KnobError: a value that its knob does not take, a knob that cannot move, or no such lane. Nothing has
                changed.
            UnknownKnobError: a name that is no knob. Nothing has changed.
            TooManyChangesError: the run has as many changes as are kept. Nothing has changed.
        """
        self.move(knobs, lane, settle)

    def move(self, knobs: Mapping[str, Any], lane: int | None = None, settle: bool = True) -> None:
        """The same of knobs whatever they are called: a name may be one that `set` has for something else."""
        config = self.config.with_knobs(knobs, lane)
        if not knobs:
            return
        now, step = config if lane is None else config.lanes[lane], self.step + 1
        plain = now.model_dump(mode="json", include=set(knobs))
        self.log.check_room(step, lane, plain)
        self.settle()
        self._adopt(config)
        if not self.log.at(step):
            self._replayed = step  # what is made now need not be made again before the step
        self.log.insert(step, lane, plain)
        if settle:
            self.settle()

    @property
    def changes(self) -> list[Change]:
        """Changes made so far and changes still to be made again, in the order of their steps: a copy of what `log`
        has.
        """
        return self.log.changes

    def _replay(
        self, recorder: Recorder | None = None, count: int = 0, snapshot: Snapshot | None = None
    ) -> Snapshot | None:
        """Make the changes again that were made before the next step, once.

        Args:
            recorder: of the steps just made,
            count: so many.
            snapshot: of one of them.

        Returns:
            The snapshot as it is to be told: of a lane that had diverged it is blank, even if it begins anew here.
        """
        if self._replayed == self.step + 1:
            return snapshot
        self._replayed = self.step + 1
        for change in self.log.at(self.step + 1):
            config = self.config.with_knobs(change["knobs"], change.get("lane"))
            if config != self.config:
                if recorder is not None and "restarts" in change["knobs"]:
                    self._find_diverged(recorder, count)
                    snapshot = self._told(snapshot)
                self.settle()
                self._adopt(config)
        return snapshot

    def _told(self, snapshot: Snapshot | None) -> Snapshot | None:
        """A snapshot of the followed lane, blank if that had diverged before it."""
        if snapshot is not None and self._divergence.since(self.followed[0], snapshot.step):
            return snapshot.blank()
        return snapshot

    def _adopt(self, config: ExperimentConfig) -> None:
        turned = [self._beginnings.turn(lane, self.config, config, self.step) for lane in range(len(config.lanes))]
        switched = [
            new.batch_norm and not old.batch_norm and self._beginnings.has_begun(lane, self.step)
            for lane, (old, new) in enumerate(zip(turned, config.lanes, strict=True))
        ]
        self.config = config
        self._use_knobs()
        if any(switched):
            self._owed.append((Experiment._estimating_norms, switched))

    def _estimating_norms(self, switched: Sequence[bool]) -> Pieces[None]:
        """Estimate batch norm's running statistics of some lanes, each from its own training set.

        All lanes at once if that is a single piece of work, else one after the other.
        """
        examples = [self.config.examples(lane) for lane in range(len(switched))]
        at_once = rows_of(self.config, len(switched)) >= max(examples)
        for count in sorted({own for own, on in zip(examples, switched, strict=True) if on}):
            lanes = [on and own == count for own, on in zip(examples, switched, strict=True)]
            x = self.judge.train_x[:count]
            if at_once:
                self.model.estimate_norms(x, lanes)
            else:
                yield from self.judge.estimate_norms_in_pieces(self.model, x, lanes)
        self._stopping.keep_as_is()

    def follow(self, lane: int | None = None, example: int | None = None) -> None:
        """Choose whose masks are recorded; what is left out stays as it is.

        Raises:
            KnobError: there is no such lane or training example.
        """
        was_lane, was_example = self.followed
        if lane is not None:
            _check_number("lane", lane, len(self.config.lanes))
            was_lane = lane
        examples = self.config.examples(was_lane)
        if example is not None:
            _check_number("example", example, examples)
            was_example = example
        # A lane with a smaller training set may not have the example that was followed before.
        self.followed = (was_lane, was_example if was_example < examples else 0)

    def reset(self) -> None:
        """Go back to step 0: same seed, same initial weights, the knobs as they are now, and no changes."""
        self.first_config = self.config
        self.log.clear()
        self._start()

    # ---------------------------------------------------------------- looking

    def evaluate(self) -> Scores:
        """Judge every lane in eval mode on its training set (labels as trained on) and on the validation set."""
        return finish(self.evaluate_in_pieces())

    def evaluate_in_pieces(self) -> Pieces[Scores]:
        """The same in pieces, between which nothing else may be done to the run."""
        yield from self.settling()
        return (yield from self.judge.scores_in_pieces(self.model, self.step))

    def sample_subnetworks(
        self,
        lane: int,
        members: int = 64,
        dropout: Sequence[float] | None = None,
        example: int | None = None,
        like: int | None = None,
        masks: SubnetworkMasks = "per_member",
    ) -> Ensemble:
        """Thin a lane's network ``members`` times and let the thinned networks vote (see `begin_subnetworks`)."""
        ensemble = self.begin_subnetworks(lane, members, dropout, example, like, masks)
        ensemble.advance(members)
        return ensemble.result()

    def begin_subnetworks(
        self,
        lane: int,
        members: int = 64,
        dropout: Sequence[float] | None = None,
        example: int | None = None,
        like: int | None = None,
        masks: SubnetworkMasks = "per_member",
    ) -> EnsembleInProgress:
        """The same in bites: of the weights as they are now, whatever is trained meanwhile.

        Args:
            lane: whose network is thinned.
            members: how many sub-networks, 1 to 1,024.
            dropout: rates to thin with, one for each place that can drop; those of ``like`` if left out.
            example: the training example that they vote on; the followed one if left out.
            like: the lane whose dropout (its kind, its rates, its groups) thins; ``lane`` itself if left out.
            masks: ``"per_member"``, each sub-network has one mask for all examples, or ``"per_example"``, a fresh one
                for each.

        Raises:
            KnobError: no such lane or example, or rates or members out of range.
        """
        self.config.with_knobs({}, lane)  # refuses a lane that does not exist
        like = lane if like is None else like
        thinning = self.config.with_knobs({} if dropout is None else {"dropout": dropout}, like).lanes[like]
        if isinstance(members, bool) or not isinstance(members, int) or not 1 <= members <= 1024:
            raise KnobError("members", members, "a whole number from 1 to 1,024")
        chosen = self.followed[1] if example is None else example
        _check_number("example", chosen, len(self.data.train_y))
        if masks not in get_args(SubnetworkMasks):
            raise KnobError("masks", masks, f"one of {', '.join(get_args(SubnetworkMasks))}")
        return EnsembleInProgress(
            model=self.model,
            config=self.config,
            data=self.data,
            step=self.step,
            lane=lane,
            dropout=thinning,
            x=torch.cat([self.judge.val_x, self.judge.train_x[chosen : chosen + 1]]),
            y=self.judge.val_y,
            members=members,
            fresh=masks == "per_example",
        )

    def boundary(self, size: int) -> Tensor:
        """Probability of class 1 on a grid over ``data.extent``, in eval mode: (L, size, size) float32, row 0 at the
        bottom.

        Raises:
            KnobError: the data are no points in the plane, or ``size`` is not 2 to 512.
        """
        return finish(self.boundary_in_pieces(size))

    def boundary_in_pieces(self, size: int) -> Pieces[Tensor]:
        """The same in pieces, of the weights as they are now, whatever is trained meanwhile."""
        return probability_in_pieces(self.model, self.config, self.data.extent, self._alone, size)

    def redraw(self, steps: range, lane: int | None = None, example: int | None = None) -> Pieces[Steps]:
        """Draw the masks of any steps again, made or still to be made, in pieces; the run stays as it is.

        Args:
            steps: which ones, counted from 1 and in a row, at least one.
            lane: whose masks; the followed one if left out.
            example: of which training example; the followed one if left out.

        Returns:
            What `run` records of them, bit for bit, with losses that are NaN: nothing is trained.

        Raises:
            KnobError: there is no such lane, example or step.
        """
        if not isinstance(steps, range) or steps.step != 1 or steps.start < 1 or len(steps) < 1:
            raise KnobError("steps", steps, "a range of steps from 1 on, in a row, at least one")
        lane = self.followed[0] if lane is None else lane
        _check_number("lane", lane, len(self.config.lanes))
        example = self.followed[1] if example is None else example
        _check_number("example", example, self.config.examples(lane))
        of = (self.first_config, self.log, self.data, self.layers, self.device, self.dtype, self._graphs is not None)
        return redraw(*of, steps, lane, example)

    # ---------------------------------------------------------------- keeping

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: `load_state_dict` goes on bit for bit.

        Tensors, numbers, texts, lists and dictionaries only. There is no generator state in it, since none lives longer
        than a step. A lane that began anew since the last step is in it as it was before: it begins anew when the
        changes before the next step are made again, if that is still among them.
        """
        self.settle()
        with self._beginnings.as_before(self.config) as config:
            return {
                "first_config": self.first_config.model_dump(mode="json"),
                "config": config.model_dump(mode="json"),
                "changes": self.changes,
                "step": self.step,
                "followed": list(self.followed),
                "model": {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()},
                "optimizer": self._optimizer.state_dict(),
                "stopping": self._stopping.state_dict(),
                "began": self.began,
                "diverged": self.diverged,
            }

    def load_state_dict(self, state: Mapping[str, Any], log: ChangeLog | None = None) -> None:
        """Go on from a saved state.

        Args:
            state: what `state_dict` returned.
            log: changes of the run: some may have come after the state, some that were made where it was saved may be
                missing. By default those that are in it.

        Raises:
            StateError: it is no such state, or it was saved by an experiment on other data or of other networks.
                Nothing has changed.
        """
        saved = read_state(state, self.config, self.model.state_dict(), self._optimizer.state_dict())
        self.config, self.first_config, self.log = saved.config, saved.first_config, saved.changes
        if log is not None:
            self.config, self.log = log.config_at(saved.step, saved.first_config), log
        self._start()
        self.step, self.followed = saved.step, saved.followed
        self.model.load_state_dict(saved.weights)
        self._optimizer.load_state_dict(saved.moments)
        self._stopping.load_state_dict(saved.stopping)
        self._beginnings.load(saved.began)
        self._divergence.load(saved.diverged)
        for lane, gone in enumerate(saved.diverged):
            if gone is not None:
                self._stopping.give_up(lane)
        self._use_knobs()
        self._replay()  # what was changed where the run stood is in force there, and its norms are estimated anew


def _check_number(name: str, value: Any, end: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < end:
        raise KnobError(name, value, f"a number from 0 to {end - 1}")
