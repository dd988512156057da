// What becomes of each class, in words.

import { formatCount, formatPercent, shareError } from "../model/stats.js";
import { joined, listed, quoted } from "./common.js";

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} RecallReading
 * @property {number} step
 * @property {string[]} classes
 * @property {number[]} count Validation examples of each class.
 * @property {LaneRecall[]} lanes
 */

/**
 * @typedef {object} LaneRecall
 * @property {string} name
 * @property {number[]} recall Of each class, a share; NaN where there is no example.
 */

const FEW = 4; // networks that are spoken of one by one
const UNSURE = 0.1; // standard error of a share of one half, from which on it compares nothing: 25 examples have it

/** @param {RecallReading | null} reading `null` before the first count. */
export function recallSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "The classes have not been counted yet.";
  }
  const { step, classes, count, lanes } = reading;
  const total = count.reduce((sum, each) => sum + each, 0);
  const [most, rarest] = [count.indexOf(Math.max(...count)), rarestOf(count)];
  const sound = lanes.filter(({ recall }) => recall.some(Number.isFinite));
  const gone = lanes.filter(({ recall }) => !recall.some(Number.isFinite));
  return joined([
    `Step ${formatCount(step)}. Always answering ${quoted(classes[most])} would get ${formatPercent(count[most] / total)} of the validation examples right.`,
    gone.length > 0 ? `${listed(gone)} diverged.` : null,
    rarest === most ? null : rarestWords(classes[rarest], count[rarest], sound, rarest),
  ]);
}

/**
 * The class with the fewest validation examples, but at least one.
 * @param {number[]} count
 */
function rarestOf(count) {
  const first = count.indexOf(Math.max(...count));
  return count.reduce((found, each, index) => (each > 0 && each < count[found] ? index : found), first);
}

/**
 * @param {string} name
 * @param {number} examples
 * @param {LaneRecall[]} lanes
 * @param {number} index
 */
function rarestWords(name, examples, lanes, index) {
  if (lanes.length === 0) {
    return null;
  }
  const ordered = [...lanes].sort((one, other) => other.recall[index] - one.recall[index]);
  const told = ordered.slice(0, lanes.length > FEW ? 1 : FEW).map(({ name: network, recall }, place) => {
    const right = formatCount(Math.round(recall[index] * examples));
    return place === 0 ? `${quoted(network)} recognises ${right} of them` : `${quoted(network)} ${right}`;
  });
  const lead = `The rarest class, ${quoted(name)}, has ${formatCount(examples)} validation example${examples === 1 ? "" : "s"}:`;
  return joined([
    `${lead} ${lanes.length > FEW ? "at best, " : ""}${told.join(", ")}.`,
    shareError(0.5, examples) > UNSURE ? "That is too few examples to compare networks by." : null,
  ]);
}
