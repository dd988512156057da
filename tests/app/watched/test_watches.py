"""The watches of a server: opened, found again after a restart, and forgotten when nobody is there any more."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import ClientShareError, NotFoundError, TooManyWatchesError, WrongTokenError
from app.security import NOTEBOOKS
from app.settings import Settings
from app.viewers import Outbox
from app.watched.names import id_of, new_token
from app.watched.watch import Watch
from app.watched.watches import ARRIVAL_S, BYTES_OF_EACH, UNFED_S, Watches
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_api import check_security, error_of
from tests.app.test_metrics import numbers
from tests.app.watched.feeding import a_model, a_state, feed, look, open_watch, rows, watched
from trainer.wire.frames import Frame


class Clock:
    """A clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watches_of(clock: Clock, **settings: Any) -> Watches:
    chosen = {"keep": False, "client_share": 1, "max_openings_per_minute": 10_000, **settings}
    return Watches(Settings(**chosen), now=clock)


async def test_a_watch_is_opened_told_of_and_ended(lab: Running) -> None:
    answer = await lab.client.post("/api/watches", json={"name": "GPT", "control": True})
    assert answer.status_code == 201
    opened = answer.json()
    assert (len(opened["id"]), len(opened["token"]), opened.keys()) == (22, 43, {"id", "token"})
    told = (await lab.client.get(f"/api/watches/{opened['id']}")).json()
    assert told.pop("opened_at") > 0
    empty = {"model": None, "state": None, "warnings": [], "changes": [], "code": ""}
    assert told == {"id": opened["id"], "name": "GPT", "control": True, "fed": False, "viewers": 0, **empty}
    assert (await lab.client.get("/healthz")).json()["watches"] == 1
    for token, status in (("x" * 43, 403), ("", 403), (opened["token"], 204), (opened["token"], 404)):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await lab.client.delete(f"/api/watches/{opened['id']}", headers=headers)).status_code == status
    assert (await lab.client.get("/healthz")).json()["watches"] == 0


async def test_who_is_there_when_a_watch_is_ended_is_told(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        headers = {"Authorization": f"Bearer {model.watch['token']}"}
        assert (await lab.client.delete(f"/api/watches/{model.watch['id']}", headers=headers)).status_code == 204
        assert (await viewer.until_text("ended"))["reason"] == "deleted"
        assert (await viewer.until_closed())[0] == 4410
        assert await model.until_closed() == (4410, "deleted")


async def test_a_watch_has_a_name_and_takes_no_commands_unless_it_is_said(lab: Running) -> None:
    opened = (await lab.client.post("/api/watches")).json()
    told = (await lab.client.get(f"/api/watches/{opened['id']}")).json()
    assert (told["name"], told["control"]) == ("model", False)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ([], 400, "[]"),
        ({"nam": "x"}, 400, "'nam'"),
        ({"name": "a\nb"}, 422, "name = 'a\\nb'"),
        ({"name": "x" * 201}, 422, "name = 'xxx"),
        ({"name": 5}, 422, "name = 5"),
        ({"control": 1}, 422, "control = 1"),
        ({"id": "x" * 22}, 422, "token = None"),
        ({"token": "x" * 43}, 422, "id = None"),
        ({"id": "x" * 21, "token": "x" * 43}, 422, "id = 'xxx"),
        ({"id": "x" * 22, "token": "x" * 42}, 422, "token = "),
        ({"id": "x" * 22, "token": "é" * 43}, 422, "token = "),
        ({"id": "../" + "x" * 19, "token": "x" * 43}, 422, "id = '../"),
    ],
)
async def test_what_no_watch_can_be_opened_with_is_refused_and_quoted(
    lab: Running, body: Any, status: int, named: str
) -> None:
    answer = await lab.client.post("/api/watches", json=body)
    assert answer.status_code == status
    assert named in error_of(answer)["message"]
    assert "x" * 42 not in answer.text  # a token is not sent back


async def test_a_watch_that_the_server_lost_is_opened_again_with_the_same_id(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    async with running(pool, settings, patience) as lab:
        watch = await open_watch(lab.url)
        async with await feed(lab.url, watch, patience) as model:
            await model.begin()
            await model.train(1, 3)
    async with running(FakePool(), settings, patience) as lab:  # which knows nothing of it
        assert (await lab.client.get(f"/api/watches/{watch['id']}")).status_code == 404
        answer = await lab.client.post("/api/watches", json={"name": "Net", "control": True, **watch})
        assert (answer.status_code, answer.json()) == (201, watch)
        again = await lab.client.post("/api/watches", json={"name": "Net", "control": True, **watch})
        assert (again.status_code, again.json()) == (200, watch)
        async with await feed(lab.url, watch, patience) as model, await look(lab.url, watch, patience) as viewer:
            assert model.seq == 0
            model.seq = 3  # its numbers go on
            await model.begin()
            await model.send("rows", rows([1, 2, 3]))
            assert (await viewer.until_frame("rows")).seq == 4


async def test_who_knows_an_id_cannot_open_it_with_a_token_of_their_own(lab: Running) -> None:
    watch = await open_watch(lab.url)
    stranger = {"id": watch["id"], "token": new_token()}
    refused = await lab.client.post("/api/watches", json=stranger)
    assert (refused.status_code, error_of(refused)["code"]) == (422, "bad_value")
    headers = {"Authorization": f"Bearer {watch['token']}"}
    await lab.client.delete(f"/api/watches/{watch['id']}", headers=headers)
    assert (await lab.client.post("/api/watches", json=stranger)).status_code == 422  # nor when it is lost
    assert (await lab.client.post("/api/watches", json=watch)).status_code == 201


async def test_a_page_of_another_site_can_neither_open_nor_end_a_watch(lab: Running) -> None:
    elsewhere = {"Origin": "https://elsewhere.example"}
    watch = await open_watch(lab.url)
    for answer in (
        await lab.client.post("/api/watches", json={}, headers=elsewhere),
        await lab.client.post("/api/watches/file", content=b"", headers=elsewhere),
        await lab.client.delete(f"/api/watches/{watch['id']}", headers=elsewhere),
    ):
        assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_origin")


async def test_a_notebook_on_this_machine_may_show_the_page_of_a_watch_in_a_frame_and_nothing_else(
    lab: Running,
) -> None:
    page = await lab.client.get("/watch/x?embed=1", headers={"Accept": "text/html"})
    check_security(page, NOTEBOOKS)
    assert "x-frame-options" not in page.headers
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    for path in ("/", "/watch", "/watching/x", "/api/watches/x", "/static/js/main.js", "/runs"):
        other = await lab.client.get(path)
        check_security(other)
        assert (other.headers["x-frame-options"], other.headers["cross-origin-resource-policy"]) == (
            "DENY",
            "same-origin",
        )


async def test_the_setting_adds_to_those_who_may_show_the_page_of_a_watch(pool: FakePool, patience: float) -> None:
    settings = Settings(frame_ancestors="'self' https://hub.example", log_level="error")
    async with running(pool, settings, patience) as lab:
        check_security(await lab.client.get("/watch/x"), f"{NOTEBOOKS} https://hub.example")
        check_security(await lab.client.get("/"), "'self' https://hub.example")


async def test_watches_feeds_and_viewers_are_counted(lab: Running) -> None:
    await open_watch(lab.url)
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience):
        told = await numbers(lab)
    assert (told["dropout_lab_watches"], told["dropout_lab_watch_feeds"], told["dropout_lab_watch_viewers"]) == (
        2,
        1,
        1,
    )
    assert told["dropout_lab_watch_bytes"] > 0
    assert told["dropout_lab_watch_frames_dropped_total"] == 0
    assert model.watch["id"] not in str(told)


# The registry


def opened(watches: Watches, client: str = "a") -> Watch:
    return watches.open("x", False, client)[0]


def test_an_id_follows_from_its_token(clock: Clock) -> None:
    watches = watches_of(clock)
    watch, token, is_new = watches.open("x", False, "a")
    assert (watch.id, is_new, watches.find(watch.id)) == (id_of(token), True, watch)
    assert watches.open("x", False, "b", token) == (watch, token, False)
    assert token not in str(vars(watch))
    with pytest.raises(WrongTokenError):
        watch.check_token(new_token())
    with pytest.raises(NotFoundError):
        watches.find("x")


def test_where_there_are_as_many_as_may_be_who_was_left_longest_ago_gives_way(clock: Clock) -> None:
    watches = watches_of(clock, max_watches=3)
    first, second, third = opened(watches), opened(watches), opened(watches)
    with pytest.raises(TooManyWatchesError):  # somebody is on the way to each
        opened(watches)
    second.connect(Outbox())
    clock.now += ARRIVAL_S + 1
    third.left_at = clock.now - 1
    opened(watches)
    assert first not in watches.all()
    assert first.is_over
    assert {second, third} <= {*watches.all()}


def test_of_two_who_open_watches_neither_takes_the_others_place(clock: Clock) -> None:
    watches = watches_of(clock, max_watches=4, client_share=0.5)
    of_a = [opened(watches, "a"), opened(watches, "a")]
    for each in of_a:
        each.connect(Outbox())
    clock.now += ARRIVAL_S + 1
    with pytest.raises(ClientShareError):
        opened(watches, "a")
    of_b = [opened(watches, "b"), opened(watches, "b")]
    clock.now += ARRIVAL_S + 1
    third = opened(watches, "b")  # of its own
    assert ({*of_a} <= {*watches.all()}, third in watches.all(), len(watches)) == (True, True, 4)
    assert of_b[0] not in watches.all()


def test_who_opens_one_after_the_other_must_wait(clock: Clock) -> None:
    watches = watches_of(clock, max_openings_per_minute=5, max_watches=100)
    for _ in range(5):
        opened(watches)
    with pytest.raises(ClientShareError):
        opened(watches)
    opened(watches, "b")


def test_what_nobody_uses_is_forgotten_after_a_while(clock: Clock) -> None:
    watches = watches_of(clock, watch_hours=1)
    never, once, now = opened(watches), opened(watches), opened(watches)
    model = Outbox()
    once.connect(model)
    once.disconnect(model)
    now.connect(Outbox())
    clock.now += UNFED_S + 1
    watches.sweep()
    assert watches.all() == [once, now]
    assert never.is_over
    clock.now += 3600
    watches.sweep()
    assert watches.all() == [now]


def test_all_watches_together_take_no_more_memory_than_they_may(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    watches = watches_of(clock, max_watches=4)
    made = [opened(watches) for _ in range(4)]
    for each in made:
        each.hear({"op": "model", "model": a_model(sites=[{**a_model()["sites"][0], "units": 1024}], tree=[])})
        each.connect(Outbox())
        for seq in range(1, 12):
            each.kept.add(Frame("rows", each.id, seq, rows(list(range(200)), {0: 1024})))
    assert watches.size < 4 * BYTES_OF_EACH
    watches.sweep()
    assert [each.kept.frames()[0].frame.tensors["step/0"].shape for each in made] == [(2048,)] * 4
    monkeypatch.setattr("app.watched.watches.BYTES_OF_EACH", BYTES_OF_EACH // 16)
    free = made[2]
    assert free.feed is not None
    free.disconnect(free.feed)
    clock.now += ARRIVAL_S + 1
    watches.sweep()
    assert free.is_over  # what nobody uses goes first
    assert watches.size <= 4 * BYTES_OF_EACH // 16
    assert all(len(each.kept.frames()[0].frame.tensors["step/0"]) > 100 for each in made if each is not free)


def test_whatever_can_go_wrong_with_one_sweep_the_next_is_made(clock: Clock) -> None:
    watches = watches_of(clock)
    watch = opened(watches)
    watch.hear({"op": "state", "state": a_state(3)})
    watches.end(watch, "deleted")
    watches.end(watch, "deleted")  # a second time does nothing
    watches.sweep()
    watches.close()
    with pytest.raises(TooManyWatchesError):
        opened(watches)
