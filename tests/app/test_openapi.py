"""The description of REST is true: Schemathesis tries it on a server, and the page of it works offline."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from app import openapi, pages
from app.errors import STATUS
from app.main import create_app
from app.openapi import OPERATIONS, STREAMS, describe
from app.settings import Settings
from tests.anything import tried
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_api import PAGE
from tests.fuzz.doors import complaints
from tests.fuzz.readers import CSV
from trainer.settings.commands import TABLE
from trainer.settings.config import ExperimentConfig, Lane
from trainer.settings.knobs import extra

DESCRIPTION = describe(create_app(Settings(keep=False), FakePool()))
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
OF_SCHEMA: list[Any] = [cast(Any, result).ok() for result in SCHEMA.get_all_operations()]
TRIED = [(operation, GenerationMode.POSITIVE) for operation in OF_SCHEMA]
WRONG = [each for each in OF_SCHEMA if each.body or each.query]  # what can be wrong: any bytes at all are a file
TRIED += [(each, GenerationMode.NEGATIVE) for each in WRONG if not each.path.endswith("/file")]


class Thread:
    """A server whose pool is a fake, in a thread of its own."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready: Future[tuple[str, dict[str, str]]] = Future()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._live()))

    async def _live(self) -> None:
        settings = Settings(log_level="error", max_runs=10_000, keep=False)
        try:
            async with running(FakePool(), settings, self._patience) as lab:
                run = await lab.open()
                table = (await lab.client.post("/api/tables", content=CSV[0])).json()
                watch = (await lab.client.post("/api/watches")).json()
                ids = {"run_id": run["id"], "table_id": table["id"], "watch_id": watch["id"]}
                self._ready.set_result((lab.url, ids))
                await self._over.wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    def __enter__(self) -> tuple[str, dict[str, str]]:
        self._thread.start()
        return self._ready.result(2 * self._patience)

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def house(patience: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a server is, and ids of what is there."""
    with Thread(patience) as house:
        yield house


@pytest.mark.parametrize(
    ("operation", "mode"), TRIED, ids=[f"{operation.label} {mode.value}" for operation, mode in TRIED]
)
def test_whatever_is_asked_is_answered_as_described(
    house: tuple[str, dict[str, str]], operation: Any, mode: GenerationMode
) -> None:
    url, ids = house

    @tried(20)
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        streams = operation.path.endswith("/events")  # which does not end while there is a run
        for name in ids.keys() & case.path_parameters.keys():
            if not streams and mode is GenerationMode.POSITIVE:
                case.path_parameters[name] = ids[name]
        if operation.method == "delete":  # and the run is to stay
            case.headers = {**(case.headers or {}), "Authorization": "Bearer x"}
        refuses = [negative_data_rejection] if mode is GenerationMode.NEGATIVE and operation.body else []
        # oEmbed wants 501 for a format that is not made, and it is one of ours.
        checks = [each for each in CHECKS if each is not not_a_server_error or operation.path != "/oembed"]
        case.call_and_validate(base_url=url, checks=[*checks, *refuses], timeout=60)

    with complaints() as heard:
        hold()
    assert heard.heard == []


def test_every_route_is_described_and_no_other() -> None:
    app = create_app(Settings(keep=False), FakePool())
    routes = [route for each in (*app.state.routers, openapi.router, pages.router) for route in each.routes]
    declared = {
        (method.lower(), route.path)
        for route in routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert declared == OPERATIONS.keys()
    assert {path for _, path in declared} | STREAMS.keys() == DESCRIPTION["paths"].keys()


def test_knobs_and_commands_are_those_that_the_code_knows() -> None:
    forms = DESCRIPTION["components"]["schemas"]
    assert forms["Config"]["properties"].keys() == ExperimentConfig.model_fields.keys()
    assert forms["Lane"]["properties"].keys() == Lane.model_fields.keys()
    seed = extra(ExperimentConfig.model_fields["seed"])
    assert forms["Config"]["properties"]["seed"]["description"] == seed["help"]
    said = {form["$ref"].rpartition("_")[2] for form in forms["Message"]["oneOf"]}
    assert said == {command.name for command in TABLE} - {"join"}
    assert forms["Error"]["properties"]["error"]["properties"]["code"]["enum"] == list(STATUS)


def test_every_form_that_is_named_is_there() -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(DESCRIPTION)))
    assert named <= DESCRIPTION["components"]["schemas"].keys()


async def test_the_description_is_served(lab: Running) -> None:
    answer = await lab.client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["paths"].keys() == DESCRIPTION["paths"].keys()


async def test_the_page_of_it_shows_every_route_and_needs_no_script_and_no_other_server(lab: Running) -> None:
    answer = await lab.client.get("/reference", headers=PAGE)
    assert answer.status_code == 200
    for path, own in DESCRIPTION["paths"].items():
        for method in own.keys() - {"parameters"}:
            assert f"<code>{method.upper()} {path}</code>" in answer.text
    for name in DESCRIPTION["components"]["schemas"]:
        assert f'id="form-{name}"' in answer.text
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= set(re.findall(r'id="([^"]+)"', answer.text))
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    scripts = re.findall(r'<script src="([^"]+)"', answer.text)
    assert scripts == ["./static/js/boot/theme-boot.js"]
