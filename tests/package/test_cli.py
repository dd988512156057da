"""The command line: what it says where it cannot do what it was told, and which lab it opens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import server as server_module
from app.server import listen
from app.settings import Settings, from_environment, option, variable
from dropout_lab import cli
from dropout_lab.cli import main


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open."""
    addresses: list[str] = []

    def remember(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", remember)
    return addresses


@contextmanager
def answering(said: object, status: int = 200) -> Iterator[int]:
    """A server that answers whatever it is asked with the same; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "http"], "--port 'http' is not allowed: it must be a whole number from 0 to 65,535"),
        (["--port", "65536"], "--port '65536' is not allowed: it must be a whole number from 0 to 65,535"),
        (["--port", ""], "--port '' is not allowed: it must be a whole number from 0 to 65,535"),
        (["--port=-1"], "--port '-1' is not allowed: it must be a whole number from 0 to 65,535"),
        (["--host", ""], "--host '' is not allowed: it must be a name or an address of this machine"),
        (["--host", "nowhere.invalid"], "cannot listen on HOST=nowhere.invalid"),
        (["--data", ""], "--data '' is not allowed: it must be the path of a folder"),
        (["--end-when-idle", "soon"], "--end-when-idle 'soon' is not allowed: it must be a number from 0.01 to 10,080"),
        (["--end-when-idle", "0"], "--end-when-idle '0' is not allowed: it must be a number from 0.01 to 10,080"),
        (["--end-when-idle", "nan"], "--end-when-idle 'nan' is not allowed: it must be a number from 0.01 to 10,080"),
    ],
)
def test_a_bad_value_is_quoted_with_its_option_and_what_is_allowed(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"Dropout Lab cannot start: {said}")
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_a_file_is_no_folder_for_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["--data", str(file)]) == 2
    assert f"--data '{file}' is not allowed: it must be the path of a folder" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1, port {port}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prot", "1"], "unrecognized arguments: --prot"),
        (["--por", "1"], "unrecognized arguments: --por"),
        (["close"], "unrecognized arguments: close"),
        (["--open=now"], "ignored explicit argument 'now'"),
        (["--port"], "argument --port: expected one argument"),
        (["open", "--data", "here"], "unrecognized arguments: --data here"),
    ],
)
def test_what_is_no_option_is_quoted(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name in (*map(option, cli._SETTINGS), "--open", "--version", "dropout-lab open"):
        assert name in said


def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"PORT": "81", "HOST": "0.0.0.0", "DROPOUT_LAB_PORT": "82", "DROPOUT_LAB_WORKERS": "3"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DROPOUT_LAB_DATA", "elsewhere")
    monkeypatch.setenv("DROPOUT_LAB_END_WHEN_IDLE_MINUTES", "5")
    settings = from_environment({"port": "83", "host": "::1", "data": str(tmp_path), "end_when_idle_minutes": "0.5"})
    assert (settings.port, settings.host, settings.data, settings.workers) == (83, "::1", tmp_path, 3)
    assert settings.end_when_idle_minutes == 0.5
    assert from_environment().end_when_idle_minutes == 5


def test_a_bad_variable_is_told_as_one_beside_good_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DROPOUT_LAB_WORKERS", "many")
    assert main(["--port", "0"]) == 2
    assert "DROPOUT_LAB_WORKERS='many' is not allowed" in capsys.readouterr().err


def test_open_opens_the_browser_at_the_lab_that_runs(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with answering({"version": "1.2", "workers": {"alive": 0}}, 503) as port:  # it is starting
        assert main(["open", "--port", str(port)]) == 0
    assert opened == [f"http://127.0.0.1:{port}/"]
    assert f"Dropout Lab 1.2 is open at http://127.0.0.1:{port}/" in capsys.readouterr().out


def test_open_takes_the_place_from_the_environment(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({"version": "1.2", "workers": {}}) as port:
        monkeypatch.setenv("HOST", "0.0.0.0")
        monkeypatch.setenv("PORT", str(port))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # which is not asked for what is on this machine
        assert main(["open"]) == 0
    assert opened == [f"http://127.0.0.1:{port}/"]


def test_open_starts_no_lab_and_says_how(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as once:
        port = once.getsockname()[1]
    assert main(["open", "--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"dropout-lab: no lab answers at http://127.0.0.1:{port}/ (")
    assert "`dropout-lab` starts one" in said
    assert opened == []


@pytest.mark.parametrize("said", [{"status": "ok"}, ["ok"], "ok"])
def test_open_opens_nothing_else(opened: list[str], said: object, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(said) as port:
        assert main(["open", "--port", str(port)]) == 1
    assert f"what answers at http://127.0.0.1:{port}/ is no Dropout Lab" in capsys.readouterr().err
    assert opened == []


@pytest.mark.parametrize(
    ("port", "said"), [("0", "port 0 is no lab's"), ("x", "--port 'x' is not allowed: it must be a whole number")]
)
def test_open_refuses_what_is_no_place(port: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", "--port", port]) == 2
    assert said in capsys.readouterr().err


def test_open_says_so_where_there_is_no_browser(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    with answering({"version": "1.2", "workers": {}}) as port:
        assert main(["open", "--port", str(port)]) == 1
    assert f"no browser could be opened; the lab is at http://127.0.0.1:{port}/" in capsys.readouterr().err


def test_a_lab_that_is_started_opens_the_browser_only_if_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    class Ready(server_module.Server):
        def run(self, sockets: object = None) -> None:
            self._on_ready("http://127.0.0.1:8123/")

    monkeypatch.setattr(server_module, "Server", Ready)
    monkeypatch.setattr(server_module, "set_up", lambda *given: None)  # pytest keeps what is logged
    assert main(["--port", "0"]) == 0
    assert opened == []
    assert main(["--port", "0", "--open"]) == 0
    for thread in threading.enumerate():
        if thread.name == "opens the browser":
            thread.join()
    assert opened == ["http://127.0.0.1:8123/"]
