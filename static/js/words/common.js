// Phrases that several sentences share.

/** @import { Config } from "../types.js" */

import { formatCount, formatOne } from "../model/stats.js";

/** @param {string} name */
export const quoted = (name) => `“${name}”`;

/**
 * The same as the beginning of a sentence.
 * @param {string} text
 */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * A difference of two shares, without its sign.
 * @param {number} share
 */
export const points = (share) => `${formatOne(100 * Math.abs(share))} points`;

/**
 * Of how many evaluations figures are the mean, where they are of more than one.
 * @param {number} evaluations
 */
export const evaluationsWords = (evaluations) =>
  evaluations > 1 ? `, mean of the last ${formatCount(evaluations)} evaluations` : "";

/** @param {(string | null)[]} parts Sentences; those that are empty do not apply. */
export const joined = (parts) => parts.filter(Boolean).join(" ");

/**
 * Up to three by name, more by number.
 * @param {{ name: string }[]} lanes
 */
export function listed(lanes) {
  return lanes.length > 3
    ? `${formatCount(lanes.length)} networks`
    : lanes.map(({ name }) => quoted(name)).join(" and ");
}

/**
 * A text of a record with what stands for its places: `unit {unit} of {units}`.
 * @param {string} text
 * @param {Record<string, string>} values
 */
export const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/**
 * `hidden1` as people write it.
 * @param {string} layer
 */
export function layerLabel(layer) {
  return layer.replace(/(\d+)$/, " $1");
}

/**
 * In what the networks of a run differ beyond the knobs that move while they train: with it a comparison is fair, without it the
 * cause could be mistaken. `isAlike` is `false` where they do not even start from the same weights.
 * @param {Pick<Config, "lanes" | "train_size" | "seed">} config
 * @returns {{ words: string | null, isAlike: boolean }}
 */
export function setApart({ lanes, train_size: all, seed }) {
  const sizes = lanes.flatMap(({ name, train_size: own }) => (own && own < all ? [{ name, own }] : []));
  const seeds = new Set(lanes.map((lane) => lane.seed ?? seed));
  const wide = lanes.filter(({ hidden }) => hidden);
  const differ = lanes.length > 1;
  const words = joined([
    sizes.length > 0 ? `${sizeWords(sizes, all)}.` : null,
    differ && seeds.size > 1
      ? "The networks have different seeds, so chance has a part in what sets them apart."
      : null,
    differ && wide.length > 0
      ? `${listed(wide)} ${wide.length > 1 ? "have widths of their" : "has widths of its"} own.`
      : null,
  ]);
  return { words: words || null, isAlike: seeds.size < 2 && wide.length === 0 };
}

/**
 * @param {{ name: string, own: number }[]} sizes
 * @param {number} all
 */
function sizeWords(sizes, all) {
  const whole = `the ${formatCount(all)} examples`;
  if (sizes.length > 3) {
    return `${formatCount(sizes.length)} networks trained on fewer than ${whole}`;
  }
  const each = sizes.map(
    ({ name, own }, index) => `${quoted(name)} ${index === 0 ? "trained " : ""}on ${formatCount(own)}`,
  );
  return `${each.join(" and ")} of ${whole}`;
}
