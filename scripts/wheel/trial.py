"""What `scripts.wheel.check` runs in a fresh environment: the package, the command, and a run over a WebSocket."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final

PATIENCE_S: Final = 180.0
STEPS: Final = 20


def main(command: str) -> None:
    """Try all of it; raises if anything does not go as it should.

    Args:
        command: where ``dropout-lab`` is.
    """
    began = time.monotonic()
    print(subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout.strip())
    train()
    print(f"trained 3 steps of two lanes as a library: {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    words = [command, "--port", "0", "--data", "data"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as lab:
        try:
            assert lab.stdout is not None
            said = lab.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+/", said)
            assert address, said
            print(f"ready at {address[0]}: {time.monotonic() - began:.1f} s")
            print(f"trained {steps_at(address[0])} steps in a worker: {time.monotonic() - began:.1f} s")
        finally:
            lab.terminate()
        assert lab.wait(PATIENCE_S) == 0 or sys.platform == "win32", lab.returncode  # there to terminate is to kill


def train() -> None:
    """Train as a program of a user's does."""
    from dropout_lab import Experiment, ExperimentConfig, Lane

    lanes = (Lane(), Lane.model_validate({"dropout": [0.1, 0.5]}))
    steps = Experiment(ExperimentConfig(dataset="moons", hidden=(8,), lanes=lanes), device="cpu").run(3)
    assert steps.loss.shape == (3, 2), steps.loss.shape


def steps_at(address: str) -> int:
    """Open a run, let it train, and return how far it came."""
    from websockets.sync.client import connect

    page = urllib.request.urlopen(address, timeout=PATIENCE_S).read().decode()
    for path in set(re.findall(r'(?:src|href)="\./(static/[^"]+)"', page)):
        assert urllib.request.urlopen(address + path, timeout=PATIENCE_S).status == 200
    end = time.monotonic() + PATIENCE_S
    while status(address) != "ok":
        assert time.monotonic() < end, "no worker came"
        time.sleep(0.2)
    run = asked(f"{address}api/runs", b"{}")
    with connect(f"ws{address[4:]}api/runs/{run['id']}/live", max_size=None) as viewer:
        viewer.send(json.dumps({"op": "join", "token": run["token"]}))
        viewer.send(json.dumps({"op": "play", "id": 1}))
        while (step := int(asked(f"{address}api/runs/{run['id']}")["step"])) < STEPS:
            assert time.monotonic() < end, f"step {step} is the last"
            time.sleep(0.1)
    return step


def status(address: str) -> str:
    """How the lab says it is; it answers 503 while it is not well."""
    try:
        return str(asked(f"{address}healthz")["status"])
    except urllib.error.HTTPError as error:
        return str(json.load(error)["status"])


def asked(address: str, body: bytes | None = None) -> dict[str, Any]:
    """What REST answers."""
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


if __name__ == "__main__":
    main(sys.argv[1])
