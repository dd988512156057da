// The answers to a question: how many came, how they are spread, and what became of them the second time. Pure.

/** @import { RoomQuestion } from "../../types.js" */

import { formatCount } from "../../model/stats.js";

const LETTERS = "ABCDEF";

/**
 * One choice as it is shown. Shares are of those who answered, `null` while they are not shown.
 * @typedef {object} Choice
 * @property {string} letter
 * @property {string} text
 * @property {boolean | null} right `null`: nobody knows, or it is not told yet.
 * @property {Vote | null} first
 * @property {Vote | null} again
 */

/** @typedef {{ count: number, share: number }} Vote */

/**
 * @param {RoomQuestion} question
 * @returns {Choice[]}
 */
export function choicesOf({ choices, counts, counts_again: again, truth }) {
  return choices.map((text, index) => ({
    letter: LETTERS[index] ?? String(index + 1),
    text,
    right: truth === null ? null : truth === index,
    first: voteOf(counts, index),
    again: voteOf(again, index),
  }));
}

/**
 * @param {readonly number[] | null} counts
 * @param {number} index
 * @returns {Vote | null}
 */
function voteOf(counts, index) {
  if (!counts) {
    return null;
  }
  const all = counts.reduce((sum, count) => sum + count, 0);
  return { count: counts[index], share: all > 0 ? counts[index] / all : 0 };
}

/**
 * How many have answered the vote that is open, or what the phase is about.
 * @param {RoomQuestion} question
 */
export function phaseWords({ phase, answered, of, truth }) {
  const some = `${formatCount(answered)} of ${formatCount(of)}`;
  switch (phase) {
    case "asked":
      return `${some} have answered. The run waits.`;
    case "shown":
      return "This is what you expect.";
    case "running":
      return "Now watch the run.";
    case "again":
      return `What did you see? ${some} have answered again.`;
    default:
      return truth === null ? "This is what you say now." : "This is what is true.";
  }
}

/**
 * What changed from the first vote to the second, where both are shown and one choice is known to be right.
 * @param {RoomQuestion} question
 */
export function changeWords({ counts, counts_again: again, truth }) {
  if (!counts || !again || truth === null) {
    return "";
  }
  const [before, after] = [voteOf(counts, truth), voteOf(again, truth)];
  const some = (/** @type {Vote | null} */ vote, /** @type {readonly number[]} */ list) =>
    `${formatCount(vote?.count ?? 0)} of ${formatCount(list.reduce((sum, count) => sum + count, 0))}`;
  return `At first ${some(before, counts)} chose it, then ${some(after, again)}.`;
}

/**
 * The same as a sentence for who does not see the bars.
 * @param {Choice} choice
 */
export function choiceWords({ first, again, right }) {
  const vote = (/** @type {Vote} */ { count, share }) => `${formatCount(count)} (${formatCount(100 * share)}%)`;
  return [
    first && again ? `at first ${vote(first)}, then ${vote(again)}` : first ? vote(first) : "",
    right ? "true" : "",
  ]
    .filter(Boolean)
    .join(", ");
}
