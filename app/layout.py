"""Where the panels of a page stand before any of its scripts runs, and which show nothing of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.lessons.course import Lesson
from trainer.presets import Preset
from trainer.settings.config import ExperimentConfig
from trainer.settings.panels import PANELS, Panel, Shown, obstacles

FIRST: Final = ("loss", "accuracy", "recall")
"""Charts that stand on top of the others, but for what an experiment opens by itself."""

_USUAL: Final = ExperimentConfig()


@dataclass(frozen=True)
class Placed:
    """A panel on a page.

    Attributes:
        panel: which.
        title: its heading there.
        standard: whether it is open unless a reader has closed it.
        leading: whether the experiment is about it.
        shown: whether it is open and has something to show, as far as is known from the data set.
    """

    panel: Panel
    title: str
    standard: bool
    leading: bool
    shown: bool


@dataclass(frozen=True)
class Layout:
    """All panels of a page.

    Attributes:
        left: the column of pictures, from its top.
        right: the column of charts.
        standard: the ids of panels that are open unless a reader has closed them.
        dataset: which data the page begins with.
        network: which kind of network it begins with.
        lanes: how many networks.
    """

    left: tuple[Placed, ...]
    right: tuple[Placed, ...]
    standard: tuple[str, ...]
    dataset: str
    network: str
    lanes: int

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Every panel, column by column."""
        return self.left + self.right

    @property
    def datasets(self) -> dict[str, tuple[str, ...]]:
        """The panels that show something of some data sets alone, with these."""
        return {each.panel.id: each.panel.datasets for each in self.placed if each.panel.datasets}


def layout(experiment: Preset | None = None, lesson: Lesson | None = None) -> Layout:
    """Lay out a page: the panels of its experiment come first, in its order.

    Charts that are open from the start go, on the page of an experiment, each into the column that is shorter until
    then; on that of a lesson so do those which one of its steps opens. All others go into their own.

    Args:
        experiment: whose page it is; None is that of any run.
        lesson: whose page it is: its panels are open and no others.
    """
    page = experiment or lesson
    config = page.config if page else _USUAL
    dataset = config.dataset
    own = page.panels if page else tuple(panel.id for panel in PANELS if panel.opened == "alone")
    later = tuple(panel for step in lesson.steps for panel in step.opens) if lesson else ()
    leading = own if experiment else ()
    everywhere = [panel for panel in _in_order(PANELS) if panel.opened == "everywhere" and not lesson]
    standard = tuple(dict.fromkeys([*(panel.id for panel in everywhere), *own]))

    def place(panel: Panel) -> Placed:
        picture = experiment.picture if experiment and panel.id == "result" else None
        return Placed(
            panel,
            title=picture.title if picture else panel.title,
            standard=panel.id in standard,
            leading=panel.id in leading,
            shown=panel.id in standard and (not panel.datasets or dataset in panel.datasets),
        )

    pictures = [place(panel) for panel in _in_order(PANELS) if panel.column == "left"]
    charts = {panel.id: place(panel) for panel in _in_order(PANELS) if panel.column == "right"}
    left = sorted(pictures, key=lambda each: not each.leading)
    right: list[Placed] = []
    for name in dict.fromkeys((*leading, *(() if lesson else FIRST), *own, *later)):
        if name in charts:
            left_px, right_px = (_height(column, later) for column in (left, right))
            # A lesson's pictures begin beside its card, on the left.
            fits_left = left_px < right_px if experiment else lesson is not None and left_px <= right_px
            (left if fits_left else right).append(charts.pop(name))
    lanes = len(config.lanes)
    return Layout(tuple(left), (*right, *charts.values()), standard, dataset, config.network, lanes)


def obstacles_of(config: ExperimentConfig, search: Mapping[str, Any] | None) -> dict[str, str]:
    """The panels that would show nothing of a run, each with what it needs, in words.

    Args:
        config: of the run, as it is now.
        search: what it searches, if it does.
    """
    return obstacles(Shown(config, searches=search is not None))


def _in_order(panels: tuple[Panel, ...]) -> list[Panel]:
    """Panels as they stand in their columns, the left one first."""
    return sorted(panels, key=lambda panel: (panel.column, panel.row))


def _height(column: list[Placed], later: Sequence[str]) -> int:
    """How high a column is with all that is open from the start, or ``later``."""
    return sum(each.panel.height for each in column if each.shown or each.panel.id in later)
