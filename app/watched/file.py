"""A watch as one file: a safetensors file, whose metadata say as JSON what its tensors are of.

Nothing in it is code, and nothing that it says is believed: whoever has it may have written it. Its token is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from app.backlog import Packet
from app.errors import BadJsonError, BadMessageError, WatchFileError
from app.watched.forms import check, line, listed
from app.watched.frames import KINDS, Known, check_frame
from app.watched.told import (
    LONGEST_NAME,
    MOST_WARNINGS,
    read_changes,
    read_code,
    read_model,
    read_state,
    read_warning,
)
from app.watched.watch import Watch
from app.wire import dumps, loads
from trainer.errors import quote
from trainer.wire.frames import Frame

VERSION: Final = 1
MAX_WATCH_FILE: Final = 32 * 1024 * 1024
MAX_HEADER: Final = 4 * 1024 * 1024  # 1 MB of a model as text in text, and 800 KB of names of tensors
NAME: Final = line(LONGEST_NAME)
_HEADER: Final = 8  # bytes that say how long the header is
_KIND: Final = "dropout_lab_watch"


@dataclass(frozen=True)
class WatchFile:
    """What a file says of a watch, looked at as what comes over a feed is.

    Attributes:
        name: what it is called.
        model: what is known of its model.
        state: how its training stood.
        warnings: what was probably wrong.
        changes: what was changed from its page.
        code: the same as Python.
        frames: of each kind at most one.
    """

    name: str
    model: dict[str, Any] | None
    state: dict[str, Any] | None
    warnings: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""
    frames: list[Frame] = field(default_factory=list)

    def fill(self, watch: Watch) -> None:
        """Make a watch that is new what the file says: one that has ended."""
        watch.came = True
        if self.model is not None:
            watch.set_model(self.model)
        if self.state is not None:
            watch.set_state({**self.state, "state": "failed" if self.state["state"] == "failed" else "ended"})
        for warning in self.warnings:
            watch.add_warning(warning)
        watch.set_changes(self.changes, self.code)
        for frame in self.frames:
            watch.kept.add(Frame(frame.kind, watch.id, frame.seq, frame.tensors, frame.meta))


def write(told: Mapping[str, Any], frames: list[Packet]) -> bytes:
    """Return a watch as the bytes of a file.

    Args:
        told: what there is to tell of it.
        frames: what a viewer gets first.
    """
    words = {"kind": _KIND, "version": str(VERSION), "watch": dumps(dict(told))}
    tensors: dict[str, NDArray[Any]] = {}
    for packet in frames:
        frame = packet.frame
        tensors |= {f"{frame.kind}/{name}": array for name, array in frame.tensors.items()}
        words |= {f"{frame.kind}/{name}": text for name, text in frame.meta.items()}
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, words)


def read(data: bytes) -> WatchFile:
    """Return what a file says.

    Raises:
        WatchFileError: it is none of a watch, or is damaged, or of another version, or does not hang together.
    """
    words, tensors = _parts(data)
    try:
        told = loads(words["watch"], "what the file says of its watch")
        if not isinstance(told, dict):
            raise BadMessageError("it must be an object")
        return _read(told, words, tensors)
    except (BadMessageError, BadJsonError) as error:
        raise WatchFileError(f"this file of a watch is damaged: {error.message}") from None


def _read(told: Mapping[str, Any], words: Mapping[str, str], tensors: Mapping[str, NDArray[Any]]) -> WatchFile:
    name = check("name", told.get("name"), NAME)
    model = None if told.get("model") is None else read_model(told["model"])
    state = None if told.get("state") is None else read_state(told["state"])
    warnings = [read_warning(each) for each in listed("warnings", told.get("warnings"), MOST_WARNINGS)]
    known = Known() if model is None else Known(len(model["sites"]), len(model["series"]))
    frames: list[Frame] = []
    for kind in KINDS:
        own = {name.partition("/")[2]: array for name, array in tensors.items() if name.partition("/")[0] == kind}
        meta = {name.partition("/")[2]: text for name, text in words.items() if name.startswith(f"{kind}/")}
        if own:
            if kind == "ensemble" and "task" not in meta:
                meta["task"] = "numbers" if "error/member" in own else "classes"
            frames.append(check_frame(Frame(kind, "", len(frames) + 1, own, meta), known))
    odd = [name for name in tensors if name.partition("/")[0] not in KINDS]
    if odd:
        raise BadMessageError(f"there is a tensor {quote(odd[0])} in it, which no file of a watch has")
    changes, code = read_changes(told.get("changes")), read_code(told.get("code"))
    return WatchFile(name, model, state, warnings, changes, code, frames)


def _parts(data: bytes) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """The words of the metadata, and the tensors, whose places were held against the size of the file."""
    length = int.from_bytes(data[:_HEADER], "little")
    if len(data) < _HEADER or length > len(data) - _HEADER:
        raise WatchFileError("this is no file of a watch: it is no safetensors file, or was cut off")
    if length > MAX_HEADER:
        raise WatchFileError(
            f"this is no file of a watch: its header has {length:,} bytes, and may have {MAX_HEADER:,}"
        )
    try:
        words = json.loads(data[_HEADER : _HEADER + length])["__metadata__"]
        kind, version, watch = words["kind"], words["version"], words["watch"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WatchFileError("this is no file of a watch: it does not say that it is one") from None
    if kind != _KIND or not isinstance(watch, str):
        raise WatchFileError("this is no file of a watch: it does not say that it is one")
    if version != str(VERSION):
        raise WatchFileError(f"this file has version {quote(version)}; this Dropout Lab reads version {VERSION}")
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise WatchFileError(f"this file of a watch is damaged: {str(error)[:200]}") from None
    return words, tensors
