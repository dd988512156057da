"""Any run that the API accepts, drawn by Hypothesis from the schema itself, so that a new knob is tried without a word.

Sizes are small, because what is looked for hides in combinations and not in width. How many examples are tried is
``DROPOUT_LAB_EXAMPLES`` times the usual number, from the seed ``DROPOUT_LAB_EXAMPLES_SEED``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st

from trainer.presets import PRESETS
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS, networks_for
from trainer.settings.schema import schema
from trainer.settings.shapes import SIZES

TIMES: Final = float(os.environ.get("DROPOUT_LAB_EXAMPLES", "1"))
SEED: Final = int(os.environ.get("DROPOUT_LAB_EXAMPLES_SEED", "0"))

MOST: Final = {"hidden": 12, "channels": 3, "train_size": 120, "batch_size": 40, "lanes": 3}
"""What is drawn at most, for the time that it takes."""

KNOBS: Final = {place: {knob["name"]: knob for knob in schema()[place]} for place in ("run", "lane")}
OTHER_FILES: Final = ("csv", "idx")  # data that somebody has to bring along
OWN_DATA: Final = tuple(name for name in SIZES if name not in OTHER_FILES)
MOST_STEPS: Final = 60  # at which a change that an opening brings along is made

T = TypeVar("T")


def tried(usual: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Try a test on so many examples, the same ones at every call; one that fails is told and made simpler.

    There is no deadline for an example: how long one takes is the machine's affair.
    """
    own = settings(
        max_examples=max(1, round(usual * TIMES)),
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(SEED)(own(test))


def number(knob: dict[str, Any]) -> st.SearchStrategy[float]:
    """A value of a knob that takes numbers: its bounds as often as anything between."""
    low, high = float(knob["min"]), float(knob["max"])
    ends = [low, high, *([knob["smallest"]] if "smallest" in knob else [])]
    between = st.floats(low, high, allow_nan=False, allow_subnormal=False)
    if knob.get("scale") == "log":
        least = knob.get("smallest", low)
        between = st.integers(0, 20).map(lambda part: min(high, least * (high / least) ** (part / 20)))
    return st.one_of(st.sampled_from(ends), between)


def value(knob: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A value of any knob that is no list."""
    match knob["type"]:
        case "number":
            drawn: st.SearchStrategy[Any] = number(knob)
        case "integer":
            most = min(knob["max"], MOST.get(knob["name"], knob["max"]))
            drawn = st.one_of(st.sampled_from([knob["min"], most]), st.integers(knob["min"], most))
        case "boolean":
            drawn = st.booleans()
        case "choice":
            drawn = st.sampled_from([choice["value"] for choice in knob["choices"]])
        case _:
            drawn = st.text("abcäöü é名-_.,:", min_size=1, max_size=12).map(lambda text: f"n{text}n")
    return st.one_of(st.none(), drawn) if knob.get("optional") else drawn


def rates(places: int) -> st.SearchStrategy[list[float]]:
    """A rate for each place."""
    return st.lists(number(KNOBS["lane"]["dropout"]), min_size=places, max_size=places)


@st.composite
def lanes(draw: st.DrawFn, run: dict[str, Any]) -> dict[str, Any]:
    """A lane of a run."""
    kind = NETWORKS[run["network"]]
    maps, places = kind.grouped(run["channels"], run["hidden"]), len(kind.sites(run["channels"], run["hidden"]))
    own: dict[str, Any] = {}
    for name, knob in KNOBS["lane"].items():
        if name == "dropout":
            own[name] = draw(rates(places))
        elif name == "spatial_dropout":
            own[name] = draw(rates(maps))
        elif name == "hidden":
            own[name] = draw(st.one_of(st.none(), st.tuples(*(st.integers(1, most) for most in run["hidden"]))))
        elif name == "train_size":
            least = max(20, run["batch_size"])
            own[name] = draw(st.one_of(st.none(), st.integers(least, run["train_size"])))
        elif name == "batch_norm":
            own[name] = run["batch_size"] > 1 and draw(st.booleans())
        else:
            own[name] = draw(value(knob))
    return own


@st.composite
def configs(draw: st.DrawFn, datasets: tuple[str, ...] = OWN_DATA) -> dict[str, Any]:
    """The knobs of a run, all of them in place, on one of some data sets; of a table without its id."""
    dataset = draw(st.sampled_from(datasets))
    network = draw(st.sampled_from(networks_for(dataset)))
    run: dict[str, Any] = {"dataset": dataset, "network": network}
    run["train_size"] = draw(st.integers(20, min(MOST["train_size"], SIZES[dataset].examples)))
    run["batch_size"] = draw(st.integers(1, min(MOST["batch_size"], run["train_size"])))
    run["channels"] = draw(st.lists(st.integers(1, MOST["channels"]), min_size=1, max_size=3))
    layers = 1 if NETWORKS[network].wrong_hidden((1, 1)) else 4
    run["hidden"] = draw(st.lists(st.integers(1, MOST["hidden"]), min_size=1, max_size=layers))
    for name, knob in KNOBS["run"].items():
        if name not in run and name not in ("table", "lanes"):
            run[name] = draw(value(knob))
    run["lanes"] = draw(st.lists(lanes(run), min_size=1, max_size=MOST["lanes"]))
    return parse(run).model_dump(mode="json")


@st.composite
def changes(draw: st.DrawFn, config: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """A live change of a run: of which lane (None: of the run), and the knobs."""
    lane = draw(st.one_of(st.none(), st.integers(0, len(config["lanes"]) - 1)))
    if lane is None:
        return None, {"learning_rate": draw(number(KNOBS["run"]["learning_rate"]))}
    other = draw(lanes(config))
    live = [name for name, knob in KNOBS["lane"].items() if knob["live"]]
    chosen = draw(st.lists(st.sampled_from(live), min_size=1, max_size=4, unique=True))
    return lane, {name: other[name] for name in chosen}


@st.composite
def stories(draw: st.DrawFn, most: int = 2) -> tuple[dict[str, Any], list[tuple[int | None, dict[str, Any]]]]:
    """A run and the changes that are made to it, one after the other."""
    config = draw(configs())
    return config, draw(st.lists(changes(config), max_size=most))


CELLS: Final = (
    lambda k: f"{k % 7}.5",
    lambda k: f"{(k * 37) % 90 / 9 - 4:.3f}",
    lambda k: f"{k % 5}e-300",
    lambda k: "1e90" if k == 11 else f"{k % 3}",
    lambda k: "" if k % 4 else f"{k % 9}",
    lambda k: ("red", "green", "blue", "NA")[k % 4],
    lambda k: ("01", "1", "001")[k % 3],
    lambda k: ("Yes", "yes", "", "no")[k % 4],
    lambda k: f'"a, {k % 3}; ""b"""',
    lambda k: ("猫", "\u200bx", "<b>")[k % 3],
    lambda k: f"text {k}",
)
"""What may stand in the row k of a column."""


@st.composite
def tables(draw: st.DrawFn, train_size: int) -> bytes:
    """A file from which so many examples can be learnt."""
    columns = [CELLS[0], *draw(st.lists(st.sampled_from(CELLS), max_size=4))]
    classes = draw(st.integers(2, 5))
    unlabelled = draw(st.integers(0, 20))
    least = max(train_size + 10, train_size * 3 // 2 + 2)  # a third of them judges
    rows = unlabelled + draw(st.integers(least, least + 60))
    label = [f"c{(k * 7) % classes}" if k >= unlabelled else "" for k in range(rows)]
    lines = [",".join([*(cell(k) for cell in columns), label[k]]) for k in range(rows)]
    names = [",".join([*(f"x{place}" for place in range(len(columns))), "c"])] * draw(st.booleans())
    above = ["# a comment"] * draw(st.integers(0, 2))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return "".join(line + end for line in [*above, *names, *lines]).encode(
        draw(st.sampled_from(["utf-8", "utf-16", "utf-16-be"]))
    )


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    """A search of few candidates and steps."""
    learning_rates = number(KNOBS["run"]["learning_rate"])
    search: dict[str, Any] = {
        "input": draw(st.lists(number(KNOBS["lane"]["dropout"]), min_size=1, max_size=2, unique=True)),
        "hidden": draw(st.lists(number(KNOBS["lane"]["dropout"]), min_size=1, max_size=2, unique=True)),
        "learning_rate": draw(st.lists(learning_rates, min_size=1, max_size=2, unique=True)),
        "steps": draw(st.sampled_from([25, 50, 75])),
        "batch": draw(st.integers(1, 5)),
        "seed": draw(st.integers(0, 3)),
        "method": draw(st.sampled_from(["grid", "random"])),
    }
    return search | ({"candidates": draw(st.integers(1, 6))} if search["method"] == "random" else {})


@st.composite
def openings(draw: st.DrawFn) -> tuple[dict[str, Any], bytes | None]:
    """All that a run may be opened with beside its knobs, and the file of its table, if it has one."""
    config = draw(configs((*OWN_DATA, "csv", "csv", "idx")))
    file = draw(tables(config["train_size"])) if config["dataset"] == "csv" else None
    beside: dict[str, Any] = {"experiment": draw(st.sampled_from([None, *(preset.id for preset in PRESETS)]))}
    beside["stop_at"] = draw(st.one_of(st.none(), st.integers(1, MOST_STEPS)))
    if draw(st.integers(0, 3)) == 0:
        follow = {"example": draw(st.integers(0, config["train_size"] - 1))}
        return {**config, **beside, "follow": follow, "search": draw(searches())}, file
    lane = draw(st.integers(0, len(config["lanes"]) - 1))
    examples = config["lanes"][lane].get("train_size") or config["train_size"]  # a lane may have fewer than the run
    follow = {"lane": lane, "example": draw(st.integers(0, examples - 1))}
    steps = sorted(draw(st.lists(st.integers(1, MOST_STEPS), max_size=4)))
    made = [(step, *draw(changes(config))) for step in steps]
    told = [{"step": step, "knobs": knobs, **({} if lane is None else {"lane": lane})} for step, lane, knobs in made]
    return {**config, **beside, "follow": follow, "changes": told}, file
