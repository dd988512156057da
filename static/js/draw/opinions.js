// The numbers of an answer, example by example. Pure: no DOM.

/** @import { Answer } from "../types.js" */

/**
 * What sub-networks say of one example.
 * @typedef {object} Opinions
 * @property {{ choice: number, sure: number }[]} members The class that each holds for likeliest, and its probability of it.
 * @property {number[]} counts How many hold each class for likeliest.
 * @property {number[][]} votes (members, classes)
 * @property {number[]} average
 * @property {number[]} whole
 * @property {number} entropy
 * @property {number} information
 */

/**
 * @param {Answer} answer
 * @param {number} example
 * @returns {Opinions}
 */
export function opinionsOf(answer, example) {
  const votes = answer.votes[example];
  const average = answer.average[example];
  const members = votes.map((probabilities) => {
    const sure = Math.max(...probabilities);
    return { choice: Math.max(0, probabilities.indexOf(sure)), sure };
  });
  const counts = average.map((_, index) => members.filter(({ choice }) => choice === index).length);
  return {
    ...{ members, counts, votes, average, whole: answer.whole[example] },
    ...{ entropy: answer.entropy[example], information: answer.information[example] },
  };
}

/**
 * The classes that matter most over several examples: what is said of the first one, then by the mean of the averages.
 * @param {Opinions[]} opinions At least one.
 * @param {number} count At most so many.
 */
export function foremost(opinions, count) {
  const said = opinions[0].average.indexOf(Math.max(...opinions[0].average));
  const sums = opinions[0].average.map((_, index) => opinions.reduce((sum, { average }) => sum + average[index], 0));
  const order = sums.map((_, index) => index).sort((one, other) => sums[other] - sums[one]);
  return [said, ...order.filter((index) => index !== said)].slice(0, count);
}

/**
 * Where a member's mark stands across its column, −½ to ½: evenly spread, whatever its number (multiples of the golden ratio).
 * @param {number} member
 */
export function jitter(member) {
  return ((member * 0.6180339887) % 1) - 0.5;
}
