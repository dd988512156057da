// What the comparison of a run's networks shows, in words.

/** @import { Measure } from "../outcome.js" */

import { doubt, LOSS_NOISE, MEASURES, toldApart, winner } from "../outcome.js";
import { formatCount, formatLoss, formatOne, formatPercent, formatTimes } from "../stats.js";
import { joined, points, quoted } from "./common.js";
import { namesOrCount } from "./lists.js";

/**
 * The figures of which the sentence speaks.
 * @typedef {object} ResultReading
 * @property {"curve" | "bars" | "gain" | "thresholds"} kind
 * @property {Measure} measure
 * @property {number} step
 * @property {number} evaluations Of how many the figures are the mean.
 * @property {{ name: string }[]} lanes
 * @property {number[]} values One for each lane.
 * @property {"least" | "greatest"} best
 * @property {number} valSize
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
  const of =
    evaluations > 1 && kind !== "thresholds" ? `, mean of the last ${formatCount(evaluations)} evaluations` : "";
  return joined([`Step ${formatCount(step)}${of}.`, BODIES[kind](reading)]);
}

/** @type {Record<ResultReading["kind"], (reading: ResultReading) => string>} */
const BODIES = { bars: ranked, curve: ranked, gain: gained, thresholds: reachedWords };

/**
 * A figure of a measure.
 * @param {Measure} measure
 * @param {number} value
 */
export function figure(measure, value) {
  if (!Number.isFinite(value)) {
    return "no number";
  }
  return measure === "val_loss"
    ? formatLoss(value)
    : measure === "forgotten"
      ? `${formatOne(100 * value)} points`
      : formatPercent(value);
}

/** @param {ResultReading} reading */
function ranked({ measure, lanes, values, best, valSize }) {
  const first = winner(values, best);
  if (first < 0) {
    return "No network has a finite figure.";
  }
  const { name } = MEASURES[measure];
  const lost = values.filter((value) => !Number.isFinite(value)).length;
  const gone = lost > 0 ? `${formatCount(lost)} of ${formatCount(lanes.length)} networks have no finite figure.` : null;
  if (lanes.length - lost === 1) {
    return joined([`${quoted(lanes[first].name)} has a ${name} of ${figure(measure, values[first])}.`, gone]);
  }
  const last = winner(values, best === "least" ? "greatest" : "least");
  const [top, bottom] = best === "least" ? ["Lowest", "highest"] : ["Highest", "lowest"];
  const close = lanes.filter((_, lane) => lane !== first && !toldApart(measure, values[lane], values[first], valSize));
  if (values[first] === values[last]) {
    return joined([`All networks have a ${name} of ${figure(measure, values[first])}.`, gone]);
  }
  return joined([
    `${top} ${name}: ${quoted(lanes[first].name)}, ${figure(measure, values[first])};`,
    `${bottom}: ${quoted(lanes[last].name)}, ${figure(measure, values[last])}.`,
    close.length > 0 ? `${tie(close)} within ${noise(measure, values[first], valSize)}.` : null,
    gone,
  ]);
}

/** @param {{ name: string }[]} lanes Too close to the best to be told from it. */
function tie(lanes) {
  return `Too close to it to tell apart: ${namesOrCount(lanes.map(({ name }) => name))},`;
}

/**
 * @param {Measure} measure
 * @param {number} value
 * @param {number} valSize
 */
function noise(measure, value, valSize) {
  return measure === "val_loss"
    ? `${Math.round(100 * (LOSS_NOISE - 1))}%, which two seeds may differ by`
    : `${points(doubt(measure, value, value, valSize))}, two standard errors on ${formatCount(valSize)} examples`;
}

/** @param {ResultReading} reading */
function gained({ x = [], unit = "", pairs, valSize }) {
  const gains = (pairs?.without ?? []).map((share, index) => share - (pairs?.with[index] ?? Number.NaN));
  const most = winner(gains, "greatest");
  const least = winner(gains, "least");
  if (!pairs || most < 0) {
    return "No pair of networks has finite figures.";
  }
  const at = (/** @type {number} */ index) => `${formatCount(x[index])} ${unit}`;
  const change = (/** @type {number} */ index) =>
    `${formatPercent(pairs.without[index])} without, ${formatPercent(pairs.with[index])} with`;
  const unsure = gains.filter((_, index) => !toldApart("val_error", pairs.without[index], pairs.with[index], valSize));
  const lead =
    gains[most] > 0
      ? `Dropout removes most at ${at(most)}: ${points(gains[most])} of error`
      : "Dropout removes no error anywhere: at best it adds";
  return joined([
    gains[most] > 0 ? `${lead} (${change(most)}).` : `${lead} ${points(gains[most])} (${at(most)}).`,
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
