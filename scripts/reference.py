"""Writes docs/knobs.md and docs/settings.md from the one description of each. Run by ``make docs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from app.settings import Settings, variable
from trainer.schema import schema

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"

KNOBS_HEAD: Final = """# Knobs

Made by `make docs` from `trainer/config.py`, the one place that knows them. A **live** knob moves while the run trains,
and the weights stay; any other needs a new run.
"""
SETTINGS_HEAD: Final = """# Settings

Made by `make docs` from `app/settings.py`. Settings are environment variables, read when the lab starts. With a value
that it does not take, it says so in one line and ends with exit status 2.

| variable | default | takes | what it is |
|---|---|---|---|
"""


def knobs_document() -> str:
    """The whole of docs/knobs.md."""
    described = schema()
    lanes = f"A run has 1 to {described['max_lanes']} lanes: `lanes` is a list of these.\n"
    run = f"## Of a run\n\n{_knob_table(described['run'])}"
    return "\n".join([KNOBS_HEAD, run, "## Of a lane\n", lanes, _knob_table(described["lane"])])


def settings_document() -> str:
    """The whole of docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `{variable(name)}` | {default} | {extra['allowed']} | {field.description} |\n")
    return SETTINGS_HEAD + "".join(rows)


def _knob_table(knobs: list[dict[str, Any]]) -> str:
    head = "| knob | default | takes | live | what it does |\n|---|---|---|---|---|\n"
    return head + "".join(_knob_row(knob) + "\n" for knob in knobs)


def _knob_row(knob: dict[str, Any]) -> str:
    live = "live" if knob["live"] else ""
    only = f" Only for {', '.join(knob['only_for'])}." if knob.get("only_for") else ""
    return f"| `{knob['name']}` | {_default(knob['default'])} | {_takes(knob)} | {live} | {knob['help']}{only} |"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "off" if not value else "on"
    if value is None or value == []:
        return ""
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def _takes(knob: dict[str, Any]) -> str:
    """What values a knob takes, with their unit."""
    if knob["type"] == "choice":
        return "<br>".join(f"`{choice['value']}`: {choice['help']}" for choice in knob["choices"])
    if knob["type"] == "boolean":
        return "on or off"
    if knob["type"] == "text":
        return f"{knob['min']} to {knob['max']} characters"
    spec = "g" if knob["type"] == "number" else ",d"
    bounds = f"{knob['min']:{spec}} to {knob['max']:{spec}}" + (f" ({knob['unit']})" if knob["unit"] else "")
    if not knob.get("items"):
        return bounds
    count = f"{knob['min_items']} to {knob['max_items']} of them" if "max_items" in knob else "one for each layer"
    return f"a list, {count}: {bounds}"


def main() -> None:
    """Write both."""
    for name, text in (("knobs.md", knobs_document()), ("settings.md", settings_document())):
        (DOCS / name).write_text(text)
        print(DOCS / name)


if __name__ == "__main__":
    main()
