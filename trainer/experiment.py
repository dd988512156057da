"""An experiment: L networks that train side by side, step by step, with every mask on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from trainer import datasets
from trainer.batches import Batches
from trainer.changes import Change, insert, read_changes
from trainer.config import ExperimentConfig, parse
from trainer.devices import pick_device
from trainer.ensemble import Crowd, CrowdInProgress
from trainer.errors import KnobError, StateError, quote
from trainer.layers import scale
from trainer.models import LaneMLP, evaluating
from trainer.noise import Noise, make_noise
from trainer.optim import LaneOptimizer
from trainer.recorder import Recorder
from trainer.trace import LayerInfo, Snapshot, Steps

_FIXED: Final = (
    "dataset",
    "train_size",
    "label_noise",
    "data_noise",
    "hidden",
    "batch_size",
    "optimizer",
    "mask",
    "seed",
)


@dataclass(frozen=True)
class Scores:
    """How the networks do in eval mode at one step; accuracies are shares. Each (L,) float32 on the CPU."""

    step: int
    train_loss: Tensor
    val_loss: Tensor
    train_accuracy: Tensor
    val_accuracy: Tensor


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
    """

    def __init__(
        self,
        config: ExperimentConfig,
        device: str = "auto",
        dtype: torch.dtype = torch.float32,
        changes: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.device = pick_device(device)
        self.dtype = dtype
        self.config = self.first_config = config
        self.changes: list[Change] = read_changes(config, changes)
        self.data = datasets.load(config)
        units = (self.data.features, *config.hidden)
        shapes = (self.data.shape, *((width,) for width in config.hidden))
        self.layers = tuple(LayerInfo(*each) for each in zip(config.layers, units, shapes, strict=True))
        self.followed = (first_with_dropout(config), 0)
        self._batches = Batches(self.data, config, self.device, dtype)
        self._judged = torch.cat([self.data.train_x, self.data.val_x]).to(self.device, dtype)  # (N + V, F)
        self._judged_y = torch.cat([self.data.train_y, self.data.val_y]).to(self.device)
        self._start()

    def _start(self) -> None:
        """Make the networks of step 0."""
        self.step = 0
        self.model = LaneMLP(self.config, self.data.features, len(self.data.classes), self.device, self.dtype)
        self._noise: Noise = make_noise(self.config, sum(layer.units for layer in self.layers), self.device)
        weights = [parameter for linear in self.model.linears for parameter in linear.parameters()]
        norms = [parameter for norm in self.model.norms for parameter in norm.parameters()]
        self._optimizer = LaneOptimizer(self.config.optimizer, weights, norms)
        self._use_knobs()

    def _use_knobs(self) -> None:
        """Write the live knobs into the tensors that hold them."""
        lanes = self.config.lanes
        self.model.use(self.config)
        self._noise.use([any(lane.dropout) for lane in lanes])
        self._optimizer.use(self.config.learning_rate, [lane.l2 for lane in lanes])

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
        rows = [self._batches.row_of(followed, step) for step in range(first, first + count)]
        held = [k for k, row in enumerate(rows) if row is not None]
        traced = (held[-1] if held else count - 1) if trace else None
        recorder = Recorder(count, self.model, lane, self.config.batch_size, self.device)
        snapshot: Snapshot | None = None
        for k, row in enumerate(rows):
            self._replay()
            taken = self._update(recorder, k, row or 0, traced == k)
            snapshot = taken or snapshot
        examples = [self._batches.example(first + k, row or 0) for k, row in enumerate(rows)]
        return recorder.steps(first, examples, self.layers, snapshot, self.data.train_y)

    def _update(self, recorder: Recorder, k: int, row: int, trace: bool) -> Snapshot | None:
        """Make one step and record it as number ``k`` of this call."""
        step = self.step + 1
        x, target = self._batches.at(step)
        self._noise.draw(step, self.model.dropouts)
        activations: list[Tensor] = []
        logits = self.model(x, activations)  # (L, B, C)
        with torch.no_grad():
            log_p = torch.log_softmax(logits, dim=2)
            p = log_p.exp()
            recorder.record(k, row, log_p, target)
            snapshot = self._look(step, row, activations, p) if trace else None
            # The gradient of the mean cross-entropy with respect to the logits, in closed form.
            gradient = p.sub_(target).mul_(1 / len(x))
        self._optimizer.step(logits, gradient, self.model.normalised)
        self.step = step
        return snapshot

    def _look(self, step: int, row: int, activations: list[Tensor], p: Tensor) -> Snapshot:
        lane = self.followed[0]
        return Snapshot(
            step=step,
            example=self._batches.example(step, row),
            activations=[each[lane, row].detach().clone() for each in activations],
            scale=[scale(rate) for rate in self.config.lanes[lane].dropout],
            weights=[linear.weight[lane].detach().clone() for linear in self.model.linears],
            probability=p[lane, row].clone(),
        )

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
            self.model.estimate_norms(self._judged[: len(self.data.train_y)], switched)

    def follow(self, lane: int | None = None, example: int | None = None) -> None:
        """Choose whose masks are recorded; what is left out stays as it is.

        Raises:
            KnobError: there is no such lane or training example.
        """
        limits = {"lane": len(self.config.lanes), "example": len(self.data.train_y)}
        for name, value in (("lane", lane), ("example", example)):
            good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limits[name]
            if value is not None and not good:
                raise KnobError(name, value, f"a number from 0 to {limits[name] - 1}")
        was_lane, was_example = self.followed
        self.followed = (was_lane if lane is None else lane, was_example if example is None else example)

    def reset(self) -> None:
        """Go back to step 0: same seed, same initial weights, the knobs as they are now, and no changes."""
        self.first_config = self.config
        self.changes = []
        self._start()

    # ---------------------------------------------------------------- looking

    @torch.no_grad()
    def evaluate(self) -> Scores:
        """Judge every lane in eval mode on the training set (labels as trained on) and on the validation set."""
        with evaluating(self.model):
            log_p = torch.log_softmax(self.model(self._judged), dim=2)  # (L, N + V, C)
        y = self._judged_y.expand(len(log_p), -1)  # (L, N + V)
        losses = -log_p.gather(2, y[..., None])[..., 0]
        right = (log_p.argmax(dim=2) == y).to(self.dtype)
        count = len(self.data.train_y)
        parts = [part.mean(dim=1) for each in (losses, right) for part in (each[:, :count], each[:, count:])]
        train_loss, val_loss, train_accuracy, val_accuracy = torch.stack(parts).float().cpu()
        return Scores(self.step, train_loss, val_loss, train_accuracy, val_accuracy)

    def sample_subnetworks(
        self, lane: int, members: int = 64, dropout: Sequence[float] | None = None, example: int | None = None
    ) -> Crowd:
        """Thin a lane's network ``members`` times and let the thinned networks vote (see `begin_subnetworks`)."""
        crowd = self.begin_subnetworks(lane, members, dropout, example)
        crowd.advance(members)
        return crowd.result()

    def begin_subnetworks(
        self, lane: int, members: int = 64, dropout: Sequence[float] | None = None, example: int | None = None
    ) -> CrowdInProgress:
        """The same in bites: of the weights as they are now, whatever is trained meanwhile.

        Args:
            lane: whose network is thinned.
            members: how many sub-networks, 1 to 1,024.
            dropout: rates to thin with, one for the input and one for each hidden layer; the lane's own if left out.
            example: the training example that they vote on; the followed one if left out.

        Raises:
            KnobError: no such lane or example, or rates or members out of range.
        """
        rates = self.config.with_knobs({} if dropout is None else {"dropout": dropout}, lane).lanes[lane].dropout
        if isinstance(members, bool) or not isinstance(members, int) or not 1 <= members <= 1024:
            raise KnobError("members", members, "a whole number from 1 to 1,024")
        chosen = self.followed[1] if example is None else example
        if isinstance(chosen, bool) or not isinstance(chosen, int) or not 0 <= chosen < len(self.data.train_y):
            raise KnobError("example", chosen, f"a number from 0 to {len(self.data.train_y) - 1}")
        count = len(self.data.train_y)
        return CrowdInProgress(
            step=self.step,
            lane=lane,
            rates=rates,
            network=self.model.plain(lane),
            x=torch.cat([self._judged[count:], self._judged[chosen : chosen + 1]]),
            y=self._judged_y[count:],
            members=members,
            seed=self.config.seed,
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
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            StateError: it is no such state, or it was saved by an experiment on other data or of other networks.
                Nothing has changed.
        """
        try:
            config, first = parse(state["config"]), parse(state["first_config"])
            weights, moments = state["model"], state["optimizer"]
            step, followed, changes = state["step"], state["followed"], read_changes(first, state["changes"])
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"this is no state of an experiment: {error}") from error
        for name in _FIXED:
            if getattr(config, name) != getattr(self.config, name):
                theirs, ours = quote(getattr(config, name)), quote(getattr(self.config, name))
                raise StateError(f"the state was saved with {name} = {theirs}, this experiment has {ours}")
        if len(config.lanes) != len(self.config.lanes):
            raise StateError(f"the state has {len(config.lanes)} lanes, this experiment has {len(self.config.lanes)}")
        expected = {name: tensor.shape for name, tensor in self.model.state_dict().items()}
        if {name: tensor.shape for name, tensor in weights.items()} != expected:
            raise StateError("this is no state of an experiment: its weights have other names or shapes")
        self.config, self.first_config, self.changes = config, first, changes
        self._start()
        self.model.load_state_dict(weights)
        self._optimizer.load_state_dict(moments)
        self.step, self.followed = step, (followed[0], followed[1])


def first_with_dropout(config: ExperimentConfig) -> int:
    """The lane that is followed at first: the first with any dropout, else lane 0."""
    return next((index for index, lane in enumerate(config.lanes) if any(lane.dropout)), 0)
