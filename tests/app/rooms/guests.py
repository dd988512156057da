"""Whoever is in a room, for its tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.app.conftest import Running


class Guest:
    """A reader that draws whatever it gets at once.

    Args:
        connection: its WebSocket.
        patience: seconds to wait for something that must come.

    Attributes:
        topics: the newest of each.
        numbers: of all topics, in the order in which they came.
        draws: whether it says that it has drawn them.
    """

    def __init__(self, connection: ClientConnection, patience: float) -> None:
        self.topics: dict[str, dict[str, Any]] = {}
        self.numbers: list[int] = []
        self.draws = True
        self._connection = connection
        self._patience = patience
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = 0
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self._connection:
                message = json.loads(text)
                if message.get("id") in self._answers:
                    self._answers.pop(message["id"]).set_result(message)
                    continue
                self.topics[message["op"]] = message
                if "n" in message:
                    self.numbers.append(message["n"])
                    if self.draws:
                        await self._connection.send(json.dumps({"op": "seen", "n": message["n"]}))
                self._came.set()
        self._came.set()

    async def say(self, op: str, **beside: Any) -> dict[str, Any]:
        """Say something, and return the answer."""
        self._ids += 1
        answer = self._answers[self._ids] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"op": op, "id": self._ids, **beside}))
        async with asyncio.timeout(self._patience):
            told: dict[str, Any] = await answer
        return told

    async def done(self, op: str, **beside: Any) -> dict[str, Any]:
        """The same of what must not be refused."""
        answer = await self.say(op, **beside)
        assert answer["op"] == "ack", answer
        return answer

    async def refused(self, op: str, **beside: Any) -> dict[str, Any]:
        """The same of what must be; the error."""
        answer = await self.say(op, **beside)
        assert answer["op"] == "error", answer
        error: dict[str, Any] = answer["error"]
        return error

    async def until(self, true: Callable[[dict[str, dict[str, Any]]], Any]) -> Any:
        """Wait until the topics are as they should be; what `true` returned."""
        async with asyncio.timeout(self._patience):
            while True:
                with contextlib.suppress(KeyError, TypeError, IndexError):
                    if found := true(self.topics):
                        return found
                self._came.clear()
                await self._came.wait()

    async def closed(self) -> tuple[int, str]:
        """Wait until the server has hung up; its code and reason."""
        async with asyncio.timeout(self._patience):
            await self._connection.wait_closed()
        return self._connection.close_code or 0, self._connection.close_reason or ""

    async def leave(self) -> None:
        """Go."""
        await self._connection.close()
        self._reading.cancel()
        await asyncio.wait({self._reading})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()


class Class:
    """A room with its host's token, at a server.

    Args:
        lab: the server.
        code: of the room.
        token: the host's.
    """

    def __init__(self, lab: Running, code: str, token: str) -> None:
        self.lab = lab
        self.code = code
        self.token = token

    @property
    def at(self) -> Any:
        """The room as the server has it."""
        return self.lab.app.state.lab.rooms.find(self.code, "")

    async def join(self, name: str) -> dict[str, Any]:
        """Join as a student: id, token and name."""
        answer = await self.lab.client.post(f"/api/rooms/{self.code}/students", json={"name": name})
        assert answer.status_code == 201, answer.text
        joined: dict[str, Any] = answer.json()
        return joined

    async def enter(self, token: str | None = None, shows: str | None = None) -> Guest:
        """Connect."""
        return await enter(self.lab, self.code, token, shows)

    async def host(self) -> Guest:
        """Connect as the host."""
        return await self.enter(self.token)

    def headers(self) -> dict[str, str]:
        """With which REST knows the host."""
        return {"Authorization": f"Bearer {self.token}"}


async def open_room(lab: Running) -> Class:
    """Open a room."""
    answer = await lab.client.post("/api/rooms", json={})
    assert answer.status_code == 201, answer.text
    return Class(lab, answer.json()["code"], answer.json()["token"])


async def enter(lab: Running, code: str, token: str | None = None, shows: str | None = None) -> Guest:
    """Connect to a room."""
    connection = await connect(f"{lab.url.replace('http', 'ws')}/api/rooms/{code}/live", proxy=None)
    join = {"op": "join", **({} if token is None else {"token": token}), **({} if shows is None else {"shows": shows})}
    with contextlib.suppress(ConnectionClosed):  # by who refuses before a word is said
        await connection.send(json.dumps(join))
    return Guest(connection, lab.patience)


@contextlib.asynccontextmanager
async def students_of(room: Class, count: int) -> AsyncIterator[list[tuple[dict[str, Any], Guest]]]:
    """Have so many students join and connect."""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(count):
            joined = await room.join(f"Student {number}")
            found.append((joined, await stack.enter_async_context(await room.enter(joined["token"]))))
        yield found
