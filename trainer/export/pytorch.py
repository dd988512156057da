"""A lane as a script in plain PyTorch."""

from __future__ import annotations

from typing import Final

from trainer.export.data import Data, data_part
from trainer.export.frame import PRINT, heading, settings
from trainer.export.network import Exporter, Layer, exporter
from trainer.export.pytorch_layers import dropout_name, own_layers, spatial_name
from trainer.export.recipe import Recipe
from trainer.export.schedule import share_function
from trainer.export.text import block, imports, inside, lines, module, when
from trainer.settings.lane import EVALUATE_EVERY


def pytorch_script(recipe: Recipe) -> str:
    """The whole script."""
    network = exporter(recipe)
    data = data_part(recipe, network.example(recipe, channels_last=False))
    return module(
        lines(heading(recipe, "PyTorch", "torch", data), "", _imports(recipe, data), "", settings(recipe, data, "at")),
        *data.functions,
        *own_layers(recipe),
        network.pytorch(recipe, _sequential(network, recipe)),
        share_function(recipe),
        _EVALUATE,
        _BATCHES,
        _limit_norms(recipe),
        _main(recipe),
        'if __name__ == "__main__":\n    main()',
    )


def _imports(recipe: Recipe, data: Data) -> str:
    standard = imports(
        ("import math", "from itertools import islice", *when(recipe.lane.patience, "import copy"), *data.standard)
    )
    others = ("import numpy as np", "import torch", *data.imports, "from torch import nn")
    return lines(standard, "", others)


# ---------------------------------------------------------------- the network


def _layer(recipe: Recipe, layer: Layer) -> str:
    match layer.kind:
        case "dense":
            return f"nn.Linear({layer.inputs}, {layer.outputs})"
        case "dropconnect":
            return f"DropConnect({layer.inputs}, {layer.outputs}, p={layer.rate!r})"
        case "conv":
            return f"nn.Conv2d({layer.inputs}, {layer.outputs}, kernel_size=3, padding=1)"
        case "norm":
            return f"nn.BatchNorm{2 if layer.image else 1}d({layer.outputs})"
        case "relu":
            return "nn.ReLU()"
        case "pool":
            return "nn.MaxPool2d(2)"
        case "flatten":
            return "nn.Flatten()"
        case "dropout":
            return f"{dropout_name(recipe)}(p={layer.rate!r})"
        case "spatial":
            return f"{spatial_name(recipe)}(p={layer.rate!r})"


def _sequential(network: Exporter, recipe: Recipe) -> str:
    inner = lines(f"{_layer(recipe, layer)}," for layer in network.chain(recipe))
    return lines("nn.Sequential(", inside(inner), ")")


# ---------------------------------------------------------------- training

_EVALUATE: Final = block('''
    def evaluate(model, x, y):
        """Loss and accuracy in evaluation mode: nothing is dropped."""
        model.eval()  # dropout off
        with torch.no_grad():
            logits = model(x)
        model.train()
        return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(dim=1) == y).float().mean().item()
    ''')

_BATCHES: Final = block('''
    def batches(x, y):
        """Mini-batches without end: every epoch in a new order, its last, incomplete one left out."""
        while True:
            for rows in torch.randperm(len(x)).split(BATCH_SIZE):
                if len(rows) == BATCH_SIZE:
                    yield x[rows], y[rows]
    ''')


def _limit_norms(recipe: Recipe) -> str:
    if not recipe.lane.max_norm:
        return ""
    return block('''
        @torch.no_grad()
        def limit_norms(model):
            """Shorten the weights into each hidden unit to MAX_NORM at most; biases are left alone."""
            *hidden, _ = (weight for weight in model.parameters() if weight.dim() > 1)  # the last are the output's
            for weight in hidden:
                weight.copy_(torch.renorm(weight, p=2, dim=0, maxnorm=MAX_NORM))
        ''')


def _optimizer(recipe: Recipe) -> str:
    """PyTorch's weight_decay is an L2 penalty in Adam and SGD, and decoupled weight decay in AdamW alone."""
    lane, adam = recipe.lane, recipe.config.optimizer == "adam"
    if adam and lane.weight_decay:
        return "torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)"
    what = (
        "Adam(model.parameters(), lr=LEARNING_RATE"
        if adam
        else ("SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9")
    )
    return f"torch.optim.{what}{', weight_decay=L2' if lane.l2 else ''})"


def _loss(recipe: Recipe) -> list[str]:
    lane = recipe.lane
    smoothed = ", label_smoothing=LABEL_SMOOTHING" if lane.label_smoothing else ""
    by_hand = lane.l2 and lane.weight_decay and recipe.config.optimizer == "adam"
    return [
        *when(lane.input_noise, "x = x + INPUT_NOISE * torch.randn_like(x)"),
        f"loss = nn.functional.cross_entropy(model(x), y{smoothed})",
        *when(lane.l1, "loss = loss + L1 * sum(weight.abs().sum() for weight in model.parameters())"),
        *when(by_hand, "loss = loss + L2 / 2 * sum(weight.square().sum() for weight in model.parameters())"),
    ]


def _step(recipe: Recipe) -> str:
    """One update."""
    lane = recipe.lane
    shrink = lane.weight_decay and recipe.config.optimizer == "sgd"
    return lines(
        when(recipe.scheduled, "for layer, rate in rates:", "    layer.p = rate * share(step)"),
        _loss(recipe),
        _DIVERGED,
        "optimizer.zero_grad()",
        "loss.backward()",
        when(
            shrink,
            "with torch.no_grad():  # decoupled from the gradient (Loshchilov & Hutter 2019)",
            "    for weight in model.parameters():",
            "        weight.mul_(1 - LEARNING_RATE * WEIGHT_DECAY)",
        ),
        "optimizer.step()",
        when(lane.max_norm, "limit_norms(model)"),
    )


_DIVERGED: Final = block("""
    if not torch.isfinite(loss):
        raise SystemExit(DIVERGED.format(step=step))
    """)

_SCORES: Final = block("""
    train_loss, train_accuracy = evaluate(model, train_x, train_y)
    val_loss, val_accuracy = evaluate(model, val_x, val_y)
    if not math.isfinite(train_loss + val_loss):
        raise SystemExit(DIVERGED.format(step=step))
    history.append((step, train_loss, val_loss, train_accuracy, val_accuracy))
    PRINT
    """).replace("PRINT", PRINT)

_STOP: Final = block("""
    if val_loss < best_loss:
        best_loss, best_weights, waited = val_loss, copy.deepcopy(model.state_dict()), 0
    else:
        waited += 1
        if waited == PATIENCE:
            model.load_state_dict(best_weights)
            break
    """)


def _main(recipe: Recipe) -> str:
    lane = recipe.lane
    apart = recipe.seed != recipe.config.seed
    wrong = "make_labels_wrong(train_y, rng)" if recipe.config.label_noise else "train_y"
    setup = lines(
        f"rng = np.random.default_rng({'DATA_SEED' if apart else 'SEED'})",
        "torch.manual_seed(SEED)",
        "train_x, train_y, val_x, val_y = load_data(rng)",
        when(wrong != "train_y", f"train_y = {wrong}"),
        "train_x, train_y, val_x, val_y = map(torch.from_numpy, (train_x, train_y, val_x, val_y))",
        "",
        f"model = {exporter(recipe).made_by}()",
        f"optimizer = {_optimizer(recipe)}",
        when(recipe.scheduled, 'rates = [(layer, layer.p) for layer in model.modules() if hasattr(layer, "p")]'),
        when(lane.patience, 'best_loss, waited = float("inf"), 0'),
        "history = []",
        "model.train()  # dropout on",
    )
    loop = lines(
        "for step, (x, y) in enumerate(islice(batches(train_x, train_y), steps), start=1):",
        inside(_step(recipe)),
        "",
        f"    if step % {EVALUATE_EVERY} == 0:",
        inside(_SCORES, 2),
        when(lane.patience, inside(_STOP, 2)),
        "return history",
    )
    return lines(
        "def main(steps=STEPS):",
        '    """Train, and return (step, training loss, validation loss, and both accuracies) every '
        f'{EVALUATE_EVERY} steps."""',
        inside(setup),
        inside(loop),
    )
