"""One's own runs: listed without being opened, named, pinned, deleted, taken away as a file and brought back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.pool import local_pool
from app.settings import Settings
from app.store import keeper as keeping
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, scores_tensors
from tests.app.test_tables import upload

Start = Callable[..., Any]
SEARCH = {"method": "random", "candidates": 4, "batch": 2, "steps": 100}


@pytest.fixture
def start(tmp_path: Path, patience: float, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a server with a store; each in turn finds what the one before has kept."""
    monkeypatch.setattr(keeping, "EVERY_S", 0.01)

    @asynccontextmanager
    async def started(pool: Any = None, folder: str = "data", **settings: Any) -> AsyncIterator[Running]:
        chosen = Settings(**{"keep": True, "data": tmp_path / folder, "log_level": "error", **settings})
        async with running(pool or FakePool(), chosen, patience) as lab:
            yield lab

    return started


async def kept(lab: Running) -> None:
    """Wait until all that there is now has been kept."""
    keeper = lab.app.state.lab.keeper
    await lab.eventually(lambda: all(keeper._news_of(run) is None for run in lab.app.state.lab.runs.all()))


def bearer(run: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {run['token']}"}


async def listed(lab: Running, *runs: dict[str, Any]) -> dict[str, Any]:
    asked = [{"id": run["id"], "token": run["token"]} for run in runs]
    answer = await lab.client.post("/api/runs/mine", json={"runs": asked})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def change(lab: Running, run: dict[str, Any], **values: Any) -> Any:
    return await lab.client.patch(f"/api/runs/{run['id']}", json=values, headers=bearer(run))


# ---- the list


async def test_a_run_is_listed_whether_it_is_open_or_only_kept_and_stays_as_it_is(start: Start) -> None:
    async with start() as lab:
        run = await lab.open(experiment="twin")
        for step in range(25, 2501, 25):
            lab.pool.frame(run["id"], "scores", scores_tensors(step))
        lab.pool.train(run["id"], 2500)
        lab.pool.save(run["id"])
        [open_] = (await listed(lab, run))["runs"]
        await kept(lab)
    async with start() as lab:
        told = await listed(lab, run)
        assert (await lab.client.get("/healthz")).json()["runs"] == 0  # it was not opened for that
    [only_kept] = told["runs"]
    assert (open_["state"], only_kept["state"]) == ("paused", "kept")
    same = ("id", "name", "pinned", "opened_at", "step", "experiment", "search", "trains", "curves")
    assert {name: open_[name] for name in same} == {name: only_kept[name] for name in same}
    assert (open_["step"], open_["experiment"]) == (2500, "twin")
    curves = only_kept["curves"]
    assert len(curves["step"]) == len(curves["val_loss"]) == len(curves["train_loss"]) == 64
    assert (curves["step"][0], curves["step"][-1]) == (0, 2500)
    assert curves["val_loss"][-1] == [2500, 2500]
    [first, second] = only_kept["trains"]["lanes"]
    assert (first["dropout"], second["dropout"]) == ([0.0] * 4, [0.2, 0.5, 0.5, 0.5])
    assert only_kept["expires_at"] == pytest.approx(only_kept["used_at"] + 30 * 86_400)
    assert abs(only_kept["used_at"] - time.time()) < 3600


async def test_the_list_follows_what_was_changed_since(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("set", lane=0, knobs={"dropout": [0.1, 0.3, 0.3, 0.3]})
            lab.pool.train(run["id"], 30)
            lab.pool.save(run["id"])
            await kept(lab)
    async with start() as lab:
        [told] = (await listed(lab, run))["runs"]
    assert told["trains"]["lanes"][0]["dropout"] == [0.1, 0.3, 0.3, 0.3]


async def test_whose_token_is_wrong_and_what_is_not_there_is_gone(start: Start) -> None:
    async with start() as lab:
        mine, other = await lab.open(), await lab.open()
        await kept(lab)
        never = {"id": "0123456789abcdef", "token": "x"}
        told = await listed(lab, mine, {**other, "token": mine["token"]}, never)
    assert [run["id"] for run in told["runs"]] == [mine["id"]]
    assert told["gone"] == [other["id"], never["id"]]
    async with start() as lab:
        told = await listed(lab, mine, {**other, "token": "guess"}, never)
    assert [run["id"] for run in told["runs"]] == [mine["id"]]
    assert (told["gone"], told["unread"]) == ([other["id"], never["id"]], [])
    assert mine["token"] not in str(told)


async def test_runs_of_a_server_that_keeps_none_are_listed_too(start: Start) -> None:
    async with start(keep=False) as lab:
        run = await lab.open()
        told = await listed(lab, run)
        [one] = told["runs"]
        assert (told["store"]["status"], told["keep_days"]) == ("off", None)
        assert one["expires_at"] == pytest.approx(one["used_at"] + 30 * 60)
        named = await change(lab, run, name="quick")
        assert named.json()["name"] == "quick"
        refused = await change(lab, run, pinned=True)
        assert refused.status_code == 503
        assert "keeps no runs" in refused.json()["error"]["message"]


async def test_what_cannot_be_read_is_not_said_to_be_gone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
    async with start() as lab:
        here = await lab.open()

        def broken(*given: Any) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("app.store.store.Store.listed", broken)
        told = await listed(lab, here, run)
        assert [each["id"] for each in told["runs"]] == [here["id"]]
        assert (told["gone"], told["unread"]) == ([], [run["id"]])
        assert "Input/output error" in told["store"]["problem"]
        assert (await change(lab, run, name="x")).status_code == 503


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"runs": 3}',
        '{"runs": [3]}',
        '{"runs": [{"id": "x"}]}',
        '{"runs": [{"id": "x", "token": 3}]}',
        '{"runs": [{"id": "\\u0000", "token": "x"}]}',
        '{"runs": [{"id": "\\ud800", "token": "x"}]}',
        '{"runs": [' + ",".join(['{"id": "x", "token": "y"}'] * 201) + "]}",
    ],
)
async def test_a_list_of_nothing_is_refused(lab: Running, body: str) -> None:
    answer = await lab.client.post("/api/runs/mine", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("bad_message", "bad_json")


async def test_a_run_that_is_watched_does_not_expire(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run):
            [told] = (await listed(lab, run))["runs"]
    assert (told["viewers"], told["expires_at"]) == (1, None)


# ---- names, pins, deletion


async def test_a_name_and_a_pin_outlive_the_server_and_can_be_given_to_what_is_only_kept(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        assert (await change(lab, run, name="My first", pinned=True)).json() == {
            "id": run["id"],
            "name": "My first",
            "pinned": True,
        }
        lab.pool.train(run["id"], 30)  # which is kept without touching them
        lab.pool.save(run["id"])
        await kept(lab)
    async with start() as lab:
        [told] = (await listed(lab, run))["runs"]
        assert (told["name"], told["pinned"], told["expires_at"]) == ("My first", True, None)
        assert (await change(lab, run, name="Renamed")).status_code == 200
        assert (await change(lab, run, pinned=False)).status_code == 200
        assert (await lab.client.get("/healthz")).json()["runs"] == 0
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()  # which opens it again
        assert state["name"] == "Renamed"
        await kept(lab)
    async with start() as lab:
        [told] = (await listed(lab, run))["runs"]
        assert (told["name"], told["pinned"]) == ("Renamed", False)
        assert (await change(lab, run, name=None)).json()["name"] is None


async def test_a_pinned_run_outlives_its_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SWEEP_S", 0.0)
    async with start(keep_days=1) as lab:
        pinned, other = await lab.open(), await lab.open()
        await change(lab, pinned, pinned=True)
        await kept(lab)
    async with start(keep_days=1) as lab:
        lab.app.state.lab.keeper._now = lambda: time.time() + 86_401
        store = lab.app.state.lab.keeper._store
        await lab.eventually(lambda: [each.id for each in store.runs()] == [pinned["id"]])
        assert (await listed(lab, pinned, other))["gone"] == [other["id"]]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, 400),
        ({"colour": 3}, 400),
        ({"name": ""}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "a\u202eb"}, 422),
        ({"name": "x" * 101}, 422),
        ({"name": 3}, 422),
        ({"pinned": "yes"}, 422),
        ({"pinned": None}, 422),
        ({"state": "playing"}, 422),
    ],
)
async def test_what_is_no_name_or_pin_is_refused(lab: Running, values: dict[str, Any], status: int) -> None:
    run = await lab.open()
    answer = await change(lab, run, **values)
    assert answer.status_code == status, answer.text
    [name] = values or [""]
    assert name in answer.json()["error"]["message"]


async def test_only_its_owner_names_or_deletes_a_run(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
        for token in ("guess", "-"):
            stranger = {**run, "token": token}
            assert (await change(lab, stranger, name="mine")).status_code == 403
            assert (await lab.client.delete(f"/api/runs/{run['id']}", headers=bearer(stranger))).status_code == 403
    async with start() as lab:
        assert (await change(lab, {**run, "token": "guess"}, name="mine")).status_code == 403
        assert (await change(lab, {"id": "none", "token": "x"}, name="mine")).status_code == 404
        gone = await lab.client.delete(f"/api/runs/{run['id']}", headers=bearer(run))
        assert gone.status_code == 204
        assert lab.pool.requests == {}  # it was not opened to be deleted
        assert (await listed(lab, run))["gone"] == [run["id"]]


async def test_a_run_that_is_left_can_be_made_to_stand_still(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("play")
    assert (await change(lab, run, state="paused")).status_code == 200
    await lab.eventually(lambda: lab.pool.states[run["id"]]["state"] == "paused")


# ---- the file


def losses(viewer: Any) -> dict[int, bytes]:
    """The losses and masks of each step, bit for bit."""
    frames = [frame.tensors for frame in viewer.frames if frame.kind == "steps"]
    return {
        int(step): b"".join(values[row].tobytes() for name, values in sorted(one.items()) if name != "lane")
        for one in frames
        for row, step in enumerate(one["step"])
    }


async def go_on(lab: Running, run: dict[str, Any], steps: int, until: int) -> dict[int, bytes]:
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("follow", example=0)
        await owner.ask("step", count=steps)
        await owner.until_step(until)
        return losses(owner)


@pytest.mark.parametrize("was_closed", [False, True], ids=["open", "only kept"])
async def test_a_run_goes_on_bit_for_bit_on_another_server(start: Start, was_closed: bool) -> None:
    lanes = [{"name": "a", "patience": 2}, {"name": "b", "dropout": [0.2, 0.5, 0.5, 0.5]}]
    async with start(local_pool(1, "cpu", 1, None)) as here, start(local_pool(1, "cpu", 1, None), "other") as there:
        run = await here.open(seed=3, lanes=lanes, experiment="twin")
        async with await here.watch(run, owner=True) as owner:
            await owner.ask("step", count=60)
            await owner.until_step(60)
            await owner.ask("set", lane=1, knobs={"dropout": [0.1, 0.4, 0.4, 0.4]})
            await owner.ask("speed", steps_per_second=9)
            await owner.ask("step", count=40)
            await owner.until_step(100)
        await change(here, run, name="Two “lanes”")
        await here.eventually(lambda: not here.app.state.lab.runs.here(run["id"]).playing)
        if was_closed:
            await here.client.get(f"/api/runs/{run['id']}/file")  # waits for the checkpoint
            await kept(here)
            here.app.state.lab.runs.end(here.app.state.lab.runs.here(run["id"]), "expired", "nobody watched it")
        before = await here.client.get(f"/api/runs/{run['id']}/file")  # by somebody without its token
        assert before.status_code == 200
        assert here.app.state.lab.runs.here(run["id"]) is None or not was_closed
        assert 'filename="dropout-lab-Two-lanes-step-100.safetensors"' in before.headers["content-disposition"]
        assert run["token"].encode() not in before.content
        brought = await there.client.post("/api/runs/file", content=before.content)
        assert brought.status_code == 201, brought.text
        new = brought.json()
        assert (new["name"], new["step"], new["experiment"]) == ("Two “lanes”", 100, "twin")
        assert new["id"] != run["id"]
        state = (await there.client.get(f"/api/runs/{new['id']}")).json()
        told = ("state", "step", "steps_per_second", "config", "first_config", "changes", "experiment", "name")
        old = (await here.client.get(f"/api/runs/{run['id']}")).json()
        assert {name: state[name] for name in told} == {name: old[name] for name in told}
        assert state["state"] == "paused"
        mine, theirs = await go_on(here, run, 50, 150), await go_on(there, new, 50, 150)
        assert {*range(101, 151)} <= theirs.keys()
        assert {step: mine[step] for step in range(101, 151)} == {step: theirs[step] for step in range(101, 151)}
        async with await there.watch(new) as viewer:
            past = await viewer.until_frame("history")
            assert past.tensors["past/step"].tolist() == list(range(1, 151))
            assert past.tensors["step"].tolist() == list(range(1, 151))


async def test_a_search_goes_on_on_another_server(start: Start) -> None:
    async with start(local_pool(1, "cpu", 1, None)) as here, start(local_pool(1, "cpu", 1, None), "other") as there:
        run = await here.open(search=SEARCH, train_size=40, batch_size=20)
        results = []
        for lab in (here, there):
            async with await lab.watch(run, owner=True) as owner:
                if lab is here:
                    await owner.ask("step", count=150)
                    await owner.until_text("changed", reason="pause")
                    file = (await lab.client.get(f"/api/runs/{run['id']}/file")).content
                await owner.ask("speed", steps_per_second=None)
                await owner.ask("play")
                done = await owner.until(
                    lambda m: isinstance(m, dict) and (m.get("run") or {}).get("search", {}).get("done") == 4
                )
                results.append(done["run"]["search"]["results"])
            answer = await there.client.post("/api/runs/file", content=file)
            assert answer.status_code == 201, answer.text
            run = answer.json()
    assert results[0] == results[1]


async def test_a_readers_own_table_travels_with_its_run(start: Start) -> None:
    async with start() as here, start(folder="other") as there:
        table = await upload(here, name="mine.csv")
        run = await here.open(**table["config"])
        file = (await here.client.get(f"/api/runs/{run['id']}/file")).content
        answer = await there.client.post("/api/runs/file", content=file)
        assert answer.status_code == 201, answer.text
        new = answer.json()["id"]
        assert there.pool.requests[new][0]["table"] == here.pool.requests[run["id"]][0]["table"]
        assert (await there.client.get(f"/api/tables/{table['id']}")).json()["name"] == "mine.csv"


async def test_a_file_with_another_table_is_refused(start: Start) -> None:
    import numpy as np

    from tests.app.runfiles import joined, parts

    async with start() as here:
        table = await upload(here, name="mine.csv")
        run = await here.open(**table["config"])
        words, told, tensors = parts((await here.client.get(f"/api/runs/{run['id']}/file")).content)
        tensors["table"] = np.frombuffer(tensors["table"].tobytes().replace(b"1", b"2"), np.uint8)
        answer = await here.client.post("/api/runs/file", content=joined(words, told, tensors))
        assert answer.status_code == 422, answer.text


async def test_files_are_read_beside_the_loop_and_few_at_once(lab: Running) -> None:
    from tests.app.runfiles import good

    answers = await asyncio.gather(*(lab.client.post("/api/runs/file", content=good()[:-9] * 3) for _ in range(3)))
    assert {answer.status_code for answer in answers} <= {422, 429}


async def test_a_file_of_no_run_is_not_found(lab: Running) -> None:
    assert (await lab.client.get("/api/runs/0123456789abcdef/file")).status_code == 404
