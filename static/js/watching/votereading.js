// What the votes of sub-networks say, in numbers and in words. Pure.

/** @import { Votes } from "./known.js" */

import { formatCount, formatLoss, formatOne, formatPercent, mean } from "../model/stats.js";
import { joined, points } from "../words/common.js";

/**
 * @param {Votes} votes
 */
export function readVotes({ step, passes, task, numbers, right }) {
  const isClasses = task === "classes";
  const list = (/** @type {string} */ name) => Array.from(numbers[name] ?? []);
  const scale = isClasses ? 100 : 1; // accuracies are drawn in percent
  const kind = isClasses ? "accuracy" : "error";
  const scaled = (/** @type {string} */ name) => list(`${kind}/${name}`).map((value) => value * scale);
  const ofGroup = (/** @type {string} */ name, /** @type {0 | 1} */ which) =>
    list(name).filter((_, index) => (right?.[index] ? 1 : 0) === which);
  return {
    ...{ step, passes, isClasses, members: scaled("member"), average: scaled("average") },
    scaling: scaled("scaling")[0] ?? null,
    examples: right?.length ?? list("deviation").length,
    entropy: { right: ofGroup("entropy", 1), wrong: ofGroup("entropy", 0) },
    information: { right: ofGroup("information", 1), wrong: ofGroup("information", 0) },
    deviation: list("deviation"),
  };
}

/** @typedef {ReturnType<typeof readVotes>} VoteReading */

/** @param {VoteReading} reading */
export function voteWords({ step, isClasses, members, average, scaling, examples }) {
  const last = average[average.length - 1];
  if (members.length === 0 || !Number.isFinite(last)) {
    return `At step ${formatCount(step)} the sub-networks had no number to give.`;
  }
  const number = (/** @type {number} */ value) => (isClasses ? formatPercent(value / 100) : formatLoss(value));
  const what = isClasses ? "accuracy" : "error";
  const single = mean(members);
  const asGood = members.filter((value) => (isClasses ? value >= last : value <= last)).length;
  const good =
    asGood === 0
      ? "No single one is as good as the average."
      : `${formatCount(asGood)} of them ${asGood === 1 ? "is" : "are"} at least as good as the average.`;
  const apart = scaling === null || !Number.isFinite(scaling) ? null : scaling - last;
  const unit = (/** @type {number} */ value) => (isClasses ? points(value / 100) : formatLoss(Math.abs(value)));
  const versus =
    apart === null || scaling === null
      ? null
      : Math.abs(apart) < (isClasses ? 0.05 : 0.0005)
        ? `Weight scaling, one pass with all units, has the same: ${number(scaling)}.`
        : `Weight scaling, one pass with all units, has ${number(scaling)}: ${unit(apart)} ${apart > 0 ? "more" : "less"}.`;
  return joined([
    `At step ${formatCount(step)}, on ${formatCount(examples)} validation examples, the average of ${formatCount(members.length)} sub-networks has ${isClasses ? "an accuracy" : "an error"} of ${number(last)}; a single one has ${number(single)} on average.`,
    good,
    versus,
    isClasses ? null : `The ${what} is the root of the mean squared error.`,
  ]);
}

/** @param {Pick<VoteReading, "entropy" | "information">} reading */
export function doubtWords({ entropy, information }) {
  const [right, wrong] = [entropy.right.length, entropy.wrong.length];
  if (right + wrong === 0) {
    return "";
  }
  if (wrong === 0 || right === 0) {
    return `The average is ${wrong === 0 ? "right" : "wrong"} on all ${formatCount(right + wrong)} examples: there is nothing to compare.`;
  }
  const [rightly, wrongly] = [mean(information.right), mean(information.wrong)];
  const how = Math.abs(wrongly - rightly) < 0.0005 ? "as much" : wrongly > rightly ? "more" : "less";
  return joined([
    `The average is right on ${formatCount(right)} and wrong on ${formatCount(wrong)}.`,
    `Where it is wrong, the sub-networks disagree ${how}${how === "as much" ? " as where it is right" : ""}: mutual information ${formatLoss(wrongly)} nats, against ${formatLoss(rightly)} where it is right.`,
    `Entropy: ${formatLoss(mean(entropy.wrong))} against ${formatLoss(mean(entropy.right))} nats.`,
  ]);
}

/** @param {readonly number[]} deviation */
export function deviationWords(deviation) {
  const known = deviation.filter(Number.isFinite).sort((one, other) => one - other);
  return known.length === 0
    ? ""
    : `Between sub-networks, the answers to one example differ by a standard deviation of ${formatLoss(mean(known))} on average; for the example where they agree least, ${formatLoss(known[known.length - 1])}.`;
}

/**
 * How an accuracy is written on an axis.
 * @param {number} value In percent.
 */
export const percent = (value) => `${formatOne(value)}%`;
