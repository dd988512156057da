// Phrases that several sentences share.

import { formatCount, formatOne } from "../stats.js";

/** @param {string} name */
export const quoted = (name) => `“${name}”`;

/**
 * A difference of two shares, without its sign.
 * @param {number} share
 */
export const points = (share) => `${formatOne(100 * Math.abs(share))} points`;

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
 * `hidden1` as people write it.
 * @param {string} layer
 */
export function layerLabel(layer) {
  return layer.replace(/(\d+)$/, " $1");
}
