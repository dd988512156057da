// What the losses of a watched model say: the series by their roles, the gap between training and validation. Pure.

/** @import { WatchedSeries } from "../types.js" */
/** @import { Points } from "./known.js" */

import { formatCount, formatLoss, formatOne, formatPercent } from "../model/stats.js";
import { joined } from "../words/common.js";

const SPAN = 0.04; // of all steps: a mean over so many is drawn over what trembles
const LEAST = 20; // points from which a series has an average

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {string} name
 * @property {WatchedSeries["role"]} role
 * @property {number[]} step
 * @property {number[]} value
 * @property {Float32Array | null} smooth `null`: too few points.
 * @property {boolean} isOther Whether it is of the watch that this one is compared with.
 */

/**
 * The series of a watch as lines, those without a point left out.
 * @param {readonly WatchedSeries[]} series
 * @param {ReadonlyMap<number, Points>} points
 * @param {boolean} isOther
 * @returns {Line[]}
 */
export function linesOf(series, points, isOther = false) {
  return series.flatMap(({ name, role }, index) => {
    const { step, value } = points.get(index) ?? { step: [], value: [] };
    if (step.length === 0) {
      return [];
    }
    const half = (SPAN * (step[step.length - 1] - step[0])) / 2;
    const isRaw = role === "train_loss" || role === "train_accuracy";
    const smooth = isRaw && step.length >= LEAST ? runningMean(step, value, half) : null;
    return [{ key: `${isOther ? "other" : "own"} ${index}`, name, role, step, value, smooth, isOther }];
  });
}

/**
 * Around each point the mean of the values so many steps to either side; what is no number does not count.
 * @param {readonly number[]} step Rising.
 * @param {readonly number[]} value
 * @param {number} half
 */
export function runningMean(step, value, half) {
  const means = new Float32Array(step.length);
  let [first, next, sum, count] = [0, 0, 0, 0];
  for (let index = 0; index < step.length; index += 1) {
    for (; next < step.length && step[next] <= step[index] + half; next += 1) {
      sum += Number.isFinite(value[next]) ? value[next] : 0;
      count += Number.isFinite(value[next]) ? 1 : 0;
    }
    for (; step[first] < step[index] - half; first += 1) {
      sum -= Number.isFinite(value[first]) ? value[first] : 0;
      count -= Number.isFinite(value[first]) ? 1 : 0;
    }
    means[index] = count > 0 ? sum / count : Number.NaN;
  }
  return means;
}

/**
 * The last value that is a number, with its step.
 * @param {Pick<Line, "step" | "value">} line
 */
export function lastNumber({ step, value }) {
  for (let index = step.length - 1; index >= 0; index -= 1) {
    if (Number.isFinite(value[index])) {
      return { step: step[index], value: value[index] };
    }
  }
  return null;
}

/**
 * The value that stands for a line now: of one with a mean the last of that.
 * @param {Line} line
 */
export function valueNow(line) {
  const last = lastNumber(line.smooth ? { step: line.step, value: [...line.smooth] } : line);
  return last?.value ?? null;
}

/**
 * The newest validation loss, and the mean of the training losses since the validation before it.
 * @typedef {object} Gap
 * @property {number} step
 * @property {number} validation
 * @property {number} training
 * @property {number} count Over how many training losses the mean is.
 */

/**
 * @param {readonly Line[]} lines
 * @returns {Gap | null} `null`: one of the two has no number yet.
 */
export function gapOf(lines) {
  const validation = lines.find(({ role, isOther }) => role === "val_loss" && !isOther);
  const training = lines.find(({ role, isOther }) => role === "train_loss" && !isOther);
  const last = validation && lastNumber(validation);
  if (!validation || !training || !last) {
    return null;
  }
  const earlier = validation.step.filter((step) => step < last.step);
  const from = earlier.length > 0 ? earlier[earlier.length - 1] : Number.NEGATIVE_INFINITY;
  const near = training.value.filter(
    (value, index) => training.step[index] > from && training.step[index] <= last.step && Number.isFinite(value),
  );
  const sum = near.reduce((total, value) => total + value, 0);
  return near.length === 0
    ? null
    : { step: last.step, validation: last.value, training: sum / near.length, count: near.length };
}

/**
 * @param {readonly Line[]} lines
 * @param {string} other The name of the model that it is compared with.
 */
export function lossWords(lines, other = "") {
  const own = lines.filter(({ isOther }) => !isOther);
  const compared = comparedWords(lines, other);
  const losses = own.filter(({ role }) => role === "train_loss" || role === "val_loss");
  if (losses.length === 0) {
    return compared ?? "";
  }
  const gap = gapOf(lines);
  if (gap) {
    const { step, validation, training, count } = gap;
    const over = count === 1 ? "one value" : `mean of ${formatCount(count)} values`;
    const apart = validation - training;
    const which =
      Math.abs(apart) < 0.0005
        ? "There is no gap between them."
        : `The gap is ${formatLoss(Math.abs(apart))}: validation is ${apart > 0 ? "higher" : "lower"}.`;
    return joined([
      `At step ${formatCount(step)} the validation loss is ${formatLoss(validation)}, the training loss ${formatLoss(training)} (${over}).`,
      which,
      compared,
    ]);
  }
  const [first] = losses;
  const last = lastNumber(first);
  const name = first.role === "train_loss" ? "training loss" : "validation loss";
  const missing =
    first.role === "train_loss" ? "Without a validation loss there is no gap to tell: log one as val_loss." : null;
  return joined([
    last ? `At step ${formatCount(last.step)} the ${name} is ${formatLoss(last.value)}.` : `The ${name} is no number.`,
    missing,
    compared,
  ]);
}

/**
 * @param {readonly Line[]} lines
 * @param {string} other
 */
function comparedWords(lines, other) {
  if (other === "") {
    return null;
  }
  const least = (/** @type {boolean} */ isOther) => {
    const line = lines.find((each) => each.role === "val_loss" && each.isOther === isOther);
    const finite = line?.value.filter(Number.isFinite) ?? [];
    return finite.length > 0 ? finite.reduce((low, value) => Math.min(low, value)) : null;
  };
  const [mine, theirs] = [least(false), least(true)];
  return mine === null || theirs === null
    ? `“${other}” is drawn with dashes.`
    : `“${other}” is drawn with dashes: its lowest validation loss is ${formatLoss(theirs)}, here it is ${formatLoss(mine)}.`;
}

/**
 * An accuracy: a share is written as a percentage, anything larger as it was logged.
 * @param {number} value
 */
export const accuracyText = (value) => (value <= 1 ? formatPercent(value) : formatOne(value));

/** @param {readonly Line[]} lines */
export function accuracyWords(lines) {
  const told = lines
    .filter(({ isOther }) => !isOther)
    .flatMap((line) => {
      const last = lastNumber(line);
      const name = line.role === "train_accuracy" ? "training" : "validation";
      return last ? [`${name} ${accuracyText(last.value)} at step ${formatCount(last.step)}`] : [];
    });
  return told.length > 0 ? `Accuracy: ${told.join(", ")}.` : "";
}
