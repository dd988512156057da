// What came out of a run: each network's figure, which is best, which cannot be told apart. Pure: no DOM.

/** @import { Frame, State } from "./types.js" */

import { shareError } from "./stats.js";

/** What networks are compared by. @typedef {"val_loss" | "val_error" | "val_accuracy" | "forgotten"} Measure */

const EVALUATIONS = 3; // of which a figure is the mean
const APART = 25; // steps between two of them
/**
 * Losses within this ratio are not told apart: at rates whose losses are alike in the mean, the ratio of two of them has a
 * standard deviation of 8% from seed to seed, and this is two of those.
 */
export const LOSS_NOISE = 1.15;

/** @type {Record<Measure, { name: string, best: "least" | "greatest" }>} */
export const MEASURES = {
  val_loss: { name: "validation loss", best: "least" },
  val_error: { name: "validation error", best: "least" },
  val_accuracy: { name: "validation accuracy", best: "greatest" },
  forgotten: { name: "loss of accuracy", best: "greatest" },
};

/**
 * The rows of the last evaluations, of which a figure is the mean: up to three, so far as they lie close together.
 * @param {{ length: number, step: ArrayLike<number> }} scores
 * @param {number} [until] The last step that counts.
 * @returns {number[]} Oldest first.
 */
export function lastRows({ length, step }, until = Number.POSITIVE_INFINITY) {
  /** @type {number[]} */
  const rows = [];
  for (let row = length - 1; row >= 0 && rows.length < EVALUATIONS; row -= 1) {
    if (rows.length > 0 && step[rows[rows.length - 1]] - step[row] > APART) {
      break;
    }
    if (step[row] <= until) {
      rows.push(row);
    }
  }
  return rows.reverse();
}

/**
 * The mean of some rows; NaN where one of them is no number.
 * @param {ArrayLike<number>} values
 * @param {number[]} rows
 */
export function meanOf(values, rows) {
  return rows.reduce((sum, row) => sum + values[row], 0) / rows.length;
}

/**
 * The figure of each network, by one measure.
 * @param {Pick<State, "scores" | "insights">} state
 * @param {Measure} measure
 * @param {number[]} rows Of the scores.
 * @returns {number[]}
 */
export function figures({ scores, insights }, measure, rows) {
  if (measure === "forgotten") {
    return lostAccuracy(insights.forgotten) ?? scores.val_accuracy.map(() => Number.NaN);
  }
  const series = measure === "val_loss" ? scores.val_loss : scores.val_accuracy;
  const means = series.map((values) => meanOf(values, rows));
  return measure === "val_error" ? means.map((share) => 1 - share) : means;
}

/**
 * What each network loses in accuracy while training mode is left on.
 * @param {Frame | undefined} frame `forgotten`
 * @returns {number[] | null}
 */
export function lostAccuracy(frame) {
  const [right, left] = [frame?.tensors.val_accuracy?.data, frame?.tensors.forgotten_accuracy?.data];
  return right && left ? [...right.keys()].map((lane) => Number(right[lane]) - Number(left[lane])) : null;
}

/**
 * Which of some lanes has the best figure; -1 where none has one.
 * @param {number[]} values
 * @param {"least" | "greatest"} best
 * @param {number[]} [lanes] Which count; all if there are none.
 */
export function winner(values, best, lanes = []) {
  const eligible = lanes.length > 0 ? lanes : [...values.keys()];
  const sign = best === "least" ? 1 : -1;
  return eligible.reduce((found, lane) => {
    const isBetter = Number.isFinite(values[lane]) && (found < 0 || sign * values[lane] < sign * values[found]);
    return isBetter ? lane : found;
  }, -1);
}

/**
 * Whether two figures differ by more than chance could make them.
 * @param {Measure} measure
 * @param {number} one
 * @param {number} other
 * @param {number} valSize How many examples shares were counted on.
 */
export function toldApart(measure, one, other, valSize) {
  if (!Number.isFinite(one) || !Number.isFinite(other)) {
    return Number.isFinite(one) !== Number.isFinite(other);
  }
  if (measure === "val_loss") {
    const [low, high] = [Math.min(one, other), Math.max(one, other)];
    return high > low * LOSS_NOISE;
  }
  return Math.abs(one - other) > doubt(measure, one, other, valSize);
}

/**
 * Two standard errors of the difference of two shares.
 * @param {Measure} measure
 * @param {number} one
 * @param {number} other
 * @param {number} valSize
 */
export function doubt(measure, one, other, valSize) {
  const worst = measure === "forgotten" ? [0.5, 0.5] : [one, other]; // of a difference the shares are not known here
  return 2 * Math.hypot(shareError(worst[0], valSize), shareError(worst[1], valSize));
}

/**
 * The steps at which a falling loss first reached some levels: between two evaluations it is taken to fall by the same factor at
 * each step.
 * @param {{ length: number, step: ArrayLike<number> }} scores
 * @param {ArrayLike<number>} losses
 * @param {readonly number[]} levels
 * @returns {(number | null)[]} `null`: not reached.
 */
export function crossings({ length, step }, losses, levels) {
  return levels.map((level) => {
    for (let row = 0; row < length; row += 1) {
      if (losses[row] <= level) {
        const before = losses[row - 1];
        if (row === 0 || !(before > level) || losses[row] <= 0) {
          return step[row];
        }
        const part = Math.log(before / level) / Math.log(before / losses[row]);
        return step[row - 1] + part * (step[row] - step[row - 1]);
      }
    }
    return null;
  });
}

/**
 * What the names of some lanes end in alike, behind a comma: “dropout” of “100 images, dropout” and “200 images, dropout”.
 * @param {string[]} names
 */
export function commonEnd(names) {
  const ends = new Set(names.map((name) => name.slice(name.lastIndexOf(", ") + 2)));
  return ends.size === 1 && names.every((name) => name.includes(", ")) ? [...ends][0] : "";
}
