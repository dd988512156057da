// Which network is best, in words: one sentence that card, panel, caption and report share.

/** @import { LaneFigures, Measure } from "../model/verdict.js" */

import { formatCount, formatLoss, formatOne, formatPercent } from "../model/stats.js";
import { judge, LOSS_NOISE, MEASURES } from "../model/verdict.js";
import { capital, joined, quoted } from "./common.js";
import { namesOrCount } from "./lists.js";

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

/**
 * Which network has the best figure, or which share it, and which has the worst.
 * @param {LaneFigures} figures
 * @param {string[]} names
 */
export function verdictWords(figures, names) {
  const { measure, values } = figures;
  const { first, last, leaders, isAlone, isAlike } = judge(figures);
  const { name, best } = MEASURES[measure];
  const [top, bottom] = best === "least" ? ["Lowest", "highest"] : ["Highest", "lowest"];
  const told = (/** @type {number} */ lane) => `${quoted(names[lane])}, ${figure(measure, values[lane])}`;
  if (first < 0) {
    return "No network has a finite figure.";
  }
  if (first === last && leaders.length === 1) {
    return `${quoted(names[first])} has a ${name} of ${figure(measure, values[first])}.`;
  }
  if (isAlike) {
    return `${leaders.length === names.length ? allOf(leaders.length) : `The ${formatCount(leaders.length)} networks with a figure`} are too close in ${name} to tell apart: ${rangeOf(figures, leaders)} (${ruleWords(figures)}).`;
  }
  return isAlone
    ? `${top} ${name}: ${told(first)}; ${bottom}: ${told(last)}.`
    : joined([
        `No single network has the ${top.toLowerCase()} ${name}: ${namesOrCount(leaders.map((lane) => names[lane]))}, ${rangeOf(figures, leaders)}, are too close to tell apart (${ruleWords(figures)}).`,
        `${capital(bottom)}: ${told(last)}.`,
      ]);
}

/** @param {number} count At least two. */
const allOf = (count) => (count === 2 ? "Both networks" : `All ${formatCount(count)} networks`);

/**
 * The figures of some networks: one number if they are written alike.
 * @param {LaneFigures} figures
 * @param {number[]} lanes
 */
export function rangeOf({ measure, values }, lanes) {
  const own = lanes.map((lane) => values[lane]);
  const [low, high] = [Math.min(...own), Math.max(...own)].map((value) => figure(measure, value));
  return low === high ? low : `${low} to ${high}`;
}

/**
 * What two figures may differ by and still be a tie.
 * @param {{ measure: Measure, valSize: number }} figures
 */
export function ruleWords({ measure, valSize }) {
  return measure === "val_loss"
    ? `within ${tiePercent()}%, two standard deviations between seeds`
    : `within two standard errors on ${formatCount(valSize)} examples`;
}

/** Within how many percent losses are a tie. */
export const tiePercent = () => Math.round(100 * (LOSS_NOISE - 1));
