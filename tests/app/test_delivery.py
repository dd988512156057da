"""How the page's files are sent: the bundle as it was compressed, single files compressed once for each change."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app import compression
from app.delivery import (
    FOR_EVER,
    ROOM_SHEETS,
    SHEETS,
    STATIC,
    Bundle,
    PageFiles,
    first_views,
    modules,
    page_files,
)
from app.pages import page_of, render, room_page_of
from app.sources import version_of
from tests.app.fakes import Witness
from trainer.presets import described, find_preset
from trainer.settings.panels import PANELS
from trainer.settings.schema import schema

VERSION: Final = "0123456789abcdef"
TEXT: Final = "export const answer = 42; // and no more\n" * 100


def client(files: PageFiles) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/static", files)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lab")


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """A folder of single files."""
    folder = tmp_path / "static"
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "main.js").write_text(TEXT)
    (folder / "small.css").write_text("p {}")
    (tmp_path / "secret.js").write_text("no")
    return folder


def write_bundle(folder: Path, sources: str) -> Path:
    """A bundle of one file, as `scripts.bundle` leaves it."""
    place = folder / VERSION
    place.mkdir(parents=True)
    (place / "main.js").write_text(TEXT)
    (place / "main.js.gz").write_bytes(gzip.compress(TEXT.encode(), mtime=0))
    (place / "main.js.br").write_bytes(b"as Brotli")
    named = dict.fromkeys(
        ("start", "head", "styles", "main", "runs", "glossary", "room_head", "plotly", "icon"), "main.js"
    )
    told = {
        "sources": sources,
        "version": VERSION,
        "files": ["main.js"],
        "preloads": [],
        "later": [],
        "lesson": [],
        **named,
    }
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"as Brotli"),
        ("gzip, br;q=0", "gzip", gzip.compress(TEXT.encode(), mtime=0)),
        ("gzip", "gzip", gzip.compress(TEXT.encode(), mtime=0)),
        ("identity", None, TEXT.encode()),
    ],
)
async def test_a_bundle_is_sent_as_it_was_compressed_and_kept_for_ever(
    tmp_path: Path, single: Path, accepted: str, coding: str | None, body: bytes
) -> None:
    files = PageFiles(Bundle(write_bundle(tmp_path / "built", "")), single)
    async with client(files) as asking:
        asked = asking.build_request("GET", f"/static/{VERSION}/main.js", headers={"Accept-Encoding": accepted})
        answer = await asking.send(asked, stream=True)
        raw = b"".join([part async for part in answer.aiter_raw()])
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["cache-control"] == FOR_EVER
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert len(raw) == int(answer.headers["content-length"])
        assert raw == body
        again = await asking.get(asked.url, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_of_another_version_than_the_bundle_there_is_nothing_for_ever(tmp_path: Path, single: Path) -> None:
    files = PageFiles(Bundle(write_bundle(tmp_path / "built", "")), single)
    async with client(files) as asking:
        assert (await asking.get("/static/fedcba9876543210/main.js")).status_code == 404
        assert (await asking.get(f"/static/{VERSION}/js/main.js")).status_code == 404
        answer = await asking.get("/static/js/main.js")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


async def test_the_version_of_single_files_changes_with_them_and_only_the_present_one_is_for_ever(single: Path) -> None:
    files = PageFiles(None, single)
    before = files.delivery().main
    async with client(files) as asking:
        assert (await asking.get("/" + before)).headers["cache-control"] == FOR_EVER
        (single / "js" / "main.js").write_text(TEXT + "export const more = 1;")
        assert (await asking.get("/" + before)).headers["cache-control"] == "no-cache"
        after = files.delivery().main
        assert after != before
        answer = await asking.get("/" + after)
        assert (answer.headers["cache-control"], answer.text[-22:]) == (FOR_EVER, "export const more = 1;")
        assert (await asking.get("/" + before)).headers["cache-control"] == "no-cache"


async def test_a_single_file_is_compressed_once_beside_the_loop_and_anew_when_it_changed(
    single: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness(compression.compress)
    monkeypatch.setattr(compression, "compress", witness)
    async with client(PageFiles(None, single)) as asking:
        for _ in range(3):
            assert (await asking.get("/static/js/main.js")).headers["content-encoding"] == "gzip"
            assert "content-encoding" not in (await asking.get("/static/small.css")).headers
        assert len(witness.threads) == 1
        (single / "js" / "main.js").write_text(TEXT * 2)
        assert (await asking.get("/static/js/main.js")).text == TEXT * 2
    assert len(witness.threads) == 2
    assert threading.get_ident() not in witness.threads


@pytest.mark.parametrize("path", ["../secret.js", "%2e%2e/secret.js", "js", "js/none.js", "x" * 5000, "js/%00.js"])
async def test_nothing_else_is_there(single: Path, path: str) -> None:
    async with client(PageFiles(None, single)) as asking:
        assert (await asking.get(f"/static/{path}")).status_code == 404
        assert (await asking.post("/static/js/main.js")).status_code == 405


def test_a_bundle_of_other_sources_is_not_used_nor_a_broken_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert page_files(False, tmp_path / "none").delivery().preloads
    assert "it was not bundled" in caplog.text
    stale = write_bundle(tmp_path / "stale", "ffffffffffffffff")
    assert page_files(False, stale).delivery().preloads
    assert "its sources have changed" in caplog.text
    fresh = write_bundle(tmp_path / "fresh", version_of(STATIC))
    assert page_files(False, fresh).delivery().main == f"static/{VERSION}/main.js"
    assert page_files(True, fresh).delivery().main.endswith("/js/main.js")
    os.remove(fresh / VERSION / "main.js")
    assert page_files(False, fresh).delivery().preloads


def test_every_style_sheet_and_every_script_of_the_first_screen_is_delivered() -> None:
    sheets = {path.stem for path in (STATIC / "css").glob("*.css")}
    of_rooms = {sheet for each in ROOM_SHEETS.values() for sheet in each}
    assert {*SHEETS} | of_rooms == sheets
    assert {*SHEETS} & of_rooms == {"tokens", "base"}
    delivered = modules()
    boots = {path.stem for path in (STATIC / "js" / "boot").glob("*.js")}
    assert {Path(name).stem for name in (delivered.start, *delivered.head)} == boots
    assert {f"static/js/views/{name}.js" for name in first_views()} <= {*delivered.preloads}
    closed = {panel.id for panel in PANELS} - {*first_views()}
    assert closed
    assert not {f"static/js/views/{name}.js" for name in closed} & {*delivered.preloads}


def test_the_page_of_the_lab_loads_nothing_of_the_rooms_and_theirs_nothing_of_it() -> None:
    delivered = modules()
    of_rooms = ("static/js/rooms/", *(f"static/js/{name}.js" for name in ROOM_SHEETS))
    assert [name for name in delivered.preloads if name.startswith(of_rooms)] == []
    assert "static/js/paint/host.js" in delivered.preloads
    for name, sheets in ROOM_SHEETS.items():
        page = room_page_of(name, "../")
        assert re.findall(r'<script type="module" src="([^"]+)"', page) == [f"../static/js/{name}.js"]
        assert re.findall(r'rel="stylesheet" href="([^"]+)"', page) == [f"../static/css/{each}.css" for each in sheets]
        assert "js/main.js" not in page
        assert "modulepreload" not in page


def given_in(page: str) -> dict[str, Any]:
    """What a page brings along for its scripts."""
    _, _, rest = page.partition('<script type="application/json" id="given">')
    given: dict[str, Any] = json.loads(rest.partition("</script>")[0])
    return given


def test_the_page_brings_its_schema_and_the_record_of_its_experiment_along() -> None:
    usual = given_in(render(modules(), "./", None, True).decode())
    assert usual == {"schema": json.loads(json.dumps(schema())), "experiment": None, "lesson": None}
    twin = given_in(render(modules(), "../", find_preset("twin"), False).decode())
    assert twin["experiment"] == next(each for each in json.loads(json.dumps(described())) if each["id"] == "twin")
    datasets = next(knob for knob in twin["schema"]["run"] if knob["name"] == "dataset")
    assert "idx" not in {choice["value"] for choice in datasets["choices"]}


def test_no_text_that_a_page_brings_along_ends_its_script() -> None:
    hostile = {"schema": "</script><script>alert(1)</script><!-- & é \u2028"}
    page = page_of(given=hostile)
    assert "alert(1)</script>" not in page
    assert given_in(page) == hostile


def test_a_file_is_read_anew_for_its_version_only_when_it_changed(
    single: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = version_of(single)
    witness = Witness(Path.read_bytes)

    def read_bytes(path: Path) -> bytes:
        return bytes(witness(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert version_of(single) == first
    assert witness.threads == []
    (single / "small.css").write_text("p { color: red }")
    assert version_of(single) != first
    assert len(witness.threads) == 1
