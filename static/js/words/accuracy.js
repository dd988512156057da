// What the chart of accuracies shows, in words.

import { formatCount, formatPercent } from "../model/stats.js";
import { compare, doubt } from "../model/verdict.js";
import { evaluationsWords, joined, listed, points, quoted } from "./common.js";
import { verdictWords } from "./verdict.js";

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} AccuracyReading
 * @property {number} step
 * @property {number} [evaluations] Of how many validation accuracies are the mean.
 * @property {LaneAccuracy[]} lanes
 * @property {number} valSize
 * @property {number} classes
 * @property {{ words: string | null }} [apart] In what the networks differ beyond their live knobs.
 */

/**
 * The accuracies of one lane: shares, 0 to 1.
 * @typedef {object} LaneAccuracy
 * @property {string} name
 * @property {number} train
 * @property {number} val
 * @property {number} trainSize How many examples it trains on.
 * @property {number} wrong How many of their labels are wrong.
 * @property {number | null} diverged
 * @property {number | null} [at] The very step at which it diverged, once that is known.
 */

/** @param {AccuracyReading | null} reading `null` before the first evaluation. */
export function accuracySentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No accuracy has been measured yet.";
  }
  const { step, evaluations = 1, lanes, valSize, classes, apart } = reading;
  const sound = lanes.filter((lane) => lane.diverged === null);
  const gone = lanes.filter((lane) => lane.diverged !== null);
  const guessing = sound.length > 0 && sound.every(({ val }) => val < 1.5 / classes);
  return joined([
    `Step ${formatCount(step)}${evaluationsWords(evaluations)}.`,
    gone.length > 0 ? `${withSteps(gone)} diverged: an accuracy means nothing there.` : null,
    sound.length > 0 ? compareAccuracies(sound, valSize) : null,
    guessing ? `Guessing among ${formatCount(classes)} classes gets about ${formatPercent(1 / classes)}.` : null,
    ...(sound.length > 2 ? [] : sound.map(fitWords)),
    sound.length > 1 ? (apart?.words ?? null) : null,
  ]);
}

/**
 * @param {{ name: string, val: number }[]} lanes At least one.
 * @param {number} valSize
 */
function compareAccuracies(lanes, valSize) {
  const ordered = [...lanes].sort((one, other) => other.val - one.val);
  const [high, low] = [ordered[0], ordered[ordered.length - 1]];
  const lead = `${quoted(high.name)} gets ${formatPercent(high.val)} of ${formatCount(valSize)} validation examples right`;
  if (lanes.length === 1) {
    return `${lead}.`;
  }
  const gap = high.val - low.val;
  if (gap === 0) {
    const all = lanes.length === 2 ? "Both" : `All ${formatCount(lanes.length)}`;
    return `${all} networks get ${formatPercent(high.val)} of ${formatCount(valSize)} validation examples right.`;
  }
  const figures = { measure: /** @type {const} */ ("val_accuracy"), values: lanes.map(({ val }) => val), valSize };
  if (lanes.length > 2) {
    return verdictWords(
      figures,
      lanes.map(({ name }) => name),
    );
  }
  const verdict =
    compare(figures, 0, 1) === "alike"
      ? `${points(gap)} between them, too few to tell apart on so many examples (two standard errors: ${points(doubt(high.val, low.val, valSize))})`
      : `${points(gap)} between them`;
  return `${lead}, ${quoted(low.name)} ${formatPercent(low.val)}: ${verdict}.`;
}

/** @param {LaneAccuracy} lane */
function fitWords({ name, train, trainSize, wrong }) {
  if (Math.round(train * trainSize) === trainSize) {
    const included = wrong > 0 ? `, the ${formatCount(wrong)} wrong ones included: it has memorised them` : "";
    return `${quoted(name)} reproduces all ${formatCount(trainSize)} training labels${included}.`;
  }
  const truth = wrong > 0 ? `; ${formatPercent(1 - wrong / trainSize)} of them are true` : "";
  return `${quoted(name)} reproduces ${formatPercent(train)} of the training labels${truth}.`;
}

/**
 * The networks that diverged, a few of them with their steps.
 * @param {LaneAccuracy[]} gone
 */
function withSteps(gone) {
  const isTold = gone.length <= 3 && gone.every(({ at }) => at);
  return isTold
    ? gone.map(({ name, at }) => `${quoted(name)} (step ${formatCount(at ?? 0)})`).join(" and ")
    : listed(gone);
}
