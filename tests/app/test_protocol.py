"""The protocol's document names what the code can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import viewers, websocket
from app.errors import STATUS, RefusedError
from trainer.settings.commands import COMMANDS

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()


@pytest.mark.parametrize("op", [*COMMANDS, "hello", "ack", "error", "changed", "ended"])
def test_every_message_is_documented(op: str) -> None:
    assert f'"op": "{op}"' in PROTOCOL


@pytest.mark.parametrize("code", [*STATUS.items()], ids=str)
def test_every_error_code_is_documented_with_its_status(code: tuple[str, int]) -> None:
    name, status = code
    assert re.search(rf"`{name}` {status}\b", PROTOCOL)


def test_every_refusal_has_a_documented_code() -> None:
    for refusal in RefusedError.__subclasses__():
        assert refusal.code in STATUS


@pytest.mark.parametrize(
    "code", [viewers.SHUTTING_DOWN, viewers.NO_MORE_READING, viewers.RUN_ENDED, 1009, *websocket.CLOSE_CODES.values()]
)
def test_every_close_code_is_documented(code: int) -> None:
    assert f"| {code} |" in PROTOCOL
