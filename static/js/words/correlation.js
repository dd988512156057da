// How much units agree, in words.

import { formatCount, formatPercent } from "../model/stats.js";
import { joined, layerLabel, quoted } from "./common.js";
import { enumerated, ratio } from "./inside.js";

/**
 * Mean absolute correlation, and share of pairs beyond 0.7, of one network: a number for each hidden layer.
 * @typedef {{ name: string, mean: number[], strong: number[] }} Correlated
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} CorrelationReading
 * @property {number} step
 * @property {string[]} layers
 * @property {number} place Of the layer that is shown.
 * @property {number} units Of that layer.
 * @property {Correlated} own The followed network.
 * @property {Correlated | null} other The network that it is compared with.
 */

const COMPARED = 640; // units of a layer whose pairs the server looks at

/** @param {CorrelationReading | null} reading `null` before the first look. */
export function correlationSentence(reading) {
  if (reading === null) {
    return "The units have not been compared yet.";
  }
  const { step, layers, place, units, own } = reading;
  const head = `Step ${formatCount(step)}, ${layerLabel(layers[place])}.`;
  if (!Number.isFinite(own.mean[place])) {
    return `${head} ${quoted(own.name)} has no two units that change from one validation example to another, or it has diverged.`;
  }
  const other = reading.other && Number.isFinite(reading.other.mean[place]) ? reading.other : null;
  return joined([
    head,
    units > COMPARED ? `Of ${formatCount(units)} units ${formatCount(COMPARED)}, evenly spread, are compared.` : null,
    `Pairs of units of ${quoted(own.name)} have a correlation of ${size(own.mean[place])} on average, whatever its sign${other ? `; of ${quoted(other.name)} ${size(other.mean[place])}` : ""}.`,
    other ? allWords(reading, other) : null,
    strongWords(own, other, place),
  ]);
}

/** @param {number} value */
const size = (value) => value.toFixed(3);

/**
 * @param {CorrelationReading} reading
 * @param {Correlated} other
 */
function allWords({ layers, own }, other) {
  const times = own.mean.map((mean, place) => `${ratio(mean, other.mean[place])} in ${layerLabel(layers[place])}`);
  return `That is × ${enumerated(times)}.`;
}

/**
 * @param {Correlated} own
 * @param {Correlated | null} other
 * @param {number} place
 */
function strongWords(own, other, place) {
  const share = formatPercent(own.strong[place]);
  if (!other) {
    return `Strongly correlated, beyond 0.7 or −0.7, are ${share} of the pairs.`;
  }
  const isRarer = own.strong[place] < other.strong[place];
  const verdict = isRarer
    ? "fewer here, but not reliably: over five seeds of the default run it is 1.6, 1.0 and 0.8 times the share in hidden 1, 2 and 3"
    : "no fewer";
  return `Strongly correlated, beyond 0.7 or −0.7, are ${share} of the pairs against ${formatPercent(other.strong[place])}: ${verdict}.`;
}
