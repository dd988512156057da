// What the histograms of kept units show, in words.

import { formatCount, formatOne, formatPlain } from "../stats.js";
import { joined, layerLabel, quoted } from "./common.js";

/**
 * How many units of one layer the masks kept.
 * @typedef {object} LayerKept
 * @property {string} name
 * @property {number} units
 * @property {number} rate Of dropout.
 * @property {number} mean Kept per step.
 * @property {number} expected
 * @property {number} error The standard error of the mean, as the Binomial has it.
 */

/**
 * @param {object} reading
 * @param {string} reading.name The followed lane.
 * @param {number} reading.steps How many steps were counted.
 * @param {LayerKept[]} reading.layers Those with dropout.
 */
export function keptSentence({ name, steps, layers }) {
  if (layers.length === 0) {
    return `${quoted(name)} has no dropout now: every unit is kept on every step.`;
  }
  if (steps === 0) {
    return `No step of ${quoted(name)} at its present rates has been seen yet.`;
  }
  const means = layers.map(
    (layer) =>
      `${layerLabel(layer.name)} ${formatOne(layer.mean)} (${formatOne(layer.expected)} ± ${formatError(layer.error)})`,
  );
  const over = steps === 1 ? "On the 1 step" : `Over the ${formatCount(steps)} steps`;
  return joined([
    `${over} of ${quoted(name)} seen at its present rates, units kept on average (expected ± standard error): ${means.join(", ")}.`,
    deviationWords(layers),
  ]);
}

/** @param {number} error */
function formatError(error) {
  return error < 0.05 ? error.toFixed(2) : formatOne(error);
}

/** @param {LayerKept[]} layers */
function deviationWords(layers) {
  const off = (/** @type {LayerKept} */ layer) => Math.abs(layer.mean - layer.expected) / layer.error;
  const worst = layers.reduce((one, other) => (off(other) > off(one) ? other : one));
  const which = layers.length > 1 ? `The furthest off, ${layerLabel(worst.name)}, is` : "That is";
  // With five layers the furthest of fair masks lies beyond 3 standard errors once in 75 looks, beyond 4 once in 3,000.
  const verdict =
    off(worst) < 3
      ? ", as chance allows"
      : off(worst) < 4
        ? ", rare for fair masks"
        : ", more than fair masks would show";
  return `${which} ${formatOne(off(worst))} standard errors away${verdict}.`;
}

/**
 * The heading of one histogram, in two lines as Plotly takes them.
 * @param {{ name: string, units: number, rate: number }} layer
 */
export function keptHeading({ name, units, rate }) {
  return `${layerLabel(name)}<br>n = ${formatCount(units)}, p = ${formatPlain(rate)}`;
}
