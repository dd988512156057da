"""Part 3: every lane computes what a single network of plain `torch.nn` computes on the same device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, Final

import torch
from torch import nn

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import DTYPES, OPTIMIZERS
from tests.trainer import plain, plain_cnn, plain_lstm, plain_mlp
from tests.trainer.lanes import Compared, Lab, lab
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.experiment import Experiment

LIMIT: Final = {"float32": 1e-4, "float64": 1e-9}
"""Of the largest number. Products in TF32 would be wrong by some 1e-3 in float32."""

_ORDERS: Final = ("before_dropout", "after_dropout")
_MASKS: Final = ("per_example", "per_batch")
# Wide enough that no layer is dropped as a whole; a gradient that is nothing but rounding cannot be compared.
_SIZES: Final[dict[str, dict[str, Any]]] = {
    "mlp": {"network": "mlp", "hidden": [32, 24]},
    "cnn": {"network": "cnn", "hidden": [32], "channels": [8, 16]},
    "lstm": {"network": "lstm", "hidden": [32]},
}
_COMPARED: Final[dict[str, Callable[[Lab], Iterable[Compared]]]] = {
    "mlp": plain_mlp.compared,
    "cnn": plain_cnn.compared,
    "lstm": plain_lstm.compared,
}
_TERMS: Final = 16 * 64 * 16 * 9
"""Numbers that are added up on the way to an element of a gradient, at most: examples × places × channels × window."""


def check(sheet: Sheet) -> None:
    """A row for each network, kind of dropout and precision, in training and in eval mode, and for ten steps."""
    with exact():
        sheet.attempt("the trainer computes in full precision", _full_precision)
        precisions = sheet.choose(list(DTYPES), ["float64"])
        for network, kind, dtype in product(_SIZES, sheet.choose(KINDS, KINDS[-1:]), precisions):
            ways = sheet.choose(list(product(_MASKS, _ORDERS)), [(_MASKS[0], _ORDERS[0])])
            name = f"{network}, {kind}, {dtype}"
            sheet.attempt(name, lambda: _training(sheet, network, kind, dtype, ways))  # noqa: B023
        for network, dtype in product(_SIZES, precisions):
            sheet.attempt(f"{network}, {dtype}, eval mode", lambda: _evaluation(sheet, network, dtype))  # noqa: B023
        for optimizer in OPTIMIZERS:
            sheet.attempt(f"ten steps of torch.optim, {optimizer}", lambda: _ten_steps(sheet, optimizer))  # noqa: B023


@contextmanager
def exact() -> Iterator[None]:
    """No TF32, which is on by default in cuDNN: a reference has to be right."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    was = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = was


def _full_precision() -> Finding:
    """The trainer multiplies with `torch.matmul` alone: its precision is the one that counts outside of this part."""
    precision = torch.get_float32_matmul_precision()
    return verdict(precision == "highest", f"float32 matrix products are of precision “{precision}”")


def _lanes(network: str, kind: str, most: float) -> list[dict[str, Any]]:
    """Lanes of one kind of dropout: rates and batch norm, groups of channels or of time steps where there are any."""
    places = len(parse(_SIZES[network]).layers)
    own: list[dict[str, Any]] = [{}]
    if network == "cnn":
        own = [{}, {"spatial_dropout": [0.3, 0.3]}]
    elif network == "lstm":
        own = [{"recurrent_mask": how} for how in ("variational", "per_step")]
    return [
        {"dropout_kind": kind, "dropout": [min(most, rate), *[rate] * (places - 1)], "batch_norm": norm, **rest}
        for rate, norm, rest in product((0, 0.2, 0.8), (False, True), own)
    ]


def _training(sheet: Sheet, network: str, kind: str, dtype: str, ways: Sequence[tuple[str, str]]) -> Finding:
    """Compare the outputs, gradients and running statistics of a training pass."""
    found: list[tuple[float, str]] = []
    for mask, order in ways:
        # One mask for all spares the eight pixels of a row, which p = 0.8 would drop one time in six.
        most = 0.2 if mask == "per_batch" and network == "lstm" else 1
        knobs = {**_SIZES[network], "lanes": _lanes(network, kind, most), "mask": mask, "batch_norm_order": order}
        made = lab(DTYPES[dtype], torch.device(sheet.device), **knobs)
        made.train(2)  # so that scales, shifts and statistics are no longer those of the start
        found += _errors(_COMPARED[network](made), f"{mask}, {order}")
    return _judged(found, dtype)


def _errors(pairs: Iterable[Compared], way: str) -> Iterator[tuple[float, str]]:
    """What each number of a lane is off by, beyond rounding, as a share of the largest, and where that is."""
    of_lane: dict[int, list[Compared]] = {}
    for each in pairs:
        of_lane.setdefault(each.lane, []).append(each)
    for lane, own in of_lane.items():
        gradients = [float(each.theirs.detach().abs().max()) for each in own if each.name.startswith("gradient")]
        largest = max(gradients)
        for each in own:
            yield _error(each, largest), f"{each.name}, lane {lane}, {way}"


def _error(each: Compared, largest: float) -> float:
    """One of them. A sum of n numbers is off by about √n roundings (Higham & Mary 2019), here eight times as many."""
    mine, theirs = each.mine.detach(), each.theirs.detach()
    scale = float((theirs if each.largest is None else each.largest).abs().max())
    rounding = 0.0
    if each.name.startswith("gradient"):
        rounding = 8 * _TERMS**0.5 * torch.finfo(theirs.dtype).eps * largest
    return max(float((mine - theirs).abs().max()) - rounding, 0.0) / max(scale, 1e-30)


def _judged(found: Iterable[tuple[float, str]], dtype: str) -> Finding:
    every = list(found)
    worst, where = max(every)
    detail = f"{len(every)} tensors, at most {worst:.1e} of the largest number beyond rounding, in {where}"
    return verdict(worst < LIMIT[dtype], detail, share=worst, limit=LIMIT[dtype], tensors=len(every))


def _evaluation(sheet: Sheet, network: str, dtype: str) -> Finding:
    """Compare outputs in eval mode."""
    lanes = [lane for kind in KINDS for lane in _lanes(network, kind, 1)]
    made = lab(DTYPES[dtype], torch.device(sheet.device), **_SIZES[network], lanes=lanes)
    made.train(sheet.choose(3, 1))
    made.network.eval()
    x, _ = made.batch()
    logits, found = made.network(x), []
    for lane in range(made.network.lanes):
        theirs = _plain_logits(network, made, lane, x)
        found.append((plain.relative_error(logits[lane], theirs), f"lane {lane}"))
    return _judged(found, dtype)


def _plain_logits(network: str, made: Lab, lane: int, x: torch.Tensor) -> torch.Tensor:
    if network == "mlp":
        return plain_mlp.plain(made, lane).eval().forward(x, *plain_mlp.given(made, lane, training=False))
    if network == "cnn":
        return plain_cnn.plain(made, lane).eval().forward(x, *plain_cnn.given(made, lane, training=False))
    single, rows = plain_lstm.plain(made, lane).eval(), plain_lstm.rows(x)
    return single.forward(rows, *plain_lstm.given(made, lane, training=False))


def _ten_steps(sheet: Sheet, optimizer: str) -> Finding:
    """Compare the weights after ten steps, in float64. Adam makes a step out of the rounding of a gradient that is 0,
    as that of a bias in front of batch norm is: with Adam there is none.
    """
    lanes: list[dict[str, Any]] = [{"dropout_kind": kind, "dropout": [0.2, 0.5, 0.2], "l2": 0.01} for kind in KINDS]
    lanes += [{"dropout": [0.2, 0.5, 0.2], "batch_norm": optimizer == "sgd", "hidden": [9, 13]}]
    knobs = {"hidden": [24, 16], "batch_size": 32, "train_size": 100, "seed": 3, "learning_rate": 0.01}
    experiment = Experiment(parse({**knobs, "optimizer": optimizer, "lanes": lanes}), sheet.device, torch.float64)
    networks = [plain.plain_lane(experiment, lane).to(experiment.device) for lane in range(len(lanes))]
    penalties = [lane.get("l2", 0) for lane in lanes]
    rules = [_rule(optimizer, own, penalty) for own, penalty in zip(networks, penalties, strict=True)]
    for step in range(1, sheet.choose(11, 4)):
        experiment.run(1)
        x, target = experiment.batches.at(step)
        for lane, (network, rule) in enumerate(zip(networks, rules, strict=True)):
            rule.zero_grad()
            logits = network(x, *plain.factors_of(experiment, lane))
            torch.autograd.backward(nn.functional.cross_entropy(logits, target.argmax(dim=1)))
            rule.step()
    found = []
    for lane, theirs in enumerate(networks):
        mine = plain.plain_lane(experiment, lane).to(experiment.device)
        for (name, own), other in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
            if own.is_floating_point():
                found.append((plain.relative_error(own, other), f"{name}, lane {lane}"))
    return _judged(found, "float64")


def _rule(kind: str, network: nn.Module, penalty: float) -> torch.optim.Optimizer:
    if kind == "adam":
        return torch.optim.Adam(network.parameters(), lr=0.01, weight_decay=penalty)
    return torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=penalty)
