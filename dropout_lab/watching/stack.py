"""Who called: the line of a training program that something in PyTorch came from."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

import torch

_TORCH: Final = str(Path(torch.__file__).parent) + os.sep
_OURS: Final = str(Path(__file__).parents[1]) + os.sep  # as it is imported, maybe by way of a link
_FUNCTIONAL: Final = str(Path(torch.__file__).parent / "nn" / "functional.py")
_UPDATES: Final = str(Path(torch.__file__).parent / "optim" / "swa_utils.py")
_CHECKPOINT: Final = str(Path(torch.__file__).parent / "utils" / "checkpoint.py")
_LIBRARIES: Final = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")})
_DROPS: Final = frozenset(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"))


def functional_name(frame: FrameType | None) -> tuple[str | None, str | None]:
    """Return which function of ``torch.nn.functional`` drops here, if one does, and the line that called it.

    Args:
        frame: the innermost one.

    Returns:
        The function's name as in code (``F.dropout``) or None, and ``file.py:12`` or None.
    """
    name = None
    while frame is not None:
        path = frame.f_code.co_filename
        if path == _FUNCTIONAL and frame.f_code.co_name in _DROPS:
            name = f"F.{frame.f_code.co_name}"
        if not path.startswith((_TORCH, _OURS)):
            return name, written(frame)
        frame = frame.f_back
    return name, None


def call_of(frame: FrameType | None) -> tuple[CodeType, int] | None:
    """Return from where this was called: the code, and the place in it, without a look further up."""
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lasti)


def caller(frame: FrameType | None) -> str | None:
    """Return the line of the reader's own program that led here: ``train.py:57``; of a library if there is no other."""
    first = None
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((_TORCH, _OURS, "<frozen")):
            first = first or written(frame)
            if not path.startswith(_LIBRARIES):
                return written(frame)
        frame = frame.f_back
    return first


def written(frame: FrameType) -> str:
    """Return a line as people write it: the name of its file, and its number."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def is_recomputed(frame: FrameType | None) -> bool:
    """Whether PyTorch itself runs a pass without gradients in training mode.

    ``torch.utils.checkpoint`` does, and later again with them; so does ``update_bn`` of averaged weights.
    """
    while frame is not None:
        if frame.f_code.co_filename in (_CHECKPOINT, _UPDATES):
            return True
        frame = frame.f_back
    return False
