"""The server's own files of images: whether there are any, and what that means for the knobs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from trainer.errors import ImageFilesError, KnobError
from trainer.settings.config import ExperimentConfig
from trainer.settings.schema import schema
from trainer.tables import idx

_log = logging.getLogger(__name__)


def usable_folder(folder: Path | None) -> Path | None:
    """Return the folder if there are images in it to learn from; if not, say so in the log, once, and do without."""
    if folder is None:
        return None
    try:
        images = idx.read(folder)
    except ImageFilesError as error:
        _log.error("DROPOUT_LAB_IDX_FOLDER=%s is not used: %s", folder, error)
        return None
    side = images.train_x.shape[1]
    _log.info("images of %d×%d pixels and %d classes are read from %s", side, side, len(images.classes), folder)
    return folder.resolve()


def check_images(config: ExperimentConfig, folder: Path | None) -> None:
    """Refuse a run that needs files of images on a server that has none.

    Raises:
        KnobError: it needs them.
    """
    if config.dataset == "idx" and folder is None:
        [knob] = [knob for knob in schema_without_images()["run"] if knob["name"] == "dataset"]
        there = ", ".join(choice["value"] for choice in knob["choices"])
        raise KnobError("dataset", "idx", f"one of {there} on this server, which has no files of images")


def schema_without_images() -> dict[str, Any]:
    """Return the schema of a server that has no files of images."""
    told = schema()
    for knob in told["run"]:
        if knob["name"] == "dataset":
            knob["choices"] = [choice for choice in knob["choices"] if choice["value"] != "idx"]
    told["recommended"] = {
        network: {name: config for name, config in configs.items() if name != "idx"}
        for network, configs in told["recommended"].items()
    }
    return told
