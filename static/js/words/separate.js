// What networks that were trained one by one are worth alone and averaged, in words.

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { doubt } from "../model/verdict.js";
import { joined, points, quoted } from "./common.js";

/**
 * Networks that are alike but for their seed, or a single one.
 * @typedef {object} Group
 * @property {string} name
 * @property {boolean} drops Whether they have dropout.
 * @property {number[]} accuracies Of each by itself, shares; NaN of one that diverged.
 * @property {number} average The accuracy of the average of all.
 * @property {number} loss Their log-loss by themselves, on average.
 * @property {number} averageLoss The log-loss of the average of all.
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {{ step: number, valSize: number, groups: Group[] }} SeparateReading
 */

/** @param {SeparateReading | null} reading `null` before the first ones were averaged. */
export function separateSentence(reading) {
  if (reading === null || reading.groups.length === 0) {
    return "No networks have been averaged yet.";
  }
  const { step, valSize, groups } = reading;
  const large = groups.filter(({ accuracies }) => accuracies.length > 1);
  if (large.length === 0) {
    return "No two networks of this run are alike but for their seed: there is nothing to average.";
  }
  const sound = large.filter(isSound);
  return joined([
    `Step ${formatCount(step)}.`,
    large.length > sound.length
      ? `A network of ${quoted(large.filter((one) => !isSound(one))[0].name)} has diverged, and with it the average.`
      : null,
    ...sound.map(groupWords),
    duelWords(groups.filter(isSound), valSize),
  ]);
}

/** @param {Group} group */
const isSound = ({ accuracies, average }) => Number.isFinite(average) && accuracies.every(Number.isFinite);

/** @param {Group} group */
function groupWords({ name, accuracies, average, loss, averageLoss }) {
  const alone = meanOf(accuracies);
  const gain = average - alone;
  const change = Math.abs(gain) < 0.0005 ? "no gain" : `${points(gain)} ${gain > 0 ? "more" : "less"}`;
  return `The ${formatCount(accuracies.length)} networks ${quoted(name)} get ${formatPercent(alone)} of the validation examples right on average, and averaged ${formatPercent(average)}: ${change}; their log-loss ${formatLoss(loss)} becomes ${formatLoss(averageLoss)}.`;
}

/**
 * The best average of networks without dropout against a single network with it: the question that the view is for.
 * @param {Group[]} groups
 * @param {number} valSize
 */
function duelWords(groups, valSize) {
  const without = best(groups.filter(({ drops, accuracies }) => !drops && accuracies.length > 1));
  const withIt = best(groups.filter(({ drops }) => drops));
  if (!without || !withIt) {
    return null;
  }
  const [many, one] = [without.average, meanOf(withIt.accuracies)];
  const gap = one - many;
  const single =
    withIt.accuracies.length > 1
      ? `One network with dropout gets ${formatPercent(one)} on average`
      : `One network with dropout, ${quoted(withIt.name)}, gets ${formatPercent(one)}`;
  const lead = `${single}, ${formatCount(without.accuracies.length)} without, averaged, ${formatPercent(many)}:`;
  const chance = doubt(one, many, valSize);
  if (Math.abs(gap) <= chance) {
    return `${lead} ${points(gap)} between them, no more than chance may make (${points(chance)}).`;
  }
  return gap > 0
    ? `${lead} one network with dropout is ${points(gap)} better than their average.`
    : `${lead} their average is ${points(gap)} better than one network with dropout.`;
}

/** @param {Group[]} groups @returns {Group | undefined} */
function best(groups) {
  return [...groups].sort((one, other) => other.average - one.average)[0];
}

/** @param {number[]} values */
function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * What networks that differ in their seed alone are called together: what their names have in common.
 * @param {string[]} names At least one.
 */
export function commonName(names) {
  if (names.length === 1) {
    return names[0];
  }
  let length = 0;
  while (length < names[0].length && names.every((name) => name[length] === names[0][length])) {
    length += 1;
  }
  const common = names[0]
    .slice(0, length)
    .replace(/[\s,;:#(–-]*(seed|no\.?)?[\s,;:#(–-]*$/i, "")
    .trim();
  return common || `${names[0]} …`;
}
