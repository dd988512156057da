// One verdict: what a network came to, which networks are best, and which cannot be told from them. Pure: no DOM.
//
// The statistic: a figure is the mean of the last evaluations, up to three that lie close together.
//
// The rule of ties: two figures differ if they lie more than two standard errors of their difference apart, which chance alone
// exceeds once in twenty times. All figures within that of the best one share the first place.
// - A share of n examples has the standard error √(q(1 − q)/n) of a Binomial. Networks are judged by the same examples and tend to
//   err on the same ones, so this errs on the side of a tie.
// - What is lost between two modes is a difference of two shares, and has the errors of both.
// - A loss has no such formula. What the logarithm of the ratio of two losses varies by from seed to seed, where two networks are
//   alike in the mean, was measured: see LOSS_SPREAD.
// Everything on the page that calls a network best, better or worse asks here: a card, a panel, a caption and a report never disagree.

/** @import { State } from "../types.js" */

import { shareError } from "./stats.js";

/** What networks are compared by. @typedef {"val_loss" | "val_error" | "val_accuracy" | "forgotten"} Measure */

/** How one figure compares with another. @typedef {"lower" | "alike" | "higher" | "unknown"} Order */

/**
 * The figures of some networks, by one measure.
 * @typedef {object} LaneFigures
 * @property {Measure} measure
 * @property {ArrayLike<number>} values One for each network.
 * @property {number} valSize How many examples shares were counted on.
 * @property {ArrayLike<number>} [right] `forgotten`: the accuracy that something is lost of.
 */

/**
 * Who is best.
 * @typedef {object} Verdict
 * @property {number} first The lane with the best figure; -1 where none has one.
 * @property {number} last The lane with the worst.
 * @property {number[]} leaders All that cannot be told from the best, and the best itself, in their order.
 * @property {number[]} ties The same without the best.
 * @property {boolean} isAlone Whether the best one stands apart from all others.
 * @property {boolean} isAlike Whether nobody can be told from the best.
 */

const EVALUATIONS = 3; // of which a figure is the mean
const APART = 25; // steps between two of them
const ERRORS = 2; // standard errors that chance exceeds once in twenty times

/**
 * The standard deviation from seed to seed of ln(one loss / another loss), of two networks of one run whose losses are alike in the
 * mean (within 10%): the root mean square over all such pairs of the experiments and their stored seeds, to one digit.
 * `tests/evidence/test_outcomes.py` computes it again.
 */
export const LOSS_SPREAD = 0.1;

/** Losses within this ratio are a tie. */
export const LOSS_NOISE = Math.exp(ERRORS * LOSS_SPREAD);

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
    const { val_accuracy: right, forgotten_accuracy: left } = insights.forgotten?.tensors ?? {};
    return lostAccuracy(right?.data, left?.data) ?? scores.val_accuracy.map(() => Number.NaN);
  }
  const series = measure === "val_loss" ? scores.val_loss : scores.val_accuracy;
  const means = series.map((values) => meanOf(values, rows));
  return measure === "val_error" ? means.map((share) => 1 - share) : means;
}

/**
 * What each network loses in accuracy while training mode is left on.
 * @param {ArrayLike<number | bigint> | undefined} right Shares that are right in evaluation mode.
 * @param {ArrayLike<number | bigint> | undefined} left With training mode left on.
 * @returns {number[] | null}
 */
export function lostAccuracy(right, left) {
  return right && left ? Array.from(right, (share, lane) => Number(share) - Number(left[lane])) : null;
}

/**
 * A figure on the scale on which it is compared, and its standard error there.
 * @param {LaneFigures} figures
 * @param {number} lane
 */
function scaled({ measure, values, valSize, right }, lane) {
  const value = values[lane];
  if (measure === "val_loss") {
    return { at: Math.log(value), error: LOSS_SPREAD / Math.SQRT2 };
  }
  if (measure === "forgotten") {
    const whole = right?.[lane] ?? 0.5; // where it is not known, the share that is known worst
    return { at: value, error: Math.hypot(shareError(whole, valSize), shareError(clamped(whole - value), valSize)) };
  }
  return { at: value, error: shareError(clamped(value), valSize) };
}

/** @param {number} share */
const clamped = (share) => Math.min(1, Math.max(0, share));

/**
 * How one network compares with another.
 * @param {LaneFigures} figures
 * @param {number} one
 * @param {number} other
 * @returns {Order} Of `one`, against `other`.
 */
export function compare(figures, one, other) {
  if (!Number.isFinite(figures.values[one]) || !Number.isFinite(figures.values[other])) {
    return "unknown";
  }
  const [mine, theirs] = [scaled(figures, one), scaled(figures, other)];
  const doubt = ERRORS * Math.hypot(mine.error, theirs.error);
  return Math.abs(mine.at - theirs.at) > doubt ? (mine.at < theirs.at ? "lower" : "higher") : "alike";
}

/**
 * How two figures compare, of networks of any runs.
 * @param {Measure} measure
 * @param {number} one
 * @param {number} other
 * @param {number} valSize
 */
export const order = (measure, one, other, valSize) => compare({ measure, values: [one, other], valSize }, 0, 1);

/**
 * How far from a share another must lie to be told from it: two standard errors of their difference.
 * @param {number} one
 * @param {number} other
 * @param {number} valSize
 */
export function doubt(one, other, valSize) {
  return ERRORS * Math.hypot(shareError(clamped(one), valSize), shareError(clamped(other), valSize));
}

/**
 * Which network has the best figure, and which cannot be told from it.
 * @param {LaneFigures} figures
 * @param {number[]} [lanes] Which count; all if there are none.
 * @param {"least" | "greatest"} [best]
 * @returns {Verdict}
 */
export function judge(figures, lanes = [], best = MEASURES[figures.measure].best) {
  const eligible = (lanes.length > 0 ? lanes : Array.from(figures.values, (_, lane) => lane)).filter((lane) =>
    Number.isFinite(figures.values[lane]),
  );
  const first = extreme(figures.values, best, eligible);
  const last = extreme(figures.values, best === "least" ? "greatest" : "least", eligible);
  const leaders = eligible.filter((lane) => lane === first || compare(figures, lane, first) === "alike");
  return {
    first,
    last,
    leaders,
    ties: leaders.filter((lane) => lane !== first),
    isAlone: leaders.length === 1,
    isAlike: leaders.length === eligible.length && eligible.length > 1,
  };
}

/**
 * Where the least or the greatest finite value stands; -1 where there is none. It is a place, and no verdict.
 * @param {ArrayLike<number>} values
 * @param {"least" | "greatest"} which
 * @param {number[]} [lanes] Which count; all if there are none.
 */
export function extreme(values, which, lanes = []) {
  const eligible = lanes.length > 0 ? lanes : Array.from(values, (_, lane) => lane);
  const sign = which === "least" ? 1 : -1;
  return eligible.reduce((found, lane) => {
    const isBetter = Number.isFinite(values[lane]) && (found < 0 || sign * values[lane] < sign * values[found]);
    return isBetter ? lane : found;
  }, -1);
}

/**
 * What dropout removes of the error in each pair of networks, and in which pairs that cannot be told from nothing.
 * @param {number[]} without Shares, as those with.
 * @param {number[]} dropped
 * @param {number} valSize
 */
export function gainsOf(without, dropped, valSize) {
  const gains = without.map((share, index) => share - (dropped[index] ?? Number.NaN));
  const doubts = without.map((share, index) => doubt(share, dropped[index] ?? Number.NaN, valSize));
  const unsure = gains.flatMap((gain, index) => (Math.abs(gain) <= doubts[index] ? [index] : []));
  /** Whether one gain is greater than another. @type {(one: number, other: number) => boolean} */
  const exceeds = (one, other) => gains[one] - gains[other] > Math.hypot(doubts[one], doubts[other]);
  const most = extreme(gains, "greatest");
  const leaders =
    most < 0 ? [] : gains.flatMap((gain, index) => (Number.isFinite(gain) && !exceeds(most, index) ? [index] : []));
  return { gains, unsure, most, leaders, exceeds };
}
