"""The command ``dropout-lab``: starts the lab wherever one is, or opens one that runs in the browser."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app import __version__
from trainer.errors import DropoutLabError

ANSWER_S: Final = 5.0  # for a lab on this machine to say that it is one
_SETTINGS: Final = ("host", "port", "data", "end_when_idle_minutes")
"""Those that have an option; all others are variables of the environment."""


class NoLabError(DropoutLabError):
    """There is no lab to open, or nothing to open it with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: of the command line; by default those of this process.

    Returns:
        The exit status: 0 when all went well, 1 without a lab to open, 2 when an option or a setting is not allowed.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["open"]:
        return _open(_options(vars(_parser_of_open().parse_args(words[1:]))))
    given = vars(_parser().parse_args(words))
    options = _options(given)
    from app.server import serve

    return serve(options, _open_aside) if given["open"] else serve(options)


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    """The settings that were said."""
    return {name: given[name] for name in _SETTINGS if given.get(name) is not None}


def _parser() -> argparse.ArgumentParser:
    """What can be said. Values are checked by the settings, which the options stand for.

    ``open`` is no subcommand of argparse's: where there are some, it takes the value of a misspelt option for one, and
    says nothing of the option.
    """
    parser = argparse.ArgumentParser(
        prog="dropout-lab",
        usage="dropout-lab [OPTIONS]\n       dropout-lab open [--host HOST] [--port PORT]",
        description="Start Dropout Lab: real networks train side by side, and the page shows the masks that they used.",
        epilog="All settings are variables of the environment, such as DROPOUT_LAB_WORKERS=2; an option wins over its "
        "variable. Ctrl-C ends the lab. `dropout-lab open` opens one that runs on this machine in the browser.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"Dropout Lab {__version__}")
    _add_place(parser, "where to listen; 0.0.0.0 is everywhere", "the port; with 0 the system chooses one")
    parser.add_argument("--open", action="store_true", help="open the page in the browser as soon as it is there")
    parser.add_argument("--data", metavar="FOLDER", help="where runs are kept (else DROPOUT_LAB_DATA)")
    parser.add_argument(
        "--end-when-idle",
        metavar="MINUTES",
        dest="end_when_idle_minutes",
        help="end by itself when for so long nobody watches a run and no WebSocket is open "
        "(else DROPOUT_LAB_END_WHEN_IDLE_MINUTES, else never)",
    )
    return parser


def _parser_of_open() -> argparse.ArgumentParser:
    """What can be said behind ``open``."""
    parser = argparse.ArgumentParser(
        prog="dropout-lab open",
        description="Open a lab that runs on this machine in the browser; none is started.",
        allow_abbrev=False,
    )
    _add_place(parser, "where it listens", "its port")
    return parser


def _add_place(parser: argparse.ArgumentParser, host: str, port: str) -> None:
    """Add the options that say where a lab is."""
    parser.add_argument("--host", help=f"{host} (else HOST, else 127.0.0.1)")
    parser.add_argument("--port", help=f"{port} (else PORT, else 8000)")


def _open(options: Mapping[str, str]) -> int:
    """Open a lab that runs; the exit status."""
    from app.greeting import on_this_machine
    from app.settings import SettingsError, from_environment

    try:
        settings = from_environment(options)
        if settings.port == 0:
            raise SettingsError("port 0 is no lab's: name the port that it said when it started, as with --port 8000")
        address = on_this_machine(settings.host, settings.port, settings.root_path)
        version = version_at(address)
        if not webbrowser.open(address):
            raise NoLabError(f"no browser could be opened; the lab is at {address}")
    except SettingsError as error:
        print(f"dropout-lab: {error}", file=sys.stderr)
        return 2
    except NoLabError as error:
        print(f"dropout-lab: {error}", file=sys.stderr)
        return 1
    print(f"Dropout Lab {version} is open at {address}")
    return 0


def version_at(address: str) -> str:
    """Return the version of the lab at an address.

    Raises:
        NoLabError: there is none.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            with direct.open(f"{address}healthz", timeout=ANSWER_S) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:  # 503: it is starting
            said = json.load(error)
        if isinstance(said, dict) and isinstance(said.get("workers"), dict):
            return str(said["version"])
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoLabError(
            f"no lab answers at {address} ({reason}); `dropout-lab` starts one, and --port says where one is"
        ) from None
    raise NoLabError(f"what answers at {address} is no Dropout Lab; --port says where one is")


def _open_aside(address: str) -> None:
    """Open the page, beside the server: some browsers hold on to whoever opens them."""

    def show() -> None:
        if not webbrowser.open(address):
            print(f"No browser could be opened; the lab is at {address}", flush=True)

    threading.Thread(target=show, name="opens the browser", daemon=True).start()
