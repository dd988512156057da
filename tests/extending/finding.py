"""What tests of an addition ask of a copy of the checkout: its list in docs/extending.md, what its lab shows."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests.browser.driver import LabPage
from tests.browser.servers import Lab
from tests.extending.harness import ROOT, Checkout

TRAIN = """
import json, sys
from trainer.export import script
from trainer.settings.config import parse
text = script(parse(json.loads(sys.argv[1])), 0, "pytorch")
namespace = {"__name__": "script"}
exec(compile(text, "script", "exec"), namespace)
compile(script(parse(json.loads(sys.argv[1])), 0, "keras"), "keras", "exec")
print()
print(json.dumps({"history": namespace["main"](25), "text": text}))
"""


def listed_files(heading: str, **names: str) -> set[str]:
    """The files that a section of docs/extending.md lists, with what stands in angle brackets replaced."""
    text = (ROOT / "docs" / "extending.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    for name, value in names.items():
        rows = [row.replace(f"<{name}>", value) for row in rows]
    return set(rows)


def exported(copy: Checkout, config: dict[str, Any]) -> tuple[list[list[float]], str]:
    """The history of a lane's script in PyTorch, run in the copy for 25 steps, and its text; Keras's must compile."""
    said = json.loads(copy.python("-c", TRAIN, json.dumps(config)).splitlines()[-1])
    return said["history"], said["text"]


def described(lab: Lab, what: str) -> list[dict[str, Any]]:
    """``what`` of the schema that a lab answers."""
    with urllib.request.urlopen(f"{lab.url}/api/schema") as answer:
        found: list[dict[str, Any]] = json.load(answer)[what]
    return found


def trained(open_page: Callable[..., Page], lab: Lab, search: str) -> LabPage:
    """The lab's page after three steps."""
    page = LabPage(open_page(), lab.url).open_still(search)
    page.step(3)
    return page
