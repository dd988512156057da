"""The log: one line a record whatever is in it, no secrets, and JSON that says what it is about."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import tried
from trainer.logs import HIDDEN, MOST, JsonFormatter, TextFormatter, about_run, clean, of_run, set_up

SECRET = "s3cr3t-Tok_en.of~an+owner/123=="


def a_record(message: str, *given: object, **more: Any) -> logging.LogRecord:
    record = logging.LogRecord("app.runs", logging.ERROR, __file__, 1, message, given, more.pop("exc_info", None))
    record.__dict__.update(more)
    return record


def told(record: logging.LogRecord, who: str = "") -> dict[str, Any]:
    line = JsonFormatter(who).format(record)
    assert "\n" not in line
    assert line.isascii()
    found: dict[str, Any] = json.loads(line)
    return found


def failed(error: Exception) -> Any:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_json_has_time_level_logger_message_and_run() -> None:
    line = told(a_record("run %s failed: %s", "0123456789abcdef", "no room", **of_run("0123456789abcdef")))
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {
        "level": "error",
        "logger": "app.runs",
        "message": "run 0123456789abcdef failed: no room",
        "run": "0123456789abcdef",
    }


def test_a_record_that_is_about_no_run_has_none_and_a_worker_names_itself() -> None:
    assert "run" not in told(a_record("hello"))
    assert told(a_record("hello"), "worker 2")["by"] == "worker 2"
    with about_run("r1"):
        assert told(a_record("hello"))["run"] == "r1"
        assert told(a_record("hello", run="r2"))["run"] == "r2"
    assert "run" not in told(a_record("hello"))


def test_text_is_as_it_was() -> None:
    line = TextFormatter().format(a_record("run %s failed", "r"))
    assert line.endswith(" ERROR app.runs: run r failed")
    assert TextFormatter("worker 1").format(a_record("hello")).endswith(" ERROR worker 1: app.runs: hello")


INJECTED = "\n2026-11-29 12:00:00,000 ERROR app.runs: all is lost"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_nothing_that_a_stranger_sends_begins_a_line_of_its_own(formatter: logging.Formatter) -> None:
    for end in ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1b[2J"):
        line = formatter.format(a_record("%s %s failed", "GET", f"/a{end}ERROR b"))
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line


def test_lines_of_a_traceback_cannot_be_taken_for_records() -> None:
    record = a_record("it failed", exc_info=failed(ValueError(INJECTED)))
    first, *rest = TextFormatter().format(record).splitlines()
    assert first.endswith("it failed")
    assert len(rest) > 2
    assert all(line.startswith("  | ") for line in rest)
    assert "ValueError" in told(record)["traceback"]


@pytest.mark.parametrize(
    "text",
    [
        f'"GET /api/runs/1/live?token={SECRET} HTTP/1.1" 101',
        f"/api/runs/1/live?a=1&TOKEN={SECRET}&b=2",
        f"/live%3Ftoken%3D{SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"Authorization={SECRET}",
        f"[(b'host', b'a'), (b'authorization', b'Bearer {SECRET}'), (b'accept', b'b')]",
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f"Sec-WebSocket-Protocol: dropout-lab, {SECRET}",
        f"(b'sec-websocket-protocol', b'dropout-lab, {SECRET}')",
        f"Cookie: session={SECRET}",
        f'{{"op":"join","token":"{SECRET}"}}',
        f"{{'op': 'join', 'token': '{SECRET}'}}",
        f'"{{\\"token\\": \\"{SECRET}\\"}}"',
        f'{{"seat": "{SECRET}", "messages": []}}',
        f"DROPOUT_LAB_WORKER_TOKEN={SECRET}",
        f"token = '{SECRET}' is not allowed",
        "postgresql://lab:s3cr3t-Tok_en@db.example/lab",
    ],
)
def test_what_looks_like_a_secret_is_left_out(text: str) -> None:
    for record in (a_record(text), a_record("%s", text), a_record("x", exc_info=failed(ValueError(text)))):
        for line in (TextFormatter().format(record), JsonFormatter().format(record)):
            assert "s3cr3t" not in line
            assert "Tok_en" not in line
            assert HIDDEN in line


def test_what_stands_beside_a_secret_is_kept() -> None:
    assert clean(f"GET /live?token={SECRET}&x=1 failed") == f"GET /live?token={HIDDEN}&x=1 failed"
    plain = "GET /api/runs/0123456789abcdef failed: worker 1 (epoch 2) is lost, with 3 runs"
    assert clean(plain) == plain


def test_a_text_without_end_is_cut_and_no_secret_with_it() -> None:
    for before in range(MOST // 2 - 80, MOST // 2 + 20):
        text = "x" * (before - 1) + f" token={SECRET} " + "y " * MOST
        assert len(clean(text)) <= MOST + 10
        assert "s3cr3t" not in clean(text)


def test_a_record_whose_arguments_do_not_go_with_its_words_is_written_all_the_same() -> None:
    assert "'%d runs' with 1 arguments" in told(a_record("%d runs", "three"))["message"]


@tried(300)
@given(text=st.text(max_size=300))
def test_whatever_is_logged_is_one_line_of_either_kind(text: str) -> None:
    record = a_record("it failed: %s", text, exc_info=failed(ValueError(text)), run=text)
    line = told(record)
    assert set(line) == {"time", "level", "logger", "message", "traceback", "run"}
    first, *rest = TextFormatter().format(record).splitlines()
    assert " ERROR app.runs: it failed: " in first
    assert all(each.startswith("  | ") for each in rest)


@pytest.fixture
def _the_log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = before, level


@pytest.mark.usefixtures("_the_log_as_it_was")
def test_every_logger_writes_alike_uvicorns_and_warnings_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json", "info")
    logging.getLogger("uvicorn.error").error("a request of %s", f"/x?token={SECRET}\n")
    logging.getLogger("asyncio").warning("slow")
    logging.getLogger("app").debug("too much")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["logger"] for line in lines] == ["uvicorn.error", "asyncio", "py.warnings"]
    assert lines[0]["message"] == f"a request of /x?token={HIDDEN}\\n"
