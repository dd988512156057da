"""The log of the whole lab, of its processes as they are: JSON where it is asked for, and no token anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.app.test_process import ROOT, process
from tests.conftest import TIMEOUT_FACTOR


async def until_alive(client: httpx.AsyncClient) -> None:
    while (await client.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.05)


async def knock(url: str, path: str, **headers: str) -> None:
    """Try to open a WebSocket, and be refused one way or another."""
    with suppress(InvalidStatus, ConnectionClosed):
        async with connect(url.replace("http", "ws", 1) + path, additional_headers=headers) as socket:
            await socket.recv()


async def test_a_lab_that_is_asked_for_json_writes_nothing_else_and_no_token(patience: float) -> None:
    options: Any = {"DROPOUT_LAB_LOG": "json", "DROPOUT_LAB_LOG_LEVEL": "debug"}
    async with process(patience, DROPOUT_LAB_WORKERS="1", DROPOUT_LAB_THREADS="1", **options) as (lab, url):
        async with httpx.AsyncClient(base_url=url, timeout=4 * patience, verify=False) as client:
            await asyncio.wait_for(until_alive(client), 4 * patience)
            run = (await client.post("/api/runs", json={})).json()
            token = run["token"]
            await client.get(f"/api/runs/x%0AERROR%20root:%20fake?token={token}")
            await client.get("/x", headers={"Authorization": f"Bearer {token}", "Cookie": f"t={token}"})
            await client.post("/api/runs", content=b'{"token": "' + token.encode() + b'"')
            await client.request("DELETE", f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {token}x"})
            await knock(url, f"/api/runs/{run['id']}/live?token={token}")
            await knock(url, f"/api/runs/{run['id']}/live", **{"Sec-WebSocket-Protocol": token})
            await knock(url, f"/api/runs/{run['id']}/live", Origin=f"https://{token}.example")
            [worker] = [each for each in psutil.Process(lab.pid).children() if "trainer.worker" in each.cmdline()]
            assert "--log" in worker.cmdline()
            worker.kill()
            while "restarts_total 1.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.05)
        lab.send_signal(signal.SIGTERM)
        said = (await lab.communicate())[1].decode()
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any(line["message"] == "worker 0 (epoch 1) is lost, with 1 runs" for line in lines)
    assert token not in said


def test_a_worker_writes_json_too() -> None:
    asked = subprocess.run(
        [
            sys.executable,
            "-m",
            "trainer.worker",
            "--connect",
            "unix:/no/such/place",
            "--device",
            "cpu",
            "--log",
            "json",
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240 * TIMEOUT_FACTOR,
    )
    assert asked.returncode == 1
    [line] = [json.loads(line) for line in asked.stderr.splitlines()]
    assert (line["by"], line["level"], line["logger"]) == ("worker 0", "error", "trainer.worker")
    assert line["message"].startswith("cannot start: ")
