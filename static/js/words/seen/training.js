// What was seen of multilayer perceptrons: what dropout is good for, and where.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss, formatPercent, formatPlain } from "../../model/stats.js";
import { extreme, gainsOf, judge } from "../../model/verdict.js";
import { joined, points } from "../common.js";
import { enumerated } from "../lists.js";
import {
  aboveFrom,
  bestWords,
  compared,
  figuresOf,
  isWhole,
  laneFigures,
  listedLanes,
  NOT_SHOWN,
  nameOf,
  scoreAt,
  times,
  withAccuracy,
  withLoss,
} from "./common.js";

const EARLY = 250; // steps before which dropout usually looks worse on the default data
const MEMORISED = 0.995; // of the training labels

/** @type {Writer} Lane 0 is without dropout, lane 1 with. */
const twin = {
  write(reading) {
    const { loss, step } = reading;
    const order = compared(reading, "val_loss", 1, 0);
    const both = `${formatLoss(loss[1])} with dropout against ${formatLoss(loss[0])} without`;
    const verdict = {
      lower: `Dropout makes the validation loss lower: ${both}, which is ${times(loss[0] / loss[1])} as high.`,
      alike: `The validation losses are too close to tell apart, ${both}: dropout should help here, and ${NOT_SHOWN}.`,
      higher: `The validation loss is higher with dropout, ${both}: ${step < EARLY ? "so early that is the rule" : `dropout should help here, and ${NOT_SHOWN}`}.`,
      unknown: "A loss is no finite number: nothing can be compared.",
    }[order];
    return joined([verdict, accuracyWords(reading), memorised(reading), risen(reading)]);
  },
  figures(reading) {
    const { step: last } = reading;
    const best = isWhole(reading) ? reading.best : [];
    const ends = TWINS.map((_, lane) => scoreAt(reading, "val_loss", lane, last));
    return {
      ...Object.assign({}, ...[200, 500, 1000].map((step) => twinsAt(reading, step))),
      [`train_loss/dropout@${last}`]: scoreAt(reading, "train_loss", 1, last),
      crossing: aboveFrom(reading, 0, 1, 1.5),
      "best_loss/without": best[0],
      "rise/without": ends[0] / best[0],
      "rise/dropout": ends[1] / best[1],
    };
  },
};

const TWINS = ["without", "dropout"];

/**
 * @param {SeenReading} reading
 * @param {number} step
 */
function twinsAt(reading, step) {
  const [loss, accuracy] = /** @type {const} */ (["val_loss", "val_accuracy"]).map((name) =>
    TWINS.map((_, lane) => scoreAt(reading, name, lane, step)),
  );
  return {
    ...Object.fromEntries(TWINS.map((name, lane) => [`val_loss/${name}@${step}`, loss[lane]])),
    ...Object.fromEntries(TWINS.map((name, lane) => [`val_accuracy/${name}@${step}`, 100 * accuracy[lane]])),
    [`ratio@${step}`]: loss[0] / loss[1],
    [`gain@${step}`]: 100 * (accuracy[1] - accuracy[0]),
  };
}

/** @param {SeenReading} reading */
export function accuracyWords(reading) {
  const { accuracy } = reading;
  const gap = accuracy[1] - accuracy[0];
  const both = `${formatPercent(accuracy[1])} against ${formatPercent(accuracy[0])}`;
  const order = compared(reading, "val_accuracy", 1, 0);
  if (order === "unknown") {
    return null;
  }
  return order === "alike"
    ? `In accuracy they cannot be told apart on so few examples: ${both}.`
    : `Accuracy: ${both}, ${points(gap)} ${gap > 0 ? "more" : "less"}.`;
}

/** @param {SeenReading} reading */
function memorised({ names, trainAccuracy, noise }) {
  const found = names.flatMap((name, lane) => (trainAccuracy[lane] >= MEMORISED ? [`“${name}”`] : []));
  if (found.length === 0) {
    return null;
  }
  const wrong = noise > 0 ? `, the ${formatPlain(100 * noise)}% that are wrong among them` : "";
  return `${enumerated(found)} ${found.length > 1 ? "have" : "has"} memorised the training labels${wrong}.`;
}

/** @param {SeenReading} reading */
function risen({ names, loss, best, bestStep, step }) {
  const found = names.flatMap((name, lane) =>
    loss[lane] > 1.2 * best[lane] && bestStep[lane] < step
      ? [
          `That of “${name}” was lowest, ${formatLoss(best[lane])}, at step ${formatCount(bestStep[lane])}, and has risen since.`,
        ]
      : [],
  );
  return found.slice(0, 2).join(" ");
}

/** @type {Writer} Pairs of lanes, by the number of training images. */
const dataSize = {
  write(reading) {
    const { x, gains, unsure, most, exceeds } = readGains(reading);
    if (most < 0) {
      return "No pair of networks has finite figures.";
    }
    const told = gains.length - unsure.length;
    const at = (/** @type {number} */ index) => `${formatCount(x[index])} images`;
    const [first, last] = [0, gains.length - 1];
    const rises = (/** @type {number} */ end) => exceeds(most, end);
    const shape =
      rises(first) && rises(last)
        ? "A hump: neither with the fewest images nor with the most does dropout help as much as between."
        : `A hump would rise from both ends by more than chance can do alone: ${NOT_SHOWN}.`;
    return joined([
      told === 0
        ? `At no size can the gain be told from none: at most ${points(gains[most])} of error, with ${at(most)}.`
        : `Dropout removes ${gainWords(gains[first])} with ${at(first)}, ${gainWords(gains[most])} with ${at(most)}${most === last ? "" : ` and ${gainWords(gains[last])} with ${at(last)}`}.`,
      unsure.length > 0 && told > 0 ? `With ${enumerated(unsure.map(at))} the gain cannot be told from none.` : null,
      shape,
    ]);
  },
  figures(reading) {
    const { x, gains } = readGains(reading);
    const series = reading.experiment.picture?.series ?? [];
    const error = (/** @type {number} */ lane) => 100 * (1 - reading.accuracy[lane]);
    return Object.fromEntries(
      x.flatMap((size, index) => [
        [`gain/n=${size}`, 100 * gains[index]],
        ...series.map((lanes, which) => [`error/${TWINS[which]}/n=${size}`, error(lanes[index])]),
      ]),
    );
  },
};

/** @param {number} gain */
const gainWords = (gain) => (gain < 0 ? `−${points(gain)}` : points(gain));

/** @param {SeenReading} reading */
function readGains({ experiment, accuracy, valSize }) {
  const [without = [], dropped = []] = experiment.picture?.series ?? [];
  const error = (/** @type {number} */ lane) => 1 - accuracy[lane];
  return { x: experiment.picture?.x ?? [], ...gainsOf(without.map(error), dropped.map(error), valSize) };
}

const [NOTHING, STOPPED, DROPPED] = [0, 6, 8]; // lanes of the race

/** @type {Writer} */
const regularisers = {
  write(reading) {
    const order = [...reading.names.keys()]
      .filter((lane) => Number.isFinite(reading.loss[lane]))
      .sort((one, other) => reading.loss[one] - reading.loss[other]);
    const worse = order.filter((lane) => lane !== NOTHING && compared(reading, "val_loss", lane, NOTHING) !== "lower");
    const second = compared(reading, "val_loss", STOPPED, DROPPED);
    const stopping = {
      higher: `Early stopping comes to ${formatLoss(reading.loss[STOPPED])}, behind dropout’s ${formatLoss(reading.loss[DROPPED])}.`,
      alike: [STOPPED, DROPPED].includes(order[0])
        ? null // it was said already
        : `Early stopping (${formatLoss(reading.loss[STOPPED])}) and dropout (${formatLoss(reading.loss[DROPPED])}) cannot be told apart.`,
      lower: `Early stopping (${formatLoss(reading.loss[STOPPED])}) does better here than dropout (${formatLoss(reading.loss[DROPPED])}).`,
      unknown: null,
    }[second];
    return joined([
      bestWords(reading, "val_loss"),
      `Without any remedy it is ${formatLoss(reading.loss[NOTHING])}.`,
      stopping,
      worse.length > 0 ? `No better than nothing, as far as can be told: ${listedLanes(reading, worse)}.` : null,
    ]);
  },
  figures(reading) {
    const { accuracy, names, stopped } = reading;
    return {
      ...laneFigures(reading),
      [`best_step/${names[STOPPED]}`]: stopped[STOPPED]?.best_step ?? Number.NaN,
      lead: 100 * (accuracy[DROPPED] - accuracy[STOPPED]),
    };
  },
};

const SINGLE = [1, 2, 3, 4]; // lanes that drop in one place only

/** @type {Writer} */
const layers = {
  write(reading) {
    const { loss } = reading;
    const { first, ties: close } = judge(figuresOf(reading, "val_loss"), SINGLE);
    if (first < 0 || !Number.isFinite(loss[0])) {
      return "A loss is no finite number: nothing can be compared.";
    }
    const idle = SINGLE.filter((lane) => compared(reading, "val_loss", lane, 0) !== "lower");
    const [nearest, farthest] = [SINGLE[0], SINGLE[SINGLE.length - 1]];
    const inOrder =
      SINGLE.slice(1).every((lane) => loss[lane] >= loss[lane - 1]) &&
      compared(reading, "val_loss", nearest, farthest) === "lower";
    const all = extreme(loss, "least");
    if (idle.length === SINGLE.length) {
      return `No single place can be told from no dropout at all (${formatLoss(loss[0])}): ${NOT_SHOWN}.`;
    }
    return joined([
      close.length > 0
        ? `No single place does most: ${listedLanes(reading, [first, ...close].sort())} are too close to tell apart, with ${formatLoss(loss[first])} and more against ${formatLoss(loss[0])} without dropout.`
        : `Of single places ${withLoss(reading, first)} does most, against ${formatLoss(loss[0])} without dropout.`,
      inOrder
        ? "The earlier the place, the more it does."
        : "Elsewhere earlier places do more; that order this run does not show.",
      idle.length > 0 ? `${listedLanes(reading, idle)} cannot be told from none at all.` : null,
      compared(reading, "val_loss", all, first) === "lower"
        ? bestWords(reading, "val_loss")
        : "No combination can be told to do better.",
    ]);
  },
  figures: ({ names, loss, accuracy }) =>
    Object.fromEntries(
      names.slice(1).flatMap((name, index) => [
        [`ratio/${name}`, loss[0] / loss[index + 1]],
        [`gain/${name}`, 100 * (accuracy[index + 1] - accuracy[0])],
      ]),
    ),
};

const [REAL, NOISY] = [
  [0, 4, 5, 6],
  [1, 2, 3],
]; // lanes with more and more images, and lanes with noise on the fewest

/** @type {Writer} */
const noiseAsData = {
  write: (reading) =>
    joined([
      `More images without noise get ${enumerated(REAL.map((lane) => withAccuracy(reading, lane)))}.`,
      ...NOISY.map((lane) => worth(reading, lane)),
    ]),
  figures: laneFigures,
};

/**
 * How many real images a kind of noise on 300 is worth.
 * @param {SeenReading} reading
 * @param {number} lane
 */
function worth(reading, lane) {
  const orders = REAL.map((real) => compared(reading, "val_accuracy", lane, real));
  const below = REAL.filter((_, index) => orders[index] === "higher"); // the noise does better than these
  const alike = REAL.filter((_, index) => orders[index] === "alike");
  const lead = withAccuracy(reading, lane);
  if (orders.includes("unknown")) {
    return null;
  }
  if (below.length === REAL.length) {
    return `${lead} is worth more than all ${nameOf(reading, REAL[REAL.length - 1])}.`;
  }
  if (alike.length > 0) {
    return `${lead} cannot be told from ${listedLanes(reading, alike)}.`;
  }
  return below.length > 0
    ? `${lead} is worth more than ${nameOf(reading, below[below.length - 1])}, and less than ${nameOf(reading, REAL[below.length])}.`
    : `${lead} does worse than the same images as they are.`;
}

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  twin,
  "data-size": dataSize,
  "data-size-true-labels": dataSize,
  regularisers,
  layers,
  "noise-as-data": noiseAsData,
};
