// What the comparison of a run's networks shows, in words.

/** @import { Measure } from "../model/verdict.js" */

import { formatCount, formatLoss, formatPercent, formatTimes } from "../model/stats.js";
import { extreme, gainsOf } from "../model/verdict.js";
import { evaluationsWords, joined, points, quoted } from "./common.js";
import { verdictWords } from "./verdict.js";

/**
 * The figures of which the sentence speaks.
 * @typedef {object} ResultReading
 * @property {"curve" | "bars" | "gain" | "thresholds"} kind
 * @property {Measure} measure
 * @property {number} step
 * @property {number} evaluations Of how many the figures are the mean.
 * @property {{ name: string }[]} lanes
 * @property {(number | null)[]} [diverged] For each lane, at which step it diverged.
 * @property {number[]} values One for each lane.
 * @property {"least" | "greatest"} best
 * @property {number} valSize
 * @property {ArrayLike<number>} [right] `forgotten`: the accuracy in evaluation mode.
 * @property {number[]} [x] Of pairs, or the losses.
 * @property {string} [unit] What `x` counts.
 * @property {{ without: number[], with: number[] }} [pairs] `gain`: shares, in the order of `x`.
 * @property {(number | null)[][]} [reached] `thresholds`: for each lane, in the order of `x`.
 */

/** @param {ResultReading | null} reading `null` before the first evaluation. */
export function resultSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "Nothing has been measured yet.";
  }
  const { kind, step, evaluations } = reading;
  const of = kind === "thresholds" ? "" : evaluationsWords(evaluations);
  return joined([`Step ${formatCount(step)}${of}.`, BODIES[kind](reading), divergedWords(reading)]);
}

/** @type {Record<ResultReading["kind"], (reading: ResultReading) => string>} */
const BODIES = { bars: ranked, curve: ranked, gain: gained, thresholds: reachedWords };

/** @param {ResultReading} reading */
function divergedWords({ lanes, diverged = [] }) {
  const gone = lanes.flatMap(({ name }, lane) => (diverged[lane] ? [{ name, step: diverged[lane] }] : []));
  if (gone.length > 3) {
    return `${formatCount(gone.length)} of ${formatCount(lanes.length)} networks diverged.`;
  }
  return joined(
    gone.map(({ name, step }) => `${quoted(name)} diverged at step ${formatCount(step)}: it has no figure.`),
  );
}

/** @param {ResultReading} reading */
function ranked({ measure, lanes, values, right, valSize, diverged = [] }) {
  const unsaid = values.filter((value, lane) => !Number.isFinite(value) && !diverged[lane]).length;
  return joined([
    verdictWords(
      { measure, values, right, valSize },
      lanes.map(({ name }) => name),
    ),
    unsaid > 0 && unsaid < lanes.length
      ? `${formatCount(unsaid)} of ${formatCount(lanes.length)} networks have no finite figure.`
      : null,
  ]);
}

/** @param {ResultReading} reading */
function gained({ x = [], unit = "", pairs, valSize }) {
  const { gains, most, leaders, unsure } = gainsOf(pairs?.without ?? [], pairs?.with ?? [], valSize);
  const least = extreme(gains, "least");
  if (!pairs || most < 0) {
    return "No pair of networks has finite figures.";
  }
  const at = (/** @type {number} */ index) => `${formatCount(x[index])} ${unit}`;
  const change = (/** @type {number} */ index) =>
    `${formatPercent(pairs.without[index])} without, ${formatPercent(pairs.with[index])} with`;
  const close = leaders.length - 1;
  return joined([
    gains[most] > 0
      ? `Dropout removes most at ${at(most)}: ${points(gains[most])} of error (${change(most)}).`
      : `Dropout removes no error anywhere: at best it adds ${points(gains[most])} (${at(most)}).`,
    close > 0 && gains[most] > 0
      ? `That is no clear first place: ${formatCount(close)} other ${close > 1 ? "gains are" : "gain is"} too close to tell apart.`
      : null,
    most !== least
      ? `${gains[least] < 0 ? "At" : "Least, at"} ${at(least)}${gains[least] < 0 ? ` it adds ${points(gains[least])}` : `, ${points(gains[least])}`}.`
      : null,
    unsure.length > 0
      ? `${formatCount(unsure.length)} of ${formatCount(gains.length)} gains are too small to tell from none on ${formatCount(valSize)} examples.`
      : null,
  ]);
}

/** @param {ResultReading} reading */
function reachedWords({ lanes, x = [], reached = [], step }) {
  const told = x.flatMap((level, index) => {
    const steps = reached.map((lane) => lane[index]);
    return steps.every((at) => at !== null) && steps.length === 2 && steps[0] && steps[1]
      ? [{ level, steps: /** @type {number[]} */ (steps) }]
      : [];
  });
  const last = told[told.length - 1];
  const never = lanes.flatMap(({ name }, lane) => {
    const level = x.find((_, index) => reached[lane]?.[index] === null);
    return level === undefined ? [] : [`${quoted(name)} has not reached ${formatLoss(level)}`];
  });
  return joined([
    last ? ratioWords(last, lanes) : null,
    never.length > 0 ? `By step ${formatCount(step)} ${never.slice(0, 3).join(" and ")}.` : null,
    "Steps between two evaluations are interpolated.",
  ]);
}

/**
 * @param {{ level: number, steps: number[] }} found
 * @param {{ name: string }[]} lanes
 */
function ratioWords({ level, steps }, lanes) {
  const [fast, slow] = steps[0] <= steps[1] ? [0, 1] : [1, 0];
  const ratio = steps[slow] / steps[fast];
  return `A training loss of ${formatLoss(level)} took ${quoted(lanes[fast].name)} ${formatCount(steps[fast])} steps and ${quoted(lanes[slow].name)} ${formatCount(steps[slow])}: ${formatTimes(ratio)} times as many.`;
}
