"""Pages of rooms on a pretended server: what a room says is what the test says, and nobody else is in it."""

from __future__ import annotations

import json
import math
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page, WebSocketRoute

from app.pages import room_page_of
from tests.browser.static import Reply, answer

CODE: Final = "K7QX3M"
ME: Final = "m7"
READY: Final = "() => document.documentElement.dataset.ready === 'true'"
PLACES: Final = {"r": ("phone", "../"), "host": ("host", "../../"), "projector": ("projector", "../../")}

Topic = dict[str, Any]


def fall(end: float, steps: list[int], start: float = 2.3) -> list[float]:
    """A loss that falls to an end."""
    return [round(start * math.exp(-step / 60) + end, 4) for step in steps]


STEPS: Final = list(range(0, 440, 8))


def room(**beside: Any) -> Topic:
    """The topic of the room: nobody has begun anything."""
    return {
        "op": "room",
        "code": CODE,
        "way": "follow",
        "locked": False,
        "paused": False,
        "muted": False,
        "experiment": {"id": "twin", "title": "With and without dropout"},
        "link": f"http://192.168.1.5:8000/r/{CODE}",
        "only_here": False,
        "links": [f"http://192.168.1.5:8000/r/{CODE}"],
        "students": {"joined": 31, "here": 29, "simulated": 0, "waiting": 0},
        "run": None,
        "class_run": None,
        "question": None,
        "knobs_of": None,
        "shown": None,
        "look": {"panel": "loss", "step": None},
        "known": None,
        **beside,
    }


def host_run(**beside: Any) -> Topic:
    """The host's run, as the room has it."""
    return {"id": "hostrun", "state": "playing", "step": 432, "speed": 100.0, **beside}


def class_run(**beside: Any) -> Topic:
    """The run of the class, as the room has it."""
    return {"id": "classrun", "state": "playing", "step": 432, "speed": None, "places": 40, "taken": 31, **beside}


def question(phase: str = "asked", **beside: Any) -> Topic:
    """A question, as the room has it."""
    return {
        "id": 3,
        "text": "Which dropout rate gives the lowest loss on new examples?",
        "choices": ["0", "0.2", "0.5", "0.8"],
        "phase": phase,
        "answered": 12,
        "of": 31,
        "counts": None if phase == "asked" else [3, 9, 15, 4],
        "counts_again": [1, 12, 17, 1] if phase == "told" else None,
        "truth": 2 if phase == "told" else None,
        "why": "After 400 steps the loss is 0.41 at rate 0.5, and 0.52 without dropout." if phase == "told" else "",
        **beside,
    }


def you(**beside: Any) -> Topic:
    """What a student gets of oneself."""
    return {
        "op": "you",
        "id": ME,
        "role": "student",
        "name": "Ada",
        "run": None,
        "lane": None,
        "began": 0,
        "knobs": {"input": 0.2, "hidden": 0.5, "batch_norm": False},
        "may_turn": True,
        "answers": {},
        "trouble": "",
        **beside,
    }


def mine(**beside: Any) -> Topic:
    """A student's own network."""
    curve = {"step": STEPS, "loss": fall(0.44, STEPS), "train": fall(0.12, STEPS)}
    return {
        "op": "mine",
        "step": 432,
        "state": "playing",
        "loss": 0.443,
        "accuracy": 0.912,
        "train_loss": 0.12,
        "gone": None,
        "curve": curve,
        **beside,
    }


def in_class(**beside: Any) -> Topic:
    """The same in the way ``class``: with a rank."""
    return mine(**{"rank": 3, "of": 31, "best": {"name": "Bo", "loss": 0.41}, **beside})


def own(**beside: Any) -> Topic:
    """The same in the way ``own``: with the network without dropout."""
    topic = mine(without={"loss": 0.6, "accuracy": 0.871, "train_loss": 0.01}, **beside)
    topic["curve"] = {**topic["curve"], "without": fall(0.6, STEPS)}
    return topic


def followed(**beside: Any) -> Topic:
    """What the host's networks do."""
    network = {"hidden": 0.5, "loss": 0.443, "accuracy": 0.912, "train_loss": 0.12, "gone": None}
    without = {"hidden": 0.0, "loss": 0.6, "accuracy": 0.871, "train_loss": 0.01, "gone": None}
    kept = [int((index * 7) % 5 != 0) for index in range(64)]
    layers = [{"name": f"hidden{number}", "units": 64, "kept": kept[number:] + kept[:number]} for number in (1, 2)]
    return {
        "op": "followed",
        "run": "hostrun",
        "step": 432,
        "state": "playing",
        "networks": [{"name": "No dropout", **without}, {"name": "Dropout", **network}],
        "curve": {
            "step": STEPS,
            "loss": [fall(0.6, STEPS), fall(0.44, STEPS)],
            "train": [fall(0.01, STEPS), fall(0.12, STEPS)],
        },
        "mask": {"name": "Dropout", "step": 431, "example": 7, "layers": layers},
        **beside,
    }


class PretendRoom:
    """A page of a room, and the server that has it.

    Attributes:
        page: the tab.
        topics: what is said to whoever connects, by ``op``; `tell` changes it.
        said: what the page sent over its socket, but for ``seen``.
        seen: the numbers of the topics that it has seen.
        asked: what it asked by HTTP: method, path and body.
        refusals: what the next answers by HTTP are, by method and path: a status and an error.
        commands: refusals of commands, by ``op``.
        close_with: the close code, and the words before it, with which the next connections are refused.
        deaf: whether it answers nothing any more, as a server that is away.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.topics: dict[str, Topic] = {"room": room(), "you": you()}
        self.said: list[dict[str, Any]] = []
        self.seen: list[int] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.refusals: dict[str, tuple[int, dict[str, str]]] = {}
        self.commands: dict[str, dict[str, str]] = {}
        self.close_with: tuple[int, str] | None = None
        self.deaf = False
        self.sockets: list[WebSocketRoute] = []
        self.about: dict[str, Any] = {"code": CODE, "locked": False, "way": "class", "students": 31, "full": False}
        self._n = 0
        answer(page, self._reply)
        page.route_web_socket("**/api/rooms/**", self._connect)

    def open(self, path: str = f"/r/{CODE}", token: tuple[str, str] | None = None) -> PretendRoom:
        """Load a page.

        Args:
            path: of the page.
            token: which role the browser has a token for, and the token.
        """
        if token is not None:
            self.page.goto(f"{self.url}/empty")
            key = f"dropout-lab-room:/:{token[0]}:{CODE}"
            self.page.evaluate("([key, token]) => localStorage.setItem(key, token)", [key, token[1]])
        self.page.goto(self.url + path)
        self.page.wait_for_function(READY)
        return self

    def enter(self, **topics: Topic) -> PretendRoom:
        """Load the page of a student who has joined, in a room that says these topics."""
        self.topics |= topics
        self.open(token=("student", "t"))
        self.page.wait_for_function("() => window.dropoutLab.seat.link?.topics.you")
        return self

    def tell(self, *topics: Topic) -> None:
        """Say topics now, and to whoever connects."""
        for topic in topics:
            self.topics[topic["op"]] = topic
            self._say(self.sockets[-1], topic)

    def forget(self, *ops: str) -> None:
        """Say these topics to nobody any more."""
        for op in ops:
            self.topics.pop(op, None)

    def of(self, op: str) -> list[dict[str, Any]]:
        """The commands of one kind that the page sent."""
        return [each for each in self.said if each["op"] == op]

    def lose(self) -> None:
        """Have the connection break off."""
        self.sockets[-1].close(code=1011)

    def _say(self, socket: WebSocketRoute, topic: Topic) -> None:
        self._n += 1
        socket.send(json.dumps({**topic, "n": self._n}))

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self._obey(socket, json.loads(text)))

    def _obey(self, socket: WebSocketRoute, message: dict[str, Any]) -> None:
        if self.deaf:
            return
        if message["op"] == "seen":
            self.seen.append(message["n"])
            return
        self.said.append(message)
        if message["op"] == "join":
            self._join(socket)
        elif error := self.commands.get(message["op"]):
            socket.send(json.dumps({"op": "error", "id": message["id"], "error": error}))
        else:
            socket.send(json.dumps({"op": "ack", "id": message["id"]}))

    def _join(self, socket: WebSocketRoute) -> None:
        if self.close_with is not None:
            code, words = self.close_with
            socket.send(json.dumps({"op": "error", "error": {"code": "refused", "message": words}}))
            socket.close(code=code)
            return
        for topic in [*self.topics.values()]:
            self._say(socket, topic)

    def _reply(self, method: str, address: str, body: bytes) -> Reply | None:
        path = urlsplit(address).path
        if path == "/empty":
            return Reply("<!doctype html><title>empty</title>")
        if path == "/rooms":
            return Reply(room_page_of("rooms"))
        if not path.startswith("/api/"):
            place = PLACES.get(path.rpartition("/")[2]) or PLACES.get(path.split("/")[1])
            return Reply(room_page_of(*place)) if place and not path.startswith("/static/") else None
        self.asked.append((method, path, json.loads(body) if body else None))
        if refusal := self.refusals.get(f"{method} {path}"):
            return _json({"error": refusal[1]}, refusal[0])
        if (method, path) == ("POST", "/api/rooms"):
            return _json({"code": CODE, "token": "host token"}, 201)
        if (method, path) == ("POST", f"/api/rooms/{CODE}/students"):
            return _json({"id": ME, "token": "student token", "name": json.loads(body)["name"]}, 201)
        if (method, path) == ("GET", f"/api/rooms/{CODE}"):
            return _json(self.about)
        return _json({"error": {"code": "not_found", "message": "there is no room with this code"}}, 404)


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(value), "application/json", status)
