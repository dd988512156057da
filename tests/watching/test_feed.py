"""A watched model and a real lab: what arrives there, what is said back, and what happens when the lab goes away."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from websockets.sync.client import ClientConnection, connect

from dropout_lab.watching import finding
from dropout_lab.watching.feed import Feed
from dropout_lab.watching.finding import find, is_lab
from dropout_lab.watching.lab import Watching
from tests.browser.servers import Lab
from tests.watching.models import KINDS, batch, make
from tests.watching.test_lab import Loop
from tests.watching.test_untouched import watching
from trainer.wire.frames import Frame, decode

DENSE = KINDS["nn.Dropout"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(DROPOUT_LAB_DATA=str(tmp_path_factory.mktemp("data")), DROPOUT_LAB_WORKERS="1")
    yield lab
    lab.stop()


def eventually(holds: Callable[[], Any], what: str, patience_s: float = 60.0) -> Any:
    """Wait until something holds, and return it."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with contextlib.suppress(OSError, TypeError):  # TypeError: nothing is told yet
            if found := holds():
                return found
        time.sleep(0.02)
    pytest.fail(f"it never came to this: {what}")


def told(lab: Watching) -> dict[str, Any]:
    """What the server says of a watch."""
    return told_at(lab.url)


def told_at(page: str) -> dict[str, Any]:
    """What the server says of the watch with this page."""
    address = re.split("[?#]", page)[0].replace("/watch/", "/api/watches/")
    with urllib.request.urlopen(address, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def train(lab: Watching, steps: int) -> None:
    for step in range(steps):
        x, y = batch(DENSE, step)
        loss = functional.cross_entropy(lab._model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        lab.step(loss=loss)


class Page:
    """A viewer, as the page is one."""

    def __init__(self, lab: Watching, token: bool = True) -> None:
        address = lab.url.partition("#")[0].replace("http", "ws").replace("/watch/", "/api/watches/") + "/live"
        self._open = contextlib.ExitStack()
        self.line: ClientConnection = self._open.enter_context(connect(address, proxy=None, max_size=None))
        self.frames: list[Frame] = []
        self.messages: list[dict[str, Any]] = []
        join = {"op": "join", "token": lab.url.partition("#token=")[2]} if token else {"op": "join"}
        self.line.send(json.dumps(join))
        self.hello = json.loads(self.line.recv(30))
        assert self.hello["op"] == "hello"

    def read(self, holds: Callable[[], Any], what: str) -> Any:
        """Take in what comes until something holds."""

        def listened() -> Any:
            with contextlib.suppress(TimeoutError):
                message = self.line.recv(0.05)
                if isinstance(message, bytes):
                    self.frames.append(decode(message))
                    self.line.send(json.dumps({"op": "credit", "seq": self.frames[-1].seq}))
                else:
                    self.messages.append(json.loads(message))
            return holds()

        return eventually(listened, what)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Give a command and wait for the answer."""
        number = len(self.messages) + 1000
        self.line.send(json.dumps({**command, "id": number}))
        found: dict[str, Any] = self.read(
            lambda: next((each for each in self.messages if each.get("id") == number), None), f"an answer to {command}"
        )
        return found

    def rows(self, site: int = 0) -> dict[str, np.ndarray[Any, Any]]:
        """All rows of a site that came."""
        frames = [frame for frame in self.frames if frame.kind == "rows" and f"step/{site}" in frame.tensors]
        names = ("step", "mask", "kept", "size", "rate")
        return {name: np.concatenate([frame.tensors[f"{name}/{site}"] for frame in frames]) for name in names}


def test_what_was_recorded_arrives(server: Lab) -> None:
    with watching(make(DENSE), share=1.0, server=server.url, val=batch(DENSE, 5, 20), name="arrives") as lab:
        train(lab, 30)
        lab.vote(8)
        eventually(lab._feed.connected.is_set, "a connection")
        page = Page(lab)
        assert page.hello["watch"]["name"] == "arrives"
        assert page.hello["may"] is False  # it was not allowed to
        expected = lab.kept.whole(30)
        page.read(
            lambda: (
                any(frame.kind == "ensemble" for frame in page.frames)
                and sum(len(frame.tensors["step/0"]) for frame in page.frames if frame.kind == "rows")
                == len(expected["rows"]["step/0"])
            ),
            "all rows and the vote",
        )
        for name, array in page.rows().items():
            assert np.array_equal(array, expected["rows"][f"{name}/0"])
        [vote] = [frame for frame in page.frames if frame.kind == "ensemble"]
        assert vote.meta["task"] == "classes"
        assert np.array_equal(vote.tensors["accuracy/average"], expected["ensemble"]["accuracy/average"])
    eventually(lambda: not told(lab)["fed"], "that the feed has gone")
    found = told(lab)
    assert (found["state"]["state"], found["state"]["step"]) == ("ended", 30)
    assert found["model"]["sites"][0]["name"] == "body.2"
    assert {each["name"] for each in found["model"]["series"]} >= {"loss"}
    late = Page(lab)
    late.read(lambda: {frame.kind for frame in late.frames} >= {"rows", "metrics", "summary", "ensemble"}, "the past")
    assert np.array_equal(late.rows()["mask"], expected["rows"]["mask/0"])


def test_a_program_that_ends_at_once_is_seen(server: Lab) -> None:
    with watching(make(DENSE), server=server.url) as lab:
        train(lab, 3)
    found = told(lab)
    assert (found["state"]["state"], found["state"]["step"]) == ("ended", 3)


def test_the_page_turns_knobs(server: Lab) -> None:
    with watching(make(DENSE), share=1.0, server=server.url, control=True, val=batch(DENSE, 5, 20)) as lab:
        eventually(lab._feed.connected.is_set, "a connection")
        page, stranger = Page(lab), Page(lab, token=False)
        assert (page.hello["may"], stranger.hello["may"]) == (True, False)
        loop = Loop(lab)
        loop.start()
        try:
            answer = page.ask(op="set", site=0, rate=0.75)
            assert answer["op"] == "ack"
            changed = page.read(
                lambda: next((each for each in page.messages if each["op"] == "changed"), None), "the change"
            )
            assert changed["changes"][0]["to"] == 0.75
            assert "p = 0.75" in changed["code"]
            page.read(lambda: page.frames and page.rows()["rate"][-1] == 0.75, "masks with the new rate")
            assert page.ask(op="pause")["op"] == "ack"
            stands = loop.rests_at()
            assert page.ask(op="step", count=2)["op"] == "ack"
            eventually(lambda: lab.told_state()["step"] == stands + 2, "two steps")
            assert page.ask(op="vote", passes=4)["op"] == "ack"
            page.read(lambda: any(frame.kind == "ensemble" for frame in page.frames), "the vote")
            assert page.ask(op="set", site=0, rate=2)["op"] == "error"
            assert stranger.ask(op="play")["op"] == "error"
            assert page.ask(op="play")["op"] == "ack"
        finally:
            loop.done.set()
            lab._steps_left = None
            loop.join()


def test_training_goes_on_without_its_lab_and_the_page_comes_back(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"DROPOUT_LAB_DATA": str(tmp_path), "DROPOUT_LAB_WORKERS": "1"}
    server = Lab(**settings)
    with watching(make(DENSE), share=1.0, server=server.url) as lab:
        train(lab, 20)
        eventually(lambda: told(lab)["state"]["step"] == 20, "the first steps")
        server.kill()
        train(lab, 20)  # nothing waits for the lab
        eventually(lambda: not lab._feed.connected.is_set(), "that it is missed")
        assert lab.problem
        again = Lab(port=server.port, **settings)
        try:
            train(lab, 5)
            eventually(lambda: told(lab)["state"]["step"] == 45, "all steps")
            page = Page(lab)
            expected = lab.kept.whole(45)["rows"]["step/0"]
            page.read(
                lambda: (
                    sum(len(frame.tensors["step/0"]) for frame in page.frames if frame.kind == "rows") == len(expected)
                ),
                "all rows",
            )
            assert page.rows()["step"].tolist() == expected.tolist()
            assert lab.problem is None
        finally:
            lab.close()
            again.stop()


def test_a_lab_is_found_or_started(server: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(finding, "USUAL_PORT", server.port)
    monkeypatch.delenv(finding.ADDRESS_VARIABLE, raising=False)
    assert find(None) == finding.Found(server.url)
    monkeypatch.setenv(finding.ADDRESS_VARIABLE, "http://lab.example/dropout/")
    assert find(None).address == "http://lab.example/dropout"
    assert find("https://other.example").address == "https://other.example"
    assert not is_lab("http://127.0.0.1:9")


def test_where_there_is_no_lab_one_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(finding, "USUAL_PORT", finding._free_port())
    monkeypatch.delenv(finding.ADDRESS_VARIABLE, raising=False)
    monkeypatch.setenv("DROPOUT_LAB_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # in which nothing of the lab is
    with watching(make(DENSE), server=None) as lab:
        try:
            assert lab.url.startswith(f"http://127.0.0.1:{finding.USUAL_PORT}/watch/")
            train(lab, 5)
            lab.close()  # long before the lab is there: it is waited for
            assert (told(lab)["state"]["state"], told(lab)["state"]["step"]) == ("ended", 5)
            assert find(None) == finding.Found(f"http://127.0.0.1:{finding.USUAL_PORT}")
        finally:
            started = finding._started.pop()
            started.terminate()
            assert started.wait(60) in (0, -15)  # uvicorn ends as the signal says, when all is closed


def test_what_fails_in_telling_is_counted_and_told_and_all_else_goes_on(
    server: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(make(DENSE), server=server.url, share=1.0) as lab:
        train(lab, 3)
        eventually(lambda: told(lab)["state"]["step"] == 3, "the first steps")
        telling = lab.told_model

        def fail() -> Any:
            raise RuntimeError("dictionary changed size\nduring iteration")

        with caplog.at_level(logging.WARNING, "dropout_lab"):
            monkeypatch.setattr(lab, "told_model", fail)
            train(lab, 3)
            eventually(lambda: told(lab)["state"]["step"] == 6, "the state, although the model cannot be told")
            [warning] = eventually(lambda: told(lab)["warnings"], "the warning")
        assert (warning["kind"], warning["where"]) == ("telling", None)
        assert "RuntimeError: dictionary changed size during iteration" in warning["text"]
        assert lab.problem is not None
        assert "RuntimeError" in lab.problem
        assert caplog.text.count("telling the lab of this watch has failed") == 1
        monkeypatch.setattr(lab, "told_model", telling)
        train(lab, 3)
        page = Page(lab)
        page.read(
            lambda: any(frame.kind == "rows" for frame in page.frames) and page.rows()["step"][-1] > 6,
            "masks of after that",
        )
        faults = lab._feed.faults
        assert faults >= 1
        found = eventually(lambda: told(lab)["warnings"][0]["count"] == faults and told(lab), "the last count")
        assert found["fed"]


def test_a_feed_that_fails_in_an_odd_way_comes_back(server: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    opening, failed = Feed._open, list[Feed]()

    def fail(self: Feed) -> None:
        if len(failed) < 2:
            failed.append(self)
            raise KeyError("odd")
        opening(self)

    monkeypatch.setattr(Feed, "_open", fail)
    with watching(make(DENSE), server=server.url) as lab:
        train(lab, 3)
        eventually(lambda: told(lab)["state"]["step"] == 3, "the steps")
        assert lab._feed.faults == 2
        assert not lab._feed.is_over


def test_a_watch_that_is_dropped_tells_that_it_has_ended(server: Lab) -> None:
    def dropped() -> tuple[str, Feed]:
        lab = watching(make(DENSE), server=server.url)
        train(lab, 3)
        page = lab.url
        eventually(lambda: told_at(page)["state"]["step"] == 3, "the steps")
        return page, lab._feed

    page, feed = dropped()
    gc.collect()
    eventually(lambda: told_at(page)["state"]["state"] == "ended", "its end")
    eventually(lambda: feed.is_over, "the end of its feed")
    eventually(lambda: not told_at(page)["fed"], "that the feed has gone")


def test_a_watch_that_is_removed_stays_removed(server: Lab) -> None:
    with watching(make(DENSE), server=server.url) as lab:
        train(lab, 3)
        eventually(lambda: told(lab)["state"]["step"] == 3, "the steps")
        address = lab.url.partition("#")[0].replace("/watch/", "/api/watches/")
        token = lab.url.partition("#token=")[2]
        removing = urllib.request.Request(address, method="DELETE", headers={"Authorization": f"Bearer {token}"})
        urllib.request.urlopen(removing, timeout=10).close()
        eventually(lambda: lab.problem == "this watch was removed from the lab", "that it is told")
        train(lab, 3)
        assert lab._feed.is_over


def test_very_many_sites_are_sent_more_rarely(server: Lab) -> None:
    model = nn.Sequential(*(nn.Dropout(0.1) for _ in range(300)))
    with watching(model, server=server.url, share=1.0) as lab:
        for _ in range(30):
            model(torch.ones(2, 30))
            lab.step()
        eventually(lambda: told(lab)["state"]["step"] == 30, "the steps")
        assert lab.problem is None
        page = Page(lab)
        page.read(lambda: page.frames and len(page.rows(299)["step"]) > 0, "rows of the last site")
