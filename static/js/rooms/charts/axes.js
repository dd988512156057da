// Axes that stand still: their limits are round, and change only when data leave them or fill too little of them. Pure.

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
const STEPS = [1, 2, 5, 10];
const FILLED = 0.5; // of an axis that the data have to fill, or it is made shorter
const ROOM = 1.12; // of what is needed, when an axis is made shorter
const TINY = 1e-9; // by which a sum of decimals may be off
const SHORTER = 0.6; // of what it was: else an axis is not made shorter

/** Where an axis begins and ends. @typedef {readonly [number, number]} Limits */

/**
 * The least round number that is not below a value.
 * @param {number} value
 */
export function roundAbove(value) {
  if (!(value > 0) || !Number.isFinite(value)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = ROUND.find((each) => each * power >= value * (1 - 1e-9)) ?? 10;
  return Number((factor * power).toPrecision(6));
}

/**
 * The end of an axis that begins at 0.
 * @param {number | null} before Where it ended.
 * @param {number} need What has to be on it.
 */
export function steadyTop(before, need) {
  const fits = before !== null && need <= before && need >= FILLED * before;
  return fits ? before : roundAbove(before !== null && need < before ? need * ROOM : need);
}

/**
 * The limits of an axis for values that are not negative. It begins at 0 where this costs less than two fifths of it.
 * @param {Limits | null} before
 * @param {number} low The least value.
 * @param {number} high The greatest.
 * @returns {Limits}
 */
export function steadyRange(before, low, high) {
  if (!before || low < before[0] - TINY || high > before[1] + TINY) {
    return rangeFor(low, high);
  }
  const edge = (ROOM - 1) * (high - low); // what trembles must not be out of the new limits at once
  const closer = rangeFor(Math.max(0, low - edge), high + edge);
  return closer[1] - closer[0] <= SHORTER * (before[1] - before[0]) ? closer : before;
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {Limits}
 */
function rangeFor(low, high) {
  if (low < 0.4 * high || !(high > low)) {
    return [0, roundAbove(high)];
  }
  const step = stepOf(high - low, 4);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return [plain(first * step), plain(Math.max(last, first + 1) * step)];
}

/**
 * The distance of ticks: 1, 2 or 5 of some power of ten.
 * @param {number} span What the axis spans.
 * @param {number} most Ticks at most, beside the first.
 */
export function stepOf(span, most) {
  const raw = span / most;
  if (!(raw > 0) || !Number.isFinite(raw)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(raw));
  return plain((STEPS.find((each) => each * power >= raw * (1 - 1e-9)) ?? 10) * power);
}

/**
 * The ticks of an axis, each with its text.
 * @param {Limits} limits
 * @param {number} most Beside the first.
 * @returns {{ at: number, text: string }[]}
 */
export function ticksOf([low, high], most) {
  const step = stepOf(high - low, most);
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const at = plain((first + index) * step);
    const text = at.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return { at, text: at === 0 ? "0" : text };
  });
}

/**
 * From values to places.
 * @param {Limits} limits
 * @param {readonly [number, number]} places
 */
export function placed([low, high], [first, last]) {
  const span = high - low || 1;
  return (/** @type {number} */ value) => first + ((value - low) / span) * (last - first);
}

/**
 * The value below which a share of some values lies.
 * @param {readonly number[]} values
 * @param {number} share
 */
export function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

/** @param {number} value */
function plain(value) {
  return Number(value.toPrecision(10));
}
