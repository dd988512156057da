"""What stands at the top of a script: what it is, and the numbers that one may want to change."""

from __future__ import annotations

from typing import Final

from trainer.export.data import Data
from trainer.export.recipe import Recipe
from trainer.export.text import lines, quoted, when

STEPS: Final = 1000
PRINT: Final = 'print(f"{step:5}  train {train_loss:.3f} {train_accuracy:.1%}  val {val_loss:.3f} {val_accuracy:.1%}")'


def heading(recipe: Recipe, framework: str, package: str, data: Data) -> str:
    """The docstring, and the name of the network as a comment."""
    packages = (package, *when(any("sklearn" in each for each in data.imports), "scikit-learn"))
    return lines(
        f'"""One network of a Dropout Lab run, in plain {framework}: a {recipe.network.long}.',
        "",
        "It draws other random numbers than the lab does, from the same distributions: its curves are like the lab's,",
        f"not the same. It needs: pip install numpy {' '.join(packages)}",
        '"""',
        "",
        f"# The network is called {quoted(recipe.lane.name)}.",
    )


def settings(recipe: Recipe, data: Data, found: str) -> str:
    """The constants that this lane needs, and no others.

    Args:
        recipe: the lane.
        data: what it learns from.
        found: whether a script finds out that the network diverged ``"at"`` the very step or ``"by"`` some step.
    """
    lane, apart = recipe.lane, recipe.seed != recipe.config.seed
    return lines(
        f"SEED = {recipe.seed}",
        when(apart, f"DATA_SEED = {recipe.config.seed}  # of the split and the wrong labels"),
        f"STEPS = {STEPS}",
        f"TRAIN_SIZE = {recipe.train_size}",
        data.constants,
        f"BATCH_SIZE = {recipe.config.batch_size}",
        f"LEARNING_RATE = {recipe.learning_rate!r}",
        when(recipe.scheduled, f"SCHEDULE_STEPS = {lane.schedule_steps}"),
        when(lane.l1, f"L1 = {lane.l1!r}"),
        when(lane.l2, f"L2 = {lane.l2!r}"),
        when(lane.weight_decay, f"WEIGHT_DECAY = {lane.weight_decay!r}"),
        when(lane.max_norm, f"MAX_NORM = {lane.max_norm!r}"),
        when(lane.label_smoothing, f"LABEL_SMOOTHING = {lane.label_smoothing!r}"),
        when(lane.input_noise, f"INPUT_NOISE = {lane.input_noise!r}  # standard deviation"),
        when(lane.patience, f"PATIENCE = {lane.patience}  # evaluations without improvement"),
        f'DIVERGED = "diverged {found} step {{step}}: the loss is no finite number; a lower LEARNING_RATE may help"',
    )
