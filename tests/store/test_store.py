"""What is kept, what is found again, and what makes room; on both kinds of database."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.store import database
from app.store.errors import StoreError
from app.store.files import Disk
from app.store.records import Checkpoint, Expired, RunRecord, digest_of
from app.store.schema import METADATA
from app.store.store import FOLDER, Store, surplus
from tests.store.conftest import Place

LANE = {"step": 301, "lane": 1, "knobs": {"dropout": [0.2, 0.8]}}
WHOLE = {"step": 301, "knobs": {"learning_rate": 0.01}}


def record(run_id: str = "a", **given: Any) -> RunRecord:
    usual: dict[str, Any] = {"first_config": {"seed": 3, "lanes": []}, "kept": {"state": "playing"}}
    return RunRecord(run_id, digest_of(run_id), **({"opened_at": 1.0, "used_at": 2.0} | usual | given))


def checkpoint(step: int, data: bytes | None = None) -> Checkpoint:
    return Checkpoint(step, data if data is not None else b"state of %d" % step, "cpu")


def files(place: Place) -> list[str]:
    folder = place.folder / FOLDER
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# ---- runs


def test_a_run_is_found_again_as_it_was_kept_by_another_process_too(place: Place, store: Store) -> None:
    given = record(step=7, name="my “run” \U0001f600", pinned=True)
    store.save_run(given)
    assert store.run("a") == given
    store.close()
    again = place.open()
    assert again.runs() == [given]
    again.close()


def test_what_is_new_of_a_run_takes_the_place_of_what_was(store: Store) -> None:
    store.save_run(record())
    store.add_changes("a", [LANE])
    store.save_run(record(kept={"state": "paused"}, used_at=9.0))
    assert store.runs() == [record(kept={"state": "paused"}, used_at=9.0, changes=[LANE])]


def test_runs_come_in_the_order_in_which_they_were_used(store: Store) -> None:
    for name, used_at in (("a", 5.0), ("b", 9.0), ("c", 1.0)):
        store.save_run(record(name, used_at=used_at))
    assert [each.id for each in store.runs()] == ["b", "a", "c"]


def test_no_token_can_be_read_in_the_database(place: Place, store: Store) -> None:
    token = "a-token-that-nobody-may-read"
    store.save_run(RunRecord("a", digest_of(token), {}, {}, 1.0, 2.0))
    store.close()
    engine = database.connect(database.address(place.url, place.folder))
    with engine.begin() as connection:
        assert token not in str(connection.execute(text("SELECT * FROM runs")).all())
    engine.dispose()


def test_a_run_that_is_not_there_is_none(store: Store) -> None:
    assert store.run("a") is None
    store.delete_run("a")


# ---- changes


def test_changes_stay_in_the_order_of_their_steps_and_of_how_they_were_made(store: Store) -> None:
    store.save_run(record())
    store.add_changes("a", [WHOLE, LANE])
    store.add_changes("a", [{"step": 5, "knobs": {"label_noise": 0.1}}])
    changed = LANE | {"knobs": LANE["knobs"] | {"l2": 0.5}}  # type: ignore[operator]
    store.add_changes("a", [changed])
    run = store.run("a")
    assert run is not None
    assert run.changes == [{"step": 5, "knobs": {"label_noise": 0.1}}, WHOLE, changed]


def test_a_run_that_starts_anew_forgets_its_changes_and_checkpoints(place: Place, store: Store) -> None:
    store.save_run(record())
    store.add_changes("a", [LANE])
    store.save_checkpoint("a", checkpoint(400), 3.0)
    store.add_changes("a", [WHOLE], anew=True)
    run = store.run("a")
    assert run is not None
    assert run.changes == [WHOLE]
    assert store.newest_checkpoint("a") is None
    assert files(place) == []


# ---- checkpoints


def test_the_newest_checkpoint_is_found_and_the_one_before_it_is_kept(place: Place, store: Store) -> None:
    store.save_run(record())
    for step in (100, 200, 300):
        store.save_checkpoint("a", checkpoint(step), float(step))
    assert store.newest_checkpoint("a") == checkpoint(300)
    assert files(place) == ["a/100.safetensors", "a/200.safetensors", "a/300.safetensors"]
    run = store.run("a")
    assert run is not None
    assert (run.step, run.used_at) == (300, 300.0)


def test_the_last_checkpoint_before_a_step_is_found_and_a_damaged_one_passed_over(place: Place, store: Store) -> None:
    store.save_run(record())
    for step in (100, 200, 300):
        store.save_checkpoint("a", checkpoint(step), float(step))
    found = {step: store.checkpoint_before("a", step) for step in (99, 100, 250, 300, 10**6)}
    assert found == {99: None, 100: checkpoint(100), 250: checkpoint(200), 300: checkpoint(300), 10**6: checkpoint(300)}
    damage(place.folder / FOLDER / "a" / "200.safetensors")
    assert store.checkpoint_before("a", 250) == checkpoint(100)
    assert store.checkpoint_before("b", 250) is None


def test_old_checkpoints_stand_evenly_over_the_steps_and_within_their_room(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.store.LADDER_BYTES", 10_000)
    store.save_run(record())
    steps = range(150, 15_001, 150)
    for step in steps:
        store.save_checkpoint("a", checkpoint(step, b"%05d" % step * 200), float(step))
    assert store.size() <= 10_000
    kept = sorted(int(Path(name).stem) for name in files(place))
    assert kept[-2:] == [14_850, 15_000]
    assert len(kept) == 10, "as many as there is room for"
    gaps = [after - before for before, after in pairwise([0, *kept[:-1]])]
    # A gap is made of the closest two neighbours, which together are at most twice the mean gap; and the mean grows.
    assert max(gaps) <= 2 * (14_850 / len(gaps))


@pytest.mark.parametrize(
    ("sizes", "newest", "most", "gone"),
    [
        ({}, [], 0, []),
        ({10: 1, 20: 1}, [20, 10], 0, []),
        ({10: 1, 20: 1, 30: 1}, [30, 20], 2, [10]),
        ({10: 1, 20: 1, 30: 1, 90: 1, 100: 1}, [100, 90], 4, [10]),
        ({40: 1, 45: 1, 80: 1, 90: 1, 100: 1}, [100, 90], 3, [45, 80]),
        ({10: 5, 20: 1, 30: 1}, [30, 20], 6, [10]),
        ({50: 1, 60: 1, 100: 1, 110: 1}, [60, 50], 2, [110, 100]),  # it went back to an older one, and on from there
    ],
)
def test_which_checkpoints_are_too_many(sizes: dict[int, int], newest: list[int], most: int, gone: list[int]) -> None:
    assert surplus(sizes, newest, most) == gone


def test_how_far_a_run_has_come_is_kept_and_no_checkpoint_takes_it_back(store: Store) -> None:
    for name in ("a", "b"):
        store.save_run(record(name, step=5))
    store.save_steps({"a": 70, "gone": 9})
    store.save_checkpoint("a", checkpoint(60), 1.0)
    store.save_checkpoint("b", checkpoint(60), 1.0)
    assert {each.id: each.step for each in store.runs()} == {"a": 70, "b": 60}


def test_a_checkpoint_of_the_same_step_takes_the_place_of_the_other(store: Store) -> None:
    store.save_run(record())
    store.save_checkpoint("a", checkpoint(100, b"one"), 1.0)
    store.save_checkpoint("a", checkpoint(100, b"other"), 2.0)
    assert store.newest_checkpoint("a") == checkpoint(100, b"other")


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3])


@pytest.mark.parametrize("hurt", [damage, cut, Path.unlink])
def test_a_damaged_checkpoint_is_told_and_passed_over(
    place: Place, store: Store, hurt: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store.save_run(record())
    for step in (100, 200):
        store.save_checkpoint("a", checkpoint(step), float(step))
    hurt(place.folder / FOLDER / "a" / "200.safetensors")
    with caplog.at_level(logging.ERROR, logger="app.store.store"):
        assert store.newest_checkpoint("a") == checkpoint(100)
    assert "a/200.safetensors" in caplog.text
    hurt(place.folder / FOLDER / "a" / "100.safetensors")
    assert store.newest_checkpoint("a") is None


def test_no_checkpoint_is_kept_of_a_run_that_is_not(place: Place, store: Store) -> None:
    with pytest.raises(StoreError, match="run a is not kept here"):
        store.save_checkpoint("a", checkpoint(1), 1.0)
    assert files(place) == []


def test_files_that_nothing_names_are_removed_at_the_start(place: Place, store: Store) -> None:
    store.save_run(record())
    store.save_checkpoint("a", checkpoint(1), 1.0)
    store.close()
    for name in ("a/2.safetensors", "a/3.safetensors.unfinished", "b/1.safetensors"):
        Disk().write(place.folder / FOLDER / name, b"x")
    again = place.open()
    assert files(place) == ["a/1.safetensors"]
    assert again.newest_checkpoint("a") == checkpoint(1)
    again.close()


# ---- a reader's own tables


def test_a_table_is_kept_as_long_as_a_run_learns_from_it(store: Store) -> None:
    content = b"1,2,3\n" * 1000
    store.save_upload("t", content, 1.0)
    for name in ("a", "b"):
        store.save_run(record(name, upload_id="t"))
    assert store.upload("t") == content
    assert store.size() < len(content)
    store.delete_run("a")
    assert store.upload("t") == content
    store.delete_run("b")
    with pytest.raises(StoreError, match="the table t is not kept here"):
        store.upload("t")


# ---- room


def test_runs_expire_but_for_those_that_are_pinned_or_in_use(place: Place, store: Store) -> None:
    for name, used_at in (("old", 10.0), ("pinned", 10.0), ("open", 10.0), ("young", 30.0)):
        store.save_run(record(name, used_at=used_at, pinned=name == "pinned"))
        store.save_checkpoint(name, checkpoint(1), used_at)
    gone = store.expire(20.0, 10**6, in_use=["open"])
    assert gone == [Expired("old", "it was not used for longer than runs are kept")]
    assert {each.id for each in store.runs()} == {"pinned", "open", "young"}
    assert files(place) == ["open/1.safetensors", "pinned/1.safetensors", "young/1.safetensors"]


def test_of_too_much_the_oldest_goes_until_the_rest_fits(store: Store) -> None:
    for name, used_at in (("a", 4.0), ("pinned", 1.0), ("c", 2.0), ("d", 3.0)):
        store.save_run(record(name, pinned=name == "pinned"))
        store.save_checkpoint(name, checkpoint(1, b"x" * 1000), used_at)
    assert store.size() == 4000
    gone = store.expire(0.0, 2500)
    assert gone == [Expired(name, "the data folder was full, and it was not used for longest") for name in ("c", "d")]
    assert store.size() == 2000
    assert [each.id for each in store.expire(0.0, 0)] == ["a"]
    assert [each.id for each in store.runs()] == ["pinned"]


def test_before_a_run_goes_the_old_checkpoints_of_others_do(place: Place, store: Store) -> None:
    for name, used_at in (("old", 1.0), ("young", 2.0)):
        store.save_run(record(name))
        for step in range(1, 6):
            store.save_checkpoint(name, checkpoint(step, b"x" * 1000), used_at + step / 10)
    assert store.size() == 10_000
    assert store.expire(0.0, 7000) == []
    assert store.size() == 7000
    assert files(place) == [f"old/{step}.safetensors" for step in (4, 5)] + [
        f"young/{step}.safetensors" for step in range(1, 6)
    ]
    assert store.expire(0.0, 4000) == []
    assert [each.id for each in store.expire(0.0, 3000)] == ["old"]


# ---- what the store cannot be opened on


def test_the_migrations_make_what_the_code_expects(place: Place, store: Store) -> None:
    engine = database.connect(database.address(place.url, place.folder))
    with engine.begin() as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert found == []


def test_a_database_of_a_newer_version_is_left_alone(place: Place, store: Store) -> None:
    engine = database.connect(database.address(place.url, place.folder))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match="version '9999', which a newer Dropout Lab made; this one knows versions up to"
    ):
        place.open()
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(StoreError, match=r"the data folder .*data cannot be written: (File exists|Not a directory)"):
        Store.open(tmp_path / "data")


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / database.FILE).write_text("this is no database, but it is long enough to be taken for one" * 20)
    with pytest.raises(StoreError, match=r"lab\.sqlite3 cannot be used: file is not a database"):
        Store.open(tmp_path)


@pytest.mark.parametrize("given", ["mysql://root:secret@host/lab", "sqlite:///x", "secret"])
def test_another_kind_of_database_is_refused_without_its_password(given: str, tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"DATABASE_URL = .* is not allowed: it must begin with postgresql://"
    ) as caught:
        Store.open(tmp_path, given)
    assert "secret@" not in str(caught.value)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the database of DATABASE_URL cannot be used: ") as caught:
        Store.open(tmp_path, f"postgresql://me:secret@/lab?host={tmp_path}")
    assert "secret" not in str(caught.value)
