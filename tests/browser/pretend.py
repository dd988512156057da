"""The lab's page on a server that only pretends: what it says is what the test says, and nothing trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, WebSocketRoute

from app.layout import obstacles_of
from app.lessons.glossary import glossary, places
from app.pages import page_of
from app.run import PROTOCOL
from tests.browser.static import Reply, answer
from trainer.errors import KnobError
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.contrast import with_contrast
from trainer.settings.networks import NETWORKS
from trainer.settings.schema import schema
from trainer.settings.shapes import IMAGES, SIZES, pooled_sides

RUN: Final = "pretend"
Answer = Callable[[dict[str, str], bytes], tuple[int, Any]]


class Pretend:
    """A page of the lab whose run stands still at step 0 and whose knobs can be turned.

    Attributes:
        page: the tab.
        run: the state of the run; change it and call `changed`.
        role: ``owner`` or ``viewer``.
        commands: what the page sent, but for ``join`` and ``credit``.
        opened: the configurations of the runs that the page asked for.
        answers: what the server says to other calls, by method and path; each takes the query and the body, and gives a
            status and a value: text as it is, all else as JSON.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.schema = schema()
        self.config = ExperimentConfig()
        self.run: dict[str, Any] = {}
        self.commands: list[dict[str, Any]] = []
        self.opened: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {}
        self.more: dict[str, Any] = {}
        self.role = "owner"
        self._sockets: list[WebSocketRoute] = []

    def open(self, search: str = "", **more: Any) -> Pretend:
        """Go to the page and wait until it shows the run.

        Args:
            search: of the address.
            more: what is otherwise in the state of the run.
        """
        self.more = more
        html = page_of()
        self.serve(lambda path: html if path == "/lab" else None)
        self.page.goto(f"{self.url}/lab{search}")
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        self.unfold()
        return self

    def unfold(self) -> None:
        """Open the cards of the networks, which begin folded."""
        self.page.evaluate("() => { for (const card of document.querySelectorAll('.card-body')) card.open = true; }")

    def serve(self, html_at: Callable[[str], str | None]) -> None:
        """Answer what the page asks for: its HTML as ``html_at`` has it for a path, the API, and the stream."""

        def reply(method: str, address: str, body: bytes) -> Reply | None:
            path = urlsplit(address).path
            if path.startswith("/api/"):
                return self._answer(method, address, body)
            if path.startswith("/vendor/"):
                return Reply("", "text/javascript")
            html = html_at(path)
            return None if html is None else Reply(html)

        answer(self.page, reply)
        self.page.route_web_socket("**/api/runs/**", self._connect)

    def changed(self, reason: str = "set") -> None:
        """Tell the page that the run has changed."""
        state = {name: value for name, value in self.told().items() if name != "changes"}
        news = {"op": "changed", "reason": reason, "step": 0, "changes": self.run["changes"], "run": state}
        self._sockets[-1].send(json.dumps(news))

    def told(self) -> dict[str, Any]:
        """The state of the run as the server tells it: which panels show nothing of it follows from all else."""
        nameless = [lane | {"name": "x"} for lane in self.run["config"]["lanes"]]  # a test may give any name
        config = ExperimentConfig.model_validate(self.run["config"] | {"lanes": nameless})
        return self.run | {"obstacles": obstacles_of(config, self.run.get("search"))}

    def state(self, expression: str) -> Any:
        """What the store holds: a JavaScript expression of ``state``."""
        return self.page.evaluate(f"() => {{ const {{ state }} = window.dropoutLab.store; return {expression}; }}")

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression of ``state`` holds, of a page that may still be starting."""
        code = f"() => {{ const state = window.dropoutLab?.store.state; return Boolean(state && ({expression})); }}"
        self.page.wait_for_function(code)

    def lanes(self) -> list[dict[str, Any]]:
        """The lanes of the run as they are now."""
        found: list[dict[str, Any]] = self.run["config"]["lanes"]
        return found

    def _answer(self, method: str, address: str, body: bytes) -> Reply:
        parts = urlsplit(address)
        call = f"{method} {parts.path}"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        value: Any
        if call == "GET /api/schema":
            status, value = 200, self.schema
        elif call == "GET /api/glossary" and call not in self.answers:
            status, value = 200, glossary().described(places())
        elif call == "POST /api/runs":
            status, value = self._create(json.loads(body or b"{}"))
        elif method == "DELETE":
            status, value = 204, None
        elif call in self.answers:
            status, value = self.answers[call](query, body)
        else:
            status, value = 404, {"error": {"code": "not_found", "message": f"there is no {call}"}}
        kind = "text/x-python" if isinstance(value, str) else "application/json"
        text = value if isinstance(value, str) else "" if status == 204 else json.dumps(value)
        return Reply(text, kind, status)

    def _create(self, given: dict[str, Any]) -> tuple[int, Any]:
        given.pop("changes", None)
        self.opened.append(given)
        try:
            self.config = parse(given)
        except KnobError as error:
            return 422, {"error": {"code": "bad_value", "message": str(error)}}
        self.run = run_state(self.config, **self.more) | {"id": f"{RUN}{len(self.opened)}"}
        return 201, {"id": self.run["id"], "token": "t", "config": self.run["config"]}

    def _connect(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        socket.on_message(lambda text: self._obey(socket, json.loads(text)))

    def _obey(self, socket: WebSocketRoute, command: dict[str, Any]) -> None:
        if command["op"] == "join":
            socket.send(json.dumps({"op": "hello", "protocol": PROTOCOL, "role": self.role, "run": self.told()}))
        if command["op"] in ("join", "credit"):
            return
        self.commands.append(command)
        if command["op"] == "set":
            try:
                self.config = self.config.with_knobs(command["knobs"], command.get("lane"))
            except KnobError as error:
                refusal = {"code": "bad_value", "message": str(error)}
                socket.send(json.dumps({"op": "error", "id": command["id"], "error": refusal}))
                return
            self.run["config"] = self.config.model_dump(mode="json")
        elif command["op"] == "follow":
            self.run["follow"] |= {name: command[name] for name in ("lane", "example") if name in command}
        elif command["op"] == "reset":
            nobody = [None] * len(self.config.lanes)
            config = self.config.model_dump(mode="json")
            self.run |= {"step": 0, "first_config": config, "changes": [], "stopped": nobody, "diverged": nobody}
        socket.send(json.dumps({"op": "ack", "id": command["id"], "step": 1}))
        self.changed(command["op"])


def run_state(config: ExperimentConfig, **beside: Any) -> dict[str, Any]:
    """The state of a run of ``config`` at step 0, paused, with what is otherwise in it."""
    plain = config.model_dump(mode="json")
    return {
        "id": RUN,
        "state": "paused",
        "step": 0,
        "steps_per_second": 100,
        "viewers": 1,
        "device": "cpu",
        "first_config": plain,
        "config": plain,
        "changes": [],
        "follow": {"lane": len(config.lanes) - 1, "example": 0},
        "layers": _layers(config),
        "contrast": next(iter(with_contrast(config, len(config.lanes) - 1)[1:]), None),
        "classes": [str(each) for each in range(config.size.classes)],
        "features": [],
        "stopped": [None] * len(config.lanes),
        "diverged": [None] * len(config.lanes),
        "train_size": config.train_size,
        "val_size": 797,
        "batches_per_epoch": config.train_size // config.batch_size,
        "obstacles": obstacles_of(config, beside.get("search")),
        **beside,
    }


def _layers(config: ExperimentConfig) -> list[dict[str, Any]]:
    size, kind = SIZES[config.dataset], NETWORKS[config.network]
    sides = iter(pooled_sides(size.side, len(config.channels)))
    maps, widths = iter(config.channels), iter(config.hidden)
    shapes: list[tuple[int, ...]] = []
    for name, family in kind.sites(config.channels, config.hidden):
        if family.family == "conv":
            shapes.append((next(maps), *[next(sides)] * 2))
        elif name == "recurrent":
            shapes.append((size.side - 1, config.hidden[0]))
        elif name == "input":
            shapes.append((size.side, size.side) if config.dataset in IMAGES else (size.features,))
        else:
            shapes.append((next(widths),))
    return [*kind.layers(shapes, config.channels, config.hidden)]
