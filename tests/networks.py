"""The kinds of network as tests want them: small, and dropping wherever they can. What there is, their records say."""

from __future__ import annotations

from itertools import cycle, islice, product
from typing import Any, Final

from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.settings.schema import schema

USUAL, *OTHERS = NETWORKS

_CHOICES: Final = {
    name: {
        knob["name"]: [choice["value"] for choice in knob["choices"]]
        for knob in schema()["lane"]
        if knob["type"] == "choice" and name in knob.get("only_for", {}).get("network", ())
    }
    for name in NETWORKS
}


def small(network: str, *widths: int) -> dict[str, Any]:
    """Knobs of a run with few units: of these widths the last ones, as many as that kind can have, and few maps."""
    record, hidden = NETWORKS[network], list(widths)
    while record.wrong_hidden(hidden):
        hidden = hidden[1:]
    maps = {"channels": [3, 4]} if "channels" in record.own_knobs else {}
    return {"network": network, "hidden": hidden, **maps}


def places(run: dict[str, Any]) -> int:
    """In how many places the networks of a run can drop."""
    return len(parse(run).layers)


def rates(run: dict[str, Any], *values: float) -> list[float]:
    """A dropout rate for each place of a run: these, over and over."""
    return [*islice(cycle(values), places(run))]


def everywhere(run: dict[str, Any], *values: float) -> dict[str, Any]:
    """Knobs of a lane of a run that drops in each of its places by such rates, and groups where they have rates."""
    config = parse(run)
    grouped = NETWORKS[config.network].grouped(config.channels, config.hidden)
    groups = {"spatial_dropout": [*islice(cycle((0.1, 0.2)), grouped)]} if grouped else {}
    return {"dropout": rates(run, *values), **groups}


def ways(network: str) -> list[dict[str, str]]:
    """Every combination of the choices that a lane has in that kind of network alone."""
    choices = _CHOICES[network]
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
