"""A run as one file, to go on elsewhere: a safetensors file, whose metadata say as JSON what its tensors are.

Nothing in it is code, and nothing that it says is believed: whoever has it may have written it. Its token is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from app import __version__
from app.errors import RunFileError
from app.history import MASKS, POINTS, History
from app.memory import CHECKPOINT, Checkpoint
from app.opening import Opening, parse_opening
from app.tables import File
from app.wire import dumps, loads
from trainer.errors import quote
from trainer.printable import is_printable
from trainer.search import parse_search
from trainer.settings.commands import read_command
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS
from trainer.tables.decisions import Decisions, parse_decisions
from trainer.tables.rows import MAX_BYTES as MAX_TABLE
from trainer.wire.frames import Frame, decode, encode
from trainer.wire.stream import MAX_STATE

VERSION: Final = 1
MAX_RUN_FILE: Final = 48 * 1024 * 1024
"""Of a state 15 MB, of changes 12 MB, of a table 5 MB, and of curves and masks the rest."""
MAX_HEADER: Final = 4 * 1024 * 1024  # 128 networks that all wait for early stopping have 0.8 MB
MAX_NAME: Final = 100  # characters of a run's name
MAX_MASK: Final = 8192  # bytes of the masks of one step: those of the largest network have half of that
MAX_STEP: Final = 10**9
_HEADER: Final = 8  # bytes that say how long the header is
_KIND: Final = "dropout_lab_run"
_PARTS: Final = ("state", "history")  # tensors below these names; beside them are `changes` and `table`
_KEPT: Final = ("steps_per_second", "follow", "experiment", "stop_at", "ensemble", "search")
_SCORES: Final = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Written:
    """What is written of a run: all of it as it was at one moment.

    Attributes:
        name: what its owner calls it.
        first_config: its configuration at step 0.
        kept: what it goes on with beside its knobs.
        changes: made to it, as JSON.
        checkpoint: from which it goes on; None: from step 0.
        table: the file that it learns from, its label and what was decided of its columns, if it has one of its own.
    """

    name: str | None
    first_config: Mapping[str, Any]
    kept: Mapping[str, Any]
    changes: str
    checkpoint: Checkpoint | None
    table: tuple[bytes, str, str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class TableFile:
    """The file of a table: its bytes, its name, the column to be learnt, and what was decided of its columns."""

    data: bytes
    name: str
    label: str | None
    decisions: Decisions


@dataclass(frozen=True)
class RunFile:
    """What a file says of a run, checked as far as can be without a worker.

    Attributes:
        name: what its owner called it.
        opening: what it was opened with.
        kept: what it goes on with beside its knobs.
        step: where it stands.
        state: of its networks at that step, as a worker takes it; None: it begins at step 0.
        session: what its worker knew beside, as JSON.
        config: the configuration at that step.
        history: what had been measured by then.
        table: the file that it learns from.
    """

    name: str | None
    opening: Opening
    kept: dict[str, Any]
    step: int
    state: bytes | None
    session: str
    config: dict[str, Any]
    history: History | None
    table: TableFile | None

    def checkpoint(self, run_id: str) -> Checkpoint | None:
        """The state as a worker sends it of a run of this name."""
        if self.state is None or self.history is None:
            return None
        words = {"step": str(self.step), "session": self.session}
        frame = encode(Frame(CHECKPOINT, run_id, 0, {"state": np.frombuffer(self.state, np.uint8)}, words))
        return Checkpoint(self.step, frame, self.config, self.history)


def table_of(file: File, described: Mapping[str, Any], data: bytes) -> tuple[bytes, str, str, Mapping[str, Any]]:
    """What is written of a table: its file, what that is called, the label, and what was decided."""
    return data, file.name, str(described["label"]), described.get("decisions") or {}


def write(run: Written) -> bytes:
    """Return a run as the bytes of a file."""
    told: dict[str, Any] = {
        "lab": __version__,
        "name": run.name,
        "first_config": run.first_config,
        "kept": {name: run.kept[name] for name in _KEPT if name in run.kept},
        "checkpoint": None,
        "table": None,
    }
    tensors: dict[str, NDArray[Any]] = {"changes": np.frombuffer(run.changes.encode(), np.uint8)}
    if run.table is not None:
        data, name, label, decisions = run.table
        tensors["table"] = np.frombuffer(data, np.uint8)
        told["table"] = {"name": name, "label": label, "decisions": decisions}
    if run.checkpoint is not None:
        frame = decode(run.checkpoint.frame)
        state = frame.tensors["state"].tobytes()
        words = _header_of(state)["__metadata__"]
        history, counts = run.checkpoint.history.dump()
        tensors |= {f"state/{name}": values for name, values in safetensors.numpy.load(state).items()}
        tensors |= {f"history/{name}": values for name, values in history.items()}
        told["checkpoint"] = {
            "step": run.checkpoint.step,
            "config": run.checkpoint.config,
            "counts": counts,
            "session": frame.meta.get("session", "{}"),
            "state": words,
        }
    plain = {name: np.asarray(values, order="C") for name, values in tensors.items()}
    return safetensors.numpy.save(plain, {"kind": _KIND, "version": str(VERSION), "run": dumps(told)})


def read(data: bytes) -> RunFile:
    """Return what a file says.

    Raises:
        RunFileError: it is none of a run, or is damaged, or of another version; the message says which.
        KnobError, UnknownKnobError, BadMessageError, TooManyChangesError: what it says of a run cannot be.
    """
    told, tensors = _parts(data)
    first = _object(told, "first_config")
    kept = _object(told, "kept")
    changes = loads(_bytes(tensors, "changes") or b"[]", "changes")
    beside = {name: kept.get(name) for name in ("experiment", "stop_at", "search")}
    if kept.get("follow") is not None and beside["search"] is None:
        beside["follow"] = kept["follow"]
    opening = parse_opening({"version": __version__, "run": {"first_config": first, "changes": changes, **beside}})
    going_on = {**_checked(kept, opening.config), **beside, "search": opening.search}
    name = told.get("name")
    if name is not None:
        check_name(name)
    table = _table(told, tensors)
    if told.get("checkpoint") is None:
        _no_more(tensors, told)
        at_first = opening.config.model_dump(mode="json")
        return RunFile(name, opening, going_on, 0, None, "{}", at_first, None, table)
    known = _object(told, "checkpoint")
    step = known.get("step")
    if type(step) is not int or not 1 <= step <= MAX_STEP:
        raise RunFileError(f"step = {quote(step)} is not allowed: it must be a whole number from 1 to {MAX_STEP:,}")
    config = _config_at(step, opening, known.get("config"))
    state = _state(known, tensors, opening.config.model_dump(mode="json"), config, step)
    session = _session(known, opening, config, step)
    history = _history(tensors, _object(known, "counts"), config, step)
    _no_more(tensors, told)
    plain = config.model_dump(mode="json")
    return RunFile(name, opening, going_on, step, state, session, plain, history, table)


def check_name(name: Any) -> str:
    """Return a name that a run may have.

    Raises:
        RunFileError: it is none.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME or not is_printable(name):
        raise RunFileError(f"name = {quote(name)} is not allowed: it must be {NAME}")
    return name


NAME: Final = f"one line of at most {MAX_NAME} characters that can be seen, or null"


def _header_of(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:_HEADER], "little")
    header: dict[str, Any] = json.loads(data[_HEADER : _HEADER + length])
    return header


def _parts(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What the metadata say, and the tensors; their sizes were checked against the file's (by safetensors itself)."""
    length = int.from_bytes(data[:_HEADER], "little")
    if len(data) < _HEADER or length > len(data) - _HEADER:
        raise RunFileError("this is no file of a run: it is no safetensors file, or was cut off")
    if length > MAX_HEADER:
        raise RunFileError(f"this is no file of a run: its header has {length:,} bytes, and may have {MAX_HEADER:,}")
    try:
        words = _header_of(data)["__metadata__"]
        kind, version, run = words["kind"], words["version"], words["run"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RunFileError("this is no file of a run: it does not say that it is one") from None
    if kind != _KIND:
        raise RunFileError("this is no file of a run: it does not say that it is one")
    if version != str(VERSION):
        raise RunFileError(f"this file has version {quote(version)}; this Dropout Lab reads version {VERSION}")
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunFileError(f"this file of a run is damaged: {str(error)[:200]}") from None
    told = loads(run, "what the file says of its run") if isinstance(run, str) else None
    if not isinstance(told, dict):
        raise RunFileError("this file of a run is damaged: it says nothing of its run")
    return told, tensors


def _object(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = told.get(name)
    if not isinstance(value, dict):
        raise RunFileError(f"{name} = {quote(value)} is not allowed: it must be an object")
    return value


def _bytes(tensors: Arrays, name: str) -> bytes | None:
    if name not in tensors:
        return None
    values = tensors[name]
    if values.dtype != np.uint8 or values.ndim != 1:
        raise RunFileError(f"{name} is not allowed in this form: it must be a row of bytes")
    return values.tobytes()


def _checked(kept: Mapping[str, Any], config: ExperimentConfig) -> dict[str, Any]:
    """The speed and the sub-networks that are wanted, as commands would say them."""
    found: dict[str, Any] = {}
    if "steps_per_second" in kept:
        said = read_command({"op": "speed", "steps_per_second": kept["steps_per_second"]}, config)
        found["steps_per_second"] = said["steps_per_second"]
    if kept.get("ensemble") is not None:
        said = read_command({"op": "ensemble", **_object(kept, "ensemble")}, config)
        found["ensemble"] = {name: value for name, value in said.items() if name != "op"}
    return found


def _table(told: Mapping[str, Any], tensors: Arrays) -> TableFile | None:
    data = _bytes(tensors, "table")
    if data is None:
        return None
    if len(data) > MAX_TABLE:
        raise RunFileError(f"its table has {len(data):,} bytes; a table may have {MAX_TABLE:,}")
    about = _object(told, "table")
    name, label = about.get("name"), about.get("label")
    if not isinstance(name, str) or not (label is None or isinstance(label, str)):
        raise RunFileError(f"table = {quote(about)} is not allowed: it must say its name and its label")
    return TableFile(data, name, label, parse_decisions(about.get("decisions")))


def _config_at(step: int, opening: Opening, said: Any) -> ExperimentConfig:
    """The configuration after so many steps: by the changes, whatever the file says; those that were made before the
    next step may be in it or not, for they are made again.
    """
    if opening.search is not None:
        return parse_search(opening.search, opening.config).lanes(opening.config)

    def after(last: int) -> ExperimentConfig:
        moved: dict[int | None, dict[str, Any]] = {}
        for change in opening.changes.changes:
            if change["step"] <= last:
                moved.setdefault(change.get("lane"), {}).update(change["knobs"])
        config = opening.config
        for lane, knobs in moved.items():
            config = config.with_knobs(knobs, lane)
        return config

    given = parse(said) if isinstance(said, Mapping) else None
    if given is not None and given == after(step + 1):
        return given
    return after(step)


def _state(
    known: Mapping[str, Any], tensors: Arrays, first: dict[str, Any], config: ExperimentConfig, step: int
) -> bytes:
    """The state of the networks as a worker takes it, with the configuration that the run's changes lead to."""
    words = _object(known, "state")
    if not all(isinstance(value, str) for value in words.values()):
        raise RunFileError("its state is described by something that is no text")
    state = loads(words.get("state", ""), "its state")
    if not isinstance(state, dict):
        raise RunFileError("its state is no object")
    state |= {"first_config": first, "config": config.model_dump(mode="json"), "changes": [], "step": step}
    own = {name.partition("/")[2]: values for name, values in tensors.items() if name.startswith("state/")}
    text = json.dumps(state, separators=(",", ":"))
    data = safetensors.numpy.save(own, {**words, "state": text})
    if len(data) > MAX_STATE:
        raise RunFileError(f"its state has {len(data):,} bytes, and may have {MAX_STATE:,}")
    return data


def _session(known: Mapping[str, Any], opening: Opening, config: ExperimentConfig, step: int) -> str:
    """What a worker knew of a search: the evaluations of the present batch. Of other runs it is nothing."""
    if opening.search is None:
        return "{}"
    steps = opening.search["steps"]
    is_done = opening.search["done"] == len(opening.search["trials"])
    text = known.get("session")
    given = loads(text, "its session") if isinstance(text, str) else None
    seen = given.get("evaluations") if isinstance(given, dict) else None
    lanes = len(config.lanes)
    fits = isinstance(seen, list) and all(_is_evaluation(each, lanes, step) for each in seen)
    if not fits or step > steps or (step == steps and not is_done):
        raise RunFileError("what the file says of its search does not go with its step")
    return json.dumps({"evaluations": seen})


def _is_evaluation(given: Any, lanes: int, step: int) -> bool:
    if not isinstance(given, list) or len(given) != 3 or type(given[0]) is not int or not 0 < given[0] <= step:
        return False
    return all(
        isinstance(each, list) and len(each) == lanes and all(isinstance(value, int | float) for value in each)
        for each in given[1:]
    )


def _history(tensors: Arrays, counts: Mapping[str, Any], config: ExperimentConfig, step: int) -> History:
    """What had been measured: curves of these lanes, and masks of these layers."""
    parts = {name.partition("/")[2]: values for name, values in tensors.items() if name.startswith("history/")}
    lanes, layers = len(config.lanes), config.layers
    wanted: dict[str, tuple[Any, tuple[int | None, ...]]] = {
        "steps/step": (np.uint32, ()),
        "steps/lane": (np.uint8, ()),
        "steps/example": (np.uint32, ()),
        "steps/loss": (np.float32, (lanes,)),
        **{f"steps/mask/{layer}": (np.uint8, (None,)) for layer in layers},
        **{f"steps/kept/{layer}": (np.uint32, ()) for layer in layers},
        **{f"steps/{rate}/{layer}": (np.float32, ()) for rate in ("rate", "group_rate") for layer in layers},
        "steps/dropout_kind": (np.uint8, ()),
        "losses/step": (np.uint32, ()),
        "losses/loss": (np.float32, (lanes,)),
        "scores/step": (np.uint32, ()),
        **{f"scores/{name}": (np.float32, (lanes,)) for name in _SCORES},
    }
    if parts.keys() != wanted.keys():
        odd = sorted(parts.keys() ^ wanted.keys())[0]
        raise RunFileError(f"its curves are not those of its networks: {quote(odd)} is missing or too much")
    for name, (dtype, shape) in wanted.items():
        values = parts[name]
        like = len(shape) == values.ndim - 1 and all(
            want is None or want == has for want, has in zip(shape, values.shape[1:], strict=True)
        )
        most = MASKS if name.startswith("steps/") else POINTS
        if values.dtype != dtype or not like or len(values) > most:
            raise RunFileError(f"its curves are not those of its networks: {name} has another form")
    if sum(parts[f"steps/mask/{layer}"].shape[1] for layer in layers) > MAX_MASK:
        raise RunFileError("its masks are larger than those of any network")
    for table in ("losses", "scores"):
        count = counts.get(table)
        if (
            not isinstance(count, dict)
            or count.keys() != {"stride", "seen"}
            or not all(type(each) is int and 0 <= each <= MAX_STEP for each in count.values())
        ):
            raise RunFileError(f"counts.{table} = {quote(count)} is not allowed: it must be a stride and a number seen")
        if count["stride"] < 1:
            raise RunFileError(f"counts.{table}.stride = {count['stride']} is not allowed: it must be at least 1")
    try:
        history = History.load(parts, counts)
    except (KeyError, ValueError) as error:
        raise RunFileError(f"its curves cannot be read: {error}") from None
    for name, rows in (("steps", history.masks()), *history.curves().items()):
        steps, apart = rows["step"], 0 if name == "scores" else 1  # a paused run may be evaluated again
        if len(steps) and (int(steps[-1]) > step or not (np.diff(steps.astype(np.int64)) >= apart).all()):
            raise RunFileError(f"its {name} are not in rising order, or go beyond step {step:,}")
    rows = history.masks()
    if "dropout_kind" in rows and (rows["dropout_kind"] >= len(KINDS)).any():
        raise RunFileError("its masks are of a kind of dropout that there is not")
    if len(rows["lane"]) and int(rows["lane"].max()) >= lanes:
        raise RunFileError("its masks are of a network that it does not have")
    return history


def _no_more(tensors: Arrays, told: Mapping[str, Any]) -> None:
    """Nothing that nobody asked for travels on."""
    beside = {"changes", *(["table"] if told.get("table") is not None else [])}
    has_state = told.get("checkpoint") is not None
    for name in tensors:
        if name not in beside and not (has_state and name.partition("/")[0] in _PARTS):
            raise RunFileError(f"there is a tensor {quote(name)} in it, which no file of a run has")
