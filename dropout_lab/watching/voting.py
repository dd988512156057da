"""What thinned sub-networks of a watched model say of examples that it does not learn from.

The passes run in the training's own thread, between two steps, one at a time and within their share of the time, on a
copy of the model: so that all of them are of the same weights, and training finds everything as it left it. The random
numbers are the copy's own: the training's generators are put back behind each pass.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation" (2016), for averaging over masks; Houlsby et al.,
"Bayesian active learning" (2011), equation 2, for mutual information.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.wire.frames import Tensors

MOST_EXAMPLES: Final = 2000
MOST_NUMBERS: Final = 16_000_000  # that all sub-networks of a vote may give: 128 MB of them are held in the end
USUAL_PASSES: Final = 64
LEAST_PASSES: Final = 2
MOST_PASSES: Final = 256
_ASKED_ON: Final = frozenset(("cpu", "cuda", "meta"))
_DEVICES: Final = {"mps": "Apple's GPU (mps)", "xpu": "Intel's GPU (xpu)"}
_NORMS: Final = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm)


class VoteError(Exception):
    """Sub-networks cannot be asked."""


@dataclass
class Vote:
    """One vote, a pass at a time.

    Args:
        model: the model as it is now; it is copied.
        inputs: what is given to it: a tensor, or several, examples along the first dimension.
        targets: classes (int64, N or N × …) or numbers (float, as the model's output).
        passes: how many sub-networks.
        step: of the training.
        seed: of their masks.
        modes: whether each module is in training mode in training, as `modes_of` returns it: what does not drop there,
            such as a part that is kept as it is, drops in no vote; None: all of them are.

    Raises:
        VoteError: the model cannot be copied, or asked on where it is, or what it gives does not go with the targets.
    """

    model: nn.Module
    inputs: tuple[Any, ...]
    targets: Tensor
    passes: int
    step: int
    seed: int
    modes: list[bool] | None = None
    _outputs: list[Tensor] = field(default_factory=list)
    _scaling: Tensor | None = None

    def __post_init__(self) -> None:
        check_model(self.model)
        try:
            self._copy = copy.deepcopy(_alone(self.model))
        except Exception as error:
            raise VoteError(f"the model cannot be copied: {type(error).__name__}: {error}") from error
        _without_hooks(self._copy)
        self.device = next((each.device for each in self._copy.parameters()), torch.device("cpu"))
        self._devices = sorted((each for each in _devices_of(self._copy) if each.type == "cuda"), key=str)

    @property
    def asked(self) -> int:
        """How many have voted so far."""
        return len(self._outputs)

    @property
    def is_done(self) -> bool:
        """Whether all have voted."""
        return len(self._outputs) >= self.passes and self._scaling is not None

    def go_on(self) -> None:
        """Let one more vote.

        Raises:
            VoteError: it cannot.
        """
        with _put_back(self._devices), torch.no_grad():
            torch.default_generator.manual_seed(self.seed + len(self._outputs))
            for device in self._devices:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(self.seed + len(self._outputs))
            if self._scaling is None:
                self._copy.eval()
                self._scaling = self._ask()
            else:
                self._copy.train()
                modules = list(self._copy.modules())
                if self.modes is not None and len(self.modes) == len(modules):
                    for module, trains in zip(modules, self.modes, strict=True):
                        module.training = trains
                for module in modules:
                    if isinstance(module, _NORMS):
                        module.eval()  # batch statistics are another matter than masks
                self._outputs.append(self._ask())

    def _ask(self) -> Tensor:
        try:
            found = first_tensor(self._copy(*(_moved(each, self.device) for each in self.inputs)), want_grad=False)
        except Exception as error:
            raise VoteError(f"the model fails on `val`: {type(error).__name__}: {error}") from error
        if found is None:
            raise VoteError("the model gives no tensor for `val`")
        if found.numel() * (self.passes + 1) > MOST_NUMBERS:
            raise VoteError(
                f"{self.passes} sub-networks would give {found.numel() * self.passes:,} numbers for `val`, of which at "
                f"most {MOST_NUMBERS:,} can be held: fewer examples, or fewer sub-networks, would do"
            )
        return _fitting(found.detach().to("cpu", torch.float32), self.targets)

    def result(self) -> tuple[Tensors, dict[str, str], dict[str, float]]:
        """Return the tensors of a frame ``ensemble``, its words, and what stands beside the losses of the training."""
        assert self._scaling is not None
        outputs = torch.stack(self._outputs).double()  # (M, N, C) logits, or (M, N, …) numbers
        tensors: dict[str, Any] = {"step": np.array([self.step], np.uint32)}
        tensors["passes"] = np.array([len(outputs)], np.uint32)
        if self.targets.is_floating_point():
            return self._numbers(outputs, tensors)
        return self._classes(outputs, tensors)

    def _classes(self, outputs: Tensor, tensors: dict[str, Any]) -> tuple[Tensors, dict[str, str], dict[str, float]]:
        assert self._scaling is not None
        targets = self.targets.reshape(-1)
        log_each = torch.log_softmax(outputs, -1)
        each = log_each.exp()
        counts = torch.arange(1, len(each) + 1, dtype=torch.float64)
        average = each.cumsum(0) / counts[:, None, None]
        of_target = average.gather(2, targets.expand(len(each), -1)[..., None])[..., 0]
        scaling = torch.log_softmax(self._scaling.double(), -1)
        entropy = -(average[-1] * average[-1].clamp_min(1e-300).log()).sum(-1)
        expected = -(each * log_each).sum(-1).mean(0)
        right = average[-1].argmax(-1) == targets
        scaling_loss = -scaling.gather(1, targets[:, None]).mean()
        scaling_accuracy = (scaling.argmax(-1) == targets).double().mean()
        tensors |= {
            "accuracy/member": _f32((each.argmax(-1) == targets).double().mean(-1)),
            "accuracy/average": _f32((average.argmax(-1) == targets).double().mean(-1)),
            "loss/average": _f32(-of_target.clamp_min(1e-300).log().mean(-1)),
            "accuracy/scaling": _f32(scaling_accuracy[None]),
            "loss/scaling": _f32(scaling_loss[None]),
            "entropy": _f32(entropy),
            "information": _f32((entropy - expected).clamp_min(0)),
            "right": right.numpy().astype(np.uint8),
        }
        return tensors, {"task": "classes"}, {"val_loss": float(scaling_loss), "val_accuracy": float(scaling_accuracy)}

    def _numbers(self, outputs: Tensor, tensors: dict[str, Any]) -> tuple[Tensors, dict[str, str], dict[str, float]]:
        assert self._scaling is not None
        targets = self.targets.double()
        counts = torch.arange(1, len(outputs) + 1, dtype=torch.float64).reshape(-1, *[1] * targets.dim())
        average = outputs.cumsum(0) / counts
        scaling = (self._scaling.double() - targets).square().mean().sqrt()
        tensors |= {
            "error/member": _f32((outputs - targets).square().flatten(1).mean(1).sqrt()),
            "error/average": _f32((average - targets).square().flatten(1).mean(1).sqrt()),
            "error/scaling": _f32(scaling[None]),
            "deviation": _f32(outputs.std(0).reshape(len(targets), -1).mean(1)),
        }
        return tensors, {"task": "numbers"}, {"val_error": float(scaling)}


def check_model(model: nn.Module) -> None:
    """Let a model pass whose sub-networks can be asked.

    Raises:
        VoteError: they cannot, and why.
    """
    if any(_is_spread(each) for each in model.modules()) or any(_is_spread(each) for each in model.parameters()):
        raise VoteError(
            "Sub-networks cannot vote: the weights of this model are spread over several processes (as by FSDP), and a "
            "pass of one process alone would wait for the others for ever"
        )
    if others := {each.type for each in _devices_of(model)} - _ASKED_ON:
        named = ", ".join(_DEVICES.get(each, each) for each in sorted(others))
        raise VoteError(
            f"Sub-networks cannot vote on {named}: their random numbers cannot be kept apart from the training's there"
        )


def _is_spread(part: nn.Module | Tensor) -> bool:
    """Whether a module, or a parameter, is only one process's share of something."""
    named = type(part).__module__
    return named.startswith(("torch.distributed.fsdp", "torch.distributed._composable.fsdp")) or (
        isinstance(part, Tensor) and (named.startswith("torch.distributed") or hasattr(part, "ds_id"))
    )


def _devices_of(model: nn.Module) -> set[torch.device]:
    return {each.device for each in (*model.parameters(), *model.buffers())}


def modes_of(model: nn.Module) -> list[bool]:
    """Return whether each module is in training mode, in the order of ``modules()`` of the model of one process."""
    return [module.training for module in _alone(model).modules()]


def _alone(model: nn.Module) -> nn.Module:
    """The model as one process has it: what speaks to other processes in a pass would wait for them."""
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        inner: nn.Module = model.module
        return inner
    return model


def _without_hooks(model: nn.Module) -> None:
    """Take the reader's own hooks off a copy: they are not to hear of passes that are none of the training's."""
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                owner = getattr(hook, "__module__", None) or type(hook).__module__
                if not str(owner).startswith("torch.") and not type(hook).__module__.startswith("torch."):
                    del hooks[key]


@contextlib.contextmanager
def _put_back(devices: list[torch.device]) -> Iterator[None]:
    """Leave all generators of random numbers as they are found."""
    ours, numpys = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)


def read_val(val: Any) -> tuple[tuple[Any, ...], Tensor]:
    """Return the inputs and the targets in what was given as ``val``, at most 2,000 examples.

    Args:
        val: ``(x, y)`` or ``(x1, x2, …, y)``.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(val, tuple | list) or len(val) < 2:
        raise TypeError(
            f"val={type(val).__name__} is not allowed: it must be a pair of what the model is given and what is right, "
            "such as val=(x_val, y_val)"
        )
    *inputs, targets = val
    targets = torch.as_tensor(targets)
    if targets.dim() == 0 or len(targets) == 0:
        raise TypeError("val is not allowed: it has no examples")
    taken = [each[:MOST_EXAMPLES] if isinstance(each, Tensor) and each.dim() else each for each in inputs]
    targets = targets[:MOST_EXAMPLES].detach().cpu()
    for each in taken:
        if isinstance(each, Tensor) and each.dim() and len(each) != len(targets):
            raise TypeError(f"val is not allowed: it has {len(each)} examples and {len(targets)} answers")
    return tuple(taken), targets if targets.is_floating_point() else targets.long()


def first_tensor(found: Any, want_grad: bool) -> Tensor | None:
    """Return the first tensor in what a model gave: itself, or the first of a list, an object of several, a mapping."""
    if isinstance(found, Tensor):
        return found if not want_grad or found.requires_grad else None
    if isinstance(found, dict):
        values: Any = found.get("logits"), *found.values()
    elif isinstance(found, tuple | list):
        values = found
    else:
        values = (getattr(found, "logits", None), *vars(found).values()) if hasattr(found, "__dict__") else ()
    for each in values:
        tensor = first_tensor(each, want_grad) if isinstance(each, Tensor | tuple | list | dict) else None
        if tensor is not None:
            return tensor
    return None


def scalar_in(found: Any) -> Tensor | None:
    """Return the loss in what a model gave beside other things: the one tensor of a single number that is learnt."""
    if isinstance(found, Tensor):
        return None
    loss = found.get("loss") if isinstance(found, dict) else getattr(found, "loss", None)
    if loss is None and isinstance(found, tuple | list):
        numbers = [each for each in found if isinstance(each, Tensor) and each.dim() == 0 and each.requires_grad]
        loss = numbers[0] if len(numbers) == 1 and len(found) == 2 and numbers[0].grad_fn is not None else None
        if loss is not None and not _is_a_loss(loss):
            loss = None
    return loss if isinstance(loss, Tensor) and loss.numel() == 1 and loss.requires_grad else None


def _is_a_loss(value: Tensor) -> bool:
    """Whether one of PyTorch's losses has made a number: of what else a model gives beside its output nobody knows."""
    return type(value.grad_fn).__name__.startswith(("NllLoss", "MseLoss", "L1Loss", "SmoothL1", "BinaryCross", "Huber"))


def _fitting(output: Tensor, targets: Tensor) -> Tensor:
    """The model's output, as (N, classes) or as the targets are.

    Raises:
        VoteError: it does not go with them.
    """
    if targets.is_floating_point():
        if output.shape == targets.shape:
            return output
        if output.numel() == targets.numel():
            return output.reshape(targets.shape)
    elif output.shape[:-1] == targets.shape:
        if output.shape[-1] > 1 and int(targets.max()) < output.shape[-1] and int(targets.min()) >= 0:
            return output.reshape(-1, output.shape[-1])
    elif output.dim() == targets.dim() + 1 and output.shape[:1] + output.shape[2:] == targets.shape:
        return output.movedim(1, -1).reshape(-1, output.shape[1])
    raise VoteError(
        f"the model gives a tensor of shape {tuple(output.shape)} for `val`, which does not go with answers of shape "
        f"{tuple(targets.shape)} and type {targets.dtype}"
    )


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value


def _f32(values: Tensor) -> Any:
    return values.to(torch.float32).numpy()
