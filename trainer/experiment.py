"""An experiment: L networks that train side by side, step by step, with every mask on record."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from trainer import datasets
from trainer.batches import Batches
from trainer.captured import CapturedStep
from trainer.changes import Change, insert, read_changes
from trainer.config import ExperimentConfig
from trainer.devices import pick_device
from trainer.ensemble import Crowd, CrowdInProgress
from trainer.errors import KnobError
from trainer.inputs import InputNoise
from trainer.judge import Judge, Scores
from trainer.lane import EVALUATE_EVERY
from trainer.lanewise import Column
from trainer.models import evaluating, make_network, scheduled
from trainer.noise import Noise, make_noise
from trainer.optim import LaneOptimizer
from trainer.recorder import Recorder
from trainer.saved import read_state
from trainer.stopping import EarlyStopping
from trainer.trace import LayerInfo, Snapshot, Steps

SubnetworkMasks = Literal["per_member", "per_example"]


class Experiment:
    """A run: its configuration and the changes made to it, each at its step. Doing the same again gives the same
    numbers.

    Everything random is a function of the seed and the step (`trainer.seeds`), so that nothing depends on how steps are
    cut into calls of `run`, on evaluations, or on what is followed.

    Batch norm that is switched on in mid-run starts from the present weights: its running statistics are estimated
    once, from the whole training set without dropout, and its scale and shift stand where they were. While it is off,
    all of these and their moments in the optimiser stand still. On from step 0, it is what `torch.nn.BatchNorm1d` is.

    Args:
        config: the configuration at step 0.
        device: ``"auto"`` (CUDA if there is one, else the CPU), ``"cpu"``, ``"cuda"`` or ``"mps"``.
        dtype: of weights and activations.
        changes: changes to be made again, each before the step that it names, as `changes` lists them.
        sources: where data come from that are not this program's own.

    Raises:
        KnobError: there is no such device, or a change names a step, lane or value that cannot be.
        UnknownKnobError: a change names no knob.

    Attributes:
        config: the configuration as it is now.
        first_config: the configuration at step 0.
        changes: changes made so far and changes still to be made again, in the order of their steps.
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
        changes: Sequence[Mapping[str, Any]] = (),
        sources: datasets.Sources | None = None,
    ) -> None:
        self.device = pick_device(device)
        self.dtype = dtype
        self.config = self.first_config = config
        self.changes: list[Change] = read_changes(config, changes)
        self.data = datasets.load(config, sources or datasets.Sources())
        self.followed = (followed_at_first(config), 0)
        self.batches = Batches(self.data, config, self.device, dtype)
        self.judge = Judge(self.data, config, self.device, dtype)
        self._start()

    def _start(self) -> None:
        """Make the networks of step 0."""
        self.step = 0
        self.model = model = make_network(self.config, self.data, self.device, self.dtype)
        shapes = (self.data.shape, *(dropout.shape for dropout in model.dropouts[1:]))
        self.layers = tuple(
            LayerInfo(name, dropout.units, shape)
            for name, dropout, shape in zip(self.config.layers, model.dropouts, shapes, strict=True)
        )
        self._noise: Noise = make_noise(self.config, model.dropouts, self.device)
        self._input_noise = InputNoise(self.config, self.device)
        self._optimizer = LaneOptimizer(self.config.optimizer, model.weights, model.norm_parameters, model.limited)
        self._stopping = EarlyStopping(model.state_dict(), model.lanes)
        self._smoothing = Column(model.lanes, model.weights[0], off=0.0)
        state = [*model.state_dict().values(), *self._optimizer.tensors]
        self._captured = CapturedStep(self._compute, self._structure, state)
        self._use_knobs()

    def _use_knobs(self) -> None:
        """Write the live knobs into the tensors that hold them."""
        config, lanes = self.config, self.config.lanes
        self._scheduled = scheduled(config)
        self.model.use(config, self.step + 1)
        self._input_noise.use(config)
        self._optimizer.use(config)
        self._stopping.use([lane.patience for lane in lanes])
        self._smoothing.write([lane.label_smoothing for lane in lanes])

    def _structure(self) -> Hashable:
        """Which computation a step is, apart from the numbers in it."""
        sites = [
            (site.used, site.connecting, [site.rates[lane] for lane in site.connecting]) for site in self.model.dropouts
        ]
        norms = [norm.lanes_on for norm in self.model.norms]
        return repr((sites, norms, self._optimizer.structure, self._smoothing.used))

    @property
    def stopped(self) -> list[dict[str, Any] | None]:
        """For each lane, when early stopping froze it and which weights it has: ``step``, ``best_step``, ``best_loss``;
        None for a lane that trains.
        """
        return [None if stop is None else asdict(stop) for stop in self._stopping.stopped]

    # ---------------------------------------------------------------- training

    def run(self, count: int, trace: bool = False) -> Steps:
        """Make ``count`` steps, at least one, and return what they left behind.

        Args:
            count: how many updates.
            trace: also look closely at the last of these steps whose mini-batch held the followed example, else at the
                last.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise KnobError("count", count, "a whole number of steps, at least 1")
        lane, followed = self.followed
        first = self.step + 1
        rows = [self.batches.row_of(followed, step, lane) for step in range(first, first + count)]
        held = [k for k, row in enumerate(rows) if row is not None]
        traced = (held[-1] if held else count - 1) if trace else None
        recorder = Recorder(count, self.model, lane, self.config.batch_size, self.device)
        snapshot: Snapshot | None = None
        for k, row in enumerate(rows):
            self._replay()
            taken = self._update(recorder, k, row or 0, traced == k)
            snapshot = taken or snapshot
        examples = [self.batches.example(first + k, row or 0, lane) for k, row in enumerate(rows)]
        return recorder.steps(first, examples, self.layers, snapshot, self.judge.labels(lane))

    def _update(self, recorder: Recorder, k: int, row: int, trace: bool) -> Snapshot | None:
        """Make one step and record it as number ``k`` of this call."""
        step = self.step + 1
        if self._scheduled:
            self.model.use(self.config, step)
        x, target = self.batches.at(step)
        x = self._input_noise.add(x, step)
        self._noise.draw(step)
        if trace:
            log_p, snapshot = self._traced(step, row, x, target)
        else:
            log_p, snapshot = self._captured(x, target), None
        recorder.record(k, row, log_p, target)
        self._stopping.hold()
        self.step = step
        if self._stopping.watching and step % EVALUATE_EVERY == 0:
            self._stopping.observe(step, self.judge.val_losses(self.model))
        return snapshot

    def _compute(self, x: Tensor, target: Tensor) -> Tensor:
        """Pass a mini-batch forward and back and move the weights; log-probabilities (L, B, C) of that pass."""
        logits = self.model(x)
        log_p = torch.log_softmax(logits.detach(), dim=2)
        self._optimizer.step(logits, self._gradient(log_p, target), self.model.normalised)
        return log_p

    def _traced(self, step: int, row: int, x: Tensor, target: Tensor) -> tuple[Tensor, Snapshot]:
        """The same, with a close look before the weights move."""
        activations: list[Tensor] = []
        logits = self.model(x, activations)
        log_p = torch.log_softmax(logits.detach(), dim=2)
        lane = self.followed[0]
        example = self.batches.example(step, row, lane)
        snapshot = Snapshot.take(self.model, step, lane, example, row, activations, log_p.exp())
        self._optimizer.step(logits, self._gradient(log_p, target), self.model.normalised)
        return log_p, snapshot

    @torch.no_grad()
    def _gradient(self, log_p: Tensor, target: Tensor) -> Tensor:
        """The gradient of the mean cross-entropy with respect to the logits, in closed form."""
        return log_p.exp().sub_(self._smoothed(target)).mul_(1 / self.config.batch_size)

    def _smoothed(self, target: Tensor) -> Tensor:
        """Targets (B, C) or (L, B, C) with a share spread evenly over all classes (Szegedy et al. 2016, section 7)."""
        if not self._smoothing.used:
            return target
        share = self._smoothing.values.view(-1, 1, 1)
        return target * (1 - share) + share / target.shape[-1]

    # ---------------------------------------------------------------- knobs

    def set(self, /, lane: int | None = None, **knobs: Any) -> None:
        """Move live knobs of a lane or, without one, of the run; in force from step ``self.step + 1`` on.

        Raises:
            KnobError: a value that its knob does not take, a knob that cannot move, or no such lane. Nothing has
                changed.
            UnknownKnobError: a name that is no knob. Nothing has changed.
        """
        config = self.config.with_knobs(knobs, lane)
        if not knobs:
            return
        self._adopt(config)
        now = config if lane is None else config.lanes[lane]
        plain = now.model_dump(mode="json", include=set(knobs))
        insert(self.changes, self.step + 1, lane, plain)

    def _replay(self) -> None:
        """Make the changes again that were made before the next step."""
        for change in self.changes:
            if change["step"] == self.step + 1:
                config = self.config.with_knobs(change["knobs"], change.get("lane"))
                if config != self.config:
                    self._adopt(config)

    def _adopt(self, config: ExperimentConfig) -> None:
        pairs = zip(self.config.lanes, config.lanes, strict=True)
        switched = [new.batch_norm and not old.batch_norm for old, new in pairs]
        self.config = config
        self._use_knobs()
        if self.step > 0 and any(switched):
            self._estimate_norms(switched)

    def _estimate_norms(self, switched: Sequence[bool]) -> None:
        """Estimate batch norm's running statistics of some lanes, each from its own training set."""
        examples = [self.config.examples(lane) for lane in range(len(switched))]
        for count in sorted({own for own, on in zip(examples, switched, strict=True) if on}):
            lanes = [on and own == count for own, on in zip(examples, switched, strict=True)]
            self.model.estimate_norms(self.judge.train_x[:count], lanes)
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
        self.changes = []
        self._start()

    # ---------------------------------------------------------------- looking

    def evaluate(self) -> Scores:
        """Judge every lane in eval mode on its training set (labels as trained on) and on the validation set."""
        return self.judge.scores(self.model, self.step)

    def sample_subnetworks(
        self,
        lane: int,
        members: int = 64,
        dropout: Sequence[float] | None = None,
        example: int | None = None,
        like: int | None = None,
        masks: SubnetworkMasks = "per_member",
    ) -> Crowd:
        """Thin a lane's network ``members`` times and let the thinned networks vote (see `begin_subnetworks`)."""
        crowd = self.begin_subnetworks(lane, members, dropout, example, like, masks)
        crowd.advance(members)
        return crowd.result()

    def begin_subnetworks(
        self,
        lane: int,
        members: int = 64,
        dropout: Sequence[float] | None = None,
        example: int | None = None,
        like: int | None = None,
        masks: SubnetworkMasks = "per_member",
    ) -> CrowdInProgress:
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
        return CrowdInProgress(
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

    @torch.no_grad()
    def boundary(self, size: int) -> Tensor:
        """Probability of class 1 on a grid over ``data.extent``, in eval mode: (L, size, size) float32, row 0 at the
        bottom.

        Raises:
            KnobError: the data are no points in the plane, or ``size`` is not 2 to 512.
        """
        if self.data.extent is None:
            raise KnobError("dataset", self.config.dataset, "a set of points in the plane to have a boundary")
        if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= 512:
            raise KnobError("size", size, "a whole number from 2 to 512")
        x_min, x_max, y_min, y_max = self.data.extent
        y, x = torch.meshgrid(torch.linspace(y_min, y_max, size), torch.linspace(x_min, x_max, size), indexing="ij")
        points = torch.stack([x.flatten(), y.flatten()], dim=1).to(self.device, self.dtype)  # (size², 2)
        with evaluating(self.model):
            logits = self.model(points)
        return torch.softmax(logits, dim=2)[..., 1].float().cpu().view(-1, size, size)

    # ---------------------------------------------------------------- keeping

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: `load_state_dict` goes on bit for bit.

        Tensors, numbers, texts, lists and dictionaries only. There is no generator state in it, since none lives longer
        than a step.
        """
        return {
            "first_config": self.first_config.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
            "changes": [{**change, "knobs": dict(change["knobs"])} for change in self.changes],
            "step": self.step,
            "followed": list(self.followed),
            "model": {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()},
            "optimizer": self._optimizer.state_dict(),
            "stopping": self._stopping.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            StateError: it is no such state, or it was saved by an experiment on other data or of other networks.
                Nothing has changed.
        """
        shapes = {name: tensor.shape for name, tensor in self.model.state_dict().items()}
        saved = read_state(state, self.config, shapes)
        self.config, self.first_config, self.changes = saved.config, saved.first_config, saved.changes
        self._start()
        self.step, self.followed = saved.step, saved.followed
        self.model.load_state_dict(saved.weights)
        self._optimizer.load_state_dict(saved.moments)
        self._stopping.load_state_dict(saved.stopping)
        self._use_knobs()


def followed_at_first(config: ExperimentConfig) -> int:
    """The lane that drops at most places, the first of several: there is most to see of it."""
    return max(range(len(config.lanes)), key=lambda lane: config.lanes[lane].places)  # `max` takes the first of equals


def _check_number(name: str, value: Any, end: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < end:
        raise KnobError(name, value, f"a number from 0 to {end - 1}")
