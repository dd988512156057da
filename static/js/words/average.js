// What the average of the networks of a run is worth beside the best of them, in words.

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { doubt } from "../model/verdict.js";
import { joined, points, quoted } from "./common.js";

/**
 * How good predictions are on the validation set: a share that is right, and the log-loss.
 * @typedef {{ accuracy: number, loss: number }} Worth
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} AverageReading
 * @property {number} step
 * @property {number} valSize
 * @property {string[]} names Of the networks that are averaged.
 * @property {number} leftOut Networks that somebody left out.
 * @property {number} gone Networks that are left out because they have diverged.
 * @property {Worth} average
 * @property {Worth} mean Of one of them by itself, on average.
 * @property {(Worth & { name: string }) | null} best The one with the lowest loss; `null` where none is averaged.
 * @property {Worth} thinned Of sub-networks of that one, averaged; NaN where it drops nothing.
 */

const MEMBERS = 32; // sub-networks of the best network (trainer/insight/average.py)

/** @param {AverageReading | null} reading `null` before the first ones were averaged. */
export function averageSentence(reading) {
  if (reading === null) {
    return "No networks have been averaged yet.";
  }
  const { step, names, best } = reading;
  return joined([
    `Step ${formatCount(step)}.`,
    best === null ? "No network is in the average." : names.length > 1 ? manyWords(reading) : oneWords(reading),
    best === null ? null : thinnedWords(reading),
    absentWords(reading),
  ]);
}

/** @param {AverageReading} reading */
function manyWords({ valSize, names, average, mean, best }) {
  const lead =
    `The predicted probabilities of ${formatCount(names.length)} networks, averaged, get ${worth(average)}; ` +
    `one of them alone gets ${worth(mean, "")} on average.`;
  if (!best) {
    return lead;
  }
  const gap = average.accuracy - best.accuracy;
  const chance = doubt(average.accuracy, best.accuracy, valSize);
  const verdict =
    Math.abs(gap) > chance
      ? `the average is ${points(gap)} ${gap > 0 ? "better" : "worse"}.`
      : `${points(gap)} between it and the average, no more than chance may make (${points(chance)}).`;
  return `${lead} The one with the lowest loss, ${quoted(best.name)}, gets ${worth(best, "")}: ${verdict}`;
}

/** @param {AverageReading} reading */
function oneWords({ names, average }) {
  return `${quoted(names[0])} alone is in the average, which is its own prediction: it gets ${worth(average)}.`;
}

/** @param {AverageReading} reading */
function thinnedWords({ best, thinned }) {
  const { name } = /** @type {{ name: string }} */ (best);
  return Number.isFinite(thinned.loss)
    ? `${formatCount(MEMBERS)} sub-networks of ${quoted(name)}, averaged, get ${worth(thinned, "")}.`
    : `${quoted(name)} has no dropout, and so no sub-networks.`;
}

/** @param {AverageReading} reading */
function absentWords({ leftOut, gone }) {
  const networks = (/** @type {number} */ count) => `${formatCount(count)} network${count > 1 ? "s" : ""}`;
  return joined([
    gone > 0 ? `${networks(gone)} diverged and ${gone > 1 ? "are" : "is"} not in it.` : null,
    leftOut > 0 ? `${networks(leftOut)} ${leftOut > 1 ? "are" : "is"} left out of it by choice.` : null,
  ]);
}

/**
 * @param {Worth} worth
 * @param {string} [of]
 */
function worth({ accuracy, loss }, of = " of the validation examples right") {
  return `${formatPercent(accuracy)}${of} (log-loss ${formatLoss(loss)})`;
}
