// An upright axis of powers of ten. Pure.

/** @import { Limits } from "../../rooms/charts/axes.js" */

const [MANY, ENOUGH] = [8, 2]; // powers beyond which not each has a tick; ticks below which 2 and 5 have some as well

/**
 * Where an axis begins and ends that holds some values: at 1, 2 or 5 of a power of ten.
 * @param {number} low The least value above 0.
 * @param {number} high
 * @returns {Limits}
 */
export function logRange(low, high) {
  if (!(low > 0) || !(high > 0)) {
    return [0.1, 1];
  }
  const [first, last] = [roundTo(low, Math.floor), roundTo(high, Math.ceil)];
  return first < last ? [first, last] : [first / 2, last * 2];
}

/**
 * @param {number} value
 * @param {(exponent: number) => number} round
 */
function roundTo(value, round) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const factors = [1, 2, 5, 10].map((factor) => Number((factor * power).toPrecision(6)));
  return round === Math.floor
    ? (factors.filter((each) => each <= value * (1 + 1e-9)).pop() ?? power)
    : (factors.find((each) => each >= value * (1 - 1e-9)) ?? 10 * power);
}

/**
 * @param {Limits} limits
 * @returns {{ at: number, text: string }[]}
 */
export function logTicks([low, high]) {
  const [first, last] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const every = Math.ceil(powers.length / MANY);
  const inside = (/** @type {number} */ value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const at = powers.filter((_, index) => index % every === 0).map((power) => Number((10 ** power).toPrecision(6)));
  const few = at.filter(inside).length <= ENOUGH + 1;
  const all = few
    ? powers.flatMap((power) => [1, 2, 5].map((factor) => Number((factor * 10 ** power).toPrecision(6))))
    : at;
  return all.filter(inside).map((value) => ({ at: value, text: textOf(value) }));
}

/** @param {number} value */
function textOf(value) {
  return value >= 1e5 || value < 1e-4 ? value.toExponential(0).replace("e+", "e") : String(value);
}

/**
 * From values to places; what is not above 0 has none.
 * @param {Limits} limits
 * @param {readonly [number, number]} places
 */
export function logPlaced([low, high], [first, last]) {
  const [from, span] = [Math.log10(low), Math.log10(high) - Math.log10(low) || 1];
  return (/** @type {number} */ value) => first + ((Math.log10(value) - from) / span) * (last - first);
}
