"""The lab's page on a server that only pretends: what it says is what the test says, and nothing trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route, WebSocketRoute

from app.pages import PLOTLY_URL, modules, templates
from trainer.config import ExperimentConfig, parse
from trainer.errors import KnobError
from trainer.schema import schema
from trainer.shapes import IMAGES, SIZES, pooled_sides

RUN: Final = "pretend"
Answer = Callable[[dict[str, str], bytes], tuple[int, Any]]


class Pretend:
    """A page of the lab whose run stands still at step 0 and whose knobs can be turned.

    Attributes:
        page: the tab.
        run: the state of the run; change it and call `changed`.
        commands: what the page sent, but for ``credit``.
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
        self._sockets: list[WebSocketRoute] = []

    def open(self, search: str = "", **more: Any) -> Pretend:
        """Go to the page and wait until it shows the run.

        Args:
            search: of the address.
            more: what is otherwise in the state of the run.
        """
        self.more = more
        html = templates.get_template("lab.html").render(version="0", plotly_url=PLOTLY_URL, modules=modules())
        self.page.route("**/lab*", lambda route: route.fulfill(body=html, content_type="text/html"))
        self.page.route("**/vendor/**", lambda route: route.fulfill(body="", content_type="text/javascript"))
        self.page.route("**/api/**", self._answer)
        self.page.route_web_socket("**/api/runs/**", self._connect)
        self.page.goto(f"{self.url}/lab{search}")
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        return self

    def changed(self, reason: str = "set") -> None:
        """Tell the page that the run has changed."""
        self._sockets[-1].send(json.dumps({"op": "changed", "reason": reason, "step": 0, "run": self.run}))

    def state(self, expression: str) -> Any:
        """What the store holds: a JavaScript expression of ``state``."""
        return self.page.evaluate(f"() => {{ const {{ state }} = window.dropoutLab.store; return {expression}; }}")

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression of ``state`` holds."""
        code = f"() => {{ const {{ state }} = window.dropoutLab.store; return Boolean({expression}); }}"
        self.page.wait_for_function(code)

    def lanes(self) -> list[dict[str, Any]]:
        """The lanes of the run as they are now."""
        found: list[dict[str, Any]] = self.run["config"]["lanes"]
        return found

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        call = f"{route.request.method} {parts.path}"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = route.request.post_data_buffer or b""
        if call == "GET /api/schema":
            status, value = 200, self.schema
        elif call == "POST /api/runs":
            status, value = self._create(json.loads(body or b"{}"))
        elif route.request.method == "DELETE":
            status, value = 204, None
        elif call in self.answers:
            status, value = self.answers[call](query, body)
        else:
            status, value = 404, {"error": {"code": "not_found", "message": f"there is no {call}"}}
        kind = "text/x-python" if isinstance(value, str) else "application/json"
        text = value if isinstance(value, str) else "" if status == 204 else json.dumps(value)
        route.fulfill(status=status, content_type=kind, body=text)

    def _create(self, given: dict[str, Any]) -> tuple[int, Any]:
        given.pop("changes", None)
        self.opened.append(given)
        try:
            self.config = parse(given)
        except KnobError as error:
            return 422, {"error": {"code": "bad_value", "message": str(error)}}
        self.run = run_state(self.config) | self.more | {"id": f"{RUN}{len(self.opened)}"}
        return 201, {"id": self.run["id"], "token": "t", "config": self.run["config"]}

    def _connect(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        socket.on_message(lambda text: self._obey(socket, json.loads(text)))
        socket.send(json.dumps({"op": "hello", "protocol": 1, "role": "owner", "run": self.run}))

    def _obey(self, socket: WebSocketRoute, command: dict[str, Any]) -> None:
        if command["op"] == "credit":
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
        socket.send(json.dumps({"op": "ack", "id": command["id"], "step": 1}))
        self.changed(command["op"])


def run_state(config: ExperimentConfig) -> dict[str, Any]:
    """The state of a run of ``config`` at step 0, paused."""
    plain = config.model_dump(mode="json")
    layers = [{"name": name, "units": _units(shape), "shape": shape} for name, shape in _shapes(config).items()]
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
        "layers": layers,
        "classes": [str(each) for each in range(config.size.classes)],
        "features": [],
        "stopped": [None] * len(config.lanes),
        "train_size": config.train_size,
        "val_size": 797,
        "batches_per_epoch": config.train_size // config.batch_size,
    }


def _shapes(config: ExperimentConfig) -> dict[str, list[int]]:
    size = SIZES[config.dataset]
    shapes = {"input": [size.side, size.side] if config.dataset in IMAGES else [size.features]}
    if config.network == "lstm":
        return shapes | {"recurrent": [size.side - 1, config.hidden[0]], "output": [config.hidden[0]]}
    if config.network == "cnn":
        sides = pooled_sides(size.side, len(config.channels))
        for place, (channels, side) in enumerate(zip(config.channels, sides, strict=True)):
            shapes[f"conv{place + 1}"] = [channels, side, side]
    return shapes | {f"hidden{place + 1}": [width] for place, width in enumerate(config.hidden)}


def _units(shape: list[int]) -> int:
    units = 1
    for side in shape:
        units *= side
    return units
