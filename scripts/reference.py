"""Writes docs/knobs.md, settings.md, glossary.md and the commands of protocol.md from the one description of each.

Run by ``make docs``.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Final

from app.lessons.glossary import glossary
from app.settings import Settings, variable
from scripts.modules import modules_document
from trainer.settings.commands import TABLE, rows_of
from trainer.settings.schema import schema

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"

KNOBS_HEAD: Final = """# Knobs

Made by `make docs` from `trainer/settings/config.py`, `lane.py` and `search.py`, the one place that knows them.
A **live** knob moves while the run trains, and the weights stay; any other needs a new run. Knobs stand in the groups
that the page shows.
What a script looks like that has them all is told in [code.md](code.md), what the words mean in the
[glossary](glossary.md).
"""
_GROUPS: Final = {
    "data": "Data",
    "network": "Network",
    "training": "Training",
    "main": "What is seen first",
    "dropout": "Kind of dropout",
    "regularisers": "Regularisers",
    "own": "Of its own",
    "class": "In a class",
}
"""What the groups of the schema are called, in the order of the document."""
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
    of_run, of_lane = _groups(described["run"]), _groups(described["lane"])
    of_search = "A run has `search` if it searches: an object of these.\n\n" + _knob_table(described["search"])
    return "\n".join(
        [KNOBS_HEAD, "## Of a run\n", of_run, "## Of a lane\n", lanes, of_lane, "## Of a search\n", of_search]
    )


def _groups(knobs: list[dict[str, Any]]) -> str:
    """A heading for each group of knobs, what they take, and how they are written elsewhere."""
    unknown = {knob["group"] for knob in knobs} - set(_GROUPS)
    assert not unknown, f"there is no heading for {unknown}"
    parts = []
    for group, heading in _GROUPS.items():
        own = [knob for knob in knobs if knob["group"] == group]
        if own:
            parts += [f"### {heading}\n", _knob_table(own), *_elsewhere(own)]
    return "\n".join(parts)


def _elsewhere(knobs: list[dict[str, Any]]) -> list[str]:
    """A table of formulas and of the names that PyTorch and Keras have for knobs."""
    rows = [
        f"| `{knob['name']}` | {cell(knob.get('formula', ''))} | {_code(knob, 'pytorch')} | {_code(knob, 'keras')} |\n"
        for knob in knobs
        if {"formula", "pytorch", "keras"} & set(knob)
    ]
    head = "| knob | formula | in PyTorch | in Keras 3 |\n|---|---|---|---|\n"
    return [head + "".join(rows)] if rows else []


def _code(knob: dict[str, Any], framework: str) -> str:
    """Code as such, words as words."""
    text = cell(knob.get(framework, ""))
    return f"`{text}`" if "(" in text and not text.startswith(("a ", "inverted:")) else text


def cell(text: str) -> str:
    """A text that can stand in a table."""
    return text.replace("|", "\\|")


def settings_document() -> str:
    """The whole of docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `{variable(name)}` | {default} | {extra['allowed']} | {field.description} |\n")
    return SETTINGS_HEAD + "".join(rows)


GLOSSARY_HEAD: Final = """# Glossary

Made by `make docs` from `lessons/en/glossary.toml`. The words of the lab, as its page `/glossary` has them.

| word | what it means | from |
|---|---|---|
"""


def glossary_document() -> str:
    """The whole of docs/glossary.md."""
    rows, words = [], glossary()
    for term in words.values():
        also = f"; or {', '.join(term.also)}" if term.also else ""
        told = f"{term.meaning} {term.more}".strip()
        rows.append(f"| {cell(term.term + also)} | {cell(told)} | {cell('; '.join(map(str, term.source)))} |\n")
    works = "".join(f"- {work.cited}: {work.work}\n" for work in words.works)
    return GLOSSARY_HEAD + "".join(rows) + "\n## Sources\n\n" + wrapped(works)


def wrapped(text: str) -> str:
    """A list whose lines are no longer than those of other prose."""
    lines = (textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(lines) + "\n"


COMMANDS_BEGIN: Final = "<!-- Written by `make docs` from `trainer/settings/commands.py`. -->\n"
COMMANDS_END: Final = "\n<!-- So far. -->"


def protocol_document(now: str) -> str:
    """The whole of docs/protocol.md, with the table of commands as it is; all else stays as it stands there ``now``."""
    before, _, rest = now.partition(COMMANDS_BEGIN)
    _, end, behind = rest.partition(COMMANDS_END)
    assert end, "the table of commands has no place in docs/protocol.md"
    return before + COMMANDS_BEGIN + "\n" + rows_of(TABLE) + "\n" + COMMANDS_END + behind


def _knob_table(knobs: list[dict[str, Any]]) -> str:
    head = "| knob | default | takes | live | what it does |\n|---|---|---|---|---|\n"
    return head + "".join(_knob_row(knob) + "\n" for knob in knobs)


def _knob_row(knob: dict[str, Any]) -> str:
    live = "live" if knob["live"] else ""
    only = "".join(f" Only for {name} {_either(values)}." for name, values in knob.get("only_for", {}).items())
    default = "that of the run" if knob.get("optional") else _default(knob["default"])
    return f"| `{knob['name']}` | {default} | {_takes(knob)} | {live} | {cell(knob['help'])}{only} |"


def _either(values: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(values[:-1]), values[-1])))


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
    if "smallest" in knob:
        bounds = f"0, or {knob['smallest']:g} to {knob['max']:g}"
    if not knob.get("items"):
        return bounds
    count = (
        f"{knob['min_items']} to {knob['max_items']} of them"
        if "max_items" in knob
        else "one for each place that can drop"
    )
    return f"a list, {count}: {bounds}"


def main() -> None:
    """Write them."""
    protocol = protocol_document((DOCS / "protocol.md").read_text())
    for name, text in (
        ("knobs.md", knobs_document()),
        ("settings.md", settings_document()),
        ("protocol.md", protocol),
        ("glossary.md", glossary_document()),
        ("modules.md", modules_document()),
    ):
        (DOCS / name).write_text(text)
        print(DOCS / name)


if __name__ == "__main__":
    main()
