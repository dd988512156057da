"""The pages of a room on a pretended server: it says the topics that a test gives it, and writes down what it hears."""

from __future__ import annotations

import json
import math
import random
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page, WebSocketRoute

from app.pages import room_page_of
from tests.browser.static import Reply, answer

CODE: Final = "K7QX3M"
HOST_KEY: Final = f"dropout-lab-room:/:host:{CODE}"
PICTURE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><path fill="#fff" d="M0 0h29v29H0z"/>'
    '<path d="M4 4h7v7H4zM18 4h7v7h-7zM4 18h7v7H4zM13 13h3v3h-3zM18 18h2v2h-2zM22 22h3v3h-3zM13 5h2v4h-2z"/></svg>'
)
NAMES: Final = (
    *("Ada", "Bo", "Chiara", "Dmitri", "Elif", "Fatima", "Gustav", "Hana", "Igor", "Jun", "Karim", "Lena", "Mateo"),
    *("Nia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tariq", "Uma", "Viktor", "Wen", "Ximena", "Yusuf", "Zoë"),
)


def name_of(number: int) -> str:
    """A name for each number; the second Ada is “Ada 2”, as the server has it."""
    turn, place = divmod(number, len(NAMES))
    return NAMES[place] if turn == 0 else f"{NAMES[place]} {turn + 1}"


def room(**beside: Any) -> dict[str, Any]:
    """The topic `room` of a class that works, with some of it otherwise."""
    here = f"http://192.168.1.5:8000/r/{CODE}"
    return {
        "op": "room",
        "code": CODE,
        "way": "class",
        "locked": False,
        "paused": False,
        "muted": False,
        "experiment": {"id": "twin", "title": "With and without dropout"},
        "link": here,
        "only_here": False,
        "links": [here, f"http://10.0.0.4:8000/r/{CODE}"],
        "students": {"joined": 31, "here": 29, "simulated": 0, "waiting": 0},
        "run": {"id": "hosts", "state": "playing", "step": 432, "speed": 100.0},
        "class_run": {"id": "classes", "state": "playing", "step": 600, "speed": None, "places": 40, "taken": 31},
        "question": None,
        "knobs_of": None,
        "shown": None,
        "look": None,
        "known": None,
        **beside,
    }


def question(phase: str = "asked", **beside: Any) -> dict[str, Any]:
    """A question in one of its phases."""
    shown, told = phase != "asked", phase == "told"
    return {
        "id": 3,
        "text": "Which dropout rate gives the lowest validation loss?",
        "choices": ["0: no dropout", "0.2", "0.5", "0.8"],
        "phase": phase,
        "answered": 22,
        "of": 31,
        "counts": [4, 9, 15, 3] if shown else None,
        "counts_again": [2, 19, 9, 0] if told else None,
        "truth": 1 if told else None,
        "why": "With rate 0.2 the validation loss ended at 0.291, with 0.5 at 0.334, with 0.8 at 0.702."
        if told
        else "",
        **beside,
    }


def final_loss(rate: float, noise: random.Random) -> float:
    """Where a network with a rate ends, about: a curve with its lowest point near 0.3."""
    return 0.26 + 0.25 * (0.35 - rate) ** 2 + 0.9 * math.pow(max(0.0, rate - 0.35), 2.2) + noise.gauss(0, 0.012)


def places(count: int, simulated: int = 0, step: int = 600, seed: int = 1) -> dict[str, Any]:
    """The topic `places`: the last ones are simulated, and each twenty-ninth has diverged."""
    noise = random.Random(seed)
    told = []
    for lane in range(count):
        rate = round(noise.choice([0.0, noise.uniform(0, 0.95), noise.uniform(0.1, 0.6)]), 2)
        gone = f"diverged at step {lane * 7}" if lane % 29 == 28 else None
        loss = None if gone else final_loss(rate, noise)
        told.append(
            {
                "lane": lane,
                "id": f"m{lane}",
                "name": f"Simulated {lane - count + simulated + 1}" if lane >= count - simulated else name_of(lane),
                "simulated": lane >= count - simulated,
                "input": 0.2 if lane % 9 == 0 else 0.0,
                "hidden": rate,
                "batch_norm": False,
                "began": 0,
                "trained": True,
                "loss": loss,
                "accuracy": None if loss is None else max(0.1, 1 - loss / 3),
                "train_loss": None if loss is None else loss * 0.6,
                "gone": gone,
            }
        )
    return {"op": "places", "step": step, "places": told}


def race(of: dict[str, Any], columns: int = 60, seed: int = 1) -> dict[str, Any]:
    """The topic `race` that goes with some places."""
    noise = random.Random(seed + 1)
    last = of["step"]
    steps = [round(last * column / (columns - 1)) for column in range(columns)]
    losses = []
    for place in of["places"]:
        end = place["loss"] or 0.5
        pace = noise.uniform(0.08, 0.16)
        line: list[float | None] = [
            end + (2.3 - end) * math.exp(-step / (pace * 600)) + noise.gauss(0, 0.006) for step in steps
        ]
        line[-1] = end
        if place["gone"]:
            line = [value if index < columns // 3 else None for index, value in enumerate(line)]
        losses.append(line)
    return {"op": "race", "lanes": [place["lane"] for place in of["places"]], "step": steps, "loss": losses}


def average(networks: int = 31, **beside: Any) -> dict[str, Any]:
    """The topic `average`."""
    return {
        "op": "average",
        "step": 600,
        "networks": networks,
        "average": {"loss": 0.214, "accuracy": 0.941},
        "best": {"lane": 3, "name": "Dmitri", "loss": 0.257, "accuracy": 0.924},
        "mean": {"loss": 0.341, "accuracy": 0.897},
        "dropout": {"loss": 0.244, "accuracy": 0.929},
        **beside,
    }


def followed(op: str = "followed", step: int = 432, **beside: Any) -> dict[str, Any]:
    """The topic `followed`, or `shown`: two networks, and the mask of the newest step."""
    noise = random.Random(step)
    steps = list(range(0, step + 1, 12))
    falls = [
        [end + (2.3 - end) * math.exp(-each / 60) + rise * each for each in steps]
        for end, rise in ((0.36, 5e-4), (0.3, 0))
    ]
    layers = [
        {"name": name, "units": units, "kept": [int(noise.random() < 0.5) for _ in range(units)]}
        for name, units in (("hidden1", 128), ("hidden2", 64))
    ]
    return {
        "op": op,
        "run": "hosts",
        "step": step,
        "state": "playing",
        "networks": [
            {
                "name": "No dropout",
                "hidden": 0.0,
                "loss": falls[0][-1],
                "accuracy": 0.883,
                "train_loss": falls[0][-1] / 9,
                "gone": None,
            },
            {
                "name": "Dropout",
                "hidden": 0.5,
                "loss": falls[1][-1],
                "accuracy": 0.914,
                "train_loss": falls[1][-1] * 0.8,
                "gone": None,
            },
        ],
        "curve": {"step": steps, "loss": falls, "train": [[value * 0.6 for value in fall] for fall in falls]},
        "mask": {"name": "Dropout", "step": step, "example": 7, "layers": layers},
        **beside,
    }


def known() -> dict[str, Any]:
    """The known curve."""
    rates = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    quiet = random.Random(0)
    loss = [final_loss(rate, quiet) for rate in rates]
    low, high = [value - 0.015 for value in loss], [value + 0.018 for value in loss]
    return {"rates": rates, "loss": loss, "low": low, "high": high, "seeds": 9, "step": 2000}


def people(count: int, simulated: int = 0, way: str = "class", seed: int = 1) -> dict[str, Any]:
    """The topic `people` that goes with `places`, in some order of its own."""
    told = []
    for place in places(count, simulated, seed=seed)["places"]:
        lane = place["lane"]
        told.append(
            {
                "id": place["id"],
                "name": place["name"],
                "role": "student",
                "here": lane % 11 != 5,
                "simulated": place["simulated"],
                "lane": lane if way == "class" else None,
                "run": f"run{lane}" if way == "own" else None,
                "state": None if way == "follow" else "playing",
                "step": None if way == "follow" else 600 - lane,
                "hidden": None if way == "follow" else place["hidden"],
                "input": None if way == "follow" else place["input"],
                "loss": None if way == "follow" else place["loss"],
                "accuracy": None if way == "follow" else place["accuracy"],
                "answered": lane % 3 != 0,
                "latency_ms": None if place["simulated"] else 18 + lane % 7 * 9,
                "age_s": None if place["simulated"] else 0.3 + lane % 5,
                "reads": lane % 17 != 3,
                "gone": None if way == "follow" else place["gone"],
                "trouble": "",
                "lessons": [[2, 3, 4], [9, 4, 4]] if lane % 7 == 4 else [],
            }
        )
    return {"op": "people", "people": told}


def curves(of: dict[str, Any]) -> dict[str, Any]:
    """The topic `curves` that goes with some people."""
    steps = list(range(0, 600, 15))
    told = {}
    for person in of["people"]:
        end = person["loss"] or 0.6
        loss = [end + (2.3 - end) * math.exp(-step / 70) for step in steps]
        told[person["id"]] = {"step": steps, "loss": loss, "train": [value * 0.6 for value in loss]}
    return {"op": "curves", "of": told}


def offered() -> dict[str, Any]:
    """The topic `offered`."""
    return {
        "op": "offered",
        "experiments": [
            {"id": "twin", "title": "With and without dropout", "group": "Dropout"},
            {"id": "rate", "title": "How much dropout?", "group": "Dropout"},
            {"id": "data", "title": "How much data?", "group": "Data"},
        ],
        "questions": [
            {
                "key": "rate",
                "text": "Which dropout rate gives the lowest validation loss?",
                "choices": ["0", "0.2", "0.5"],
            },
            {
                "key": "train",
                "text": "Which network has the lower training loss?",
                "choices": ["Without", "With dropout"],
            },
        ],
    }


class RoomPage:
    """A page of a room, and the server that it speaks to.

    Attributes:
        page: the page.
        said: what it said over its socket, but for `seen`.
        asked: what it asked of the API: method, path and body.
        refusals: by `op`, the message with which what it says is refused.
        ending: the close code with which a connection is refused, if it is to be.
    """

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page = page
        self.url = url
        self.name = name
        self.said: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.refusals: dict[str, str] = {}
        self.ending: tuple[int, str] | None = None
        self._topics: dict[str, dict[str, Any]] = {}
        self._socket: WebSocketRoute | None = None
        self._number = 0
        answer(page, self._reply)
        page.route_web_socket("**/live", self._connect)

    def open(self, *topics: dict[str, Any], token: str | None = "t", query: str = "") -> RoomPage:
        """Load the page: the room has these topics, the browser this host's token."""
        self._topics = {topic["op"]: topic for topic in topics}
        if token is not None:
            self.page.goto(f"{self.url}/empty")
            self.page.evaluate("([key, token]) => localStorage.setItem(key, token)", [HOST_KEY, token])
        path = f"r/{CODE}" if self.name == "phone" else f"rooms/{CODE}/{self.name}"
        self.page.goto(f"{self.url}/{path}{query}")
        self.page.wait_for_function("() => document.documentElement.dataset.started === 'true'")
        return self

    def say(self, *topics: dict[str, Any]) -> None:
        """Send topics; who connects later gets them too."""
        for topic in topics:
            self._topics[topic["op"]] = topic
            self._send(topic)

    def leave(self, code: int = 1001) -> None:
        """End the connection."""
        assert self._socket is not None
        self._socket.close(code=code)

    def ops(self, op: str) -> list[dict[str, Any]]:
        """What the page said with an `op`, without its number."""
        return [{key: value for key, value in each.items() if key != "id"} for each in self.said if each["op"] == op]

    def heard(self, op: str, count: int = 1) -> list[dict[str, Any]]:
        """The same, once the page has said it so often."""
        while len(self.ops(op)) < count:
            self.page.wait_for_timeout(
                10
            )  # the socket is heard meanwhile; a test that waits for ever is ended from outside
        return self.ops(op)

    def _connect(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(self._hear)

    def _hear(self, text: str | bytes) -> None:
        message = json.loads(text)
        if message["op"] == "seen":
            return
        self.said.append(message)
        assert self._socket is not None
        if message["op"] == "join":
            if self.ending:
                code, why = self.ending
                self._socket.send(json.dumps({"op": "error", "error": {"code": "refused", "message": why}}))
                self._socket.close(code=code)
                return
            for topic in self._topics.values():
                self._send(topic)
        elif message["op"] in self.refusals:
            error = {"code": "bad_value", "message": self.refusals[message["op"]]}
            self._socket.send(json.dumps({"op": "error", "id": message["id"], "error": error}))
        else:
            self._socket.send(json.dumps({"op": "ack", "id": message["id"]}))

    def _send(self, topic: dict[str, Any]) -> None:
        self._number += 1
        assert self._socket is not None
        self._socket.send(json.dumps({**topic, "n": self._number}))

    def _reply(self, method: str, address: str, body: bytes) -> Reply | None:
        path = urlsplit(address).path
        if path == "/empty":
            return Reply("<!doctype html><title>empty</title>")
        if path.startswith(("/rooms/", "/r/")):
            return Reply(room_page_of(self.name, "../" * (path.count("/") - 1) or "./"))
        if not path.startswith("/api/"):
            return None
        self.asked.append(
            (
                method,
                urlsplit(address).path + ("?" + urlsplit(address).query if "?" in address else ""),
                json.loads(body or b"null"),
            )
        )
        if path.endswith("code.svg"):
            return Reply(PICTURE, "image/svg+xml")
        if path.endswith("results.csv"):
            return Reply("question,choice\r\n", "text/csv")
        if method == "DELETE":
            return Reply("", status=204)
        return Reply(
            json.dumps({"code": CODE, "locked": False, "way": "class", "students": 31, "full": False}),
            "application/json",
        )
