"""How a knob is described: as a Pydantic field that also carries what a control on a page needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Literal, get_args

from pydantic import Field
from pydantic.fields import FieldInfo


def knob(
    default: Any,
    *,
    label: str,
    help: str,
    live: bool = False,
    step: float | None = None,
    unit: str = "",
    scale: Literal["linear", "log"] = "linear",
    smallest: float | None = None,
    choices: dict[str, str] | None = None,
    titles: dict[str, str] | None = None,
    only_for: Mapping[str, Sequence[str]] | None = None,
    group: str = "main",
    formula: str = "",
    pytorch: str = "",
    keras: str = "",
    **limits: Any,
) -> Any:
    """Describe one knob: a Pydantic field that also carries what a control needs.

    Args:
        default: its value when nothing is said; None stands for the value of the run, where a lane may have its own.
        label: what the control is called.
        help: one sentence.
        live: whether it can move while a run trains.
        step: by which a control moves it; of a logarithmic scale, in powers of ten.
        unit: of its value.
        scale: how its values lie on a slider.
        smallest: of a logarithmic scale that begins at 0, which is off, the least value beside it.
        choices: the values of a choice, each with a few words.
        titles: what those are called that are not called by their value.
        only_for: for which values of other knobs beside it it means anything.
        group: which knobs it stands with on a page; ``"main"`` are those that are seen first.
        formula: what it does, as a formula.
        pytorch: how one says it in PyTorch.
        keras: how one says it in Keras.
        limits: bounds, as `pydantic.Field` takes them.
    """
    told: dict[str, Any] = {"label": label, "help": help, "live": live, "unit": unit, "scale": scale, "group": group}
    further = {"step": step, "smallest": smallest, "choices": choices, "titles": titles}
    told |= {name: value for name, value in further.items() if value is not None}
    told |= {name: text for name, text in (("formula", formula), ("pytorch", pytorch), ("keras", keras)) if text}
    if only_for is not None:
        told["only_for"] = {name: list(values) for name, values in only_for.items()}
    if "default_factory" in limits:
        return Field(json_schema_extra=told, **limits)
    return Field(default, json_schema_extra=told, **limits)


def extra(field: FieldInfo) -> dict[str, Any]:
    """What `knob` was told beyond Pydantic's own."""
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra


def describe(name: str, field: FieldInfo) -> dict[str, Any]:
    """One knob as plain data."""
    told = dict(extra(field))
    annotation: Any = field.annotation
    limits = _limits(field.metadata)
    described: dict[str, Any] = {"name": name, **told, "default": field.get_default(call_default_factory=True)}
    if isinstance(annotation, UnionType):
        annotation = get_args(annotation)[0]
        described["optional"] = True
    if isinstance(annotation, type(tuple[int, ...])):
        item = get_args(annotation)[0]
        kind, *notes = get_args(item)
        described |= {"items": True, "type": "integer" if kind is int else "number", **_limits([*notes])}
        described["default"] = None if described["default"] is None else list(described["default"])
        if "max_length" in limits:
            described |= {"min_items": limits["min_length"], "max_items": limits["max_length"]}
        return described
    if "choices" in told:
        titles = described.pop("titles", {})
        choices = [
            {"value": value, "help": text, **({"title": titles[value]} if value in titles else {})}
            for value, text in told["choices"].items()
        ]
        return described | {"type": "choice", "choices": choices, "titles": titles}
    if annotation is str:
        return described | {"type": "text", "min": limits["min_length"], "max": limits["max_length"]}
    kinds: dict[Any, str] = {bool: "boolean", int: "integer", float: "number"}
    return described | {"type": kinds[annotation], **limits}


def _limits(metadata: list[Any]) -> dict[str, Any]:
    """Collect the bounds among a field's annotations, under the names that the page uses."""
    found: dict[str, Any] = {}
    for note in metadata:
        for inner in getattr(note, "metadata", None) or [note]:
            for theirs, ours in (
                ("ge", "min"),
                ("le", "max"),
                ("min_length", "min_length"),
                ("max_length", "max_length"),
            ):
                value = getattr(inner, theirs, None)
                if value is not None:
                    found[ours] = value
    return found


def allowed(knob: dict[str, Any], whole: bool) -> str:
    """What a described knob takes, as the end of a sentence.

    Args:
        knob: as `describe` gives it.
        whole: of a list of values, whether the list is meant and not one of its values.
    """
    otherwise = ", or null for that of the run" if knob.get("optional") and whole else ""
    if "items" in knob and whole:
        many = f"{knob['min_items']} to {knob['max_items']} values" if "max_items" in knob else "rates"
        return f"a list of {many}{otherwise}"
    return _ALLOWED[knob["type"]](knob) + otherwise


_ALLOWED: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "number": lambda knob: f"a number from {knob['min']:g} to {knob['max']:g}",
    "integer": lambda knob: f"a whole number from {knob['min']:,} to {knob['max']:,}",
    "boolean": lambda knob: "true or false",
    "choice": lambda knob: "one of " + ", ".join(choice["value"] for choice in knob["choices"]),
    "text": lambda knob: f"a text of {knob['min']} to {knob['max']} characters that can be seen, in one line",
}
