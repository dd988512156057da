// What the histograms of kept units show, in words.

import { formatCount, formatOne, formatPlain } from "../model/stats.js";
import { joined, layerLabel, quoted } from "./common.js";

/** @import { Counted } from "../model/layers.js" */
/** @import { KeptLaw } from "../model/stats.js" */

/**
 * How many units or weights of one layer the masks kept, or how many factors were at least 1.
 * @typedef {object} LayerKept
 * @property {string} name
 * @property {Counted} [counted]
 * @property {number} mean Per step.
 * @property {number} expected NaN where no law is known.
 * @property {number} error The standard error of the mean, as the law has it.
 */

const WHAT = { units: "units kept", weights: "weights kept", factors: "factors of at least 1" };

/**
 * @param {object} reading
 * @param {string} reading.name The followed lane.
 * @param {boolean} [reading.isPlanned] Whether its knobs have any dropout.
 * @param {number} reading.steps How many steps were counted.
 * @param {LayerKept[]} reading.layers Those with dropout.
 * @param {number | null} [reading.moving] The step at which a ramp ends, while it moves the rates.
 */
export function keptSentence({ name, isPlanned = false, steps, layers, moving = null }) {
  if (layers.length === 0 || steps === 0) {
    return isPlanned
      ? `No step of ${quoted(name)} with dropout has been seen yet.`
      : `${quoted(name)} has no dropout now: every unit is kept on every step.`;
  }
  const means = layers.map((layer) => `${layerLabel(layer.name)} ${meanWords(layer)}`);
  const over = steps === 1 ? "On the 1 step" : `Over the ${formatCount(steps)} steps`;
  const kinds = [...new Set(layers.map(({ counted = "units" }) => WHAT[counted]))].join(", or ");
  return joined([
    `${over} of ${quoted(name)} seen at its present rates, ${kinds} on average (expected ± standard error): ${means.join(", ")}.`,
    moving === null ? null : `A ramp moves the rates at every step until step ${formatCount(moving)}.`,
    deviationWords(layers.filter(({ expected }) => Number.isFinite(expected))),
  ]);
}

/** @param {LayerKept} layer */
function meanWords({ mean, expected, error }) {
  return Number.isFinite(expected)
    ? `${formatOne(mean)} (${formatOne(expected)} ± ${formatError(error)})`
    : `${formatOne(mean)} (two factors on each element: no simple law)`;
}

/** @param {number} error */
function formatError(error) {
  return error < 0.05 ? error.toFixed(2) : formatOne(error);
}

/** @param {LayerKept[]} layers */
function deviationWords(layers) {
  if (layers.length === 0) {
    return null;
  }
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
 * The heading of one histogram, in two lines.
 * @param {{ name: string, counted: Counted, rates: [number, number], law: KeptLaw | null, site: { group: string, groups: number, units: number } }} layer
 */
export function keptHeading({ name, counted, rates: [rate, groupRate], law, site }) {
  const [p, q] = [formatPlain(rate), formatPlain(groupRate)];
  const label = layerLabel(name);
  if (counted === "weights") {
    return `${label}: ${formatCount(law?.size ?? 0)} weights\np = ${p}`;
  }
  if (groupRate === 0) {
    return `${label}\nn = ${formatCount(site.units)}, p = ${p}`;
  }
  const groups = `${formatCount(site.groups)} ${site.group}s of ${formatCount(site.units / site.groups)}`;
  return `${label}: ${groups}\np = ${q}${rate > 0 ? ` and ${p}` : ""}`;
}
