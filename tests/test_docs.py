"""The documents say what is there: every knob, message, setting and command, and no link is dead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from fastapi.routing import APIRoute

from app import api, code, mine
from app.errors import STATUS
from app.history import History
from app.settings import Settings, variable
from app.watched import api as watched_api
from app.watched.commands import TABLE as WATCH_COMMANDS
from app.watched.frames import KINDS as FRAMES_WATCHED
from scripts.modules import modules_document
from scripts.reference import cell, glossary_document, knobs_document, protocol_document, settings_document
from tests.trainer.worker.fakes import live
from trainer.export import FRAMEWORKS
from trainer.settings.commands import TABLE
from trainer.settings.panels import VIEWS
from trainer.settings.schema import schema
from trainer.wire.frames import decode

ROOT: Final = Path(__file__).resolve().parents[1]
PROTOCOL: Final = (ROOT / "docs" / "protocol.md").read_text()
ROOMS: Final = (ROOT / "docs" / "rooms.md").read_text()
WATCHING: Final = (ROOT / "docs" / "watching.md").read_text()
README: Final = (ROOT / "README.md").read_text()
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def sources(*patterns: str) -> str:
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


PYTHON: Final = sources("app/**/*.py", "trainer/**/*.py")
JAVASCRIPT: Final = sources("static/js/**/*.js")


def test_every_knob_is_documented_as_the_schema_has_it() -> None:
    assert (ROOT / "docs" / "knobs.md").read_text() == knobs_document(), "make docs writes it anew"


def test_every_command_is_documented_as_the_table_has_it() -> None:
    assert protocol_document(PROTOCOL) == PROTOCOL, "make docs writes it anew"
    for command in TABLE:
        row = next(row for row in PROTOCOL.splitlines() if row.startswith(f'| `{{"op": "{command.name}"'))
        assert [name for name in command.names if f'"{name}"' not in row] == []


def test_every_module_is_listed_with_what_it_says_of_itself() -> None:
    assert (ROOT / "docs" / "modules.md").read_text() == modules_document(), "make docs writes it anew"
    silent = re.findall(r"^\| `[\w.-]+` \|  \|$", modules_document(), re.MULTILINE)
    assert silent == []


def test_prose_has_lines_of_at_most_120_characters() -> None:
    wide = []
    for path in DOCUMENTS:
        text = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), path.read_text(), flags=re.DOTALL)
        lines = enumerate(text.splitlines(), 1)
        wide += [f"{path.name}:{number}" for number, line in lines if len(line) > 120 and not line.startswith("|")]
    assert wide == []


def test_every_knob_is_documented_with_its_formula_and_its_names_elsewhere() -> None:
    document = (ROOT / "docs" / "knobs.md").read_text()
    described = schema()
    for side in ("run", "lane", "search"):
        place, knobs = f"## Of a {side}", described[side]
        section = document[document.index(place) :].split("\n## Of", 2)[0]
        for knob in knobs:
            rows = [row for row in section.splitlines() if row.startswith(f"| `{knob['name']}` |")]
            told = " ".join(rows)
            assert cell(knob["help"]) in told, knob["name"]
            for name in ("formula", "pytorch", "keras"):
                assert cell(knob.get(name, "")) in told, f"{name} of {knob['name']}"
            for choice in knob.get("choices", []):
                assert f"`{choice['value']}`: {choice['help']}" in told


def test_every_knob_of_dropout_and_every_regulariser_has_its_name_in_pytorch_and_keras() -> None:
    knobs = [knob for knob in schema()["lane"] if knob["group"] in ("dropout", "regularisers")]
    without = {knob["name"] for knob in knobs if not {"pytorch", "keras"} <= set(knob)}
    assert without == {"schedule_steps"}
    regularisers = {knob["name"] for knob in knobs if knob["group"] == "regularisers"}
    assert {knob["name"] for knob in knobs if "formula" in knob} >= regularisers


def test_every_rest_call_is_in_the_protocol() -> None:
    calls = {
        f"`{method} {route.path.replace('run_id', 'id').replace('table_id', 'id')}"
        for router in (api.router, code.router, mine.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert "`GET /api/runs/{id}/code" in calls
    assert {call for call in calls if not re.search(re.escape(call) + r"[`?]", PROTOCOL)} == set()


def test_what_watching_is_made_of_is_in_its_document() -> None:
    calls = {
        f"`{method} {route.path.replace('watch_id', 'id')}`"
        for route in watched_api.router.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert len(calls) == 5
    assert {call for call in calls if call not in WATCHING} == set()
    assert {command.op for command in WATCH_COMMANDS if f'{{"op": "{command.op}"' not in WATCHING} == set()
    assert {kind for kind in FRAMES_WATCHED if f"\n| `{kind}` |" not in WATCHING} == set()


def test_every_error_code_and_its_status_is_in_the_protocol() -> None:
    flat = " ".join(PROTOCOL.split())
    assert {name for name, status in STATUS.items() if f"`{name}` {status}" not in flat} == set()


def test_every_framework_of_exported_code_is_in_the_protocol() -> None:
    assert {name for name in FRAMEWORKS if f"`{name}`" not in PROTOCOL} == set()


def test_every_setting_is_documented_as_it_is() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_document(), "make docs writes it anew"


def test_every_word_of_the_glossary_is_documented_as_the_page_has_it() -> None:
    assert (ROOT / "docs" / "glossary.md").read_text() == glossary_document(), "make docs writes it anew"


def test_every_op_that_is_sent_is_in_a_protocol() -> None:
    ops = set(re.findall(r"""["']op["']\s*:\s*["'](\w+)["']""", PYTHON))
    ops |= set(re.findall(r"""\bop:\s*["'](\w+)["']""", JAVASCRIPT))
    assert {"hello", "play", "set", "credit", "ack"} <= ops, "the search finds nothing any more"
    assert {op for op in ops if f'"op": "{op}"' not in PROTOCOL + ROOMS + WATCHING} == set()


def kinds_made() -> set[str]:
    """The kinds of frames of a run that somebody watches: of its worker, of the app, and of the views."""
    day = live(5.0, [(0.5, {"op": "play"})], runs={"r": {"config": {"dataset": "moons"}}})
    worker = {each.kind for _, each in day.said if not isinstance(each, dict)}
    return worker | {decode(History(1, {}).frame("r", 1)).kind} | set(VIEWS)


def test_every_kind_of_frame_is_in_the_protocol_and_no_other_is() -> None:
    tables = re.findall(r"\n\| kind \|.*?\n\n", PROTOCOL, re.DOTALL)
    assert len(tables) == 2
    documented = [kind for table in tables for kind in re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)]
    assert sorted(documented) == sorted(kinds_made())


def test_the_page_takes_every_kind_of_frame() -> None:
    """The views it knows from the schema; what else is sent it has a function for, by name."""
    takers = re.search(r"^const TAKERS = \{\n(.*?)^\};", sources("static/js/link/ingest.js"), re.DOTALL | re.MULTILINE)
    assert takers is not None
    taken = set(re.findall(r"^  (\w+)(?=[:(])", takers[1], re.MULTILINE))
    assert taken == kinds_made() - set(VIEWS)


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"`(DROPOUT_LAB_\w+)", README))
    of_tests = {"DROPOUT_LAB_CHROMIUM", "DROPOUT_LAB_FIREFOX", "DROPOUT_LAB_TEST_TIMEOUT_FACTOR"}
    assert named - of_tests <= {variable(name) for name in Settings.model_fields}


def test_every_make_target_is_in_the_readme_and_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"make help does not list {target}"
        assert f"`make {target}" in README or f"\nmake {target}" in README, f"the README does not name {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.name))
def test_every_relative_link_lives(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"""<img[^>]*\bsrc=["']([^"']+)""", text)
    inside = [target for target in targets if not re.match(r"[a-z]+:", target)]
    dead = []
    for target in inside:
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert not dead


def anchors(path: Path) -> set[str]:
    """The anchors that headings of a document make."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_fits_on_two_screens() -> None:
    assert len(README.splitlines()) <= 120
