"""Lightning's training is watched by a callback, and is what it would be without."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dropout_lab.watching.lab import Watching
from tests.watching.labs import lab_at
from tests.watching.test_feed import eventually, told
from tests.watching.test_untouched import NOWHERE

pytestmark = [
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
]


@pytest.fixture
def lit() -> Any:
    """What needs Lightning: to import it takes seconds, which no other test is to wait for."""
    from dropout_lab.watching import lightning
    from tests.watching import lit

    def watched(folder: Path, model: Any = None, **given: Any) -> tuple[Any, Watching]:
        callback = lightning.WatchCallback(server=NOWHERE, quiet=True)
        trained = lit.train(folder, [callback], model, **given)
        assert callback.lab is not None
        return trained, callback.lab

    return SimpleNamespace(
        watched=watched, train=lit.train, Net=lit.Net, loader=lit.loader, WatchCallback=lightning.WatchCallback
    )


def series(lab: Watching) -> dict[str, tuple[list[int], list[float]]]:
    tensors = lab.kept.whole(0)["metrics"]
    return {
        name: (tensors[f"step/{at}"].tolist(), tensors[f"value/{at}"].tolist())
        for at, name in enumerate(lab.kept.series)
    }


@pytest.mark.parametrize("by", ["call", "part", "hand"])
def test_a_training_is_seen_and_not_touched(lit: Any, tmp_path: Path, by: str) -> None:
    alone = lit.train(tmp_path, [], lit.Net(by))
    trained, lab = lit.watched(tmp_path, lit.Net(by))
    assert trained.equals(alone)

    [site] = lab.told_model()["sites"]
    assert (site["path"], site["kind"], site["rate"], site["units"]) == ("body.2", "nn.Dropout", 0.5, 16)
    rows = lab.kept.whole(0)["rows"]
    steps = rows["step/0"].tolist()
    assert steps[0] == 1
    assert steps == sorted(steps)
    assert max(np.bincount(steps)) <= (1 if by == "hand" else 2)  # a step has so many mini-batches
    assert set(rows["flags/0"]) == {3}  # in training mode, with gradients

    state = lab.told_state()
    assert (state["step"], state["state"], state["mode"]) == (30, "ended", "step")
    training = 30 if by == "hand" else 60
    assert state["passes"] == training + 2 + training // 4 * 12  # of training, of the try before it, of validation
    assert lab.told_warnings() == []
    assert "__call__" not in vars(lit.Net)
    assert lit.Net.training_step.__qualname__ == "Net.training_step"
    assert not hasattr(lit.Net.training_step, "__wrapped__")

    drawn, logged = series(lab), trained.logged
    assert drawn["train_loss_step"] == (list(range(1, 31)), logged["train_loss_step"])
    assert drawn["train_loss_epoch"][1] == logged["train_loss_epoch"]
    assert drawn["val_loss"][1] == logged["val_loss"]
    assert drawn["val_loss"][0] == list(range(4, 31, 4) if by == "hand" else range(2, 31, 2))
    assert set(drawn) == {"train_loss_step", "train_loss_epoch", "val_loss"}
    roles = {each["name"]: each["role"] for each in lab.told_model()["series"]}
    assert roles == {"train_loss_step": "train_loss", "train_loss_epoch": "train_loss", "val_loss": "val_loss"}


def test_a_loss_that_is_not_logged_is_drawn_all_the_same(lit: Any, tmp_path: Path) -> None:
    class Silent(lit.Net):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.given = self._loss(batch)
            losses.append(float(self.given.detach()))
            return {"loss": self.given}

    losses: list[float] = []
    _, lab = lit.watched(tmp_path, Silent())
    assert series(lab)["loss"] == (list(range(1, 31)), losses[1::2])


def test_what_fails_ends_the_watch(lit: Any, tmp_path: Path) -> None:
    callback = lit.WatchCallback(server=NOWHERE, quiet=True)
    with pytest.raises(ZeroDivisionError):
        lit.train(tmp_path, [callback], lit.Net(fails_at=5))
    assert (callback.lab.steps, callback.lab.told_state()["state"]) == (5, "failed")
    assert "__call__" not in vars(lit.Net)
    first = callback.lab
    lit.train(tmp_path, [callback])  # the same callback once more
    assert callback.lab is not first
    assert callback.lab.told_state()["state"] == "ended"


def test_whoever_interrupts_has_not_failed(lit: Any, tmp_path: Path) -> None:
    callback = lit.WatchCallback(server=NOWHERE, quiet=True)
    with pytest.raises(SystemExit):
        lit.train(tmp_path, [callback], lit.Net(fails_at=5, error=KeyboardInterrupt))
    assert callback.lab.told_state()["state"] == "ended"


def test_steps_go_on_from_a_checkpoint(lit: Any, tmp_path: Path) -> None:
    trained, _ = lit.watched(tmp_path, max_steps=12)
    trained.trainer.save_checkpoint(tmp_path / "at12")
    _, lab = lit.watched(tmp_path, checkpoint=tmp_path / "at12")
    assert lab.steps == 30
    assert lab.kept.whole(0)["rows"]["step/0"][0] == 13
    assert series(lab)["train_loss_step"][0] == list(range(13, 31))


def test_a_validation_alone_is_not_watched(lit: Any, tmp_path: Path) -> None:
    trained, lab = lit.watched(tmp_path, max_steps=2)
    before = series(lab), lab.told_state()["passes"]
    trained.trainer.validate(trained.model, lit.loader(), verbose=False)
    assert (series(lab), lab.told_state()["passes"]) == before


def test_the_callback_is_copied_without_its_watch(lit: Any) -> None:
    callback = lit.WatchCallback(server=NOWHERE, quiet=True, val=(torch.zeros(2, 8), torch.zeros(2)))

    model = lit.Net()
    callback.on_fit_start(SimpleNamespace(is_global_zero=True), model)
    assert callback.lab is not None
    for each in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert each.lab is None
        assert each._given["server"] == NOWHERE
    assert copy.deepcopy(model)(torch.ones(1, 8)).shape == (1, 3)
    callback.teardown(None, model, "fit")
    assert callback.lab.is_over


def test_of_a_compiled_model_no_mask_can_be_seen(lit: Any) -> None:
    callback = lit.WatchCallback(server=NOWHERE, quiet=True)
    model = lit.Net()
    model._compiler_ctx = {}  # as `trainer.fit(torch.compile(model))` leaves it
    callback.on_fit_start(SimpleNamespace(is_global_zero=True), model)
    [site] = callback.lab.told_model()["sites"]
    assert "torch.compile" in site["reason"]
    callback.teardown(None, model, "fit")


def test_only_one_process_of_several_watches(lit: Any) -> None:
    callback = lit.WatchCallback(server=NOWHERE, quiet=True)
    trainer = SimpleNamespace(is_global_zero=False, sanity_checking=False)
    callback.on_fit_start(trainer, lit.Net())
    callback.on_train_batch_end(trainer, None, None, None, 0)
    callback.on_validation_end(trainer, None)
    callback.on_train_epoch_end(trainer, None)
    callback.on_exception(trainer, None, OSError())
    assert callback.lab is None


def test_the_server_is_told_of_it(lit: Any, tmp_path: Path, patience: float) -> None:
    with lab_at(patience) as server:
        callback = lit.WatchCallback(server=server, name="of Lightning", control=True, quiet=True)
        lit.train(tmp_path, [callback])
        found = eventually(lambda: (now := told(callback.lab))["state"]["state"] == "ended" and now, "its end")
    assert (found["name"], found["control"], found["state"]["step"]) == ("of Lightning", True, 30)
    assert [each["name"] for each in found["model"]["sites"]] == ["body.2"]
    assert found["warnings"] == []
