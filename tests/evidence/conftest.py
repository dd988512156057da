"""Training in tests takes one thread, as it does under ``make evidence``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.trainer.conftest import THREADS


@pytest.fixture(autouse=True, scope="module")
def few_threads() -> Iterator[None]:
    """Two test processes that each take both cores wait for each other: a step then takes up to 50 times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)
