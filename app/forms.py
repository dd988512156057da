"""The forms of what travels over REST, as JSON Schema (2020-12, which OpenAPI 3.1 uses), from what the code knows.

Knobs come from the models that check them, commands from their table, kinds of columns from the decisions that are
parsed, codes of errors with their statuses from the table of errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.embed import MOST_PIXELS
from app.errors import STATUS
from app.events import MAX_MESSAGES
from app.opening import MAX_CHANGE_STEP, MAX_STOP
from app.rooms.links import LONGEST
from trainer.presets import PRESETS
from trainer.settings.arguments import MAX_SEQ, Argument
from trainer.settings.changes import MAX_CHANGES
from trainer.settings.commands import TABLE, Command
from trainer.settings.config import ExperimentConfig
from trainer.settings.search import SearchConfig
from trainer.tables.decisions import KINDS, MAX_DECISIONS, MAX_MARK, MAX_MARKS

Form = dict[str, Any]

TEXT: Final[Form] = {"type": "string"}
TRUTH: Final[Form] = {"type": "boolean"}
COUNT: Final[Form] = {"type": "integer", "minimum": 0}
PIXELS: Final[Form] = {"type": "integer", "minimum": 1, "maximum": MOST_PIXELS}
ANY_OBJECT: Final[Form] = {"type": "object"}
_OF_MODELS: Final = (
    *("type", "items", "minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "enum", "const", "$ref"),
    *("anyOf", "prefixItems"),
)
"""What is taken over of the schema that Pydantic makes; its models say more, which is for controls of a page."""


def ref(name: str) -> Form:
    """A form by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(form: Form, **limits: int) -> Form:
    """A list of such."""
    return {"type": "array", "items": form, **limits}


def or_null(form: Form) -> Form:
    """Such, or null."""
    return {"anyOf": [form, {"type": "null"}]}


def obj(needed: Mapping[str, Form], optional: Mapping[str, Form] | None = None, *, closed: bool = False) -> Form:
    """An object.

    Args:
        needed: what it has.
        optional: what it may have.
        closed: whether it has nothing else.
    """
    form: Form = {"type": "object", "properties": {**needed, **(optional or {})}}
    if needed:
        form["required"] = list(needed)
    if closed:
        form["additionalProperties"] = False
    return form


def of_model(model: type[ExperimentConfig] | type[SearchConfig]) -> tuple[Form, dict[str, Form]]:
    """The form of a model of knobs, all of which may be left out; and those of the models in it, by name."""
    made = model.model_json_schema(ref_template="#/components/schemas/{model}")
    inside = {name: _knobs(form) for name, form in made.pop("$defs", {}).items()}
    return _knobs(made), inside


def _knobs(form: Mapping[str, Any]) -> Form:
    properties = {
        name: _plain(each) | ({"description": each["help"]} if "help" in each else {})
        for name, each in form["properties"].items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _plain(form: Any) -> Any:
    if isinstance(form, list):
        return [_plain(each) for each in form]
    if not isinstance(form, Mapping):
        return form
    return {name: _plain(value) for name, value in form.items() if name in _OF_MODELS}


def error(codes: Iterable[str]) -> Form:
    """The one shape that errors have, with these codes."""
    return {
        "allOf": [ref("Error")],
        "properties": {"error": {"properties": {"code": {"enum": sorted(codes)}}}},
    }


def _argument(argument: Argument) -> Form:
    told = argument.told()
    match told["type"]:
        case "integer":
            form: Form = {"type": "integer", "minimum": told["min"], "maximum": min(told["max"], MAX_SEQ)}
        case "number":
            form = {"type": "number", "minimum": told["min"], "maximum": told["max"]}
        case "place":
            form = COUNT | {"description": argument.allowed()}
        case "choice":
            form = {"enum": told["choices"]}
        case "choices":
            form = listed({"enum": told["choices"]})
        case "examples":
            number = {"type": "number", "minimum": told["min"], "maximum": told["max"]}
            form = listed(listed(number), minItems=1, maxItems=told["max_items"])
        case "knobs":
            form = {"type": "object", "minProperties": 1}
        case _:
            form = TEXT
    return or_null(form) | {"description": f"null: {argument.null}"} if argument.null else form


def message(command: Command) -> Form:
    """The form of what a viewer says."""
    needed: dict[str, Form] = {"op": {"const": command.name}}
    if command.answered:
        needed["id"] = {"anyOf": [{"type": "number"}, {"type": "string", "maxLength": 64}]}
    arguments = {argument.name: _argument(argument) for argument in command.arguments}
    needed |= {argument.name: arguments[argument.name] for argument in command.arguments if argument.needed}
    form = obj(needed, arguments, closed=True)
    who = {"owner": "The owner of the run may.", "viewer": "Whoever watches may."}[command.by]
    return form | {"description": f"{command.does or command.name}. {who}"}


def _change() -> Form:
    knobs = {"type": "object", "minProperties": 1}
    step = {"type": "integer", "minimum": 1, "maximum": MAX_CHANGE_STEP}
    return obj({"step": step, "knobs": knobs}, {"lane": or_null(COUNT)}, closed=True)


def _decision() -> Form:
    marks = listed({"type": "string", "maxLength": MAX_MARK}, maxItems=MAX_MARKS)
    kinds = {"kind": {"enum": list(KINDS)}, "missing": marks, "merge_case": TRUTH, "numbers": TRUTH}
    return obj({}, {name: or_null(form) for name, form in kinds.items()}, closed=True)


def _opening(config: Form) -> Form:
    beside = {
        "changes": listed(ref("Change"), maxItems=MAX_CHANGES),
        "experiment": or_null({"enum": [preset.id for preset in PRESETS]}),
        "stop_at": or_null({"type": "integer", "minimum": 1, "maximum": MAX_STOP}),
        "follow": or_null(obj({}, {"lane": COUNT, "example": COUNT}, closed=True)),
        "search": or_null(ref("Search")),
    }
    return {**config, "properties": {**config["properties"], **beside}}


def forms() -> dict[str, Form]:
    """All forms by name."""
    config, inside = of_model(ExperimentConfig)
    search, _ = of_model(SearchConfig)
    search = {name: value for name, value in search.items() if name != "additionalProperties"}
    number = or_null({"type": "number"})
    messages = {f"Message_{command.name}": message(command) for command in TABLE if command.name != "join"}
    table = {
        **dict.fromkeys(("id", "name", "label", "separator", "charset"), TEXT),
        **dict.fromkeys(("rows", "features", "skipped", "cleaned"), COUNT),
        "classes": listed(TEXT),
        "class_counts": listed(COUNT),
        "columns": listed(ref("Column")),
        "sentences": listed(TEXT),
        "named": TRUTH,
        "decisions": ref("Decisions"),
        "preview": listed(obj({"line": COUNT, "cells": listed(TEXT), "read": listed(or_null(TEXT))})),
        "config": ref("Config"),
    }
    state = {
        "id": TEXT,
        "state": {"enum": ["playing", "paused"]},
        "step": COUNT,
        "steps_per_second": number,
        "first_config": ref("Config"),
        "config": ref("Config"),
        "changes": listed(ref("Change")),
        "follow": obj({"lane": COUNT, "example": COUNT}),
        "viewers": COUNT,
        "obstacles": {"type": "object", "additionalProperties": TEXT},
        "unkept": or_null(TEXT),
        "silent": TRUTH,
        "name": or_null(TEXT),
        "parent": or_null(obj({"run": TEXT, "step": COUNT})),
    }
    mine = {
        **dict.fromkeys(("id", "state"), TEXT),
        **dict.fromkeys(("step", "viewers"), COUNT),
        **dict.fromkeys(("pinned", "search"), TRUTH),
        **dict.fromkeys(("name", "experiment"), or_null(TEXT)),
        **{key: {"type": "number"} for key in ("opened_at", "used_at")},
        "expires_at": number,
        **dict.fromkeys(("trains", "curves"), or_null(ANY_OBJECT)),
    }
    columns = {"type": "object", "additionalProperties": True}
    return {
        "Config": config,
        **inside,
        "Search": search,
        "Change": _change(),
        "Opening": _opening(config),
        "Record": obj(
            {"version": TEXT, "run": ref("RunState"), "losses": columns, "scores": columns, "frames": columns}
        ),
        "KeptRecord": obj({"version": {}, "run": obj({"first_config": ANY_OBJECT})}),
        "RunState": obj(state),
        "Fork": obj(
            {"fork": obj({"run": TEXT, "step": COUNT}, {"changes_until": or_null(COUNT)}, closed=True)}, closed=True
        ),
        "Opened": obj({"id": TEXT, "token": TEXT, "config": ref("Config"), "experiment": or_null(TEXT)}, closed=True),
        "Tokens": obj({"runs": listed(obj({"id": TEXT, "token": TEXT}, closed=True))}),
        "Mine": obj(
            {
                "runs": listed(obj(mine)),
                **dict.fromkeys(("gone", "unread"), listed(TEXT)),
                "store": obj({"status": TEXT, "problem": or_null(TEXT)}),
                "keep_days": number,
                "now": {"type": "number"},
            }
        ),
        "RoomOpening": obj({}, {"at": TEXT | {"maxLength": LONGEST}}, closed=True),
        "OpenedRoom": obj({"code": TEXT, "token": TEXT}, closed=True),
        "Room": obj(
            {
                "code": TEXT,
                "locked": TRUTH,
                "way": {"enum": ["follow", "own", "class"]},
                "students": COUNT,
                "full": TRUTH,
            },
            closed=True,
        ),
        "Joining": obj({"name": TEXT}, closed=True),
        "LessonResult": obj({"lesson": COUNT, "right": COUNT}, closed=True),
        "Joined": obj({"id": TEXT, "token": TEXT, "name": TEXT}, closed=True),
        "Address": obj({"text": TEXT}),
        "Naming": obj({}, {"name": or_null(TEXT), "pinned": TRUTH, "state": {"enum": ["paused"]}}, closed=True),
        "Named": obj({"id": TEXT, "name": or_null(TEXT), "pinned": TRUTH}, closed=True),
        "Brought": obj(
            {"id": TEXT, "token": TEXT, "name": or_null(TEXT), "step": COUNT, "experiment": or_null(TEXT)}, closed=True
        ),
        "WatchOpening": obj({}, {"name": TEXT, "control": TRUTH, "id": TEXT, "token": TEXT}, closed=True),
        "OpenedWatch": obj({"id": TEXT, "token": TEXT}, closed=True),
        "BroughtWatch": obj({"id": TEXT, "token": TEXT, "name": TEXT}, closed=True),
        "Watch": obj(
            {
                **dict.fromkeys(("id", "name", "code"), TEXT),
                **dict.fromkeys(("control", "fed"), TRUTH),
                "opened_at": {"type": "number"},
                "viewers": COUNT,
                **dict.fromkeys(("model", "state"), or_null(ANY_OBJECT)),
                **dict.fromkeys(("warnings", "changes"), listed(ANY_OBJECT)),
            },
            closed=True,
        ),
        "Decision": _decision(),
        "Decisions": {"type": "object", "additionalProperties": ref("Decision"), "maxProperties": MAX_DECISIONS},
        "Reading": obj({}, {"label": or_null(TEXT), "columns": or_null(ref("Decisions"))}, closed=True),
        "Column": obj({"name": TEXT, "kind": {"enum": list(KINDS)}, "missing": COUNT, "values": COUNT}),
        "Table": obj(table),
        "Knob": obj({"name": TEXT, "label": TEXT, "help": TEXT, "type": TEXT, "default": {}, "live": TRUTH}),
        "Schema": obj(
            {
                **dict.fromkeys(("run", "lane", "search"), listed(ref("Knob"))),
                "max_lanes": COUNT,
                "defaults": ref("Config"),
                "recommended": {"type": "object"},
                **dict.fromkeys(("commands", "panels", "dropouts", "networks"), listed(ANY_OBJECT)),
            }
        ),
        "Experiment": obj(
            {"id": TEXT, "number": COUNT, "title": TEXT, "question": TEXT, "steps": COUNT, "config": ref("Config")}
        ),
        "Term": obj(
            {
                **dict.fromkeys(("id", "term", "meaning", "more"), TEXT),
                **dict.fromkeys(("also", "forms", "source", "see"), listed(TEXT)),
                "met": listed(obj({"path": TEXT, "title": TEXT}, closed=True)),
            },
            closed=True,
        ),
        "OEmbed": obj(
            {
                "version": {"const": "1.0"},
                "type": {"enum": ["rich", "link"]},
                "title": TEXT,
                "provider_name": TEXT,
                "provider_url": TEXT,
            },
            {"html": TEXT, "width": PIXELS, "height": PIXELS},
            closed=True,
        ),
        "Health": obj(
            {
                "status": {"enum": ["ok", "starting", "degraded"]},
                "version": TEXT,
                "device": or_null(TEXT),
                "workers": obj({"alive": COUNT, "wanted": COUNT}, closed=True),
                "runs": COUNT,
                "viewers": COUNT,
                "watches": COUNT,
                "store": obj({"status": {"enum": ["ok", "failing", "off"]}, "problem": or_null(TEXT)}, closed=True),
            },
            closed=True,
        ),
        "Readiness": obj({"status": {"enum": ["ready", "no worker", "shutting down"]}}, closed=True),
        **messages,
        "Message": {"oneOf": [ref(name) for name in messages]},
        "Messages": obj({"seat": TEXT, "messages": listed(ref("Message"), maxItems=MAX_MESSAGES)}, closed=True),
        "Error": obj(
            {
                "error": obj(
                    {"code": {"enum": list(STATUS)}, "message": TEXT},
                    {"knob": TEXT, "value": TEXT, "allowed": TEXT, "reading": ANY_OBJECT},
                    closed=True,
                )
            },
            closed=True,
        ),
    }
