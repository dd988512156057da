"""WebKit: its GTK port's MiniBrowser, driven by WebKitWebDriver, on a display of its own that nobody sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.command import Command
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service
from selenium.webdriver.webkitgtk.webdriver import WebDriver

from tests import apt
from tests.browsers.tab import PATIENCE_S, Tab, TabError, called
from tests.conftest import TIMEOUT_FACTOR

SCREEN: Final = (1600, 1200)
BROWSERS: Final = "*-linux-gnu*/webkit2gtk-4.*/MiniBrowser"
HEAR: Final = """() => {
  const heard = (window.heardErrors = []);
  const { error } = console;
  console.error = (...given) => { heard.push(`console: ${given.map(String).join(" ")}`); error(...given); };
  addEventListener("error", ({ message, target }) => {
    if (!/^ResizeObserver loop/.test(message)) { // is harmless, as static/js/base/faults.js says
      heard.push(`error: ${message ?? target?.src}`);
    }
  }, true);
  addEventListener("unhandledrejection", ({ reason }) => heard.push(`rejection: ${reason}`));
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    heard.push(`policy: ${violatedDirective} ${blockedURI}`));
}"""
HEARD: Final = """() => {
  const told = (window.dropoutLab?.faults ?? []).map(({ text }) => `told: ${text}`);
  return [...(window.heardErrors ?? []), ...told];
}"""


def find_or_install() -> tuple[str, str, str]:
    """The paths of Xvfb, WebKitWebDriver and MiniBrowser, installed now if there were none.

    Raises:
        TabError: they are not there and could not be installed; the message says what to do.
    """
    found, failure = _find(), ""
    if found is None:
        failure = apt.install("xvfb", "webkit2gtk-driver") or "apt-get left them out"
        found = _find()
    if found is None:
        raise TabError(
            "These tests need WebKitWebDriver, MiniBrowser and Xvfb and did not find them all. Install them (Debian: "
            f"apt-get install webkit2gtk-driver xvfb). apt-get: {failure}"
        )
    return found


def _find() -> tuple[str, str, str] | None:
    display, driver = shutil.which("Xvfb"), shutil.which("WebKitWebDriver")
    browsers = sorted(Path("/usr/lib").glob(BROWSERS))
    return (display, driver, str(browsers[-1])) if display and driver and browsers else None


@contextmanager
def display(xvfb: str) -> Iterator[str]:
    """A screen that nobody sees; yields its name."""
    reads, writes = os.pipe()
    size = "x".join(map(str, (*SCREEN, 24)))
    command = [xvfb, "-displayfd", str(writes), "-screen", "0", size, "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=(writes,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writes)
    try:
        with os.fdopen(reads) as said:
            number = said.readline().strip()
        if not number:
            raise TabError("Xvfb did not start")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()


class WebKit(Tab):
    """A MiniBrowser of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "Downloads")
        self.downloads.mkdir(parents=True)
        config = folder / ".config"  # where programs of a desktop are told which folder downloads go to
        config.mkdir()
        (config / "user-dirs.dirs").write_text('XDG_DOWNLOAD_DIR="$HOME/Downloads"\n')
        xvfb, driver, browser = find_or_install()
        self._left: list[str] = []  # heard on pages that were left
        self._held = ExitStack()
        with ExitStack() as held:
            options = Options()
            options.binary_location = browser
            options.add_argument("--automation")
            screen = held.enter_context(display(xvfb))
            environment = os.environ | {"DISPLAY": screen, "HOME": str(folder), "XDG_CONFIG_HOME": str(config)}
            log = str(folder / "webkit.log")
            service = Service(executable_path=driver, log_output=log, env=environment)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # selenium warns of a call that it makes itself
                self._driver = WebDriver(options=options, service=service)
            held.callback(self._driver.quit)
            self._driver.set_script_timeout(PATIENCE_S * TIMEOUT_FACTOR)
            self._driver.set_page_load_timeout(PATIENCE_S * TIMEOUT_FACTOR)
            self._held = held.pop_all()
        self.resize(1440, 900)

    def open(self, url: str) -> None:
        self._left = self.errors()
        self._driver.get(url)
        self.evaluate(HEAR)

    def evaluate(self, function: str, *given: Any) -> Any:
        script = f"""const done = arguments[0];
          {called(function, given)}.then((said) => done(["said", said]), (error) => done(["threw", String(error)]));"""
        kind, said = self._driver.execute_async_script(script)
        if kind == "threw":
            raise TabError(f"{said} in {function}")
        return json.loads(said)

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self._driver.execute(Command.W3C_ACTIONS, {"actions": actions})

    def upload(self, selector: str, file: Path) -> None:
        self._driver.find_element(By.CSS_SELECTOR, selector).send_keys(str(file))

    def errors(self) -> list[str]:
        try:
            return [*self._left, *self.evaluate(HEARD)]
        except WebDriverException as error:  # no page is open any more
            return [*self._left, f"the browser: {error.msg}"]

    def photograph(self, file: Path) -> None:
        file.write_bytes(self._driver.get_screenshot_as_png())

    def resize(self, width: int, height: int) -> None:
        inner = self.evaluate("() => [innerWidth, innerHeight]")
        outer = self._driver.get_window_size()
        self._driver.set_window_size(width + outer["width"] - inner[0], height + outer["height"] - inner[1])

    def close(self) -> None:
        self._held.close()


if __name__ == "__main__":
    print(*find_or_install())
