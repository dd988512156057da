from __future__ import annotations

import logging

import pytest

from trainer.worker.__main__ import usable_device


def no_gpu(name: str) -> str:
    if name != "cpu":
        raise RuntimeError("CUDA error: out of memory")
    return name


def test_a_gpu_that_was_found_but_cannot_be_used_gives_way_to_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert usable_device("auto", no_gpu) == "cpu"
    assert "out of memory" in caplog.text


def test_a_gpu_that_was_asked_for_by_name_does_not() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        usable_device("cuda", no_gpu)


def test_the_device_that_can_be_used_is_the_one_that_was_found() -> None:
    assert usable_device("auto", lambda name: "cuda:0") == "cuda:0"
