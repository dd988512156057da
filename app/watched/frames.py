"""Frames of a watched model, looked at before they are passed on: tensors, types and sizes, each kind its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from app.errors import BadMessageError
from app.watched.joining import Columns, tables_of
from app.watched.told import MOST_UNITS
from trainer.errors import quote
from trainer.wire.frames import Frame, FrameError, decode

MAX_PAYLOAD: Final = 4 * 1024 * 1024
MAX_HEADER: Final = 768 * 1024  # of a frame: nine tensors of 512 sites have half of that
BINS: Final = 40  # of a histogram
MOST_MEMBERS: Final = 256  # sub-networks that vote
KINDS: Final = ("rows", "metrics", "summary", "ensemble")
_MASK_BYTES: Final = MOST_UNITS // 8
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,2}")

Shape = tuple[int | str, ...]
"""Of a tensor: numbers, or letters that stand for the same number wherever they are in one table."""

Tensor = tuple[np.dtype[Any], Shape]
_U8, _U16, _U32, _F32, _F64 = map(np.dtype, ("uint8", "uint16", "uint32", "float32", "float64"))

_ROWS: Final[Mapping[str, Tensor]] = {
    "step": (_U32, ("K",)),
    "mask": (_U8, ("K", "B")),
    "used": (_U16, ("K",)),
    "kept": (_F64, ("K",)),
    "size": (_F64, ("K",)),
    "rate": (_F32, ("K",)),
    "flags": (_U8, ("K",)),
}
_METRICS: Final[Mapping[str, Tensor]] = {"step": (_U32, ("K",)), "value": (_F32, ("K",))}
_SUMMARY: Final[Mapping[str, Tensor]] = {
    "samples": (_U32, (1,)),
    "dropped": (_U32, ("U",)),
    "expected": (_F64, (1,)),
}
_SEEN: Final[Mapping[str, Tensor]] = {
    "mean": (_F32, (1,)),
    "deviation": (_F32, (1,)),
    "zero": (_F32, (1,)),
    "edges": (_F32, (BINS + 1,)),
    "histogram": (_U32, (BINS,)),
}
_SILENT: Final[Mapping[str, Tensor]] = {"silent": (_U32, ("U",))}
_VOTE: Final[Mapping[str, Tensor]] = {"step": (_U32, (1,)), "passes": (_U32, (1,))}
_TASKS: Final[Mapping[str, Mapping[str, Tensor]]] = {
    "classes": {
        "accuracy/member": (_F32, ("M",)),
        "accuracy/average": (_F32, ("M",)),
        "loss/average": (_F32, ("M",)),
        "accuracy/scaling": (_F32, (1,)),
        "loss/scaling": (_F32, (1,)),
        "entropy": (_F32, ("N",)),
        "information": (_F32, ("N",)),
        "right": (_U8, ("N",)),
    },
    "numbers": {
        "error/member": (_F32, ("M",)),
        "error/average": (_F32, ("M",)),
        "error/scaling": (_F32, (1,)),
        "deviation": (_F32, ("N",)),
    },
}


@dataclass
class Known:
    """What frames are held against.

    Attributes:
        sites: how many the model has.
        series: how many it has.
        seq: number of the last frame.
        steps: of each site, the step of its last row.
    """

    sites: int = 0
    series: int = 0
    seq: int = 0
    steps: dict[int, int] = field(default_factory=dict)


def read_frame(data: bytes, watch: str, known: Known) -> Frame:
    """Return the frame in what came over a feed; what it shows goes with the model and with the frames before it.

    Args:
        data: the payload.
        watch: the id of the watch.
        known: what is known of the model.

    Raises:
        BadMessageError: it is none, or does not go with them.
    """
    if len(data) > MAX_PAYLOAD:
        raise BadMessageError(f"a frame of {len(data):,} bytes is not allowed: it may have {MAX_PAYLOAD:,}")
    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER:
        raise BadMessageError(f"a header of {header:,} bytes is not allowed: it may have {MAX_HEADER:,}")
    try:
        frame = decode(data)
    except FrameError as error:
        raise BadMessageError(str(error)) from None
    if frame.run != watch:
        raise BadMessageError(f"run = {quote(frame.run)} is not allowed: it must be the id of this watch")
    if frame.seq <= known.seq:
        raise BadMessageError(f"seq = {frame.seq} is not allowed: it must be greater than {known.seq}, the last one's")
    return check_frame(frame, known)


def check_frame(frame: Frame, known: Known) -> Frame:
    """Return a frame with the words that its kind has, and no others, if its tensors are those of its kind.

    Raises:
        BadMessageError: they are others, or do not go with what is known of the model.
    """
    check = _CHECKS.get(frame.kind)
    if check is None:
        raise BadMessageError(f"kind = {quote(frame.kind)} is not allowed: it must be one of {', '.join(KINDS)}")
    return Frame(frame.kind, frame.run, frame.seq, frame.tensors, check(frame, known))


def _check_rows(frame: Frame, known: Known) -> dict[str, str]:
    newest = {}
    for index, columns in _tables(frame, known.sites, "a site").items():
        at = f"/{index} of rows"
        _check(columns, _ROWS, at)
        step, width = columns["step"], columns["mask"].shape[1]
        if not len(step):
            raise BadMessageError(f"step{at} is not allowed: it must have at least one row")
        if not 1 <= width <= _MASK_BYTES:
            raise BadMessageError(f"mask{at} has {width:,} bytes a row: it must have 1 to {_MASK_BYTES}")
        if int(columns["used"].max()) > 8 * width:
            raise BadMessageError(
                f"used{at} = {int(columns['used'].max())} is not allowed: a row has {8 * width} units"
            )
        last, first = known.steps.get(index, 0), int(step[0])
        if first < last or (step[1:] < step[:-1]).any():
            raise BadMessageError(f"step{at} = {first} … is not allowed: steps must rise, and the last was {last}")
        newest[index] = int(step[-1])
    known.steps |= newest
    return {}


def _check_metrics(frame: Frame, known: Known) -> dict[str, str]:
    for index, columns in _tables(frame, known.series, "a series").items():
        _check(columns, _METRICS, f"/{index} of metrics")
        if not len(columns["step"]):
            raise BadMessageError(f"step/{index} of metrics is not allowed: it must have at least one row")
    return {}


def _check_summary(frame: Frame, known: Known) -> dict[str, str]:
    tensors = dict(frame.tensors)
    _check({"step": tensors.pop("step", None)}, {"step": (_U32, (1,))}, " of summary")
    for index, columns in _named(tensors, "summary", known.sites, "a site").items():
        forms = dict(_SUMMARY)
        for more in (_SILENT, _SEEN):  # only where activations were looked at
            forms |= more if columns.keys() & more.keys() else {}
        sizes = _check(columns, forms, f"/{index} of summary")
        if sizes["U"] > MOST_UNITS:
            raise BadMessageError(f"dropped/{index} of summary has {sizes['U']:,} units: it may have {MOST_UNITS:,}")
    return {}


def _check_ensemble(frame: Frame, known: Known) -> dict[str, str]:
    task = frame.meta.get("task", "")
    if task not in _TASKS:
        raise BadMessageError(f"task = {quote(task)} is not allowed: it must be one of {', '.join(_TASKS)}")
    sizes = _check(dict(frame.tensors), {**_VOTE, **_TASKS[task]}, " of ensemble")
    if not 1 <= sizes["M"] <= MOST_MEMBERS:
        raise BadMessageError(f"an ensemble of {sizes['M']:,} is not allowed: it must have 1 to {MOST_MEMBERS}")
    return {"task": task}


_CHECKS: Final[dict[str, Callable[[Frame, Known], dict[str, str]]]] = {
    "rows": _check_rows,
    "metrics": _check_metrics,
    "summary": _check_summary,
    "ensemble": _check_ensemble,
}


def _tables(frame: Frame, count: int, what: str) -> dict[int, Columns]:
    tables = _named(frame.tensors, frame.kind, count, what)
    if not tables:
        raise BadMessageError(f"a frame of {frame.kind} without tensors is not allowed: it must have some of {what}")
    return tables


def _named(tensors: Columns, kind: str, count: int, what: str) -> dict[int, Columns]:
    for name in tensors:
        index = name.rpartition("/")[2]
        if not _INDEX.fullmatch(index) or int(index) >= count:
            words = f"it must end with the index of {what}, of which the model has {count}"
            raise BadMessageError(f"{quote(name)} of {kind} is not allowed: {words}")
    return tables_of(tensors)


def _check(columns: Mapping[str, Any], forms: Mapping[str, Tensor], at: str) -> dict[str, int]:
    """Hold tensors against what they must be; which number each letter stands for."""
    odd = sorted(columns.keys() ^ forms.keys())
    if odd:
        raise BadMessageError(f"{quote(odd[0] + at)} is missing or too much")
    sizes: dict[str, int] = {}
    for name, (dtype, shape) in forms.items():
        array = columns[name]
        if array is None or array.dtype != dtype or array.ndim != len(shape):
            told = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
            raise BadMessageError(f"{name}{at} = {told} is not allowed: it must be {dtype} {_words(shape)}")
        for wanted, has in zip(shape, array.shape, strict=True):
            if has != (sizes.setdefault(wanted, has) if isinstance(wanted, str) else wanted):
                words = _words(tuple(sizes.get(str(each), each) for each in shape))
                raise BadMessageError(f"{name}{at} has the shape {list(array.shape)}: it must be {words}")
    return sizes


def _words(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
