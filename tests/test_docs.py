"""The documents say what is there: every knob, message, setting and command, and no link is dead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from app.settings import Settings, variable
from scripts.reference import knobs_document, settings_document

ROOT: Final = Path(__file__).resolve().parents[1]
PROTOCOL: Final = (ROOT / "docs" / "protocol.md").read_text()
README: Final = (ROOT / "README.md").read_text()
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def sources(*patterns: str) -> str:
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


PYTHON: Final = sources("app/**/*.py", "trainer/**/*.py")
JAVASCRIPT: Final = sources("static/js/**/*.js")


def test_every_knob_is_documented_as_the_schema_has_it() -> None:
    assert (ROOT / "docs" / "knobs.md").read_text() == knobs_document(), "make docs writes it anew"


def test_every_setting_is_documented_as_it_is() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_document(), "make docs writes it anew"


def test_every_op_that_is_sent_is_in_the_protocol() -> None:
    ops = set(re.findall(r"""["']op["']\s*:\s*["'](\w+)["']""", PYTHON))
    ops |= set(re.findall(r"""\bop:\s*["'](\w+)["']""", JAVASCRIPT))
    assert {"hello", "play", "set", "credit", "ack"} <= ops, "the search finds nothing any more"
    assert {op for op in ops if f'"op": "{op}"' not in PROTOCOL} == set()


def test_every_kind_of_frame_is_in_the_protocol() -> None:
    kinds = set(re.findall(r"""Frame\(\s*(?:kind=)?["'](\w+)["']""", PYTHON))
    assert {"steps", "scores"} <= kinds, "the search finds nothing any more"
    assert {kind for kind in kinds if f"| `{kind}` |" not in PROTOCOL} == set()


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"`(DROPOUT_LAB_\w+)", README))
    of_tests = {"DROPOUT_LAB_CHROMIUM", "DROPOUT_LAB_TEST_TIMEOUT_FACTOR"}
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
