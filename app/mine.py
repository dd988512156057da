"""REST: what whoever owns runs does with them beside training: list, name, pin, take away as a file, bring back."""

from __future__ import annotations

import json
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import answer
from app.body import read_body
from app.errors import BadMessageError, NotFoundError, RunFileError, WrongTokenError
from app.images import check_images
from app.lab import MAX_BODY_BYTES, Lab, lab_of
from app.run import Run
from app.runfile import MAX_RUN_FILE, NAME, Written, check_name, read, write
from app.security import bearer
from app.settings import Settings
from app.shares import client_of
from app.store.errors import StoreError
from app.store.keeper import DAY_S
from app.store.records import Listed, RunRecord, digest_of
from app.summary import thinned, trained_in
from app.tables import Stored
from app.wire import dumps, loads
from trainer.errors import DropoutLabError, KnobError, quote
from trainer.settings.config import parse

MOST_LISTED: Final = 200  # runs of one list; a browser remembers half of that
RESTS_S: Final = 3.0  # for the checkpoint of a run that has just come to rest
_LONGEST: Final = 200  # characters of an id or a token that are looked at

router = APIRouter()


@router.post("/api/runs/mine")
async def list_runs(request: Request) -> Response:
    """Return what there is to tell of runs whose tokens the caller has, without opening any."""
    lab = lab_of(request)
    asked = _asked(loads(await read_body(request, MAX_BODY_BYTES)))
    found: list[dict[str, Any]] = []
    away: dict[str, str] = {}
    for run_id, token in asked.items():
        run = lab.runs.here(run_id)
        if run is None:
            away[run_id] = token
        elif _is_token(token, run.token_digest):
            found.append(_of_run(run, lab.settings))
    problem, kept = None, dict[str, Listed]()
    try:
        kept = await lab.keeper.listed(away)
    except StoreError as error:
        problem = str(error)
    for run_id, each in kept.items():
        if _is_token(away[run_id], each.record.token_digest):
            found.append(_of_record(each, lab.settings))
    there = {each["id"] for each in found}
    unread = sorted(away) if problem else []
    gone = [run_id for run_id in asked if run_id not in there and run_id not in unread]
    store = {"status": lab.keeper.status, "problem": problem or lab.keeper.problem}
    days = lab.settings.keep_days if lab.settings.keep else None
    found.sort(key=lambda each: each["used_at"], reverse=True)
    told = {"runs": found, "gone": gone, "unread": unread, "store": store, "keep_days": days, "now": time.time()}
    return answer(told)


def _asked(given: Any) -> dict[str, str]:
    """Ids and tokens, by id."""
    runs = given.get("runs") if isinstance(given, Mapping) else None
    if not isinstance(runs, list) or len(runs) > MOST_LISTED:
        allowed = f"an object whose runs are a list of at most {MOST_LISTED}, each an object of id and token"
        raise BadMessageError(f"{quote(given)} is not allowed: it must be {allowed}")
    for index, each in enumerate(runs):
        if not isinstance(each, Mapping) or each.keys() != {"id", "token"} or not all(map(_is_short, each.values())):
            raise BadMessageError(f"runs[{index}] is not allowed: it must be an object of id and token, both texts")
    return {each["id"]: each["token"] for each in runs}


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and "\0" not in value and value.isprintable()


def _is_token(token: str, digest: bytes) -> bool:
    return secrets.compare_digest(digest_of(token), digest)


def _of_run(run: Run, settings: Settings) -> dict[str, Any]:
    """What there is to tell of a run that is open."""
    now = time.time()
    used_at = now - run.unwatched_s
    kept_s = settings.keep_days * DAY_S if settings.keep else settings.run_idle_minutes * 60
    ends = not (run.is_watched or (run.pinned and settings.keep))
    kept = run.kept
    told: dict[str, Any] = {
        "id": run.id,
        "name": run.name,
        "pinned": run.pinned,
        "opened_at": run.opened_at,
        "used_at": used_at,
    }
    told |= {"expires_at": used_at + kept_s if ends else None, "step": run.step, "viewers": len(run.viewers)}
    told |= {"state": "playing" if run.playing else "paused", "experiment": kept.get("experiment")}
    told |= {"search": kept.get("search") is not None, "trains": trained_in(run.config)}
    return told | {"curves": thinned(run.curves()["scores"])}


def _of_record(listed: Listed, settings: Settings) -> dict[str, Any]:
    """The same of one that is only kept."""
    record = listed.record
    known: Mapping[str, Any] = {} if listed.summary is None else json.loads(listed.summary)
    told: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "pinned": record.pinned,
        "opened_at": record.opened_at,
    }
    told |= {"used_at": record.used_at, "step": record.step, "viewers": 0, "state": "kept"}
    told["expires_at"] = None if record.pinned else record.used_at + settings.keep_days * DAY_S
    told |= {"experiment": record.kept.get("experiment"), "search": record.kept.get("search") is not None}
    return told | {"trains": known.get("trains") or _trains(record), "curves": known.get("curves")}


def _trains(record: RunRecord) -> dict[str, Any] | None:
    """What a run of which no summary is kept trains; None: another version of the lab opened it."""
    try:
        return trained_in(parse(record.first_config))
    except DropoutLabError:
        return None


@router.patch("/api/runs/{run_id}")
async def change_run(request: Request, run_id: str) -> Response:
    """Name a run, pin it, or have it stand still."""
    lab = lab_of(request)
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    if not isinstance(given, dict) or not given or not given.keys() <= {"name", "pinned", "state"}:
        raise BadMessageError(f"{quote(given)} is not allowed: it must be an object of name, pinned or state")
    if given.get("name") is not None:
        _check_value("name", lambda: check_name(given["name"]), given["name"], NAME)
    if "pinned" in given and type(given["pinned"]) is not bool:
        raise KnobError("pinned", given["pinned"], "true or false")
    if "state" in given and given["state"] != "paused":
        raise KnobError("state", given["state"], "paused")
    if given.get("pinned") and not lab.keeper.is_on:
        raise StoreError("this server keeps no runs (DROPOUT_LAB_KEEP is false), so that none can be pinned")
    run, record = await _owned(lab, run_id, bearer(request.headers) or "")
    name, pinned = (run or record).name, (run or record).pinned  # type: ignore[union-attr]
    name, pinned = given.get("name", name), given.get("pinned", pinned)
    if run is not None:
        run.call(name, pinned)
        if given.get("state"):
            run.stand_still()
    else:
        kept = {**record.kept, "state": "paused"} if given.get("state") and record is not None else None
        await lab.keeper.call(run_id, name, pinned, kept)
    return answer({"id": run_id, "name": name, "pinned": pinned})


def _check_value(knob: str, check: Any, value: Any, allowed: str) -> None:
    try:
        check()
    except RunFileError:
        raise KnobError(knob, value, allowed) from None


async def _owned(lab: Lab, run_id: str, token: str) -> tuple[Run | None, RunRecord | None]:
    """The run of an owner, open or only kept.

    Raises:
        NotFoundError: there is none.
        WrongTokenError: it is another's.
        StoreError: what is kept cannot be read.
    """
    run = await lab.runs.settled(run_id)
    if run is not None:
        run.check_token(token)
        return run, None
    listed = (await lab.keeper.listed([run_id])).get(run_id)
    if listed is None:
        raise NotFoundError("there is no such run: it was ended, it expired, or it never was")
    if not _is_token(token, listed.record.token_digest):
        raise WrongTokenError(f"this is not the token of run {run_id}")
    return None, listed.record


@router.delete("/api/runs/{run_id}")
async def delete_run(request: Request, run_id: str) -> Response:
    """End a run, and forget it."""
    lab = lab_of(request)
    run, _ = await _owned(lab, run_id, bearer(request.headers) or "")
    if run is not None:
        lab.runs.end(run, "deleted", "its owner ended it")
    await lab.keeper.forget(run_id)
    return Response(status_code=204)


@router.get("/api/runs/{run_id}/file")
async def get_file(request: Request, run_id: str) -> Response:
    """Return a run as a file to go on from elsewhere. Whoever may watch it may take it."""
    lab = lab_of(request)
    run = await lab.runs.settled(run_id)
    if run is not None:
        await run.rested(RESTS_S)
        written = _written(run)
        data = await lab.files.do(partial(write, written), client_of(request))
        name, step = run.name, run.step if run.checkpoint is None else run.checkpoint.step
    else:
        found = await lab.keeper.find(run_id)
        if found is None:
            raise NotFoundError("there is no such run: it was ended, it expired, or it never was")
        record = found.record
        changes = dumps(list(record.changes))
        written = Written(record.name, record.first_config, record.kept, changes, found.checkpoint, _table(found.table))
        data = await lab.files.do(partial(write, written), client_of(request))
        name, step = record.name, 0 if found.checkpoint is None else found.checkpoint.step
    called = re.sub(r"[^A-Za-z0-9_-]+", "-", name or "run").strip("-") or "run"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="dropout-lab-{called}-step-{step}.safetensors"',
        "Content-Encoding": "identity",
    }
    return Response(data, headers=headers, media_type="application/octet-stream")


def _written(run: Run) -> Written:
    """All that is written of a run that is open, taken now."""
    table = _table(run.table)
    return Written(run.name, run.first_config, run.kept, run.changes.text, run.checkpoint, table)


def _table(stored: Stored | None) -> tuple[bytes, str, str, Mapping[str, Any]] | None:
    if stored is None:
        return None
    data = zlib.decompress(stored.file.packed)
    return data, stored.file.name, str(stored.described["label"]), stored.described.get("decisions") or {}


@router.post("/api/runs/file")
async def bring_run(request: Request) -> Response:
    """Open a run that was taken away as a file, from this server or another."""
    lab, client = lab_of(request), client_of(request)
    with lab.long_files.one(client) as grown:
        body = await read_body(request, MAX_RUN_FILE, grown)
        file = await lab.files.do(partial(read, body), client)
        config = file.opening.config
        check_images(config, lab.idx_folder)
        if file.table is not None and config.dataset == "csv":
            with lab.tables.upload(client):
                table = file.table
                made = await lab.tables.add(table.data, table.name, table.label, table.decisions, client)
            if made["id"] != config.table:
                raise RunFileError("the table in this file is not the one that its run learns from")
        run = await lab.runs.bring(file, lab.tables.for_run(config), client)
    told = {"name": run.name, "step": run.step, "experiment": file.opening.experiment}
    return answer({"id": run.id, "token": run.token, **told}, 201)
