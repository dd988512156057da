"""Uploaded tables: from a file in the browser to a run that learns from it, and what is refused on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.body import LINGER_BYTES
from app.images import usable_folder
from app.pool.local import local_pool
from app.settings import Settings
from app.tables import MAX_KEPT_BYTES, MAX_UPLOADS, Tables
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_api import check_security, error_of
from tests.odd_files import PLAIN, REFUSED, USABLE, lines
from trainer.errors import KnobError
from trainer.settings.config import ExperimentConfig, parse
from trainer.tables.decisions import parse_decisions
from trainer.tables.rows import MAX_BYTES
from trainer.tables.table import Table, read_table

TABLE_KEYS = {
    "id", "name", "rows", "label", "classes", "class_counts", "features", "columns", "sentences", "config",
    "separator", "charset", "named", "skipped", "cleaned", "decisions", "preview",
}  # fmt: skip


async def upload(lab: Running, data: bytes | str = PLAIN, **options: str) -> dict[str, Any]:
    """Upload a table; what the server says of it."""
    answer = await lab.client.post("/api/tables", content=data, params={"name": "plain.csv", **options})
    assert answer.status_code == 201, answer.text
    table: dict[str, Any] = answer.json()
    return table


async def test_an_uploaded_table_is_told_and_kept(lab: Running) -> None:
    table = await upload(lab)
    assert table.keys() == TABLE_KEYS
    assert (table["name"], table["rows"], table["label"], table["classes"]) == ("plain.csv", 40, "c", ["a", "b"])
    assert (await lab.client.get(f"/api/tables/{table['id']}")).json() == table
    gone = await lab.client.get("/api/tables/nothing")
    assert (gone.status_code, error_of(gone)["code"]) == (404, "not_found")


async def test_the_same_file_is_the_same_table_and_with_another_label_it_is_another(lab: Running) -> None:
    first, again, named, other = [
        await upload(lab), await upload(lab), await upload(lab, label="c"), await upload(lab, label="y"),
    ]  # fmt: skip
    assert first == again == named
    assert other["id"] != first["id"]
    assert other["label"] == "y"


async def test_a_run_on_a_table_takes_the_table_to_its_worker_and_keeps_it(lab: Running) -> None:
    table = await upload(lab)
    run = await lab.open(**table["config"])
    assert (run["config"]["dataset"], run["config"]["table"]) == ("csv", table["id"])
    sent = lab.pool.requests[run["id"]][0]
    assert Table.decode(json.loads(json.dumps(sent["table"]))).classes == ("a", "b")
    for number in range(201):  # which makes all others give way
        lab.app.state.lab.tables._stored[f"other {number}"] = lab.app.state.lab.tables._stored[table["id"]]
    await upload(lab, lines(41))
    assert (await lab.client.get(f"/api/tables/{table['id']}")).status_code == 404
    lab.pool.listener.on_lost([run["id"]])
    assert lab.pool.requests[run["id"]][1]["table"] == sent["table"]


CODES = lines(
    60, lambda k: f"{('007', '7')[k % 2]},{('NA', 'DE', 'Peru')[k % 3]},{('01', '1', '2')[k % 3]}", "agent,land,c"
)


async def test_a_table_is_read_as_the_reader_decides_with_the_upload_or_later(lab: Running) -> None:
    decided = {"land": {"kind": "label", "missing": []}, "agent": {"kind": "number"}}
    first = await upload(lab, CODES)
    assert (first["label"], first["classes"], first["decisions"]) == ("c", ["01", "1", "2"], {})
    at_once = await upload(lab, CODES, columns=json.dumps(decided))
    answer = await lab.client.post(f"/api/tables/{first['id']}", json={"columns": decided})
    assert answer.status_code == 201
    later = answer.json()
    assert later == at_once
    assert later.keys() == TABLE_KEYS
    assert later["id"] != first["id"]
    assert (later["label"], later["classes"], later["rows"]) == ("land", ["DE", "NA", "Peru"], 60)
    assert later["decisions"] == {"agent": {"kind": "number"}, "land": {"kind": "label", "missing": []}}
    assert (await lab.client.get(f"/api/tables/{first['id']}")).json() == first  # nothing is lost
    back = await lab.client.post(f"/api/tables/{later['id']}", json={})
    assert back.json() == first
    named = await lab.client.post(f"/api/tables/{later['id']}", json={"label": "land"})
    assert named.json()["classes"] == ["DE", "Peru"]


async def test_a_run_trains_on_what_was_decided_and_its_script_reads_it_so(lab: Running) -> None:
    table = await upload(lab, CODES, columns=json.dumps({"land": {"missing": ["DE"]}, "agent": {"kind": "number"}}))
    run = await lab.open(**table["config"])
    sent = Table.decode(lab.pool.requests[run["id"]][0]["table"])
    assert sent.classes == ("01", "1", "2")
    assert sent.feature_names == ("agent", "land = NA", "land = Peru", "land is missing")
    code = (await lab.client.get(f"/api/runs/{run['id']}/code")).text
    assert '1: {"", "DE"},' in code
    assert "NUMBERS = [0]" in code


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"columns": {"agent": {"kind": "no"}}}, 422, "bad_value", "one of number, category, label, ignored"),
        ({"columns": {"size": {"kind": "label"}}}, 422, "bad_value", "agent, land, c"),
        ({"columns": 1}, 422, "bad_value", "an object of at most 300 columns"),
        ({"label": 1}, 422, "bad_value", "the name of a column"),
        ({"label": "size"}, 422, "bad_table", "there is no column 'size'"),
        ({"rows": 1}, 400, "bad_message", "label, columns or both"),
        ([], 400, "bad_message", "[] is not allowed: it must be an object of label, columns or both"),
        ({"columns": {"land": {"kind": "number"}}}, 422, "bad_table", "make the column a category"),
    ],
)
async def test_what_cannot_be_decided_is_refused_and_nothing_is_lost(
    lab: Running, body: Any, status: int, code: str, words: str
) -> None:
    table = await upload(lab, CODES)
    refused = await lab.client.post(f"/api/tables/{table['id']}", json=body)
    error = error_of(refused)
    assert (refused.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    assert (code == "bad_table") == ("reading" in error)
    assert (await lab.client.get(f"/api/tables/{table['id']}")).json() == table


async def test_decisions_that_are_no_json_and_a_table_that_is_not_there_are_refused(lab: Running) -> None:
    answer = await lab.client.post("/api/tables", content=CODES, params={"columns": "{"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "bad_json")
    answer = await lab.client.post("/api/tables/none", json={})
    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


async def test_a_file_that_is_read_in_many_ways_is_kept_once() -> None:
    tables = Tables()
    added = await tables.add(CODES.encode(), "t", None)
    for kind in ("number", "category", "ignored"):
        await tables.read_again(added["id"], None, parse_decisions({"agent": {"kind": kind}}))
    files = {id(stored.file) for stored in tables._stored.values()}
    assert (len(tables), len(files)) == (4, 1)
    assert tables.size == sum(each.size for each in tables._stored.values()) + len(stored_file(tables))


def stored_file(tables: Tables) -> bytes:
    return next(iter(tables._stored.values())).file.packed


async def test_other_runs_carry_no_table(lab: Running) -> None:
    run = await lab.open(table="whatever")
    assert "table" not in lab.pool.requests[run["id"]][0]


@pytest.mark.parametrize("rows", [30, 33, 40, 60, 200, 3000])
async def test_what_is_recommended_for_a_table_can_be_opened(lab: Running, rows: int) -> None:
    table = await upload(lab, lines(rows))
    config = table["config"]
    run = await lab.open(**config)
    assert run["config"] == config
    assert 20 <= config["train_size"] <= 300
    assert config["batch_size"] <= 32
    assert config["label_noise"] == 0


async def test_a_run_is_refused_where_its_table_is_not_here_or_too_small(lab: Running) -> None:
    table = await upload(lab)
    for knobs, knob, words in (
        ({}, "table", "upload the file"),
        ({"table": "0" * 24}, "table", "upload the file"),
        ({"table": table["id"], "train_size": 28}, "train_size", "at most 27: the table has 40 rows and 13 of them"),
        ({"table": table["id"], "train_size": 20, "batch_size": 21}, "batch_size", "20"),
        ({"table": table["id"], "network": "cnn"}, "network", "no images"),
    ):
        answer = await lab.client.post("/api/runs", json={"dataset": "csv", "batch_size": 10, **knobs})
        error = error_of(answer)
        assert (answer.status_code, error["code"], error["knob"]) == (422, "bad_value", knob)
        assert words in error["message"]


async def test_files_that_cannot_be_learnt_from_are_refused_each_in_the_one_shape(lab: Running) -> None:
    for odd in REFUSED:
        params = {"label": odd.label} if odd.label else {}
        answer = await lab.client.post("/api/tables", content=odd.content, params=params)
        too_large = len(odd.content) > MAX_BYTES
        expected = (413, "too_large") if too_large else (422, "bad_table")
        assert (answer.status_code, error_of(answer)["code"]) == expected, odd.name
        check_security(answer)
    assert len(lab.app.state.lab.tables) == 0


async def test_odd_files_that_can_be_learnt_from_open_a_run(lab: Running) -> None:
    for odd in USABLE:
        table = await upload(lab, odd.content, **({"label": odd.label} if odd.label else {}))
        run = await lab.open(**table["config"])
        assert run["config"] == table["config"], odd.name
        await lab.client.delete(f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {run['token']}"})


@pytest.mark.parametrize(
    "name", ["", "x" * 5000, "../../etc/passwd", "<script>", "\0\r\n", "a\u202eb.csv", "..", "表.csv"]
)
async def test_a_table_may_be_called_anything(lab: Running, name: str) -> None:
    table = await upload(lab, name=name)
    assert len(table["name"]) <= 80
    assert table["name"].isprintable()
    assert "/" not in table["name"]
    assert table["name"] != ".."


async def test_a_page_of_another_site_can_upload_nothing(lab: Running) -> None:
    answer = await lab.client.post("/api/tables", content=PLAIN, headers={"Origin": "https://elsewhere.example"})
    assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_origin")


class Endless:
    """A client that sends until the server hangs up, and reads only then."""

    def __init__(self, port: int, declared: int | None) -> None:
        self._port = port
        size = f"Content-Length: {declared}" if declared else "Transfer-Encoding: chunked"
        self._head = f"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n{size}\r\n\r\n"
        self._chunked = declared is None
        self.sent = 0

    def run(self, most: int) -> bytes:
        """Send at most ``most`` bytes; return what the server has answered."""
        piece = b"1,2,3,a\n" * 8192
        framed = b"%x\r\n%s\r\n" % (len(piece), piece) if self._chunked else piece
        received = b""
        with socket.create_connection(("127.0.0.1", self._port), 30) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(self._head.encode())
                while self.sent < most:
                    connection.sendall(framed)
                    self.sent += len(piece)
            with contextlib.suppress(ConnectionError):
                while data := connection.recv(65536):
                    received += data
        return received


@pytest.mark.parametrize("declared", [None, 200_000_000], ids=["chunked", "with its length"])
async def test_a_client_that_sends_200_mb_gets_its_answer_before_all_of_it_was_read(
    lab: Running, declared: int | None
) -> None:
    client = Endless(lab.port, declared)
    received = await asyncio.to_thread(client.run, 200_000_000)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413"), received[:200]
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "too_large"
    # What the kernels of both ends hold for a connection comes on top of what the server reads: some MB each.
    assert client.sent < 5_000_000 + LINGER_BYTES + 40_000_000
    assert (await upload(lab))["rows"] == 40


async def test_a_body_that_is_a_little_too_long_is_answered_at_once(lab: Running) -> None:
    answer = await lab.client.post("/api/tables", content=b"x" * 5_000_001)
    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")


async def test_a_client_that_leaves_in_the_middle_gives_its_place_back(lab: Running) -> None:
    tables = lab.app.state.lab.tables
    for _ in range(MAX_UPLOADS):
        _, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        writer.write(b"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx,y,c\n")
        await lab.eventually(lambda: tables.uploads == 1)
        writer.close()
        await lab.eventually(lambda: tables.uploads == 0)
    await upload(lab)


async def test_beyond_the_places_there_are_an_upload_is_refused(lab: Running) -> None:
    tables = lab.app.state.lab.tables
    writers = []
    for _ in range(MAX_UPLOADS):
        _, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        writer.write(b"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx,y,c\n")
        writers.append(writer)
        await lab.eventually(lambda: tables.uploads == len(writers))
    answer = await lab.client.post("/api/tables", content=PLAIN)
    assert (answer.status_code, error_of(answer)["code"]) == (429, "too_many_messages")
    for writer in writers:
        writer.close()
    await lab.eventually(lambda: tables.uploads == 0)
    await upload(lab)


async def test_a_body_that_does_not_arrive_is_given_up(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.body.WITHIN_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    writer.write(b"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx,y,c\n")
    assert (await asyncio.wait_for(reader.readline(), lab.patience)).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_tables_are_read_one_at_a_time_and_the_server_answers_meanwhile(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on, most = [0], threading.Event(), [0]

    def slowly(*arguments: Any) -> Table:
        reading[0] += 1
        most[0] = max(most[0], reading[0])
        go_on.wait(lab.patience)
        reading[0] -= 1
        return read_table(*arguments)

    monkeypatch.setattr("app.tables.read_table", slowly)
    uploads = [asyncio.create_task(upload(lab, lines(40 + number))) for number in range(4)]
    await lab.eventually(lambda: reading[0] == 1)
    assert (await lab.client.get("/healthz")).status_code == 200
    go_on.set()
    assert [table["rows"] for table in await asyncio.gather(*uploads)] == [40, 41, 42, 43]
    assert most[0] == 1


async def test_the_table_that_was_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.tables.MAX_TABLES", 2)
    tables = Tables()
    first, second = [(await tables.add(lines(rows).encode(), "t", None))["id"] for rows in (40, 41)]
    tables.describe(first)
    third = (await tables.add(lines(42).encode(), "t", None))["id"]
    assert len(tables) == 2
    assert tables.describe(first)["rows"] == 40
    assert tables.describe(third)["rows"] == 42
    with pytest.raises(KnobError):
        tables.for_run(_config_for(second))


async def test_tables_take_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_KEPT_BYTES >= 8_000_000  # the largest table
    monkeypatch.setattr("app.tables.MAX_KEPT_BYTES", 1)
    tables = Tables()
    for rows in (40, 41):
        added = await tables.add(lines(rows).encode(), "t", None)
        assert tables.describe(added["id"])["rows"] == rows
        assert len(tables) == 1
    stored = tables._find(added["id"])
    assert tables.size == stored.size + len(stored.file.packed)


def _config_for(table_id: str) -> ExperimentConfig:
    return parse({"dataset": "csv", "table": table_id, "train_size": 20, "batch_size": 10})


# Images of the server's own


def write_images(folder: Path) -> Path:
    """A folder with 1,200 images of 8×8 pixels in ten classes."""
    labels = np.arange(1200, dtype=np.uint8) % 10
    images = np.repeat(labels, 64).reshape(1200, 8, 8)
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / name).write_bytes(header + array.tobytes())
    return folder


async def datasets_of(lab: Running) -> tuple[list[str], set[str]]:
    """The data sets that a server offers, and those that it recommends settings for."""
    schema = (await lab.client.get("/api/schema")).json()
    [knob] = [knob for knob in schema["run"] if knob["name"] == "dataset"]
    return [choice["value"] for choice in knob["choices"]], {
        name for configs in schema["recommended"].values() for name in configs
    }


async def test_without_files_of_images_there_is_no_such_data_set(lab: Running) -> None:
    offered, recommended = await datasets_of(lab)
    assert "idx" not in offered
    assert set(offered) == recommended
    answer = await lab.client.post("/api/runs", json={"dataset": "idx"})
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["knob"]) == (422, "bad_value", "dataset")
    assert all(name in error["allowed"] for name in ("digits", "wine", "csv"))


async def test_with_files_of_images_there_is(tmp_path: Path, pool: FakePool, patience: float) -> None:
    settings = Settings(idx_folder=write_images(tmp_path), log_level="error")
    async with running(pool, settings, patience) as lab:
        offered, recommended = await datasets_of(lab)
        assert "idx" in offered
        assert "idx" in recommended
        assert (await lab.open(dataset="idx"))["config"]["dataset"] == "idx"


def test_a_broken_folder_is_said_once_and_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_images(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"nonsense")
    assert usable_folder(tmp_path) is None
    [record] = caplog.records
    assert "DROPOUT_LAB_IDX_FOLDER" in record.message
    assert "train-labels-idx1-ubyte" in record.message
    assert "\n" not in record.message


# With a real worker


@pytest.fixture
async def real(tmp_path: Path, patience: float) -> AsyncIterator[Running]:
    """A server with one real worker and a folder of images."""
    folder = write_images(tmp_path)
    settings = Settings(workers=1, threads=1, log_level="error", idx_folder=folder)
    async with running(local_pool(1, "cpu", 1, folder), settings, 4 * patience) as lab:
        yield lab


async def test_a_table_and_images_are_trained_on_by_a_real_worker(real: Running) -> None:
    text = lines(3000, lambda k: f"{k * 7 % 97}.25,{'rgb'[k % 3]},{'ab'[k * 7 % 97 > 48]}")
    table = await upload(real, text)
    for config in (table["config"], {"dataset": "idx", "hidden": [32], "train_size": 100}):
        run = await real.open(**config)
        async with await real.watch(run, owner=True) as owner:
            await owner.ask("step", count=10)
            await owner.until_text("changed", reason="pause")
        state = (await real.client.get(f"/api/runs/{run['id']}")).json()
        assert state["step"] == 10
        if config is table["config"]:
            assert (state["classes"], state["layers"][0]["shape"]) == (["a", "b"], [4])
            assert state["features"] == ["x", "y = b", "y = g", "y = r"]
        else:
            assert (len(state["classes"]), state["layers"][0]["shape"]) == (10, [8, 8])
