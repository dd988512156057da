"""Part 4: what is told of masks is what was done, and chance is what it should be."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import NETWORKS, config_of, every_kind, share_of_largest, started, state_of
from trainer.dropout.kinds import WORDS, deviation, normal_table, threshold
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS

SIGMAS: Final = 6.0
"""A binomial number is farther from its mean than so many standard deviations once in 5e8 draws."""

_RATES: Final = (0.05, 0.2, 0.5, 0.8, 0.95)


def check(sheet: Sheet) -> None:
    """A row for each network and kind of dropout, and for what there is to say of all of them together."""
    for network, kind in product(sheet.choose(NETWORKS, ("mlp",)), KINDS):
        config = config_of(network, [{"rate": 0.4, "dropout_kind": kind}, {"rate": 0.2}])
        sheet.attempt(f"{network}, {kind}: bits are the multiplier", lambda: _bits(sheet, config))  # noqa: B023
        sheet.attempt(f"{network}, {kind}: the multiplier was used", lambda: _used(sheet, config))  # noqa: B023
    for rate in sheet.choose(_RATES, _RATES[1:3]):
        sheet.attempt(f"share kept at rate {rate:g}", lambda: _kept(sheet, rate))  # noqa: B023
    sheet.attempt("share of weights kept by DropConnect", lambda: _kept_weights(sheet))
    sheet.attempt("full range of the noise", lambda: _range(sheet))
    for network in sheet.choose(NETWORKS, ("lstm",)):
        config = config_of(network, [*every_kind(), {"rate": 0.2, "batch_norm": True, "input_noise": 0.1}, {"seed": 9}])
        sheet.attempt(f"{network}: run(8) is run(1) eight times", lambda: _cut(sheet, config))  # noqa: B023
        sheet.attempt(f"{network}: saved and loaded", lambda: _saved(sheet, config))  # noqa: B023


def _bits(sheet: Sheet, config: ExperimentConfig) -> Finding:
    """Compare the masks on record with the tensors that activations and weights were multiplied with."""
    experiment, wrong, bits = started(sheet, config), 0, 0
    for _ in range(sheet.choose(10, 2)):
        steps = experiment.run(1)
        step, lane = int(steps.step[0]), steps.lane
        row = experiment.batches.row_of(int(steps.example[0]), step, lane)
        if row is None:
            return verdict(False, f"example {int(steps.example[0])} is not in the mini-batch of step {step}")
        for layer, site in zip(experiment.layers, experiment.model.dropouts, strict=True):
            if lane in site.connecting:
                used = site.weight_keep[site.connecting.index(lane), row, :, 0]
            else:
                factor = site.multiplier[lane, row]
                used = factor >= 1 if site.kinds[lane] == "gaussian" else factor != 0
            wrong += int((steps.masks[layer.name][0] != used.cpu()).sum())
            bits += layer.units
    return verdict(wrong == 0, f"{wrong} of {bits:,} bits differ", bits=bits)


def _used(sheet: Sheet, config: ExperimentConfig) -> Finding:
    """Make the latest step's forward pass again, with the weights before it and the multipliers that it left behind."""
    experiment = started(sheet, config, torch.float64)
    experiment.run(2)
    before, worst = {name: each.clone() for name, each in experiment.model.state_dict().items()}, 0.0
    for _ in range(sheet.choose(4, 1)):
        recorded = experiment.run(1).loss[0]
        after = {name: each.clone() for name, each in experiment.model.state_dict().items()}
        experiment.model.load_state_dict(before)
        x, target = experiment.batches.at(experiment.step)
        log_p = torch.log_softmax(experiment.model(x).detach(), dim=2)
        loss = -(log_p * target).sum(dim=(1, 2)) / config.batch_size
        experiment.model.load_state_dict(after)
        before, worst = after, max(worst, share_of_largest(recorded, loss))
    # Losses are recorded in float32, of which a share of 6e-8 is one unit in the last place.
    return verdict(worst < 1e-6, f"losses differ by at most {worst:.1e}", share=worst)


def _within(kept: int, draws: int, rate: float) -> Finding:
    """Whether so many of so many draws are what a binomial number of the rate in force may be."""
    dropped = (threshold(rate) + WORDS // 2) / WORDS  # the rate, rounded to what 16 bits can tell apart
    mean, spread = draws * (1 - dropped), (draws * dropped * (1 - dropped)) ** 0.5
    sigmas = (kept - mean) / spread
    detail = f"{kept:,} of {draws:,}, {sigmas:+.1f} standard deviations from the mean"
    return verdict(abs(sigmas) < SIGMAS, detail, sigmas=sigmas, draws=draws, limit=SIGMAS)


def _kept(sheet: Sheet, rate: float) -> Finding:
    experiment = started(sheet, config_of("mlp", [{"rate": rate}], hidden=[256, 256]))
    experiment.run(1)
    draws = kept = 0
    for _ in range(sheet.choose(50, 4)):
        experiment.run(1)
        for site in experiment.model.dropouts:
            kept += int(torch.as_tensor(site.multiplier).count_nonzero())
            draws += site.multiplier.numel()
    return _within(kept, draws, rate)


def _kept_weights(sheet: Sheet) -> Finding:
    config = config_of("mlp", [{"rate": 0.3, "dropout_kind": "dropconnect"}, {}])
    experiment, draws, kept = started(sheet, config), 0, 0
    for _ in range(sheet.choose(10, 2)):
        experiment.run(1)
        for site in experiment.model.dropouts:
            kept += int(site.weight_keep.count_nonzero())
            draws += site.weight_keep.numel()
    return _within(kept, draws, 0.3)


def _range(sheet: Sheet) -> Finding:
    """Read the noise words back from Gaussian factors, which tell each of the 65,536 apart, and count them."""
    lanes: list[dict[str, Any]] = [{"rate": 0.5, "dropout_kind": "gaussian"} for _ in range(16)]
    # Each word is missing with a probability of e⁻⁴⁰ or less: 2.6 million draws of 65,536, in any of them 1e-13.
    config = parse({**config_of("mlp", lanes, hidden=[128, 128, 128]).model_dump(), "batch_size": 64, "seed": 5})
    experiment = started(sheet, config, torch.float64)
    quantiles = np.sort(normal_table())
    counts, distance = np.zeros(WORDS, np.int64), 0.0
    while counts.sum() < 40 * WORDS:
        experiment.run(1)
        for site in experiment.model.dropouts:
            normal = ((site.multiplier - 1) / deviation(0.5)).cpu().numpy().reshape(-1)
            middles = (quantiles[1:] + quantiles[:-1]) / 2
            words = np.searchsorted(middles, normal)
            distance = max(distance, float(np.abs(quantiles[words] - normal).max()))
            counts += np.bincount(words, minlength=WORDS)
    draws, missing = int(counts.sum()), int((counts == 0).sum())
    worst = max(abs(_sigmas_of_bit(counts, bit, draws)) for bit in range(16))
    detail = f"{draws:,} words, {missing} of {WORDS:,} never; a bit at most {worst:.1f} standard deviations off"
    # Two neighbours among the quantiles are 4e-5 apart or more.
    right = missing == 0 and worst < SIGMAS and distance < 1e-8
    return verdict(right, detail, draws=draws, missing=missing, sigmas=worst, distance=distance)


def _sigmas_of_bit(counts: np.ndarray, bit: int, draws: int) -> float:
    ones = int(counts[(np.arange(WORDS) >> bit) & 1 == 1].sum())
    return float((ones - draws / 2) / (draws / 4) ** 0.5)


def _cut(sheet: Sheet, config: ExperimentConfig) -> Finding:
    """How steps are cut into calls changes nothing, to the last bit."""
    whole, cut = (started(sheet, config) for _ in range(2))
    at_once, one_by_one = whole.run(8), [cut.run(1) for _ in range(8)]
    unlike = [
        f"masks of {name}"
        for name, masks in at_once.masks.items()
        if not torch.equal(masks, torch.cat([each.masks[name] for each in one_by_one]))
    ]
    if not torch.equal(at_once.loss, torch.cat([each.loss for each in one_by_one])):
        unlike.append("losses")
    unlike += _unlike(state_of(whole), state_of(cut))
    return verdict(not unlike, _unlike_in_words(unlike))


def _saved(sheet: Sheet, config: ExperimentConfig) -> Finding:
    """What was saved and loaded goes on as what was not, to the last bit."""
    first = started(sheet, config)
    first.run(5)
    first.set(0, dropout_kind="gaussian", l2=1e-3)
    first.run(2)
    second = started(sheet, config)
    second.load_state_dict(first.state_dict())
    losses = [each.run(sheet.choose(8, 3)).loss for each in (first, second)]
    unlike = [] if torch.equal(*losses) else ["losses"]
    unlike += _unlike(state_of(first), state_of(second))
    return verdict(not unlike, _unlike_in_words(unlike))


def _unlike(mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> list[str]:
    return [name for name, tensor in mine.items() if not torch.equal(tensor, theirs[name])]


def _unlike_in_words(names: list[str]) -> str:
    return f"{len(names)} differ: {', '.join(names[:4])}" if names else "equal to the last bit"
