"""The page of one's own runs on a pretended server, which has the runs that a test gives it."""

from __future__ import annotations

import json
import math
import time
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page

from app.pages import runs_page_of
from tests.browser.static import Reply, answer

DAY_S: Final = 86_400.0
KEY: Final = "dropout-lab-runs:/"
READY: Final = "() => document.documentElement.dataset.ready === 'true'"


def listed(number: int, **beside: Any) -> dict[str, Any]:
    """A run as a list has it: two networks whose validation losses end at 0.5 and at 0.25."""
    steps = list(range(0, 325, 25))
    fall = [[2.3 * math.exp(-step / 80) + end for end in (0.5, 0.25)] for step in steps]
    lanes = [
        {"name": "No dropout", "dropout": [0.0] * 4, "kind": ""},
        {"name": "Dropout", "dropout": [0.2, 0.5, 0.5, 0.5], "kind": ""},
    ]
    now = time.time()
    used_at = now - 3600 * number
    return {
        "id": f"run{number}",
        "name": None,
        "pinned": False,
        "opened_at": used_at - 3600,
        "used_at": used_at,
        "expires_at": used_at + 30 * DAY_S,
        "step": 300,
        "state": "kept",
        "viewers": 0,
        "experiment": None,
        "search": False,
        "trains": {"network": "mlp", "title": "MLP", "dataset": "digits", "lanes": lanes},
        "curves": {"step": steps, "train_loss": [[value * 0.6 for value in row] for row in fall], "val_loss": fall},
        **beside,
    }


class Owned:
    """A page of runs, and the server that has them.

    Attributes:
        runs: those that the server has, each with the token ``t``.
        told: what else it says with the list.
        said: what was asked of it: method, path and body.
        broken: the answer to whatever is asked, if it is to fail.
    """

    def __init__(self, page: Page, url: str, *runs: dict[str, Any], **told: Any) -> None:
        self.page = page
        self.url = url
        self.runs = list(runs)
        self.told = {"gone": [], "unread": [], "store": {"status": "ok", "problem": None}, "keep_days": 30, **told}
        self.said: list[tuple[str, str, Any]] = []
        self.broken: Reply | None = None
        answer(page, self._reply)

    def open(self, remembered: list[str] | None = None) -> Owned:
        """Load the page in a browser that remembers some runs: by default all that there are."""
        ids = [run["id"] for run in self.runs] if remembered is None else remembered
        text = json.dumps([{"id": each, "token": "t"} for each in ids])
        self.page.goto(f"{self.url}/empty")
        self.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])
        return self.load()

    def load(self) -> Owned:
        """Load the page as the browser is."""
        self.page.goto(f"{self.url}/runs")
        self.page.wait_for_function(READY)
        return self

    def remembered(self) -> list[dict[str, str]]:
        """What the browser remembers."""
        found: list[dict[str, str]] = json.loads(self.page.evaluate("key => localStorage.getItem(key)", KEY) or "[]")
        return found

    def asked(self, method: str) -> list[tuple[str, Any]]:
        """What was asked by a method: path and body."""
        return [(path, body) for verb, path, body in self.said if verb == method]

    def _reply(self, method: str, address: str, body: bytes) -> Reply | None:
        path = urlsplit(address).path
        if path == "/empty":
            return Reply("<!doctype html><title>empty</title>")
        if path == "/runs":
            return Reply(runs_page_of())
        if not path.startswith("/api/"):
            return None
        given = json.loads(body) if body.startswith(b"{") else body
        self.said.append((method, path, given))
        return self.broken or self._answer(method, path, given)

    def _answer(self, method: str, path: str, given: Any) -> Reply:
        if path == "/api/runs/mine":
            asked = [each["id"] for each in given["runs"] if each["token"] == "t"]
            runs = [run for run in self.runs if run["id"] in asked]
            there = [run["id"] for run in runs]
            gone = [each for each in asked if each not in there and each not in self.told["unread"]]
            return json_reply({**self.told, "runs": runs, "gone": gone, "now": time.time()})
        if path == "/api/runs/file":
            if not given.startswith(b"good"):
                error = {"code": "bad_run_file", "message": "this is no file of a run: it is cut off"}
                return json_reply({"error": error}, 422)
            before = sum(run["id"].startswith("brought") for run in self.runs)
            name = f"brought{before + 1}" if before else "brought"
            self.runs.insert(0, listed(0, id=name, name="From afar", step=120))
            return json_reply({"id": name, "token": "t", "name": "From afar", "step": 120, "experiment": None}, 201)
        run = next(run for run in self.runs if run["id"] == path.split("/")[3])
        if method == "DELETE":
            self.runs.remove(run)
            return Reply("", status=204)
        if "\u202e" in str(given.get("name")):
            return json_reply({"error": {"code": "bad_value", "message": "name is not allowed: one line"}}, 422)
        run |= given
        if given.get("pinned"):
            run["expires_at"] = None
        return json_reply({"id": run["id"], "name": run["name"], "pinned": run["pinned"]})


def json_reply(value: Any, status: int = 200) -> Reply:
    """An answer of the API."""
    return Reply(json.dumps(value), "application/json", status)
