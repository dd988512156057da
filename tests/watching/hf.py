"""Small models of Hugging Face's, and their training; imported only by tests that have the time for transformers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

WORDS, LENGTH, EXAMPLES, BATCH, LABELS = 50, 8, 64, 4, 3
STEPS: Final = 20


def bert(attention: str) -> Any:
    """BERT of two layers, not trained."""
    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=WORDS,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=16,
            num_labels=LABELS,
            attn_implementation=attention,
        )
    )


def gpt2(attention: str) -> Any:
    """GPT-2 of two layers, not trained."""
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=WORDS,
            n_positions=16,
            n_embd=16,
            n_layer=2,
            n_head=2,
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation=attention,
        )
    )


class Sentences(Dataset[dict[str, Tensor]]):
    """Words at random.

    Args:
        model: for which they are.
        fails_at: the number of the reading that fails.
    """

    def __init__(self, model: nn.Module, fails_at: int | None = None) -> None:
        draw = torch.Generator().manual_seed(1)
        self._words = torch.randint(WORDS, (EXAMPLES, LENGTH), generator=draw)
        labels = torch.randint(LABELS, (EXAMPLES,), generator=draw)
        self._labels = self._words if isinstance(model, GPT2LMHeadModel) else labels
        self._fails_at, self._read = fails_at, 0

    def __len__(self) -> int:
        return EXAMPLES

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        self._read += 1
        if self._read == self._fails_at:
            raise ZeroDivisionError
        return {"input_ids": self._words[at], "labels": self._labels[at]}


@dataclass
class Trained:
    """What a training came to."""

    trainer: Trainer
    logged: list[dict[str, float]]
    state: dict[str, Tensor]
    generator: Tensor

    def equals(self, other: Trained) -> bool:
        return (
            self.logged == other.logged
            and torch.equal(self.generator, other.generator)
            and all(torch.equal(value, other.state[name]) for name, value in self.state.items())
        )


def train(
    folder: Path,
    callbacks: list[TrainerCallback],
    model: Any,
    fails_at: int | None = None,
    checkpoint: Path | None = None,
    **settings: Any,
) -> Trained:
    """Train 20 steps, with an evaluation behind every tenth."""
    usual = {"max_steps": STEPS, "save_strategy": "no", "logging_steps": 5}
    arguments = TrainingArguments(
        output_dir=str(folder),
        **{**usual, **settings},
        per_device_train_batch_size=BATCH,
        learning_rate=1e-3,
        eval_strategy="steps",
        eval_steps=10,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model, arguments, train_dataset=Sentences(model, fails_at), eval_dataset=Sentences(model), callbacks=callbacks
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    kept = [
        {name: value for name, value in each.items() if not name.endswith(("_runtime", "_per_second"))}
        for each in trainer.state.log_history
    ]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return Trained(trainer, kept, state, torch.get_rng_state())
