"""Each command of the table, said well and in every wrong way that the table knows of, over a real connection."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app.commands import check_join
from app.errors import BadMessageError
from app.settings import Settings
from tests.app.clients import Viewer
from tests.app.conftest import running
from tests.app.fakes import FakePool
from trainer.errors import quote
from trainer.settings.arguments import Argument, Place
from trainer.settings.commands import COMMANDS, TABLE, TO_WORKERS, Command, check_command
from trainer.settings.config import ExperimentConfig
from trainer.settings.schema import schema

CONFIG = ExperimentConfig()
RIGHT: dict[str, Any] = {"knobs": {"learning_rate": 0.01}, "examples": [[0.5] * 64], "text": "abc"}
WRONG: dict[str, list[Any]] = {
    "integer": ["2", 1.5, True, [1], {}],
    "place": ["0", 0.5, False, [0], {}],
    "number": ["fast", True, [1], {}],
    "choice": [7, ["per_member"], "all", ""],
    "choices": ["activity", ["activity", "nothing"], [7], {"activity": True}, [["activity"]]],
    "knobs": [[1], "dropout", {}, 7],
    "examples": [7, {}, [], "digits"],
    "text": [7, ["abc"], True],
}
"""Values that no argument of a type takes."""


class Said(NamedTuple):
    """A message that is to be refused, and what the refusal must hold."""

    message: dict[str, Any]
    code: str
    words: list[str]


def right(argument: Argument) -> Any:
    """A value that an argument takes."""
    told = argument.told()
    simple = {"integer": told.get("min"), "place": 1, "number": told.get("max")}
    words = {"choice": told.get("choices", [None])[0], "choices": told.get("choices", [])[:2]}
    return (simple | words | RIGHT)[told["type"]]


def beyond(argument: Argument) -> Iterator[Any]:
    """Values of the right type that are too small or too large for an argument."""
    told = argument.told()
    if isinstance(argument, Place):
        yield from (-1, argument.count(CONFIG), 10**400)
    elif told["type"] in ("integer", "number"):
        yield from (told["min"] - 1, told["max"] + 1, -math.inf, math.inf, math.nan)
    elif told["type"] == "examples":
        yield [[0.0]] * (told["max_items"] + 1)


def whole(command: Command) -> dict[str, Any]:
    """A message in which a command has all that it takes, or one of what it takes only one of."""
    given = command.arguments[:1] if command.choose == "one" else command.arguments
    return {"op": command.name, **{argument.name: right(argument) for argument in given}}


def wrong(command: Command) -> Iterator[Said]:
    """A command in every way in which it is refused."""
    good = whole(command)
    takes = ", ".join(command.names) or "nothing"
    yield Said({**good, "hard": 1}, "bad_message", ["'hard'", takes])
    if command.choose:
        yield Said({"op": command.name}, "bad_message", [*command.names])
    if command.choose == "one" and len(command.arguments) > 1:
        both = {argument.name: right(argument) for argument in command.arguments}
        yield Said({"op": command.name, **both}, "bad_message", [*command.names])
    for argument in command.arguments:
        code = "bad_message" if argument.told()["type"] in ("choices", "knobs", "text") else "bad_value"
        code = "bad_message" if command.name == "credit" else code
        allowed = argument.allowed(CONFIG)
        if argument.needed:
            rest = {name: value for name, value in good.items() if name != argument.name}
            yield Said(rest, "bad_message", [argument.name, allowed])
        values = [*WRONG[argument.told()["type"]], *beyond(argument), *([] if argument.null else [None])]
        for value in values:
            refused = {"op": command.name, argument.name: value}
            message = refused if command.choose == "one" else {**good, **refused}
            yield Said(message, code, [f"{argument.name} = {quote(value)}", allowed])


async def answered(viewer: Viewer, message: dict[str, Any]) -> dict[str, Any]:
    """What the next answer to a message is; ``credit`` has none but a refusal."""
    await viewer.say(**message)
    return await viewer.until_text("error")


@pytest.mark.parametrize("command", [each for each in TABLE if each.name != "join"], ids=lambda each: each.name)
async def test_whatever_the_table_does_not_allow_is_refused_in_words_and_no_worker_hears_of_it(
    pool: FakePool, patience: float, command: Command
) -> None:
    async with running(pool, Settings(max_messages_per_second=10_000, log_level="error"), patience) as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            for number, (message, code, words) in enumerate(wrong(command)):
                named = {**message, "id": number} if command.answered else message
                error = (await answered(owner, named))["error"]
                assert error["code"] == code, message
                assert [each for each in words if each not in error["message"]] == [], message
                if code == "bad_value":
                    assert (error["value"], bool(error["allowed"])) == (quote(message[error["knob"]]), True)
            assert lab.pool.commands(run["id"]) == []
            assert (await owner.ask("play"))["op"] == "ack"


async def test_whatever_the_table_allows_is_done_for_whom_it_allows_it(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(max_messages_per_second=10_000, log_level="error"), patience) as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as guest:
            for command in (each for each in TABLE if each.answered):
                for viewer in (owner, guest):
                    before = len(lab.pool.commands(run["id"]))
                    message = whole(command)
                    reply = await viewer.ask(**message)
                    heard = lab.pool.commands(run["id"])[before:]
                    if viewer is guest and command.by == "owner":
                        assert reply["error"]["code"] == "not_owner"
                        assert heard == []
                    else:
                        assert reply["op"] == "ack"
                        assert heard == ([message] if command.name in TO_WORKERS else [])


@pytest.mark.parametrize("command", [each for each in TABLE if each.name in TO_WORKERS], ids=lambda each: each.name)
def test_an_argument_that_is_not_needed_may_be_left_out_and_null_is_taken_where_it_means_something(
    command: Command,
) -> None:
    good = whole(command)
    for argument in command.arguments:
        rest = {name: value for name, value in good.items() if name != argument.name}
        if not argument.needed and (not command.choose or len(rest) > 1):
            assert check_command(rest, CONFIG) == rest
        if argument.null:
            assert check_command({**good, argument.name: None}, CONFIG)[argument.name] is None


@pytest.mark.parametrize("said", [*wrong(COMMANDS["join"])], ids=lambda said: quote(said.message))
def test_a_join_that_the_table_does_not_allow_is_refused_in_words(said: Said) -> None:
    with pytest.raises(BadMessageError) as refused:
        check_join(said.message)
    assert [each for each in said.words if each not in str(refused.value)] == []


def test_a_number_of_an_example_is_refused_with_its_place() -> None:
    for value in ("1", None, math.nan, 1e7, True):
        with pytest.raises(ValueError, match=r"x\[1\]\[2\] = ") as refused:
            check_command({"op": "ask", "x": [[0.0] * 64, [0.0, 0.0, value]]}, CONFIG)
        assert quote(value) in str(refused.value)
        assert "from -1,000,000 to 1,000,000" in str(refused.value)


def test_the_schema_tells_every_command_with_its_limits() -> None:
    told = {each["name"]: each for each in schema()["commands"]}
    assert list(told) == [command.name for command in TABLE]
    assert told["speed"]["arguments"] == [
        {
            "name": "steps_per_second",
            "needed": True,
            "type": "number",
            "min": 0.2,
            "max": 10_000,
            "null": "as fast as it goes",
        }
    ]
    assert told["ensemble"]["arguments"][1]["choices"] == ["per_member", "per_example"]
    assert {name for name, each in told.items() if each["by"] == "viewer"} == {"join", "ask", "views", "credit"}
