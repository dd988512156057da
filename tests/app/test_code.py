"""The code of a run's lanes, over a real socket."""

from __future__ import annotations

import json

import pytest

from tests.app.conftest import Running
from trainer.export import script
from trainer.settings.config import parse


async def test_the_code_is_that_of_the_followed_lane_in_pytorch(lab: Running) -> None:
    run = await lab.open(seed=5)
    answer = await lab.client.get(f"/api/runs/{run['id']}/code")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/x-python; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "content-disposition" not in answer.headers
    assert answer.text == script(parse({"seed": 5}), 1, "pytorch")


async def test_lane_and_framework_can_be_named_and_the_code_downloaded(lab: Running) -> None:
    run = await lab.open()
    answer = await lab.client.get(f"/api/runs/{run['id']}/code?framework=keras&lane=0&download=1")
    assert answer.text == script(parse({}), 0, "keras")
    assert answer.headers["content-disposition"] == 'attachment; filename="dropout-lab-keras-0.py"'


async def test_the_code_is_of_the_knobs_as_they_are_now(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as viewer:
        await viewer.ask("set", lane=1, knobs={"l2": 0.01, "name": 'Ünï ✓ "code"'})
        text = (await lab.client.get(f"/api/runs/{run['id']}/code?lane=1")).text
    assert "L2 = 0.01" in text
    assert "Ünï ✓ " in text
    compile(text, "script", "exec")


@pytest.mark.parametrize(
    ("query", "knob", "words"),
    [
        ("lane=2", "lane", "lane = '2' is not allowed: it must be the number of a lane, from 0 to 1"),
        ("lane=-1", "lane", "lane = '-1'"),
        ("lane=", "lane", "lane = ''"),
        ("lane=%D9%A1", "lane", "from 0 to 1"),
        ("lane=" + "9" * 5000, "lane", "from 0 to 1"),
        ("lane=0x1", "lane", "lane = '0x1'"),
        (
            "framework=tensorflow",
            "framework",
            "framework = 'tensorflow' is not allowed: it must be one of pytorch, keras",
        ),
        ("framework=", "framework", "framework = ''"),
        ("framework=%00", "framework", "one of pytorch, keras"),
    ],
)
async def test_what_there_is_no_code_of_is_refused_with_what_is_allowed(
    lab: Running, query: str, knob: str, words: str
) -> None:
    run = await lab.open()
    answer = await lab.client.get(f"/api/runs/{run['id']}/code?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["knob"]) == (422, "bad_value", knob)
    assert words in error["message"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_run_that_does_not_exist_has_no_code(lab: Running) -> None:
    answer = await lab.client.get("/api/runs/nothing/code")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_the_code_of_a_table_reads_that_table(lab: Running) -> None:
    rows = "\n".join(f"{number % 7},{'yes' if number % 3 else 'no'},{'ab'[number % 2]}" for number in range(90))
    table = await lab.client.post("/api/tables?name=my%20table.csv", content=f"size,wet,kind\n{rows}".encode())
    assert table.status_code == 201, table.text
    run = await lab.open(dataset="csv", table=table.json()["id"], train_size=30, batch_size=10)
    text = (await lab.client.get(f"/api/runs/{run['id']}/code")).text
    assert 'PATH = "my table.csv"' in text
    assert json.dumps("kind") in text
