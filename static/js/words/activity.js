// How strongly and how often units fire, in words.

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { joined, layerLabel, quoted } from "./common.js";
import { enumerated, ratio } from "./inside.js";

/**
 * What is known of one network: a number for each hidden layer, and the mean absolute value of its weights.
 * @typedef {object} Active
 * @property {string} name
 * @property {number[]} mean
 * @property {number[]} firing
 * @property {number[]} dead
 * @property {number} weight
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} ActivityReading
 * @property {number} step
 * @property {string[]} layers
 * @property {boolean} signed Whether activations may be below 0, as the states of an LSTM.
 * @property {Active} own The followed network.
 * @property {Active | null} other The network that it is compared with.
 */

const SAME = 0.1; // weights this share apart are about as large

/** @param {ActivityReading | null} reading `null` before the first look. */
export function activitySentence(reading) {
  if (reading === null || reading.layers.length === 0) {
    return "The units have not been looked at yet.";
  }
  const { step, signed, own } = reading;
  if (!own.mean.every(Number.isFinite)) {
    return `Step ${formatCount(step)}. ${quoted(own.name)} has diverged: its activations are no numbers.`;
  }
  const other = reading.other?.mean.every(Number.isFinite) ? reading.other : null;
  return joined([
    `Step ${formatCount(step)}, on validation data.`,
    signed ? null : meanWords(reading, other),
    firingWords(reading, other),
    deadWords(reading, other),
    other && !signed ? weightWords(own, other) : null,
    reading.other && !other ? `${quoted(reading.other.name)} has diverged.` : null,
  ]);
}

/** @param {readonly number[]} shares */
const percents = (shares) => enumerated(shares.map(formatPercent));

/**
 * @param {ActivityReading} reading
 * @param {Active | null} other
 */
function meanWords({ layers, own }, other) {
  const each = enumerated(own.mean.map((mean, place) => `${formatLoss(mean)} in ${layerLabel(layers[place])}`));
  if (!other) {
    return `The mean activation of ${quoted(own.name)} is ${each}.`;
  }
  const times = enumerated(own.mean.map((mean, place) => ratio(mean, other.mean[place])));
  return `The mean activation of ${quoted(own.name)} is ${each}: ${times} times that of ${quoted(other.name)}.`;
}

/**
 * @param {ActivityReading} reading
 * @param {Active | null} other
 */
function firingWords({ signed, layers, own }, other) {
  const where = signed ? ` (${enumerated(layers.map(layerLabel))})` : "";
  const of = signed ? `the states of ${quoted(own.name)}` : "its activations";
  const against = other ? `, against ${percents(other.firing)}${signed ? ` of ${quoted(other.name)}` : ""}` : "";
  return `Above zero are ${percents(own.firing)} of ${of}${where}${against}.`;
}

/**
 * @param {ActivityReading} reading
 * @param {Active | null} other
 */
function deadWords({ signed, own }, other) {
  const what = signed ? "never changes" : "is never above zero";
  const all = [...own.dead, ...(other?.dead ?? [])];
  if (all.every((share) => share === 0)) {
    return `No unit is dead: there is none that ${what}.`;
  }
  const against = other ? `, against ${percents(other.dead)}` : "";
  return `Dead, for such a unit ${what}, are ${percents(own.dead)} of its units${against}.`;
}

/**
 * @param {Active} own
 * @param {Active} other
 */
function weightWords(own, other) {
  const times = own.weight / other.weight;
  if (!Number.isFinite(times)) {
    return null;
  }
  const sizes = `${formatLoss(own.weight)} on average against ${formatLoss(other.weight)}`;
  const isQuieter = own.mean.every((mean, place) => mean < other.mean[place]);
  if (Math.abs(times - 1) <= SAME) {
    return `Its weights are about as large, ${sizes}${isQuieter ? ": it is not that they shrink" : ""}.`;
  }
  return `Its weights are ${times > 1 ? "larger" : "smaller"}, ${sizes}.`;
}
