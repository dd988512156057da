"""A real notebook: a cell that ends with ``lab`` shows the page of the watch in a frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import httpx
import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from tests.conftest import timeout_of
from tests.watching.labs import lab_at
from tests.watching.test_feed import eventually, told_at

ROOT: Final = Path(__file__).resolve().parents[2]
CELLS: Final = (
    """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
""",
    """
from dropout_lab import watch
lab = watch(model, server="ADDRESS", name="of a notebook", control=True)
""",
    """
optimizer = torch.optim.Adam(model.parameters())
for step in range(20):
    loss = nn.functional.cross_entropy(model(torch.randn(8, 8)), torch.randint(3, (8,)))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    lab.step(loss=loss)
""",
    "lab",
    "lab.close()",
)


class Client(NotebookClient):
    """Notes where the kernel listens before the last cell runs."""

    heard: list[str]

    async def async_execute_cell(self, cell: Any, cell_index: int, *given: Any, **named: Any) -> Any:
        if cell_index == len(CELLS) - 1:
            assert self.km is not None
            kernel = psutil.Process(vars(self.km.provisioner)["pid"])
            lines = [line for each in (kernel, *kernel.children(True)) for line in each.net_connections("inet")]
            self.heard = [line.laddr.ip for line in lines if line.status == psutil.CONN_LISTEN]
        return await super().async_execute_cell(cell, cell_index, *given, **named)


def a_notebook(*sources: str) -> Any:
    new: Any = nbformat.v4
    return new.new_notebook(cells=[new.new_code_cell(source) for source in sources])


@pytest.fixture
def quiet_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what Jupyter and IPython write in a folder of the test."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.usefixtures("quiet_jupyter")
async def test_a_cell_shows_the_page(tmp_path: Path, patience: float) -> None:
    with lab_at(patience) as server:
        notebook = a_notebook(*(cell.strip().replace("ADDRESS", server) for cell in CELLS))
        client = Client(notebook, timeout=int(timeout_of(120)), kernel_name="python3")
        kernel = client.create_kernel_manager()
        kernel.transport = "ipc"  # sockets in a folder
        kernel.ip = str(tmp_path / "kernel")
        await client.async_execute()
        assert set(client.heard) <= {"127.0.0.1"}

        printed = notebook.cells[1].outputs[0]["text"]
        watch = re.fullmatch(rf"Dropout Lab: {server}(/watch/[\w-]{{22}})#(token=[\w-]{{43}})\n", printed)
        assert watch is not None
        [shown] = notebook.cells[3].outputs
        assert shown["output_type"] == "execute_result"
        assert shown["data"]["text/plain"] == f"<watch of of a notebook: step 20, {server}{watch[1]}>"
        frame = re.search(r'<iframe src="([^"]+)"', shown["data"]["text/html"])
        assert frame is not None
        assert frame[1] == f"{server}{watch[1]}?embed=1#{watch[2]}"

        async with httpx.AsyncClient() as browser:
            page = await browser.get(frame[1])
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "x-frame-options" not in page.headers
        assert page.headers["cross-origin-resource-policy"] == "cross-origin"
        policy = dict(each.strip().split(" ", 1) for each in page.headers["content-security-policy"].split(";"))
        assert {"http://localhost:*", "http://127.0.0.1:*"} <= set(policy["frame-ancestors"].split())

        found = eventually(lambda: (now := told_at(frame[1]))["state"]["state"] == "ended" and now, "its end")
        assert (found["name"], found["state"]["step"], found["control"]) == ("of a notebook", 20, True)
        assert [site["name"] for site in found["model"]["sites"]] == ["2"]
