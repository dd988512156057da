// What was seen inside the networks.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatPercent, formatPlain, formatTimes } from "../../model/stats.js";
import { order } from "../../model/verdict.js";
import { joined, layerLabel } from "../common.js";
import { squaredError } from "../features.js";
import { enumerated } from "../lists.js";
import { NOT_SHOWN } from "./common.js";

/** @type {Writer} Lane 0 is without dropout, lane 1 with. */
const inside = {
  write(reading) {
    const parts = [firing(reading), correlation(reading), damage(reading), visits(reading)].filter(Boolean);
    return parts.length > 0
      ? joined(parts)
      : "Nothing has been measured inside at this step yet: it is while “Activity”, “Correlation” or “Damage” is open.";
  },
  figures({ facts }) {
    const ratio = (/** @type {string} */ name) => (facts[name] ? facts[name][1] / facts[name][0] : Number.NaN);
    const layers = ["hidden1", "hidden2", "hidden3"].flatMap((layer) => [
      [`mean/${layer}`, ratio(`activity/mean/${layer}`)],
      [`firing/${layer}`, ratio(`activity/firing/${layer}`)],
      [`correlation/${layer}`, ratio(`correlation/mean/${layer}`)],
      [`strong/${layer}`, ratio(`correlation/strong/${layer}`)],
    ]);
    const shares = facts["damage/share"] ?? [];
    const accuracy = facts["damage/accuracy"] ?? [];
    const killed = shares.flatMap((share, place) => [
      [`damage_${Math.round(100 * share)}/without`, 100 * accuracy[place]],
      [`damage_${Math.round(100 * share)}/dropout`, 100 * accuracy[shares.length + place]],
    ]);
    return Object.fromEntries([...layers, ...killed]);
  },
};

/**
 * The layers of which a view has figures of both lanes.
 * @param {SeenReading["facts"]} facts
 * @param {string} prefix
 */
function layersOf(facts, prefix) {
  return Object.keys(facts).flatMap((key) => {
    const [one, other] = facts[key];
    const isBoth = key.startsWith(prefix) && Number.isFinite(one) && Number.isFinite(other) && one > 0;
    return isBoth ? [{ name: layerLabel(key.slice(prefix.length)), one, other, ratio: other / one }] : [];
  });
}

/** @param {SeenReading} reading */
function firing({ facts }) {
  const layers = layersOf(facts, "activity/firing/");
  if (layers.length === 0) {
    return null;
  }
  const each = enumerated(layers.map(({ name, ratio }) => `${formatPlain(ratio)} times as often in ${name}`));
  return layers.every(({ ratio }) => ratio < 1)
    ? `With dropout units fire more rarely: ${each}.`
    : `With dropout units fire ${each}; that they fire more rarely everywhere, this run does not show.`;
}

/** @param {SeenReading} reading */
function correlation({ facts }) {
  const layers = layersOf(facts, "correlation/mean/");
  const strong = layersOf(facts, "correlation/strong/");
  if (layers.length === 0) {
    return null;
  }
  const each = enumerated(layers.map(({ name, ratio }) => `${formatPlain(ratio)} in ${name}`));
  const frequent = enumerated(strong.map(({ name, ratio }) => `${formatPlain(ratio)} times as frequent in ${name}`));
  return joined([
    layers.every(({ ratio }) => ratio < 1)
      ? `They agree less on the whole (mean |r|, times: ${each}).`
      : `That they agree less everywhere, this run does not show (mean |r|, times: ${each}).`,
    strong.length > 0 ? `Strongly correlated pairs are ${frequent}.` : null,
  ]);
}

/** @param {SeenReading} reading */
function damage({ facts, valSize }) {
  const share = facts["damage/share"];
  const accuracy = facts["damage/accuracy"];
  const at = share?.indexOf(0.5) ?? -1;
  if (!share || !accuracy || at < 0) {
    return null;
  }
  const [without, dropped] = [accuracy[at], accuracy[share.length + at]];
  if (!Number.isFinite(without) || !Number.isFinite(dropped)) {
    return null;
  }
  const both = `${formatPercent(dropped)} against ${formatPercent(without)} without`;
  return order("val_accuracy", dropped, without, valSize) === "higher"
    ? `With half of its hidden units killed the one with dropout still gets ${both}.`
    : `With half of its hidden units killed the one with dropout gets ${both}: it should stand this better, and ${NOT_SHOWN}.`;
}

/** @param {SeenReading} reading */
function visits({ facts }) {
  const [masks, distinct] = [facts["visits/masks"]?.[0], facts["visits/distinct"]?.[0]];
  if (!masks || !distinct) {
    return null;
  }
  return distinct === masks
    ? `All ${formatCount(masks)} masks on record are different.`
    : `Of ${formatCount(masks)} masks on record ${formatCount(distinct)} are different.`;
}

/** @type {Writer} */
const features = {
  write({ facts }) {
    const sparsity = facts["features/auto/sparsity"];
    const [step, steps] = [facts["features/auto/step"]?.[0], facts["features/auto/steps"]?.[0]];
    if (sparsity?.length !== 2) {
      return "The autoencoders have not been trained yet: they are while “Features” is open.";
    }
    const loss = facts["features/auto/val_loss"];
    const ratio = sparsity[1] / sparsity[0];
    const both = `Hoyer’s sparsity of their atoms is ${sparsity[1].toFixed(3)} with dropout and ${sparsity[0].toFixed(3)} without`;
    return joined([
      step < steps ? `The autoencoders are at step ${formatCount(step)} of ${formatCount(steps)}.` : null,
      ratio > 1.1
        ? `${both}, ${formatTimes(ratio)} times as high: the strokes are clearer.`
        : `${both}: that dropout makes clearer strokes, this run does not show.`,
      loss?.length === 2 && loss[1] > loss[0]
        ? `It costs: a mean squared error of ${squaredError(loss[1])} on new digits against ${squaredError(loss[0])}.`
        : null,
    ]);
  },
  figures({ facts }) {
    const [step, steps] = [facts["features/auto/step"]?.[0], facts["features/auto/steps"]?.[0]];
    if (step === undefined || step < steps) {
      return {}; // what others came to is of autoencoders that were trained to their end
    }
    const [without, dropped] = facts["features/auto/sparsity"] ?? [];
    return {
      "sparsity/without": without,
      "sparsity/dropout": dropped,
      sparsity_ratio: dropped / without,
      "mse/dropout": facts["features/auto/val_loss"]?.[1],
    };
  },
};

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  inside,
  features,
};
