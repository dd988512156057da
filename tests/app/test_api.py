"""REST, the pages and the headers, over real sockets."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from app.delivery import PLOTLY_URL, ROOT
from app.pages import plotly_file
from app.settings import Settings
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from trainer.settings.schema import schema

PAGE = {"Accept": "text/html,application/xhtml+xml"}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error in an answer, in the one shape that errors have."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    more = {"reading"} if error["code"] == "bad_table" else {"knob", "value", "allowed"}
    assert {"code", "message"} <= error.keys() <= {"code", "message", *more}
    return error


async def test_healthz_tells_version_device_workers_and_runs(lab: Running) -> None:
    await lab.open()
    answer = await lab.client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "version": "0.1.0",
        "device": "cpu",
        "workers": {"alive": 1, "wanted": 1},
        "runs": 1,
        "viewers": 0,
        "watches": 0,
        "store": {"status": "off", "problem": None},
    }


async def test_healthz_is_503_while_no_worker_is_there(lab: Running) -> None:
    lab.pool.alive = 0
    starting = await lab.client.get("/healthz")
    assert (starting.status_code, starting.json()["status"], starting.json()["device"]) == (503, "starting", None)
    lab.pool.alive = 1
    assert (await lab.client.get("/healthz")).json()["status"] == "ok"
    lab.pool.alive = 0
    degraded = await lab.client.get("/healthz")
    assert (degraded.status_code, degraded.json()["status"]) == (503, "degraded")


async def test_the_schema_is_that_of_the_trainer(lab: Running) -> None:
    told = (await lab.client.get("/api/schema")).json()
    ours = json.loads(json.dumps(schema()))
    assert (told["lane"], told["defaults"]) == (ours["lane"], ours["defaults"])
    names = [knob["name"] for knob in ours["run"]]
    assert [knob["name"] for knob in told["run"]] == names
    assert [knob for knob in told["run"] if knob["name"] != "dataset"] == [
        knob for knob in ours["run"] if knob["name"] != "dataset"
    ]


async def test_a_run_is_opened_with_the_knobs_it_was_given(lab: Running) -> None:
    answer = await lab.client.post("/api/runs", json={"seed": 5, "hidden": [16, 8]})
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"id", "token", "config", "experiment"}
    assert (body["config"]["seed"], body["config"]["hidden"]) == (5, [16, 8])
    state = (await lab.client.get(f"/api/runs/{body['id']}")).json()
    assert (state["id"], state["state"], state["step"]) == (body["id"], "paused", 0)
    assert body["token"] not in json.dumps(state)


async def test_without_a_body_the_run_is_the_default(lab: Running) -> None:
    assert (await lab.client.post("/api/runs")).json()["config"] == (await lab.open())["config"]


async def test_changes_are_handed_to_the_worker_to_be_replayed(lab: Running) -> None:
    changes = [{"step": 3, "knobs": {"learning_rate": 0.01}}, {"step": 3, "lane": 1, "knobs": {"batch_norm": True}}]
    run = await lab.open(changes=changes)
    assert lab.pool.requests[run["id"]][0]["changes"] == changes
    assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["changes"] == changes


async def test_a_run_can_follow_another_network_from_the_start(lab: Running) -> None:
    run = await lab.open(follow={"lane": 0, "example": 4})
    assert lab.pool.requests[run["id"]][0]["follow"] == {"lane": 0, "example": 4}
    assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["follow"] == {"lane": 0, "example": 4}


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"{", 400, "bad_json", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        (b"{'x': 1}", 400, "bad_json", "b\"{'x': 1}\""),
        (b"\xff\xfe\x00", 400, "bad_json", "not JSON: byte 2, 0x00, is no letter in UTF-16"),
        (b'{"seed": "\xff"}', 400, "bad_json", "not JSON: byte 10, 0xff, is no letter in UTF-8"),
        (b'{"seed": ' + b"1" * 5000 + b"}", 400, "bad_json", "not JSON: a number in it has too many digits: b'{"),
        (b"[" * 100_000, 400, "bad_json", "too deeply"),
        (b"[]", 422, "bad_value", "config = []"),
        (b'"\\ud800"', 422, "bad_value", "config"),
        (b"null", 422, "bad_value", "config = None"),
        (b'{"lanes": 3}', 422, "bad_value", "lanes = 3"),
        (b'{"hidden": [0]}', 422, "bad_value", "hidden[0] = 0 is not allowed: it must be a whole number from 1 to 640"),
        (b'{"hidden": [1000000000]}', 422, "bad_value", "hidden[0] = 1000000000"),
        (b'{"label_noise": 2}', 422, "bad_value", "label_noise = 2 is not allowed: it must be a number from 0 to 0.9"),
        (b'{"label_noise": NaN}', 422, "bad_value", "label_noise = nan"),
        (b'{"dropuot": 1}', 422, "unknown_knob", "there is no knob 'dropuot'"),
        (b'{"lanes": [{"name": "\\ud800"}]}', 422, "bad_value", "lanes[0].name"),
        (json.dumps({"lanes": [{}] * 129}).encode(), 422, "bad_value", "lanes"),
        (b'{"lanes": [{"dropout": [1, 0, 0, 0]}]}', 422, "bad_value", "lanes[0].dropout[0] = 1"),
        (b'{"changes": [1]}', 400, "bad_message", "changes[0] = 1"),
        (b'{"\\ud800": 1}', 422, "unknown_knob", "there is no knob '\\ud800'"),
        (b'{"search": {"\\ud800": 1}}', 422, "unknown_knob", "there is no knob 'search.\\ud800'"),
        (b'{"lanes": [{"\\ud800": 1}]}', 422, "unknown_knob", "there is no knob 'lanes[0].\\ud800'"),
        (b'{"experiment": "\\ud800"}', 422, "bad_value", "experiment = '\\ud800'"),
        (
            b'{"batch_size": 32, "lanes": [{"train_size": 50}, {}], "follow": {"lane": 0, "example": 50}}',
            *(422, "bad_value", "example = 50 is not allowed: it must be a whole number from 0 to 49"),
        ),
        (
            b'{"batch_size": 32, "lanes": [{"train_size": 50}, {}], "follow": {"example": 50}}',
            *(422, "bad_value", "example = 50"),
        ),
        (b'{"follow": {"\\ud800": 1}}', 400, "bad_message", "follow"),
        (b'{"changes": [{"step": 1, "knobs": {"\\ud800": 1}}]}', 422, "unknown_knob", "'\\ud800'"),
        (b'{"changes": [{"step": 1, "lane": "\\ud800", "knobs": {"l2": 0}}]}', 422, "bad_value", "lane = '\\ud800'"),
        (b'{"table": "\\ud800", "dataset": "csv"}', 422, "bad_value", "table = '\\ud800'"),
        (b'{"a\\u0000b": 1}', 422, "unknown_knob", "'a\\x00b'"),
        (b'{"seed": 1' + b"0" * 4000 + b"}", 422, "bad_value", "seed = 1000"),
        (b'{"learning_rate": 1' + b"0" * 4000 + b"}", 422, "bad_value", "learning_rate = 1000"),
        (b'{"stop_at": 1' + b"0" * 4000 + b"}", 422, "bad_value", "stop_at = 1000"),
        (b'{"seed": 1' + b"0" * 5000 + b"}", 400, "bad_json", "digits"),
        (b'{"lanes": [{"dropout": ' + b"[" * 900 + b"]" * 900 + b"}]}", 422, "bad_value", "lanes[0].dropout"),
        (b'{"lanes": [{"dropout": {}}]}', 422, "bad_value", "lanes[0].dropout = {}"),
        (b'{"' + b"x" * 200_000 + b'": 1}', 422, "unknown_knob", "there is no knob 'xxx"),
    ],
)
async def test_a_bad_run_is_refused_with_the_value_and_what_is_allowed(
    lab: Running, body: bytes, status: int, code: str, words: str
) -> None:
    answer = await lab.client.post("/api/runs", content=body)
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    assert len(answer.content) < 4096  # what was sent is not sent back whole
    assert (await lab.client.get("/healthz")).json()["runs"] == 0


async def test_a_full_server_says_so(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(max_runs=1, log_level="error"), patience) as lab:
        await lab.open()
        answer = await lab.client.post("/api/runs", json={})
        assert (answer.status_code, error_of(answer)["code"]) == (503, "too_many_runs")


async def test_only_the_owner_can_delete_a_run(lab: Running) -> None:
    run = await lab.open()
    url = f"/api/runs/{run['id']}"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {run['token']}"}):
        answer = await lab.client.delete(url, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_token")
    answer = await lab.client.delete(url, headers={"Authorization": f"Bearer {run['token']}"})
    assert (answer.status_code, answer.content) == (204, b"")
    gone = await lab.client.get(url)
    assert (gone.status_code, error_of(gone)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/runs/nothing", 404, "not_found"),
        ("GET", "/static/nothing.js", 404, "not_found"),
        ("GET", "/static/../app/main.py", 404, "not_found"),
        ("GET", "/static/%2e%2e/app/main.py", 404, "not_found"),
        ("GET", "/static/%00", 404, "not_found"),
        ("PUT", "/api/runs", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("POST", "/static/js/main.js", 405, "method_not_allowed"),
    ],
)
async def test_every_refusal_has_the_one_shape_and_the_security_headers(
    lab: Running, method: str, path: str, status: int, code: str
) -> None:
    answer = await lab.client.request(method, path)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    check_security(answer)


async def test_what_was_not_foreseen_is_a_500_in_the_same_shape(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.pool, "status", lambda: 1 / 0)
    answer = await lab.client.get("/healthz")
    assert answer.status_code == 500
    assert error_of(answer) == {"code": "internal", "message": "something went wrong on the server; its log says what"}
    check_security(answer)


async def test_a_person_who_is_lost_gets_a_page(lab: Running) -> None:
    answer = await lab.client.get("/<script>", headers=PAGE)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text.split("</head>")[-1].replace("<script src", "")
    assert error_of(await lab.client.get("/api/x", headers=PAGE))["code"] == "not_found"


def check_security(answer: httpx.Response, ancestors: str = "'none'") -> None:
    """An answer's headers hold browsers back."""
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert policy["img-src"] == "'self' data: blob:"
    assert {policy[name] for name in ("object-src", "base-uri", "form-action")} == {"'none'"}
    assert policy["frame-ancestors"] == ancestors
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_every_answer_has_the_security_headers_and_allows_no_frame(lab: Running) -> None:
    for path in ("/", "/healthz", "/api/schema", "/" + PLOTLY_URL, "/static/js/main.js"):
        answer = await lab.client.get(path)
        assert answer.status_code == 200, path
        check_security(answer)
        assert answer.headers["x-frame-options"] == "DENY"


async def test_a_setting_lets_course_pages_show_it_in_a_frame(pool: FakePool, patience: float) -> None:
    sources = "'self' https://course.example"
    async with running(pool, Settings(frame_ancestors=sources, log_level="error"), patience) as lab:
        answer = await lab.client.get("/healthz")
        check_security(answer, sources)
        assert "x-frame-options" not in answer.headers


async def test_a_page_of_another_site_can_change_nothing(lab: Running) -> None:
    run = await lab.open()
    elsewhere = {"Origin": "https://elsewhere.example"}
    for answer in (
        await lab.client.post("/api/runs", json={}, headers=elsewhere),
        await lab.client.delete(f"/api/runs/{run['id']}", headers=elsewhere),
    ):
        assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_origin")
        check_security(answer)
    assert (await lab.client.post("/api/runs", json={}, headers={"Origin": lab.url})).status_code == 201


async def test_the_page_is_served_and_names_plotly(lab: Running) -> None:
    answer = await lab.client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    assert PLOTLY_URL in answer.text
    assert (await lab.client.head("/")).status_code == 200


async def test_plotly_comes_compressed_and_is_kept_for_ever(lab: Running) -> None:
    answer = await lab.client.get("/" + PLOTLY_URL, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert int(answer.headers["content-length"]) < 2_000_000
    assert answer.content == plotly_file().read_bytes()
    plain = await lab.client.get("/" + PLOTLY_URL, headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br;q=1.0, GZIP ; q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("deflate, gzip; q=0.000, *", None),
        ("*;q=0", None),
        ("x-gzipped", None),
        ("", None),
    ],
)
async def test_only_who_takes_gzip_gets_it(lab: Running, accepted: str, coding: str | None) -> None:
    run = await lab.open()
    for path in ("/static/js/main.js", "/api/schema", f"/api/runs/{run['id']}/record", "/" + PLOTLY_URL):
        answer = await lab.client.get(path, headers={"Accept-Encoding": accepted})
        assert (answer.status_code, answer.headers["vary"]) == (200, "Accept-Encoding")
        found = answer.headers.get("content-encoding", "identity")
        assert found == (coding or "identity")


async def test_static_files_are_asked_for_each_time_and_sent_only_when_new(lab: Running) -> None:
    answer = await lab.client.get("/static/js/main.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == (ROOT / "static/js/main.js").read_text()
    again = await lab.client.get("/static/js/main.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_icon_is_there(lab: Running) -> None:
    answer = await lab.client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", ["/", "/experiments/twin", "/glossary", "/nothing", "/nothing/to/see"])
async def test_every_address_in_a_page_is_relative_to_it(lab: Running, path: str) -> None:
    page = (await lab.client.get(path, headers=PAGE)).text
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert len(addresses) > 5
    for address in addresses:
        assert address.startswith("."), address
        assert urljoin(f"{lab.url}{path}", address).startswith(lab.url + "/"), address
        assert (await lab.client.get(urljoin(f"{lab.url}{path}", address))).status_code == 200, address


async def test_the_page_names_every_module_that_it_loads(lab: Running) -> None:
    page = (await lab.client.get("/")).text
    named = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    assert len(named) == len(set(named)) > 20
    for address in named:
        assert (await lab.client.get(address)).status_code == 200, address
