// What was seen inside the networks.

/** @import { SeenReading, Writer } from "./common.js" */

import { doubt } from "../../outcome.js";
import { formatCount, formatPercent, formatPlain, formatTimes } from "../../stats.js";
import { joined, layerLabel } from "../common.js";
import { squaredError } from "../features.js";
import { enumerated } from "../lists.js";
import { NOT_SHOWN } from "./common.js";

/** @type {Writer} Lane 0 is without dropout, lane 1 with. */
export const inside = {
  write(reading) {
    const parts = [firing(reading), correlation(reading), damage(reading), visits(reading)].filter(Boolean);
    return parts.length > 0
      ? joined(parts)
      : "Nothing has been measured inside at this step yet: it is while “Activity”, “Correlation” or “Damage” is open.";
  },
  figures({ facts }) {
    const at = (facts["damage/share"] ?? []).indexOf(0.5);
    const columns = facts["damage/share"]?.length ?? 0;
    const killed = facts["damage/accuracy"];
    const ratio = (/** @type {string} */ name) => (facts[name] ? facts[name][1] / facts[name][0] : Number.NaN);
    return [
      ...["hidden1", "hidden2", "hidden3"].flatMap(
        (layer) =>
          /** @type {[string, number][]} */ ([
            [`Share of firing units in ${spelt(layer)}, with over without dropout`, ratio(`activity/firing/${layer}`)],
            [`Mean |r| of two units of ${spelt(layer)}, with over without dropout`, ratio(`correlation/mean/${layer}`)],
          ]),
      ),
      ...(killed && at >= 0
        ? /** @type {[string, number][]} */ ([
            ["Accuracy with 50% of the hidden units killed, with dropout", 100 * killed[columns + at]],
            ["Accuracy with 50% of the hidden units killed, without dropout", 100 * killed[at]],
          ])
        : []),
    ];
  },
};

/** @param {string} layer */
const spelt = (layer) => layer.replace("hidden", "hidden layer ");

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
  return dropped - without > doubt("val_accuracy", dropped, without, valSize)
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
export const features = {
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
    const sparsity = facts["features/auto/sparsity"] ?? [];
    return [
      ["Hoyer sparsity of the decoder’s atoms without dropout", sparsity[0]],
      ["Hoyer sparsity of the decoder’s atoms with dropout .5", sparsity[1]],
      ["Hoyer sparsity, with over without dropout", sparsity[1] / sparsity[0]],
      ["Validation mean squared error with dropout .5", facts["features/auto/val_loss"]?.[1]],
    ];
  },
};
