"""What is measured of the experiments on sub-networks: averages, a real ensemble, what is forgotten, what is inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from evidence.trained import Measure, Trained, Values, train
from trainer.insight import finish, look_at, make_insight
from trainer.insight.asking import Asking
from trainer.presets import Preset
from trainer.settings.commands import MOST_EXAMPLES
from trainer.training.experiment import Experiment

MEMBERS: Final = 64
WATCHED: Final = 500  # steps whose masks are told apart
LANES: Final = ("without", "dropout")


def real_ensemble(preset: Preset, seed: int) -> Values:
    """Accuracy and log-loss of one network and of all of its kind, averaged, with and without dropout."""
    found = look_at("separate", train(preset, seed).experiment)
    group = found["group"].tolist()
    values: dict[str, float] = {}
    for number, name in enumerate(LANES):
        own = [lane for lane, its in enumerate(group) if its == number]
        last = len(own) - 1
        values[f"accuracy/{name}/one"] = 100 * float(found["accuracy"][own].mean())
        values[f"accuracy/{name}/five"] = 100 * float(found["average_accuracy"][number, last])
        values[f"loss/{name}/one"] = float(found["loss"][own].mean())
        values[f"loss/{name}/five"] = float(found["average_loss"][number, last])
    return values | {"lead": values["accuracy/dropout/one"] - values["accuracy/without/five"]}


def averages(preset: Preset, seed: int) -> Values:
    """Sub-networks of both lanes, thinned with the same rates: one, averages of some, and the whole."""
    run = train(preset, seed)
    return of_averages({name: averages_of(run, lane) for lane, name in enumerate(LANES)})


def of_averages(lanes: Mapping[str, Mapping[str, float]]) -> Values:
    """The rows of both lanes, and how they compare."""
    values = {f"{row}/{name}": value for name, own in lanes.items() for row, value in own.items()}
    single = values["one/dropout"]
    differences = {
        "difference_64": values["average_64/dropout"] - values["scaling/dropout"],
        "difference_64_fresh": values["fresh_64/dropout"] - values["scaling/dropout"],
    }
    return (
        values
        | differences
        | {f"mean_{name}": value for name, value in differences.items()}
        | {
            "arithmetic_ratio": values["arithmetic_loss/dropout"] / values["scaling_loss/dropout"],
            "geometric_ratio": values["geometric_loss/dropout"] / values["scaling_loss/dropout"],
            "arithmetic_floor": values["arithmetic_loss/dropout"] / values["scaling_loss/dropout"],
            "scaling_lead": values["scaling/dropout"] - single,
            "one_floor/dropout": single,
            "one_ceiling/without": values["one/without"],
        }
    )


def averages_of(run: Trained, lane: int) -> dict[str, float]:
    """Of one lane, thinned with the rates of the lane with dropout."""
    ensemble, fresh = (
        run.experiment.sample_subnetworks(lane, MEMBERS, like=1, masks=masks) for masks in ("per_member", "per_example")
    )
    return {
        "one": 100 * float(ensemble.accuracy.mean()),
        "average_64": 100 * float(ensemble.average_accuracy[-1]),
        "scaling": 100 * ensemble.weight_scaling_accuracy,
        "scaling_loss": ensemble.weight_scaling_loss,
        "arithmetic_loss": float(ensemble.average_loss[-1]),
        "geometric_loss": float(ensemble.geometric_loss[-1]),
        **{f"fresh_{count}": 100 * float(fresh.average_accuracy[count - 1]) for count in (2, 4, 8, 16, 32, 64)},
    }


def forgotten(preset: Preset, seed: int) -> Values:
    """Accuracy and loss as they should be judged, and with the training mode left on."""
    run = train(preset, seed)
    found = look_at("forgotten", run.experiment)
    values: dict[str, float] = {}
    for lane, name in enumerate(run.lanes):
        values[f"accuracy/{name}"] = 100 * float(found["val_accuracy"][lane])
        values[f"loss/{name}"] = float(found["val_loss"][lane])
        values[f"forgotten_accuracy/{name}"] = 100 * float(found["forgotten_accuracy"][lane])
        values[f"forgotten_loss/{name}"] = float(found["forgotten_loss"][lane])
    return with_differences(values, run.lanes)


def with_differences(values: Mapping[str, float], lanes: Sequence[str]) -> Values:
    """What each lane loses, beside what it has."""
    lost = {f"difference/{name}": values[f"accuracy/{name}"] - values[f"forgotten_accuracy/{name}"] for name in lanes}
    return {**values, **lost}


def inside(preset: Preset, seed: int) -> Values:
    """What the units of both lanes do, and how many of them can be lost."""
    run = train(preset, seed)
    activity, correlation, damage = (look_at(view, run.experiment) for view in ("activity", "correlation", "damage"))
    values: dict[str, float] = {}
    for layer in run.experiment.config.layers[1:]:
        figures = {
            "mean": activity[f"mean/{layer}"],
            "firing": activity[f"firing/{layer}"],
            "correlation": correlation[f"mean/{layer}"],
            "strong": correlation[f"strong/{layer}"],
        }
        values |= {f"{name}/{layer}": float(each[1]) / float(each[0]) for name, each in figures.items()}
        values[f"mean_ceiling/{layer}"] = values[f"mean/{layer}"]
    matrices = [weight for weight in run.experiment.model.weights if weight.ndim == 3 and weight.shape[1] > 1]
    for number, weight in enumerate(matrices, 1):
        without, dropout = weight.detach().abs().mean(dim=(1, 2)).tolist()
        values[f"weights/{number}"] = dropout / without
    for share, (without, dropout) in zip(damage["share"], 100 * damage["accuracy"].T, strict=True):
        values[f"damage_{round(100 * share)}/without"] = float(without)
        values[f"damage_{round(100 * share)}/dropout"] = float(dropout)
    lead = values["damage_50/dropout"] - values["damage_50/without"]
    return values | {"damage_lead": lead, "distinct": distinct(preset, seed)}


def distinct(preset: Preset, seed: int) -> float:
    """Which share of the masks of the first steps are different ones, in percent."""
    experiment = Experiment(preset.config.model_copy(update={"seed": seed}), device="cpu")
    visits = make_insight("visits", experiment)
    visits.saw(experiment.run(WATCHED))
    found = finish(visits.look())
    return 100 * float(found["distinct"][0]) / float(found["masks"][0])


def features(preset: Preset, seed: int) -> Values:
    """The atoms of two autoencoders' decoders, without and with dropout, and how well they paint new images."""
    experiment = Experiment(preset.config.model_copy(update={"seed": seed}), device="cpu")
    view = make_insight("features", experiment)
    found = finish(view.look())
    while not view.settled:
        found = finish(view.look())
    without, dropout = found["auto/sparsity"].tolist()
    plain, dropped = found["auto/val_loss"].tolist()
    return {
        "sparsity/without": without,
        "sparsity/dropout": dropout,
        "sparsity_ratio": dropout / without,
        "mse/without": plain,
        "mse/dropout": dropped,
    }


def draw(preset: Preset, seed: int) -> Values:
    """How far sub-networks agree on digits that were held out, where their answer is right and where it is wrong."""
    experiment = train(preset, seed).experiment
    asking = Asking(experiment)
    answers = [asking.ask(x) for x in torch.split(experiment.judge.val_x, MOST_EXAMPLES)]
    votes = torch.cat([answer.votes for answer in answers])  # (V, M, C)
    return of_votes(votes, torch.cat([answer.information for answer in answers]).double(), experiment.judge.val_y.cpu())


def of_votes(votes: Tensor, information: Tensor, y: Tensor) -> Values:
    """The same of probabilities (V, M, C), mutual information (V,) and labels (V,)."""
    voted = votes.mean(dim=1).argmax(dim=1)  # (V,)
    agree = 100 * (votes.argmax(dim=2) == voted[:, None]).double().mean(dim=1)
    right = voted == y
    values = {f"agreement/{name}": float(agree[of].mean()) for name, of in (("right", right), ("wrong", ~right))}
    values |= {
        f"information/{name}": float(information[of].mean()) for name, of in (("right", right), ("wrong", ~right))
    }
    return values | {"agreement_lead": values["agreement/right"] - values["agreement/wrong"]}


MEASURES: Final[dict[str, Measure]] = {
    "real-ensemble": real_ensemble,
    "averages": averages,
    "draw": draw,
    "forgotten-eval": forgotten,
    "inside": inside,
    "features": features,
}
"""By the id of the experiment."""
