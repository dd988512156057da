// What sub-networks say of something that was drawn, in words.

/** @import { Dropout } from "../types.js" */

import { formatCount, formatPercent } from "../model/stats.js";
import { capital, joined, quoted } from "./common.js";

const AGREED = 0.9; // share of the votes from which on they are said to agree
const DISAGREED = 0.75; // below which they are said to disagree: one in four says otherwise
const DOUBT = 0.1; // share of the greatest possible entropy below which there is little doubt

/**
 * What was said of one image.
 * @typedef {object} Opinion
 * @property {number[]} counts How many sub-networks hold each class for the likeliest.
 * @property {number[]} average Probabilities.
 * @property {number[]} whole Probabilities of the whole network.
 * @property {number} entropy Of the average, nats.
 * @property {number} information Mutual information, nats.
 */

/**
 * The numbers of which the sentences speak.
 * @typedef {object} DrawReading
 * @property {number} step
 * @property {string} name The lane that was asked.
 * @property {string | null} like The lane whose dropout thins it, if not its own; "" if no lane has dropout.
 * @property {Dropout} kind Of that dropout.
 * @property {string[]} classes
 * @property {Opinion} opinion
 */

/** @param {DrawReading | null} reading `null` while nothing is drawn. */
export function drawSentence(reading) {
  if (reading === null) {
    return "Nothing is drawn yet. Draw with a mouse, a finger or a pen, or begin with a training image.";
  }
  const { step, name, like, classes, opinion } = reading;
  const lead = `Step ${formatCount(step)}.`;
  if (!isSound(opinion)) {
    return `${lead} ${quoted(name)} has diverged: its sub-networks have nothing to say.`;
  }
  if (like === "") {
    return `${lead} No network of this run has dropout, so all sub-networks are the whole network: ${quoted(name)} says ${likeliest(opinion.whole, classes)}. ${doubtWords(opinion, false)}`;
  }
  return joined([
    lead,
    voteWords(reading),
    `Their average says ${likeliest(opinion.average, classes)}, the whole network ${likeliest(opinion.whole, classes)}.`,
    doubtWords(opinion, true),
    like === null ? null : `${quoted(name)} has no dropout of its own: it is thinned like ${quoted(like)}.`,
  ]);
}

/** @param {DrawReading} reading */
function voteWords({ name, kind, classes, opinion: { counts } }) {
  const members = sumOf(counts);
  const order = ranked(counts);
  const [first, ...others] = order;
  const who = `${kind.phrases.members} of ${quoted(name)}`;
  if (counts[first] === members) {
    return `They agree: all ${formatCount(members)} ${who} say ${classes[first]}.`;
  }
  const named = others.slice(0, 2).map((index) => `${formatCount(counts[index])} say ${classes[index]}`);
  const rest = sumOf(others.slice(2).map((index) => counts[index]));
  const against = [...named, ...(rest > 0 ? [`${formatCount(rest)} say something else`] : [])].join(", ");
  return `${verdict(counts[first] / members)}: ${formatCount(counts[first])} of ${formatCount(members)} ${who} say ${classes[first]}, ${against}.`;
}

/** @param {number} share Of the votes for the first. */
function verdict(share) {
  return share >= AGREED ? "They nearly agree" : share >= DISAGREED ? "Most agree" : "They disagree";
}

/**
 * @param {Opinion} opinion
 * @param {boolean} isEnsemble Whether the sub-networks differ at all.
 */
function doubtWords({ counts, entropy, information }, isEnsemble) {
  const most = Math.log(counts.length);
  const figure = `predictive entropy ${nats(entropy)} of at most ${nats(most)} nats`;
  if (!isEnsemble) {
    return `${capital(figure)}.`;
  }
  const part = `${nats(information)} of it mutual information`;
  if (entropy < DOUBT * most) {
    return `There is little doubt: ${figure}, ${part}.`;
  }
  if (information >= entropy / 2) {
    return `Most of the doubt is disagreement between them: ${figure}, ${part}.`;
  }
  return Math.max(...counts) >= AGREED * sumOf(counts)
    ? `Each is unsure by itself: ${figure}, only ${part}.`
    : `The larger part of the doubt is each one’s own: ${figure}, ${part}.`;
}

/**
 * What happens while a drawing is turned.
 * @typedef {object} TurnReading
 * @property {string[]} classes
 * @property {{ degrees: number, opinion: Opinion }[]} views The first is not turned.
 * @property {boolean} isEnsemble Whether any network of the run has dropout.
 */

/** @param {TurnReading} reading */
export function turnSentence({ classes, views, isEnsemble }) {
  if (views.some(({ opinion }) => !isSound(opinion))) {
    return "The network has diverged: there is nothing to compare.";
  }
  const answers = views.map(({ degrees, opinion: { counts, entropy, information } }) => {
    const [first] = ranked(counts);
    return { degrees, first, votes: counts[first], members: sumOf(counts), entropy, information };
  });
  if (!isEnsemble) {
    const most = greatest(answers, ({ entropy }) => entropy);
    return `Without dropout there is no one to disagree. The doubt is greatest at ${most.degrees}°: predictive entropy ${nats(most.entropy)} nats.`;
  }
  const doubtful = answers.filter(({ votes, members }) => votes < DISAGREED * members);
  return joined([beginWords(answers, doubtful, classes), changeWords(answers, classes), informationWords(answers)]);
}

/**
 * @typedef {{ degrees: number, first: number, votes: number, members: number, entropy: number, information: number }} Turned
 */

/**
 * Where they begin to disagree.
 * @param {Turned[]} answers
 * @param {Turned[]} doubtful Those of which fewer than three in four say the same.
 * @param {string[]} classes
 */
function beginWords(answers, doubtful, classes) {
  const [start] = answers;
  const upright = `${formatCount(start.votes)} of ${formatCount(start.members)} say ${classes[start.first]}`;
  if (doubtful.length === 0) {
    return `As it was drawn, ${upright}; at every angle at least three in four say the same.`;
  }
  if (doubtful[0] === start) {
    return `They disagree already as it was drawn: ${upright}; in all at ${formatCount(doubtful.length)} of ${formatCount(answers.length)} angles.`;
  }
  return `As it was drawn, ${upright}. They begin to disagree at ${doubtful[0].degrees}°: ${formatCount(doubtful[0].votes)} say ${classes[doubtful[0].first]}.`;
}

/**
 * Whether, turned, they agree on something else.
 * @param {Turned[]} answers
 * @param {string[]} classes
 */
function changeWords([start, ...others], classes) {
  const other = others.filter(({ first, votes, members }) => first !== start.first && votes >= AGREED * members);
  if (other.length === 0) {
    return null;
  }
  const { degrees, votes, members, first } = greatest(other, (answer) => answer.votes);
  return `At ${degrees}° ${formatCount(votes)} of ${formatCount(members)} agree on something else: ${classes[first]}.`;
}

/** @param {Turned[]} answers */
function informationWords(answers) {
  const most = greatest(answers, ({ information }) => information);
  return `Mutual information is greatest at ${most.degrees}°: ${nats(most.information)} nats, of a predictive entropy of ${nats(most.entropy)}.`;
}

/**
 * @template T
 * @param {T[]} values At least one.
 * @param {(value: T) => number} measure
 */
function greatest(values, measure) {
  return values.reduce((best, value) => (measure(value) > measure(best) ? value : best));
}

/**
 * Classes from the one with the most votes down.
 * @param {number[]} counts
 */
export function ranked(counts) {
  return counts
    .map((_, index) => index)
    .filter((index, _at, all) => counts[index] > 0 || all.length === 1)
    .sort((one, other) => counts[other] - counts[one]);
}

/**
 * @param {number[]} probabilities
 * @param {string[]} classes
 */
function likeliest(probabilities, classes) {
  const most = Math.max(...probabilities);
  return `${classes[probabilities.indexOf(most)]} with ${formatPercent(most)}`;
}

/** @param {Opinion} opinion */
function isSound({ entropy, information, average, whole }) {
  return [entropy, information, ...average, ...whole].every(
    (value) => typeof value === "number" && Number.isFinite(value),
  );
}

/** @param {number} value */
const nats = (value) => value.toFixed(2);

/** @param {number[]} values */
function sumOf(values) {
  return values.reduce((sum, value) => sum + value, 0);
}
