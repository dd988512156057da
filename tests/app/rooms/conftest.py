"""A room at a server whose pool is a fake."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings
from tests.app.conftest import Running
from tests.app.rooms.guests import Class, open_room


@pytest.fixture
async def room(lab: Running) -> Class:
    """An open room."""
    return await open_room(lab)


@pytest.fixture
def kept(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a server that keeps what there is."""
    return settings.model_copy(update={"keep": True, "data": tmp_path})
