"""The pages of rooms: the same for every room, made once, and found below any path."""

from __future__ import annotations

import re

import pytest

from app.pages import Pages
from app.settings import Settings
from tests.app.conftest import running
from tests.app.fakes import FakePool, Witness

PATHS = ["/rooms", "/r/K7QX3M", "/rooms/K7QX3M/host", "/rooms/K7QX3M/projector"]


@pytest.mark.parametrize("path", PATHS)
async def test_each_page_is_there_and_all_that_it_names(path: str, patience: float) -> None:
    async with running(FakePool(), Settings(log_level="error", single_modules=True), patience) as lab:
        page = await lab.client.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await lab.client.head(path)).status_code == 200
        again = await lab.client.get(path, headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        addresses = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
        assert any(address.endswith(".css") for address in addresses)
        for address in addresses:
            assert address.startswith("."), address  # so that it holds below any path
            assert (await lab.client.get(str(page.url.join(address)))).status_code == 200, address


async def test_a_page_is_made_once_for_all_rooms(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Witness(lambda key: key)
    kept = Pages._kept

    async def noted(self: Pages, key: tuple[object, ...], render: object) -> object:
        if key not in self._made:
            made(key)
        return await kept(self, key, render)  # type: ignore[arg-type]

    monkeypatch.setattr(Pages, "_kept", noted)
    async with running(FakePool(), Settings(log_level="error"), patience) as lab:
        pages = [(await lab.client.get(f"/r/{code}")).text for code in ("K7QX3M", "222222", "K7QX3M")]
    assert len({*pages}) == 1
    assert "K7QX3M" not in pages[0]
    assert len(made.threads) == 1


async def test_a_slash_at_its_end_is_forgiven_and_what_is_no_page_is_none(patience: float) -> None:
    async with running(FakePool(), Settings(log_level="error"), patience) as lab:
        answer = await lab.client.get("/r/K7QX3M/", follow_redirects=True)
        assert (answer.status_code, answer.url.path) == (200, "/r/K7QX3M")
        assert (await lab.client.get("/rooms/K7QX3M/nothing")).status_code == 404
        assert (await lab.client.post("/rooms")).status_code == 405
