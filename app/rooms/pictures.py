"""What a room shows of runs: a few numbers and short curves of what was measured. A phone needs no frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.rooms.people import knobs_of
from app.run import Run

CURVE: Final = 40  # points of a curve on a phone,
RACE: Final = 60  # and of all on a projector
MOST_UNITS: Final = 128  # of a layer whose mask is shown


def short(value: float) -> float | None:
    """Return a number with four significant digits, None for what is none."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def thinned(length: int, most: int) -> list[int]:
    """Return which of so many rows are shown: evenly spread, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return sorted({round(index * (length - 1) / (most - 1)) for index in range(most)})


class Reading:
    """The scores of a run as they are now.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        scores = run.scores()
        self.step: NDArray[Any] = scores["step"]
        self.val_loss: NDArray[Any] = scores["val_loss"]
        self.val_accuracy: NDArray[Any] = scores["val_accuracy"]
        self.train_loss: NDArray[Any] = scores["train_loss"]
        self.lanes = len(run.config.lanes)
        self._gone = run.diverged

    def last(self, lane: int, began: int = 0) -> dict[str, float | None]:
        """The newest numbers of a network: ``loss`` and ``accuracy`` of the validation set, and ``train_loss``.

        Args:
            lane: which network.
            began: the step at which it began: what was measured before is another's.
        """
        names = {"loss": self.val_loss, "accuracy": self.val_accuracy, "train_loss": self.train_loss}
        if not len(self.step) or self.step[-1] < began or lane >= self.val_loss.shape[1]:
            return dict.fromkeys(names)
        return {name: short(float(values[-1, lane])) for name, values in names.items()}

    def curve(self, lane: int, began: int = 0, most: int = CURVE) -> dict[str, list[Any]]:
        """The course of a network: ``step``, ``loss`` of the validation set and ``train``, thinned."""
        first = int(np.searchsorted(self.step, began))
        if lane >= self.val_loss.shape[1]:
            return {"step": [], "loss": [], "train": []}
        rows = [first + row for row in thinned(len(self.step) - first, most)]
        return {
            "step": [int(self.step[row]) for row in rows],
            "loss": [short(float(self.val_loss[row, lane])) for row in rows],
            "train": [short(float(self.train_loss[row, lane])) for row in rows],
        }

    def gone(self, lane: int) -> str | None:
        """Why a network trains no more, if it does not."""
        told = self._gone[lane] if lane < len(self._gone) else None
        return None if not told else f"diverged at step {told.get('step', 0):,}"

    def race(self, lanes: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """The validation losses of many networks side by side.

        Args:
            lanes: each with the step at which it began.
        """
        rows = thinned(len(self.step), RACE)
        steps = [int(self.step[row]) for row in rows]
        losses = [
            [
                None if step < began or lane >= self.lanes else short(float(self.val_loss[row, lane]))
                for row, step in zip(rows, steps, strict=True)
            ]
            for lane, began in lanes
        ]
        return {"lanes": [lane for lane, _ in lanes], "step": steps, "loss": losses}


def standing(run: Run | None) -> dict[str, Any] | None:
    """Return what everybody is told of a run: its id, state, step and speed."""
    if run is None:
        return None
    state = "lost" if is_behind(run) else run.standing
    return {"id": run.id, "state": state, "step": run.reach, "speed": run.steps_per_second}


def is_behind(run: Run) -> bool:
    """Whether a run is being trained again up to where it was before its worker or its server was lost.

    Nothing of that is shown: everybody has seen it.
    """
    return not run.is_open or run.step < run.reach


def followed(run: Run, reading: Reading, name: str | None = None) -> dict[str, Any]:
    """Return what is shown of a run that many watch: its networks, their course, and the newest mask.

    Args:
        run: the run.
        reading: of it.
        name: of the student whose run it is.
    """
    lanes = run.config.lanes
    networks = [
        {
            "name": lane.name,
            "hidden": knobs_of(lane.model_dump(mode="json")).hidden,
            **reading.last(index),
            "gone": reading.gone(index),
        }
        for index, lane in enumerate(lanes)
    ]
    rows = thinned(len(reading.step), CURVE)
    curve = {
        "step": [int(reading.step[row]) for row in rows],
        "loss": [[short(float(reading.val_loss[row, lane])) for row in rows] for lane in range(len(lanes))],
        "train": [[short(float(reading.train_loss[row, lane])) for row in rows] for lane in range(len(lanes))],
    }
    told = {"run": run.id, "step": run.step, "state": run.standing, "networks": networks, "curve": curve}
    return {**told, "mask": mask(run)} | ({} if name is None else {"name": name})


def mask(run: Run) -> dict[str, Any] | None:
    """Return the newest mask: of which network, at which step, and of each hidden layer which units were kept."""
    steps = run.masks()
    if not len(steps["step"]):
        return None
    lane = int(steps["lane"][-1])
    layers = []
    for layer in run.layers[1:]:
        packed = steps.get(f"mask/{layer['name']}")
        if packed is not None:
            bits = np.unpackbits(packed[-1], count=layer["units"], bitorder="little")[:MOST_UNITS]
            layers.append({"name": layer["name"], "units": layer["units"], "kept": [int(bit) for bit in bits]})
    lanes = run.config.lanes
    name = lanes[lane].name if lane < len(lanes) else ""
    return {"name": name, "step": int(steps["step"][-1]), "example": int(steps["example"][-1]), "layers": layers}


def average_of(run: Run, names: Mapping[int, str]) -> dict[str, Any]:
    """Return what the average of all networks of the class run is worth, from the newest frame that says so.

    Args:
        run: the class run.
        names: whose each place is.
    """
    packet = run.latest().get("average")
    if packet is None:
        return {"step": None, "networks": 0, **dict.fromkeys(("average", "best", "mean", "dropout"))}
    return read_average(packet.frame.tensors, names)


def read_average(tensors: Mapping[str, NDArray[Any]], names: Mapping[int, str]) -> dict[str, Any]:
    """The same of the tensors of a frame ``average`` (`trainer.insight.average`)."""

    def number(values: NDArray[Any], place: int = 0) -> float | None:
        return short(float(values[place])) if place < len(values) else None

    def pair(name: str) -> dict[str, float | None] | None:
        told = {part: number(tensors[f"{name}_{part}"]) for part in ("loss", "accuracy")}
        return None if None in told.values() else told

    best = int(tensors["best"][0]) if len(tensors["best"]) else None
    own = {} if best is None else {part: number(tensors[part], best) for part in ("loss", "accuracy")}
    return {
        "step": int(tensors["step"][0]),
        "networks": int(tensors["averaged"].sum()),
        "average": pair("average"),
        "best": None if best is None else {"lane": best, "name": names.get(best, ""), **own},
        "mean": pair("mean"),
        "dropout": pair("thinned"),
    }
