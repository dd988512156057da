// What is left of accuracy when units are killed, in words.

import { formatCount, formatOne, formatPercent } from "../model/stats.js";
import { order } from "../model/verdict.js";
import { joined, points, quoted } from "./common.js";

/**
 * The validation accuracy of one network after each share of its units was killed, and its standard deviation over the choices.
 * @typedef {{ name: string, accuracy: number[], spread: number[] }} Damaged
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} DamageReading
 * @property {number} step
 * @property {number} draws
 * @property {number[]} shares Rising from 0.
 * @property {Damaged[]} lanes The followed network first, its contrast second.
 * @property {number} classes
 * @property {number} valSize
 */

const HALF = 0.5;

/** @param {DamageReading | null} reading `null` before the first look. */
export function damageSentence(reading) {
  const half = reading?.shares.indexOf(HALF) ?? -1;
  if (reading === null || half < 0) {
    return "No units have been killed yet.";
  }
  const { step, draws, lanes, classes, valSize } = reading;
  const sound = lanes.filter(({ accuracy }) => accuracy.every(Number.isFinite));
  const gone = lanes.length - sound.length;
  const chosen = `(means of ${formatCount(draws)} random choices ± their standard deviation)`;
  return joined([
    `Step ${formatCount(step)}.`,
    gone > 0 ? `${formatCount(gone)} of ${formatCount(lanes.length)} networks diverged.` : null,
    sound.length === 0
      ? null
      : sound.length > 2
        ? `${manyWords(sound, half)} ${chosen}.`
        : `With half the units of every hidden layer killed for good, ${sound.map((lane) => halfWords(lane, half)).join(", ")} ${chosen}.`,
    sound.length === 2 ? verdict(sound, half, draws, valSize) : null,
    sound.length > 0
      ? `Guessing among ${formatCount(classes)} classes gets about ${formatPercent(1 / classes)}.`
      : null,
  ]);
}

/**
 * @param {Damaged} lane
 * @param {number} half
 */
function halfWords({ name, accuracy, spread }, half) {
  return `${quoted(name)} gets ${formatPercent(accuracy[half])} ± ${formatOne(100 * spread[half])} right instead of ${formatPercent(accuracy[0])}`;
}

/**
 * @param {Damaged[]} lanes
 * @param {number} half
 */
function manyWords(lanes, half) {
  const ordered = [...lanes].sort((one, other) => other.accuracy[half] - one.accuracy[half]);
  const [most, least] = [ordered[0], ordered[ordered.length - 1]];
  return `With half the units of every hidden layer killed for good, most is left of ${quoted(most.name)}, which gets ${leftWords(most, half)}, and least of ${quoted(least.name)}, ${leftWords(least, half)}`;
}

/**
 * @param {Damaged} lane
 * @param {number} half
 */
function leftWords({ accuracy, spread }, half) {
  return `${formatPercent(accuracy[half])} ± ${formatOne(100 * spread[half])} right instead of ${formatPercent(accuracy[0])}`;
}

/**
 * What the two networks lose, held against the uncertainty of their means.
 * @param {Damaged[]} lanes
 * @param {number} half
 * @param {number} draws
 * @param {number} valSize
 */
function verdict([one, other], half, draws, valSize) {
  const [own, others] = [one, other].map(({ accuracy }) => accuracy[0] - accuracy[half]);
  const doubt = (2 * Math.hypot(one.spread[half], other.spread[half])) / Math.sqrt(draws);
  if (Math.abs(own - others) <= doubt) {
    return `They lose ${points(own)} and ${points(others)}, too alike to tell apart in so few choices.`;
  }
  const [less, more] = own < others ? [one, other] : [other, one];
  const [least, most] = [Math.min(own, others), Math.max(own, others)];
  const losses = `${quoted(less.name)} ${least > 0 ? `loses ${points(least)}` : "loses nothing"}, ${quoted(more.name)} ${points(most)}`;
  // Who can hardly do anything has little to lose.
  const isBetter = order("val_accuracy", less.accuracy[half], more.accuracy[half], valSize) === "higher";
  return isBetter ? `${losses}: the first can do better without any particular unit.` : `${losses}.`;
}
