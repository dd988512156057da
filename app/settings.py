"""What whoever runs the server may choose, from the environment."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainer.errors import DropoutLabError, quote

PREFIX: Final = "DROPOUT_LAB_"
PATH: Final = re.compile(r"(?:/[\w.~!$&'()*+,;=:@%-]+)+", re.ASCII)  # without a slash at its end
_OWN: Final = (
    "api",
    "experiments",
    "healthz",
    "metrics",
    "oembed",
    "openapi.json",
    "readyz",
    "r",
    "reference",
    "rooms",
    "runs",
    "static",
    "vendor",
    "watch",
)  # what the lab itself has at its root
_NAME: Final = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?", re.IGNORECASE)


class SettingsError(DropoutLabError):
    """A variable of the environment has a value that it does not take."""


def _setting(default: Any, allowed: str, help: str, **limits: Any) -> Any:
    """Describe one setting: its limits, the same in words, and what it is for."""
    return Field(default, description=help, json_schema_extra={"allowed": allowed}, **limits)


def _origins(value: str) -> str:
    for origin in value.split():
        scheme, _, host = origin.partition("://")
        if origin != "*" and (scheme not in ("http", "https") or not host or "/" in host):
            raise ValueError(origin)
    return value


def _hosts(value: str) -> str:
    for name in value.split():
        if not _NAME.fullmatch(name):
            raise ValueError(name)
    return value


def _proxies(value: str) -> str:
    for proxy in value.split():
        if proxy != "*":
            ipaddress.ip_network(proxy, strict=False)
    return value


def _readers(value: str) -> str:
    if value not in ("*", "off"):
        for reader in value.split():
            ipaddress.ip_network(reader, strict=False)
    return value


def _path(value: str) -> str:
    path = value.rstrip("/")
    if path and (not PATH.fullmatch(path) or path.split("/")[1] in _OWN):
        raise ValueError(value)
    return path


def _ancestors(value: str) -> str:
    if any(letter in value for letter in ";,\r\n") or not value.isascii():
        raise ValueError(value)
    return value


class Settings(BaseSettings):
    """The settings, each a variable ``DROPOUT_LAB_<NAME>``; ``HOST`` and ``PORT`` go without the prefix, too."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, validate_by_name=True
    )

    host: str = _setting(
        "127.0.0.1",
        "a name or an address of this machine",
        "where to listen; 0.0.0.0 is everywhere",
        validation_alias=AliasChoices(PREFIX + "HOST", "HOST"),
    )
    port: int = _setting(
        8000,
        "a whole number from 0 to 65,535",
        "the port; with 0 the system chooses one",
        ge=0,
        le=65535,
        validation_alias=AliasChoices(PREFIX + "PORT", "PORT"),
    )
    workers: int | None = _setting(
        None,
        "a whole number from 1 to 64",
        "processes that train; by default one for each GPU or else for each core, as far as memory goes",
        ge=1,
        le=64,
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = _setting(
        "auto",
        "one of auto, cpu, cuda, mps",
        "what the workers train on; auto is CUDA where there is one, else the processor",
    )
    threads: int | None = _setting(
        None,
        "a whole number from 1 to 256",
        "threads of each worker; by default the cores are shared out",
        ge=1,
        le=256,
    )
    worker_silent_s: float = _setting(
        4,
        "a number from 2 to 3,600",
        "seconds after which a worker that says nothing is given up: it beats twice a second, whatever it does",
        ge=2,
        le=3600,
    )
    worker_stuck_s: float = _setting(
        120,
        "a number from 10 to 86,400",
        "seconds after which a worker is given up that is still at one thing, as in a loop without an end",
        ge=10,
        le=86_400,
    )
    keep: bool = _setting(
        True,
        "true or false",
        "whether runs are kept in the data folder, so that they outlive the server",
    )
    data: Path | None = _setting(
        None,
        "the path of a folder",
        "where runs are kept; by default the folder that the system has for data of its user's programs",
    )
    database_url: str = _setting(
        "",
        "the address of a PostgreSQL database, postgresql://…",
        "keeps runs there, and only their checkpoints in the data folder; without it a file in that folder has both",
        validation_alias=AliasChoices(PREFIX + "DATABASE_URL", "DATABASE_URL"),
    )
    keep_days: float = _setting(
        30, "a number from 0.01 to 36,500", "days after which a run that nobody used is forgotten", ge=0.01, le=36_500
    )
    data_limit_mb: int = _setting(
        2000,
        "a whole number from 10 to 10,000,000",
        "megabytes that kept runs may take; then those that were not used for longest are forgotten",
        ge=10,
        le=10_000_000,
    )
    idx_folder: Path | None = _setting(
        None,
        "the path of a folder",
        "where files of images like those of MNIST lie (IDX, with .gz or without): with them there is the data set idx",
    )
    end_when_idle_minutes: float | None = _setting(
        None,
        "a number from 0.01 to 10,080",
        "minutes after which the lab ends by itself if nobody watches a run and no WebSocket is open; without it, it "
        "goes on",
        ge=0.01,
        le=10_080,
    )
    max_runs: int = _setting(64, "a whole number from 1 to 10,000", "runs that exist at once", ge=1, le=10_000)
    max_viewers_per_run: int = _setting(
        200, "a whole number from 1 to 10,000", "viewers that watch one run at once", ge=1, le=10_000
    )
    max_rooms: int = _setting(100, "a whole number from 1 to 10,000", "class rooms that exist at once", ge=1, le=10_000)
    room_hours: float = _setting(
        12, "a number from 0.01 to 8,760", "hours after which a room that nobody is in is ended", ge=0.01, le=8760
    )
    max_watches: int = _setting(
        32,
        "a whole number from 1 to 1,000",
        "models of other programs that are watched at once, those among them that have ended and are still shown",
        ge=1,
        le=1000,
    )
    watch_hours: float = _setting(
        24,
        "a number from 0.01 to 8,760",
        "hours after which a watch is forgotten whose model is not connected and that nobody looks at",
        ge=0.01,
        le=8760,
    )
    client_share: float = _setting(
        0.75,
        "a number from 0.01 to 1",
        "how much of the runs, of the seats of each run and of the places for uploads one address may have; with 1 it "
        "may have all",
        ge=0.01,
        le=1,
    )
    max_connections_per_client: int = _setting(
        500,
        "a whole number from 8 to 100,000",
        "connections that one address may have at once, viewers among them; a class of forty needs some 300",
        ge=8,
        le=100_000,
    )
    max_openings_per_minute: int = _setting(
        120,
        "a whole number from 1 to 100,000",
        "runs that one address may open in a minute, as many at once; and as many watches",
        ge=1,
        le=100_000,
    )
    max_message_bytes: int = _setting(
        65_536, "a whole number from 1,024 to 16,777,216", "the longest message a viewer may send", ge=1024, le=2**24
    )
    max_messages_per_second: float = _setting(
        50, "a number from 1 to 10,000", "messages a viewer may send for long; twice as many at once", ge=1, le=10_000
    )
    heartbeat_s: float = _setting(
        10,
        "a number from 0.1 to 20",
        "seconds after which a live connection says that it is still there: fewer than a proxy on the way lets pass "
        "before it cuts a silent one",
        ge=0.1,
        le=20,
    )
    allowed_origins: Annotated[str, AfterValidator(_origins)] = _setting(
        "",
        "origins such as https://course.example, separated by spaces, or *",
        "pages of other sites that may use the API and the WebSocket",
    )
    allowed_hosts: Annotated[str, AfterValidator(_hosts)] = _setting(
        "",
        "names such as lab.example or *.school.example, separated by spaces, or *",
        "names by which the lab may be asked for, beside addresses, localhost, HOST and names of the local network",
    )
    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = _setting(
        "",
        "addresses or networks such as 127.0.0.1 10.0.0.0/8, separated by spaces, or *",
        "proxies whose X-Forwarded-For, -Proto, -Host and -Prefix are believed",
    )
    root_path: Annotated[str, AfterValidator(_path)] = _setting(
        "",
        "a path such as /lab, and none that begins with one of the lab's own: " + ", ".join(_OWN),
        "the path below which a proxy has the lab; only needed where the proxy does not strip it",
    )
    frame_ancestors: Annotated[str, AfterValidator(_ancestors)] = _setting(
        "'none'",
        "the sources of a CSP frame-ancestors directive, such as 'self' https://course.example",
        "pages that may show the lab in a frame",
    )
    unwatched_pause_s: float = _setting(
        30, "a number from 0 to 86,400", "seconds after which a run that nobody watches is paused", ge=0, le=86_400
    )
    run_idle_minutes: float = _setting(
        30, "a number from 0.01 to 10,080", "minutes after which a run that nobody watches is ended", ge=0.01, le=10_080
    )
    single_modules: bool = _setting(
        False,
        "true or false",
        "the page comes as its single modules, as whoever changes them wants it (`make dev`), and not as the bundle",
    )
    metrics: Annotated[str, AfterValidator(_readers)] = _setting(
        "127.0.0.0/8 ::1",
        "addresses or networks such as 127.0.0.1 10.0.0.0/8, separated by spaces, * for everybody, or off",
        "who may read /metrics: whoever asks from there, and not through a proxy",
    )
    log: Literal["text", "json"] = _setting(
        "text", "one of text, json", "how the log is written: lines to be read, or a JSON object in each line"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "one of debug, info, warning, error", "how much the log says"
    )

    @property
    def origins(self) -> frozenset[str]:
        """The origins of other sites that are allowed."""
        return frozenset(self.allowed_origins.split())

    @property
    def may_be_framed(self) -> bool:
        """Whether any page may show the lab in a frame."""
        return self.frame_ancestors.strip() not in ("", "'none'")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Further names of the lab."""
        return tuple(self.allowed_hosts.split())

    def share_of(self, most: int) -> int:
        """How many of so many one client may have."""
        return math.ceil(most * self.client_share)

    @property
    def data_folder(self) -> Path:
        """Where runs are kept."""
        return self.data or user_data_path("dropout-lab", appauthor=False)

    @property
    def proxies(self) -> tuple[str, ...]:
        """The proxies that are trusted, as addresses, networks or ``*``."""
        given = self.trusted_proxies.split()
        return tuple(each if each == "*" else str(ipaddress.ip_network(each, strict=False)) for each in given)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return name.upper() if name in ("host", "port", "database_url") else PREFIX + name.upper()


def option(name: str) -> str:
    """Return the option of ``dropout-lab`` that stands for a setting."""
    return "--" + name.removesuffix("_minutes").replace("_", "-")


def from_environment(options: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        options: settings by name that were said when the lab was started; they win over variables.

    Raises:
        SettingsError: the first value that is not allowed, and which it was, in one line.
    """
    options = options or {}
    for name, value in options.items():
        if not value or (name == "data" and Path(value).exists() and not Path(value).is_dir()):
            raise _refusal(name, value, options)
    try:
        return Settings(**options)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refusal(str(first["loc"][0]).removeprefix(PREFIX).lower(), first["input"], options) from None


def _refusal(name: str, value: object, options: Mapping[str, str]) -> SettingsError:
    """What is said of a value that is not allowed, wherever it came from."""
    said = f"{option(name)} {quote(value)}" if name in options else f"{variable(name)}={quote(value)}"
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return SettingsError(f"{said} is not allowed: it must be {extra['allowed']}")
