// What sub-networks do alone and together, in words.

/** @import { Dropout } from "../types.js" */

import { formatCount, formatLoss, formatOne, formatPercent } from "../model/stats.js";
import { joined, points, quoted } from "./common.js";

const CLOSE_POINTS = 0.005; // half a point: four of the 797 validation digits
const CLOSE_LOSS = 0.1; // of weight scaling's own

/**
 * One lane's thinned sub-networks on the validation set. Accuracies are shares, losses are log-losses.
 * @typedef {object} Votes
 * @property {string} name
 * @property {boolean} thinned Whether any rate used is above zero.
 * @property {boolean} untrained Whether the lane has never had dropout in this run.
 * @property {number} single A sub-network's accuracy, averaged over them.
 * @property {number} average The accuracy of the average of all.
 * @property {number} scaling Weight scaling's.
 * @property {Dropout} kind Of its dropout.
 * @property {number | null} within The least number of members from which on the average stays within half a point of it.
 * @property {boolean} [fresh] Whether each example of a member has a mask of its own.
 * @property {number} averageLoss
 * @property {number} geometricLoss
 * @property {number} scalingLoss
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} EnsembleReading
 * @property {number} step
 * @property {number} members
 * @property {Votes[]} lanes The followed lane's first.
 */

/** @param {EnsembleReading | null} reading `null` before the first ones were sampled. */
export function ensembleSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No sub-networks have been sampled yet.";
  }
  const { step, members, lanes } = reading;
  const [followed, contrast] = lanes;
  if (!followed.thinned) {
    return "No network of this run has dropout, so all sub-networks are the whole network.";
  }
  if (!Number.isFinite(followed.scalingLoss)) {
    return `${quoted(followed.name)} has diverged: its sub-networks have nothing to say.`;
  }
  const how = followed.untrained ? ", which never trained with dropout," : "";
  return joined([
    `Step ${formatCount(step)}. ${memberWords(followed, how)} gets ${formatPercent(followed.single)} of the validation examples right on average,`,
    `the average of ${formatCount(members)} ${formatPercent(followed.average)},`,
    `and ${followed.kind.phrases.whole} ${formatPercent(followed.scaling)}.`,
    withinWords(followed, members),
    lossWords(followed),
    contrast && Number.isFinite(contrast.scalingLoss) ? contrastWords({ ...contrast, kind: followed.kind }) : null,
  ]);
}

/**
 * @param {Votes} followed
 * @param {string} how
 */
function memberWords({ name, kind, fresh }, how) {
  if (!fresh) {
    return `One ${kind.phrases.member} of ${quoted(name)}${how}`;
  }
  return `One pass of ${quoted(name)}${how || ","} with ${kind.phrases.mask} for each example,`;
}

/**
 * @param {Votes} followed
 * @param {number} members
 */
function withinWords({ within, average, scaling }, members) {
  if (within !== null && within === members && members > 1) {
    return `The average of all ${formatCount(members)} is within ${formatOne(100 * CLOSE_POINTS)} points of it, that of one fewer is not.`;
  }
  if (within !== null) {
    return `The average stays within ${formatOne(100 * CLOSE_POINTS)} points of it from ${formatCount(within)} ${within === 1 ? "member" : "members"} on.`;
  }
  return `The average is ${points(average - scaling)} ${average < scaling ? "below" : "above"} it.`;
}

/** @param {Votes} followed */
function lossWords({ averageLoss, geometricLoss, scalingLoss }) {
  const [average, scaling] = [formatLoss(averageLoss), formatLoss(scalingLoss)];
  if (average === scaling) {
    return `By log-loss they are equal: ${scaling}.`;
  }
  const verdict = averageLoss > scalingLoss ? "worse" : "better";
  const isClose = Math.abs(geometricLoss / scalingLoss - 1) <= CLOSE_LOSS;
  const only = isClose && averageLoss / scalingLoss - 1 > CLOSE_LOSS;
  return joined([
    `By log-loss the average is ${verdict}, ${average} against ${scaling}; averaged geometrically it has ${formatLoss(geometricLoss)}.`,
    only ? "Only the geometric mean comes within a tenth of the whole network’s." : null,
  ]);
}

/** @param {Votes} followed */
function contrastWords({ name, kind, untrained, single, average, scaling }) {
  const how = untrained ? ", which never trained with dropout," : "";
  return `${quoted(name)}${how} ${kind.phrases.alike}: ${formatPercent(single)}, ${formatPercent(average)} and ${formatPercent(scaling)}.`;
}

/**
 * The least number of members from which on the average stays within half a point of weight scaling.
 * @param {ArrayLike<number>} averages The accuracy of the average of the first 1, 2, … members.
 * @param {number} scaling
 * @returns {number | null}
 */
export function membersToReach(averages, scaling) {
  let first = averages.length;
  // Accuracies are float32 counts over the validation set: a difference of exactly half a point must count as within.
  while (first > 0 && Math.abs(averages[first - 1] - scaling) <= CLOSE_POINTS + 1e-6) {
    first -= 1;
  }
  return first === averages.length ? null : first + 1;
}

/**
 * How the sub-networks of a lane voted on the followed example.
 * @param {object} votes
 * @param {string} votes.name The lane.
 * @param {number[]} votes.counts Votes for each class.
 * @param {string[]} votes.classes
 * @param {number} votes.truth The true class.
 * @param {Dropout} votes.kind Of dropout.
 */
export function votesSentence({ name, counts, classes, truth, kind }) {
  const members = counts.reduce((sum, count) => sum + count, 0);
  if (members === 0) {
    return `${quoted(name)} has diverged: its ${kind.phrases.members} have nothing to say.`;
  }
  const others = counts
    .map((count, index) => ({ count, index }))
    .filter(({ count, index }) => count > 0 && index !== truth)
    .sort((one, other) => other.count - one.count);
  const named = others.slice(0, 3).map(({ count, index }) => `${formatCount(count)} for ${classes[index]}`);
  const rest = others.slice(3).reduce((sum, { count }) => sum + count, 0);
  const against = [...named, ...(rest > 0 ? [`${formatCount(rest)} for others`] : [])].join(", ");
  return `${formatCount(counts[truth])} of ${formatCount(members)} ${kind.phrases.members} of ${quoted(name)} vote for ${classes[truth]}, the true class${against ? `; ${against}` : ""}.`;
}

/**
 * Which example is voted on.
 * @param {{ example: number, label: string, truth: string }} followed
 */
export function exampleWords({ example, label, truth }) {
  return `Training example ${formatCount(example)}: class ${truth}${label === truth ? "" : `, wrongly labelled ${label}`}.`;
}

/**
 * Classes in at most two letters, for marks as small as a vote: what sets their names apart, or else their numbers from 1.
 * @param {string[]} classes
 * @returns {string[]}
 */
export function shortNames(classes) {
  if (classes.every((name) => name.length < 3)) {
    return classes;
  }
  const [prefix] = /^.*[^\p{L}\p{N}]/u.exec(classes[0]) ?? [""]; // "class_" of "class_0"
  const common = classes.every((name) => name.startsWith(prefix)) ? prefix.length : 0;
  const short = classes.map((name) => name.slice(common, common + 2).trim());
  const isClear = new Set(short).size === classes.length && short.every((name) => name !== "");
  return isClear ? short : classes.map((_, index) => String(index + 1));
}
