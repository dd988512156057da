// What chance has masks do: how many elements they keep, which units they leave out always or never. Pure.

/** @import { SiteRow, SiteSummary } from "../types.js" */

import { binomial, binomialPmf } from "../model/stats.js";

const TAIL = 0.025; // of each side of a band of 95%
const EXACT = 4000; // elements up to which a band is counted out; beyond, a normal distribution is as good
const NORMAL = 1.96; // standard deviations to either side that hold 95%
const RARE = 0.001; // what has at most this probability is more than chance allows

/**
 * The counts that at least 95% of fair masks have.
 * @typedef {object} Band
 * @property {number} low
 * @property {number} high
 * @property {number} mean
 * @property {number} outside The share of fair masks that lie outside: at most 5%.
 */

/**
 * @param {number} size Elements of the mask.
 * @param {number} rate Of dropping.
 * @returns {Band}
 */
export function bandOf(size, rate) {
  const { mean, sd } = binomial(size, 1 - rate);
  if (!(sd > 0)) {
    const sure = Math.round(mean);
    return { low: sure, high: sure, mean: sure, outside: 0 };
  }
  if (size > EXACT) {
    return { low: Math.ceil(mean - NORMAL * sd), high: Math.floor(mean + NORMAL * sd), mean, outside: 2 * TAIL };
  }
  const keep = 1 - rate;
  let low = 0;
  let below = 0; // the probability of fewer than `low`
  for (let next = binomialPmf(size, keep, 0); below + next <= TAIL; next = binomialPmf(size, keep, low)) {
    below += next;
    low += 1;
  }
  let high = size;
  let above = 0;
  for (let next = binomialPmf(size, keep, size); above + next <= TAIL; next = binomialPmf(size, keep, high)) {
    above += next;
    high -= 1;
  }
  return { low, high, mean, outside: below + above };
}

/** Gives bands, each found once. */
export function createBands() {
  /** @type {Map<string, Band>} */
  const bands = new Map();
  return (/** @type {number} */ size, /** @type {number} */ rate) => {
    const key = `${size} ${rate}`;
    const band = bands.get(key) ?? bandOf(size, rate);
    if (bands.size > 500) {
      bands.clear();
    }
    bands.set(key, band);
    return band;
  };
}

/**
 * How the counts of some masks lie.
 * @typedef {object} Lying
 * @property {number} rows
 * @property {number} outside How many lie outside their bands.
 * @property {number} expected How many of fair masks would.
 * @property {"fair" | "more"} verdict `more`: than chance allows.
 */

/**
 * @param {readonly Pick<SiteRow, "kept" | "size" | "rate">[]} rows
 * @param {(size: number, rate: number) => Band} bands
 * @returns {Lying}
 */
export function lyingOf(rows, bands) {
  let outside = 0;
  let expected = 0;
  for (const { kept, size, rate } of rows) {
    const band = bands(size, rate);
    outside += kept < band.low || kept > band.high ? 1 : 0;
    expected += band.outside;
  }
  const isMore = outside > expected && atLeast(rows.length, expected / Math.max(1, rows.length), outside) < RARE;
  return { rows: rows.length, outside, expected, verdict: isMore ? "more" : "fair" };
}

/**
 * The newest rows that all have the same rate, which is the newest.
 * @template {Pick<SiteRow, "rate">} T
 * @param {readonly T[]} rows
 * @returns {T[]}
 */
export function sameRate(rows) {
  let first = rows.length;
  while (first > 0 && rows[first - 1].rate === rows[rows.length - 1].rate) {
    first -= 1;
  }
  return rows.slice(first);
}

/**
 * The probability of at least `k` successes in `n` trials.
 * @param {number} n
 * @param {number} probability
 * @param {number} k
 */
export function atLeast(n, probability, k) {
  let below = 0;
  for (let count = 0; count < k; count += 1) {
    below += binomialPmf(n, probability, count);
  }
  return Math.max(0, 1 - below);
}

/**
 * Units that every sampled pass kept, or that every one dropped.
 * @typedef {object} Unvarying
 * @property {number} samples
 * @property {number} units Of which that could be seen.
 * @property {number[]} never Never dropped.
 * @property {number[]} always Always dropped.
 * @property {number} expectedNever How many of them chance makes, at most.
 * @property {number} expectedAlways
 * @property {boolean} isNeverFair Whether chance allows as many.
 * @property {boolean} isAlwaysFair
 */

/**
 * @param {Pick<SiteSummary, "samples" | "dropped" | "expected">} summary
 * @param {number} units How many units meant something in every pass.
 * @returns {Unvarying}
 */
export function unvaryingOf({ samples, dropped, expected }, units) {
  const some = Array.from(dropped.subarray(0, Math.min(units, dropped.length)));
  const rate = samples > 0 ? Math.min(1, Math.max(0, expected / samples)) : 0;
  const where = (/** @type {number} */ count) => some.flatMap((each, unit) => (each === count ? [unit] : []));
  const [never, always] = samples > 0 ? [where(0), where(samples)] : [[], []];
  const [neverShare, alwaysShare] = [(1 - rate) ** samples, rate ** samples]; // with rates that moved these are bounds
  return {
    ...{ samples, units: some.length, never, always },
    expectedNever: some.length * neverShare,
    expectedAlways: some.length * alwaysShare,
    isNeverFair: never.length === 0 || atLeast(some.length, neverShare, never.length) >= RARE,
    isAlwaysFair: always.length === 0 || atLeast(some.length, alwaysShare, always.length) >= RARE,
  };
}

/**
 * Units that were 0 in front of the site for every example of every sampled pass.
 * @param {Pick<SiteSummary, "samples" | "silent">} summary
 * @param {number} units
 * @returns {number[] | null} `null`: activations were not seen.
 */
export function deadOf({ samples, silent }, units) {
  if (!silent) {
    return null;
  }
  const some = Array.from(silent.subarray(0, Math.min(units, silent.length)));
  return samples > 0 ? some.flatMap((each, unit) => (each >= samples ? [unit] : [])) : [];
}
