"""What Hugging Face's ``Trainer`` trains is watched by a callback, and is what it would be without."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dropout_lab.watching.lab import Watching
from tests.watching.labs import lab_at
from tests.watching.test_feed import eventually, told
from tests.watching.test_lightning import series
from tests.watching.test_untouched import NOWHERE

BERT = {
    "bert.embeddings.dropout": "units",
    **{
        f"bert.encoder.layer.{layer}.{name}": of
        for layer in (0, 1)
        for name, of in (
            ("attention.self.dropout", "attention weights"),
            ("attention.output.dropout", "units"),
            ("output.dropout", "units"),
        )
    },
    "dropout": "units",
}
GPT2 = {
    "transformer.drop": "units",
    **{
        f"transformer.h.{layer}.{name}": of
        for layer in (0, 1)
        for name, of in (
            ("attn.attn_dropout", "attention weights"),
            ("attn.resid_dropout", "units"),
            ("mlp.dropout", "units"),
        )
    },
}


@pytest.fixture
def hf() -> Any:
    """What needs transformers: to import it takes seconds, which no other test is to wait for."""
    from tests.watching import hf  # isort: skip  # before the callback: it says that nothing is to be downloaded
    from dropout_lab.watching import huggingface

    def watched(folder: Path, model: Any, **given: Any) -> tuple[Any, Watching]:
        callback = huggingface.WatchCallback(server=NOWHERE, quiet=True)
        trained = hf.train(folder, [callback], model, **given)
        assert callback.lab is not None
        return trained, callback.lab

    return SimpleNamespace(
        watched=watched, train=hf.train, bert=hf.bert, gpt2=hf.gpt2, WatchCallback=huggingface.WatchCallback
    )


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("name", "sites"), [("bert", BERT), ("gpt2", GPT2)])
def test_a_training_is_seen_and_not_touched(
    hf: Any, tmp_path: Path, name: str, sites: dict[str, str], attention: str
) -> None:
    make = getattr(hf, name)
    alone = hf.train(tmp_path, [], make(attention))
    trained, lab = hf.watched(tmp_path, make(attention))
    assert trained.equals(alone)

    found = lab.told_model()["sites"]
    assert {each["path"]: each["of"] for each in found} == sites
    kind = {"sdpa": "scaled_dot_product_attention", "eager": "F.dropout"}[attention]
    for site in found:
        assert site["kind"] == (kind if site["of"] == "attention weights" else "nn.Dropout")
        assert (site["available"], site["settable"], site["rate"]) == (True, True, 0.1)
        assert site["shape"][0] == 4
    rows = lab.kept.whole(0)["rows"]
    for site in found:
        steps = rows[f"step/{site['index']}"].tolist()
        assert steps[:3] == [1, 2, 3]
        assert set(rows[f"flags/{site['index']}"]) == {3}
        assert set(rows[f"size/{site['index']}"]) == {float(np.prod(site["shape"]))}

    state = lab.told_state()
    assert (state["step"], state["state"], state["mode"], state["passes"]) == (20, "ended", "step", 20 + 2 * 8)
    assert lab.told_warnings() == []
    assert "__call__" not in vars(type(trained.trainer.model))

    drawn = series(lab)
    for key in ("loss", "grad_norm", "learning_rate", "eval_loss"):
        logged = [(each["step"], each[key]) for each in trained.logged if key in each]
        assert len(logged) == (2 if key == "eval_loss" else 4)
        assert drawn[key][0] == [step for step, _ in logged]
        assert drawn[key][1] == [float(np.float32(value)) for _, value in logged]
    steps, losses = drawn["loss (of the model)"]
    assert steps == list(range(1, 21))
    assert drawn["loss"][1] == pytest.approx(np.mean(np.reshape(losses, (4, 5)), 1), rel=1e-3)
    assert set(drawn) == {"loss (of the model)", "loss", "grad_norm", "learning_rate", "eval_loss"}


def test_a_step_of_several_mini_batches_is_one(hf: Any, tmp_path: Path) -> None:
    trained, lab = hf.watched(tmp_path, hf.bert("sdpa"), gradient_accumulation_steps=2, logging_steps=1, max_steps=6)
    assert lab.steps == 6
    assert lab.kept.whole(0)["rows"]["step/0"].tolist()[:3] == [1, 1, 2]
    steps, losses = series(lab)["loss"]
    assert steps == list(range(1, 7))
    assert losses == [float(np.float32(each["loss"])) for each in trained.logged if "loss" in each]


def test_what_fails_ends_the_watch(hf: Any, tmp_path: Path, patience: float) -> None:
    callback = hf.WatchCallback(server=NOWHERE, quiet=True)
    model = hf.bert("sdpa")
    with pytest.raises(ZeroDivisionError):  # which holds the frames of the training
        hf.train(tmp_path, [callback], model, fails_at=30)
    assert callback.lab.wait_until_over(patience)
    assert callback.lab.told_state()["state"] == "failed"
    assert 0 < callback.lab.steps < 20
    assert "__call__" not in vars(type(model))
    first = callback.lab
    hf.train(tmp_path, [callback], model, max_steps=2)  # the same callback once more
    assert callback.lab is not first
    assert callback.lab.told_state()["state"] == "ended"


def test_steps_go_on_from_a_checkpoint(hf: Any, tmp_path: Path) -> None:
    hf.train(tmp_path, [], hf.bert("sdpa"), max_steps=5, save_strategy="steps", save_steps=5)
    [checkpoint] = tmp_path.glob("checkpoint-5")
    _, lab = hf.watched(tmp_path, hf.bert("sdpa"), checkpoint=checkpoint, max_steps=8)
    assert lab.steps == 8
    assert lab.kept.whole(0)["rows"]["step/0"].tolist() == [6, 7, 8]


def test_the_rate_of_attention_is_moved_where_it_stands(hf: Any, tmp_path: Path) -> None:
    class Moves(hf.WatchCallback):  # type: ignore[misc]
        def on_step_end(self, *given: Any, **named: Any) -> None:
            if self.lab is not None and self.lab.steps == 1:
                self.lab.receive(0, {"op": "set", "site": 1, "rate": 0.75}, answers.append)
            super().on_step_end(*given, **named)

    answers: list[Any] = []
    callback = Moves(server=NOWHERE, quiet=True, control=True)
    model = hf.bert("sdpa")
    hf.train(tmp_path, [callback], model, max_steps=4)
    assert answers == [{"step": 2}]
    assert model.bert.encoder.layer[0].attention.self.dropout.p == 0.75
    rates = callback.lab.kept.whole(0)["rows"]["rate/1"]
    assert rates[:3] == pytest.approx([0.1, 0.1, 0.75])


def test_the_callback_is_copied_without_its_watch(hf: Any) -> None:
    callback = hf.WatchCallback(server=NOWHERE, quiet=True)
    callback.lab = object()
    for each in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert each.lab is None
        assert each._given == callback._given


def test_of_a_compiled_model_no_mask_can_be_seen(hf: Any) -> None:
    callback = hf.WatchCallback(server=NOWHERE, quiet=True)
    state = SimpleNamespace(is_world_process_zero=True, global_step=0)
    callback.on_train_begin(SimpleNamespace(torch_compile=True), state, None, model=hf.bert("sdpa"))
    assert all("torch.compile" in site["reason"] for site in callback.lab.told_model()["sites"])
    callback.on_train_end(None, state, None)


def test_only_one_process_of_several_watches(hf: Any) -> None:
    callback = hf.WatchCallback(server=NOWHERE, quiet=True)
    state = SimpleNamespace(is_world_process_zero=False, global_step=1)
    callback.on_train_begin(None, state, None, model=None)
    callback.on_step_end(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 1.0})
    callback.on_train_end(None, state, None)
    assert callback.lab is None


def test_the_server_is_told_of_it(hf: Any, tmp_path: Path, patience: float) -> None:
    with lab_at(patience) as server:
        callback = hf.WatchCallback(server=server, name="of a Trainer", quiet=True)
        hf.train(tmp_path, [callback], hf.gpt2("sdpa"), max_steps=10)
        found = eventually(lambda: (now := told(callback.lab))["state"]["state"] == "ended" and now, "its end")
    assert (found["name"], found["control"], found["state"]["step"]) == ("of a Trainer", False, 10)
    assert {each["path"] for each in found["model"]["sites"]} == set(GPT2)
    assert found["warnings"] == []
