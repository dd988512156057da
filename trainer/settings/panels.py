"""The panels of the page: what each shows, where it stands, and of which runs it shows something. No torch is needed.

The page gets this list with the schema, and the server lays out its HTML by it (`app.layout`). A panel is drawn by
``static/js/views/<id>.js``; one that is an *insight* shows frames of its own kind, which a worker makes while somebody
has it open (``trainer/insight/<id>.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from trainer.settings.config import ExperimentConfig
from trainer.settings.knobs import extra
from trainer.settings.lane import Lane
from trainer.settings.shapes import IMAGES, PLANE, TABLES


@dataclass(frozen=True)
class Shown:
    """What a run is, as far as panels ask.

    Attributes:
        config: as it is now.
        searches: whether it tries candidates.
    """

    config: ExperimentConfig
    searches: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel of the page.

    Attributes:
        id: its name, and that of the module which draws it; of an insight also that of its frames and of their maker.
        title: its heading.
        about: what it shows, in one sentence.
        group: under which heading the Views menu lists it, in the order of `PANELS`.
        column: where it stands: pictures on the left; charts on the right or, on the page of an experiment, where there
            is more room.
        row: its place within the column, the lowest on top.
        height: in pixels, roughly, when it shows something: columns are filled by it.
        opened: ``everywhere``, on each page from the start; ``alone``, where no experiment says what to open;
            ``by hand``, in the Views menu, or by an experiment.
        insight: whether a worker makes it while it is open.
        answers: whether it gives away what is to be guessed, and is covered until then.
        own_networks: of an insight, whether it is of networks of its own and not of the run's at its step.
        networks: for which kinds of networks it shows something; all if there are none.
        datasets: for which data; all if there are none.
        condition: what else must hold.
        needs: what is missing where it shows nothing, to be read after “Not here:”.
    """

    id: str
    title: str
    about: str
    group: str
    column: Literal["left", "right"] = "right"
    row: int = 100
    height: int = 500
    opened: Literal["everywhere", "alone", "by hand"] = "by hand"
    insight: bool = False
    answers: bool = False
    own_networks: bool = False
    networks: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    condition: Callable[[Shown], bool] | None = None
    needs: str = ""

    def obstacle(self, shown: Shown) -> str:
        """Why it would show nothing of a run, in words; empty if it shows something."""
        config = shown.config
        fits = (
            (not self.networks or config.network in self.networks)
            and (not self.datasets or config.dataset in self.datasets)
            and (self.condition is None or self.condition(shown))
        )
        return "" if fits else self.needs

    def described(self) -> dict[str, Any]:
        """The same as plain data, without its condition: what that says of a run is told with the run."""
        plain = asdict(self)
        del plain["condition"]
        return plain | {"networks": [*self.networks], "datasets": [*self.datasets]}


def has_batch_norm(shown: Shown) -> bool:
    """Whether some network has batch norm."""
    return any(lane.batch_norm for lane in shown.config.lanes)


def has_several(shown: Shown) -> bool:
    """Whether there are at least two networks."""
    return len(shown.config.lanes) > 1


def has_kin(shown: Shown) -> bool:
    """Whether two networks differ in their seed alone."""
    return max(Counter(kinship(shown.config)).values()) > 1


def kinship(config: ExperimentConfig) -> tuple[int, ...]:
    """For each lane the number of its kind: lanes that differ in name and seed alone are of one kind.

    What is said of a network in a class (`In a class` in docs/knobs.md) makes it no other kind.
    """
    aside = {"name", "seed", *(name for name, field in Lane.model_fields.items() if extra(field)["group"] == "class")}
    kinds = [lane.model_dump_json(exclude=aside) for lane in config.lanes]
    order = list(dict.fromkeys(kinds))
    return tuple(order.index(kind) for kind in kinds)


PANELS: Final = (
    Panel(
        "network",
        "Network",
        "One training step of the selected network.",
        group="Training",
        column="left",
        row=10,
        height=560,
        opened="everywhere",
    ),
    Panel(
        "masks",
        "Masks",
        "Units down, steps across; red: dropped.",
        group="Training",
        column="left",
        row=30,
        height=660,
        opened="everywhere",
    ),
    Panel(
        "kept",
        "How many were kept",
        "Counted, against the distribution they must follow.",
        group="Training",
        column="left",
        row=40,
        opened="alone",
    ),
    Panel(
        "boundary",
        "Decision boundary",
        "What each network says of every point of the plane.",
        group="Training",
        column="left",
        row=5,
        height=420,
        opened="everywhere",
        answers=True,
        datasets=PLANE,
        needs="needs points in the plane",
    ),
    Panel(
        "loss",
        "Loss",
        "Lower is better.",
        group="Training",
        row=30,
        height=480,
        opened="everywhere",
        answers=True,
    ),
    Panel(
        "accuracy",
        "Accuracy",
        "The share of examples that a network gets right.",
        group="Training",
        row=40,
        height=420,
        opened="everywhere",
        answers=True,
    ),
    Panel(
        "recall",
        "Recall by class",
        "Of each class, the share that a network recognises.",
        group="Training",
        row=42,
        height=420,
        opened="everywhere",
        insight=True,
        answers=True,
        datasets=TABLES,
        needs="needs rows of a table",
    ),
    Panel(
        "ensemble",
        "Ensemble",
        "Every mask makes another network: they vote.",
        group="Ensemble",
        row=50,
        height=900,
        opened="alone",
        answers=True,
    ),
    Panel(
        "separate",
        "Separate networks",
        "Networks that were trained one by one, averaged.",
        group="Ensemble",
        row=60,
        insight=True,
        answers=True,
        condition=has_kin,
        needs="needs two networks that differ in their seed alone",
    ),
    Panel(
        "average",
        "Average of the networks",
        "What the networks of this run predict together, against the best of them.",
        group="Ensemble",
        row=65,
        height=480,
        insight=True,
        answers=True,
        condition=has_several,
        needs="needs at least two networks",
    ),
    Panel(
        "draw",
        "Draw a digit",
        "Sub-networks vote on what you draw, as you draw it.",
        group="Ensemble",
        column="left",
        row=50,
        datasets=IMAGES,
        needs="needs images",
    ),
    Panel(
        "subnetworks",
        "Sub-networks in the plane",
        "Sixteen boundaries, their average, and where they disagree.",
        group="Ensemble",
        column="left",
        row=60,
        insight=True,
        answers=True,
        datasets=PLANE,
        needs="needs points in the plane",
    ),
    Panel(
        "forgotten",
        "The forgotten eval()",
        "Judged as it should be, and with training mode left on.",
        group="Ensemble",
        row=70,
        insight=True,
        answers=True,
    ),
    Panel(
        "activity",
        "Activity",
        "How strongly and how often units fire on validation data.",
        group="Inside",
        row=80,
        insight=True,
        answers=True,
    ),
    Panel(
        "correlation",
        "Correlation",
        "How much units agree, over the validation set.",
        group="Inside",
        column="left",
        row=80,
        insight=True,
        answers=True,
    ),
    Panel(
        "damage",
        "Damage",
        "What is left when hidden units are killed for good.",
        group="Inside",
        row=90,
        insight=True,
        answers=True,
    ),
    Panel(
        "visits",
        "Sub-networks visited",
        "How often each unit was left out, and how many networks were trained.",
        group="Inside",
        column="left",
        row=90,
        insight=True,
    ),
    Panel(
        "features",
        "Features",
        "What units look for, as images.",
        group="Inside",
        column="left",
        row=70,
        insight=True,
        own_networks=True,
        datasets=IMAGES,
        needs="needs images",
    ),
    Panel(
        "gradient",
        "Gradient noise",
        "How far the gradient of one mini-batch is from the mean of many.",
        group="Costs",
        row=100,
        insight=True,
    ),
    Panel(
        "variance",
        "Variance shift",
        "What enters batch norm: spread in training against evaluation.",
        group="Costs",
        row=110,
        insight=True,
        answers=True,
        condition=has_batch_norm,
        needs="needs a network with batch norm",
    ),
    Panel(
        "cost",
        "Cost of a step",
        "Each network trained by itself, with a stop-watch.",
        group="Costs",
        row=120,
        insight=True,
        own_networks=True,
    ),
    Panel(
        "result",
        "Compared",
        "The networks of this run, side by side.",
        group="Costs",
        row=10,
        answers=True,
        condition=has_several,
        needs="needs at least two networks",
    ),
    Panel(
        "search",
        "Search",
        "Every square is a network that was trained.",
        group="Costs",
        row=20,
        condition=lambda shown: shown.searches,
        needs="needs an experiment that searches",
    ),
)
"""Every panel, in the order of the Views menu."""

VIEWS: Final = tuple(panel.id for panel in PANELS if panel.insight)
"""The insights. Each is the kind of a frame (docs/protocol.md) and a module of `trainer.insight`."""

_BY_ID: Final = {panel.id: panel for panel in PANELS}


def obstacles(shown: Shown) -> dict[str, str]:
    """The panels that would show nothing of a run, each with what it needs, in words."""
    told = {panel.id: panel.obstacle(shown) for panel in PANELS}
    return {panel: words for panel, words in told.items() if words}


def fits(view: str, config: ExperimentConfig) -> bool:
    """Whether an insight shows something for the networks and data of a run as it is now."""
    return view in VIEWS and _BY_ID[view].obstacle(Shown(config)) == ""
