"""What every test of the trainer gets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest
import torch

THREADS: Final = int(os.environ.get("DROPOUT_LAB_TEST_THREADS", "1"))
"""Threads of a test; ``make processors`` runs all of them with two as well."""


@pytest.fixture(autouse=True)
def few_threads() -> Iterator[None]:
    """Networks of this size are slower on two threads than on one when something else runs beside them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(threads)
