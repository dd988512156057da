"""Firefox, driven by WebDriver BiDi, which it speaks itself: no geckodriver stands between."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from selenium.webdriver.remote.websocket_connection import WebSocketConnection

from tests import apt
from tests.browsers.tab import PATIENCE_S, Tab, TabError, called
from tests.conftest import TIMEOUT_FACTOR

NAMES: Final = ("firefox-esr", "firefox")
PLACES: Final = ("/Applications/Firefox.app/Contents/MacOS/firefox",)
PREFERENCES: Final[dict[str, Any]] = {
    "browser.download.folderList": 2,  # the folder named below
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.download.alwaysOpenPanel": False,
}


def find_or_install() -> str:
    """The path of a Firefox, installed now if there was none.

    Raises:
        TabError: there is none and it could not be installed; the message says what to do.
    """
    named = os.environ.get("DROPOUT_LAB_FIREFOX")
    if named and shutil.which(named) is None:
        raise TabError(f"DROPOUT_LAB_FIREFOX={named!r} is no program that can be run")
    failure = ""
    if (found := _find(named)) is None:
        failure = apt.install("firefox-esr") or "apt-get left no Firefox"
        found = _find(named)
    if found is None:
        raise TabError(
            "These tests need Firefox and found none. Install it (Debian: apt-get install firefox-esr), or set "
            f"DROPOUT_LAB_FIREFOX to its path. apt-get: {failure}"
        )
    return found


def _find(named: str | None) -> str | None:
    return next(filter(None, map(shutil.which, (*([named] if named else []), *NAMES, *PLACES))), None)


class _Event:
    """An event of BiDi by its name, as selenium's connection wants it."""

    def __init__(self, name: str) -> None:
        self.event_class = name

    def from_json(self, given: dict[str, Any]) -> dict[str, Any]:
        """Its parameters as they are."""
        return given


class Firefox(Tab):
    """A Firefox of its own with a new profile, without a window."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "downloads")
        profile = folder / "profile"
        profile.mkdir(parents=True)
        self.downloads.mkdir()
        preferences = PREFERENCES | {"browser.download.dir": str(self.downloads)}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
        (profile / "user.js").write_text("\n".join(lines))
        self._log = folder / "firefox.log"
        command = [find_or_install(), "--headless", "--no-remote", "--profile", str(profile)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"],
                env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._heard: list[str] = []
        try:
            connect: Any = WebSocketConnection
            self._connection = connect(self._address() + "/session", PATIENCE_S * TIMEOUT_FACTOR, 0.005)
            self._ask("session.new", capabilities={})
            self._connection.add_callback(_Event("log.entryAdded"), self._hear)
            self._ask("session.subscribe", events=["log.entryAdded"])
            self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def open(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, *given: Any) -> Any:
        target = {"context": self._context}
        said = self._ask("script.evaluate", expression=called(function, given), target=target, awaitPromise=True)
        if said["type"] == "exception":
            raise TabError(f"{said['exceptionDetails']['text']} in {function}")
        return json.loads(said["result"]["value"])

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self._ask("input.performActions", context=self._context, actions=actions)

    def upload(self, selector: str, file: Path) -> None:
        expression = f"document.querySelector({json.dumps(selector)})"
        target = {"context": self._context}
        said = self._ask("script.evaluate", expression=expression, target=target, awaitPromise=False)
        element = {"sharedId": said["result"]["sharedId"]}
        self._ask("input.setFiles", context=self._context, element=element, files=[str(file)])

    def errors(self) -> list[str]:
        return list(self._heard)

    def photograph(self, file: Path) -> None:
        data = self._ask("browsingContext.captureScreenshot", context=self._context)["data"]
        file.write_bytes(base64.b64decode(data))

    def resize(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._context, viewport=viewport)

    def close(self) -> None:
        self._connection.close()  # first: it leaves its socket open if the other side goes first
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S * TIMEOUT_FACTOR)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command of BiDi and wait for its result."""
        said = self._connection.send_cmd(method, parameters)
        if said.get("type") != "success":
            raise TabError(f"{method}: {said.get('error')}: {said.get('message')}")
        result: dict[str, Any] = said["result"]
        return result

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self._heard.append(f"{entry['type']}: {entry['text']}")

    def _address(self) -> str:
        """Where it listens, which it says once it does."""
        deadline = time.monotonic() + PATIENCE_S * TIMEOUT_FACTOR
        while time.monotonic() < deadline:
            if said := re.search(r"WebDriver BiDi listening on (ws://\S+)", self._log.read_text()):
                return said[1]
            try:
                status = self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise TabError(f"Firefox ended with exit status {status}:\n{self._log.read_text()}")
        raise TabError(f"Firefox did not say where it listens:\n{self._log.read_text()}")


if __name__ == "__main__":
    print(find_or_install())
