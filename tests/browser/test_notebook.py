"""What a notebook shows of a watch: its page in a frame of a page that comes from elsewhere on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from playwright.sync_api import Page, expect
from torch import nn
from torch.nn import functional

from dropout_lab.watching import watch
from tests.watching.labs import lab_at


@contextmanager
def notebook_with(html: str) -> Iterator[str]:
    """A page that shows what a cell gave, at a port of its own, as Jupyter does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<!doctype html><html lang="en"><title>Notebook</title><link rel="icon" href="data:,">{html}</html>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_the_page_shows_in_a_frame_and_obeys(page: Page, patience: float) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    done = threading.Event()
    with lab_at(patience) as server, watch(model, server=server, name="Framed", control=True, quiet=True) as lab:

        def train() -> None:
            while not done.wait(0.02):
                loss = functional.cross_entropy(model(torch.randn(8, 8)), torch.randint(3, (8,)))
                loss.backward()  # type: ignore[no-untyped-call]
                lab.step(loss=loss)

        training = threading.Thread(target=train)
        training.start()
        try:
            with notebook_with(lab._repr_html_()) as address:
                page.goto(address)
                frame = page.frame_locator("iframe")
                expect(frame.locator("h1")).to_have_text("Framed")
                expect(frame.get_by_text("nn.Dropout", exact=False).first).to_be_visible()
                frame.get_by_role("button", name="Pause").click()
                expect(frame.get_by_role("button", name="Continue")).to_be_enabled()
                assert lab.told_state()["state"] == "paused"
                frame.get_by_role("button", name="Continue").click()
                expect(frame.get_by_role("button", name="Pause")).to_be_enabled()
                assert lab.told_state()["state"] == "training"
        finally:
            done.set()
            lab.close()  # it may be paused
            training.join()
