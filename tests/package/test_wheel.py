"""The wheel, and the lab as whoever has installed it meets it: far from any checkout, beside modules of their own."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app import __version__
from app.sources import files_below
from scripts.wheel.backend import made_of
from scripts.wheel.staging import ROOT
from tests.app.clients import watch
from tests.package.conftest import Built, Installed, clean_environment

OWN = ("app", "trainer", "lessons", "static", "templates", "built", "dropout", "random", "token")
"""Names of a user's own modules: of what the lab is made of, and of Python itself."""


def test_the_wheel_holds_what_was_laid_out_for_it_and_what_describes_it(built: Built) -> None:
    with zipfile.ZipFile(built.path) as wheel:
        names = set(wheel.namelist())
    laid_out = {f"dropout_lab/{name}" for name in files_below(built.staged / "dropout_lab")}
    about = {name for name in names if name.startswith(f"dropout_lab-{__version__}.dist-info/")}
    assert names - about == laid_out
    assert {"dropout_lab/py.typed", "dropout_lab/app/pool/local.py", "dropout_lab/trainer/presets/seeds.json"} <= names
    assert {
        "dropout_lab/templates/lab.html",
        "dropout_lab/lessons/en/glossary.toml",
        "dropout_lab/built/manifest.json",
        "dropout_lab/static/js/main.js",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert {name.split("/", 1)[1] for name in about} >= {"METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_nothing_in_the_wheel_tells_where_it_was_made(built: Built) -> None:
    places = {str(ROOT), str(Path.home()), str(built.staged), str(built.staged.parent), sys.prefix}
    with zipfile.ZipFile(built.path) as wheel:
        told = {
            (name, place) for name in wheel.namelist() for place in places if place.encode() + b"/" in wheel.read(name)
        }
        assert told == set()
        assert {each.date_time[0] for each in wheel.infolist()} == {1980}


def test_the_same_checkout_makes_the_same_wheel(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.staged, tmp_path / "again", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    assert made_of(tmp_path / "again", tmp_path / "dist").read_bytes() == built.path.read_bytes()


def test_at_the_top_there_is_one_package_alone(installed: Installed) -> None:
    assert installed.top == {"dropout_lab", f"dropout_lab-{__version__}.dist-info"}


@pytest.mark.parametrize("by", ["command", "module"])
def test_it_says_its_version(installed: Installed, tmp_path: Path, by: str) -> None:
    words = [installed.command] if by == "command" else [installed.python, "-m", "dropout_lab"]
    said = installed.run(*words, "--version", at=tmp_path)
    assert (said.stdout, said.stderr) == (f"Dropout Lab {__version__}\n", "")


def own_modules(folder: Path) -> Path:
    """A folder with a user's own modules, which must not be imported by others."""
    for name in OWN:
        (folder / f"{name}.py").write_text(f"OWNER = 'whoever installed it: {name}'\n")
    return folder


TRAIN = """
import sys
import dropout_lab
assert "torch" not in sys.modules, "the package imports torch before it is needed"
import app, static, trainer
from dropout_lab import Experiment, ExperimentConfig, Lane, __version__
config = ExperimentConfig(dataset="moons", hidden=[8], lanes=[Lane(), Lane(dropout=[0.1, 0.5])])
steps = Experiment(config, device="cpu").run(3)
assert steps.loss.shape == (3, 2), steps.loss.shape
assert all("whoever" in each.OWNER for each in (app, static, trainer))
assert sys.modules["trainer"].__file__.startswith(sys.argv[1])
print(__version__)
"""


def test_the_trainer_trains_beside_modules_that_are_called_as_its_parts(installed: Installed, tmp_path: Path) -> None:
    folder = own_modules(tmp_path)
    (folder / "random.py").unlink()  # what stands in for Python's own is in the way of every program
    (folder / "token.py").unlink()
    (folder / "train.py").write_text(TRAIN)
    said = installed.run(installed.python, "train.py", str(folder), at=folder)
    assert (said.stdout, said.stderr, said.returncode) == (f"{__version__}\n", "", 0)


def test_there_is_no_checkout_behind_it(installed: Installed, tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; print([u.find_spec(name) for name in ('app', 'trainer', 'scripts', 'evidence')])"
    )
    assert installed.run(installed.python, "-c", code, at=tmp_path).stdout == "[None, None, None, None]\n"


def test_a_type_checker_sees_its_types(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(
        "from dropout_lab import ExperimentConfig, Lane, watch\n"
        "reveal_type(ExperimentConfig().seed)\nreveal_type(Lane().dropout)\nLane.parse = 1\n"
        "reveal_type(watch)\n"
    )
    large = "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in ("torch", "numpy", "sklearn"))
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = true\n{large}")  # their types are not what is asked here
    words = ["-m", "mypy", "--python-executable", installed.python, "--cache-dir", str(tmp_path / "cache"), "use.py"]
    said = installed.run(sys.executable, *words, at=tmp_path).stdout
    assert 'Revealed type is "int"' in said or 'Revealed type is "builtins.int"' in said
    assert "tuple[" in said
    assert "dropout_lab.watching.lab.Watching" in said
    assert '"type[Lane]" has no attribute "parse"' in said
    assert "found 1 error in 1 file" in said.lower()


@asynccontextmanager
async def lab(
    installed: Installed, at: Path, patience: float, *words: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, started in a folder; its process, and the address that it prints."""
    process = await asyncio.create_subprocess_exec(
        installed.command,
        "--port",
        "0",
        *words,
        cwd=at,
        env=clean_environment(
            DROPOUT_LAB_WORKERS="1", DROPOUT_LAB_THREADS="1", DROPOUT_LAB_DEVICE="cpu", DROPOUT_LAB_LOG_LEVEL="warning"
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 4 * patience)).decode()
        address = re.fullmatch(rf"Dropout Lab {__version__} is ready at (http://127\.0\.0\.1:\d+)/ .*\n", line)
        assert address, line
        yield process, address[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process, patience: float) -> tuple[int | None, str]:
    """Its exit status behind a SIGTERM, and what it logged."""
    process.send_signal(signal.SIGTERM)
    _, logged = await asyncio.wait_for(process.communicate(), 4 * patience)
    return process.returncode, logged.decode()


async def well(client: httpx.AsyncClient, patience: float) -> dict[str, Any]:
    """How the lab is, as soon as it has a worker."""
    async with asyncio.timeout(4 * patience):
        while (answer := await client.get("/healthz")).status_code != 200:
            await asyncio.sleep(0.1)
    health: dict[str, Any] = answer.json()
    return health


def loaded(page: str) -> set[str]:
    """The files that a page loads."""
    return set(re.findall(r'(?:src|href)="\./((?:static|vendor)/[^"]+)"', page))


async def test_from_an_empty_folder_it_serves_the_page_and_trains(
    installed: Installed, tmp_path: Path, patience: float
) -> None:
    folder, data = tmp_path / "empty", tmp_path / "data"
    folder.mkdir()
    async with lab(installed, folder, patience, "--data", str(data)) as (process, url):
        async with httpx.AsyncClient(base_url=url, timeout=patience, verify=False) as client:
            page = await client.get("/")
            assert page.status_code == 200
            files = loaded(page.text)
            assert len(files) >= 4
            assert all(re.match(r"static/[0-9a-f]{16}/", each) for each in files), "the page is not the bundled one"
            for path in [*sorted(files), "static/js/main.js", "reference", "rooms", "runs"]:
                assert (await client.get("/" + path)).status_code == 200, path
            health = await well(client, patience)
            assert (health["version"], health["store"]["status"]) == (__version__, "ok")
            run = (await client.post("/api/runs", json={})).json()
            async with await watch(url, run, 4 * patience, owner=True) as viewer:
                await viewer.ask("play")
                await viewer.until_step(5)
            views = await client.get("/api/runs/" + run["id"])
            assert views.status_code == 200
        [worker] = psutil.Process(process.pid).children()
        assert "dropout_lab.trainer.worker" in worker.cmdline()
        status, logged = await ended(process, patience)
    assert (status, logged) == (0, "")
    assert not worker.is_running()
    assert list(folder.iterdir()) == []
    assert (data / "lab.sqlite3").is_file()


WATCH = """
import sys
import torch
from dropout_lab import watch
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with watch(model, optimizer=optimizer, server=sys.argv[1]) as lab:
    for _ in range(3):
        model(torch.ones(2, 4)).sum().backward()
        optimizer.step()
"""


async def test_a_model_of_ones_own_is_watched(installed: Installed, tmp_path: Path, patience: float) -> None:
    (tmp_path / "train.py").write_text(WATCH)
    async with lab(installed, tmp_path, patience, "--data", str(tmp_path / "data")) as (process, url):
        words = [installed.python, "train.py", url]
        said = await asyncio.to_thread(installed.run, *words, at=tmp_path)
        address = re.fullmatch(rf"Dropout Lab: {url}/watch/([\w-]+).*\n", said.stdout)
        assert address, said
        async with httpx.AsyncClient(base_url=url, timeout=patience, verify=False) as client:
            told = (await client.get(f"/api/watches/{address[1]}")).json()
        assert [site["path"] for site in told["model"]["sites"]] == ["1"]
        assert await ended(process, patience) == (0, "")


async def test_modules_of_whoever_starts_it_are_in_nobodys_way(
    installed: Installed, tmp_path: Path, patience: float
) -> None:
    folder = own_modules(tmp_path)
    async with lab(installed, folder, patience, "--data", str(tmp_path / "data")) as (process, url):
        async with httpx.AsyncClient(base_url=url, timeout=patience, verify=False) as client:
            assert (await well(client, patience))["workers"] == {"alive": 1, "wanted": 1}
        assert await ended(process, patience) == (0, "")


def test_a_value_that_is_not_allowed_is_one_line_and_status_2(installed: Installed, tmp_path: Path) -> None:
    said = installed.run(installed.command, "--port", "http", at=tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "Dropout Lab cannot start: --port 'http' is not allowed: it must be a whole number from 0 to 65,535\n"
    )


def test_metadata_has_the_version_the_licence_and_ranges(installed: Installed, tmp_path: Path) -> None:
    code = (
        "import json; from importlib.metadata import metadata as m; about = m('dropout-lab'); "
        "print(json.dumps([about[x] for x in ('Version', 'License-Expression', 'Requires-Python')]))"
    )
    said = json.loads(installed.run(installed.python, "-c", code, at=tmp_path).stdout)
    assert said == [__version__, "MIT", ">=3.11"]
