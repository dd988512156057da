// Sums, distributions, and numbers as the page writes them. Pure: no DOM.

// Lanczos's approximation of log Γ with g = 7 and nine terms (Godfrey's coefficients): relative error below 1e-14.
const LANCZOS_G = 7;
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/**
 * The natural logarithm of Γ(x).
 * @param {number} x At least 0.5.
 */
export function logGamma(x) {
  const z = x - 1;
  const t = z + LANCZOS_G + 0.5;
  const sum = LANCZOS.reduce((total, term, index) => total + (index === 0 ? term : term / (z + index)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * The probability of exactly `k` successes in `n` independent trials.
 * @param {number} n
 * @param {number} probability Of each trial, 0 to 1, both allowed.
 * @param {number} k
 */
export function binomialPmf(n, probability, k) {
  if (k < 0 || k > n) {
    return 0;
  }
  if (probability <= 0 || probability >= 1) {
    return k === (probability <= 0 ? 0 : n) ? 1 : 0;
  }
  const ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  return Math.exp(ways + k * Math.log(probability) + (n - k) * Math.log1p(-probability));
}

/**
 * The mean and the standard deviation of a Binomial.
 * @param {number} n
 * @param {number} probability
 */
export function binomial(n, probability) {
  return { mean: n * probability, sd: Math.sqrt(n * probability * (1 - probability)) };
}

/**
 * How many of `groups` × `size` elements survive when whole groups are dropped and single elements on top. `keep` and
 * `groupKeep` are the probabilities that an element, and a group, is kept. Without groups of its own a layer is one group
 * that is always kept, and the law is the Binomial.
 * @typedef {{ groups: number, size: number, keep: number, groupKeep: number }} KeptLaw
 */

/**
 * The mean and the standard deviation of a number of survivors, by the law of total variance.
 * @param {KeptLaw} law
 */
export function keptMoments({ groups, size, keep, groupKeep }) {
  const within = groupKeep * size * keep * (1 - keep);
  const between = (size * keep) ** 2 * groupKeep * (1 - groupKeep);
  return { mean: groups * groupKeep * size * keep, sd: Math.sqrt(groups * (within + between)) };
}

/**
 * The probability of exactly `k` survivors: over how many groups are kept, times the Binomial of the elements in them.
 * @param {KeptLaw} law
 * @param {number} k
 */
export function keptPmf({ groups, size, keep, groupKeep }, k) {
  let sum = 0;
  for (let kept = Math.max(0, Math.ceil(k / size)); kept <= groups; kept += 1) {
    const share = binomialPmf(groups, groupKeep, kept);
    if (share > 0) {
      sum += share * binomialPmf(kept * size, keep, k);
    }
  }
  return sum;
}

/**
 * The arithmetic mean; NaN of nothing.
 * @param {ArrayLike<number>} values
 */
export function mean(values) {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    sum += values[index];
  }
  return sum / values.length;
}

/**
 * The standard error of a share counted on `n` independent examples.
 * @param {number} share
 * @param {number} n
 */
export function shareError(share, n) {
  return Math.sqrt((share * (1 - share)) / n);
}

/**
 * Where the smallest finite value stands; -1 where there is none.
 * @param {ArrayLike<number>} values
 * @param {number} [length] How many of them count.
 * @param {number} [from] The first of them that counts.
 */
export function indexOfLeast(values, length = values.length, from = 0) {
  let best = -1;
  for (let index = from; index < length; index += 1) {
    if (Number.isFinite(values[index]) && (best < 0 || values[index] < values[best])) {
      best = index;
    }
  }
  return best;
}

/**
 * An exponential average over unevenly spaced steps: a value `span` steps back weighs 1/e of the newest. It passes over
 * what is not finite.
 * @param {ArrayLike<number>} steps Rising.
 * @param {ArrayLike<number>} values
 * @param {number} length How many of them count.
 * @param {number} span In steps.
 */
export function exponentialAverage(steps, values, length, span) {
  const averages = new Float32Array(length);
  let average = Number.NaN;
  let before = 0;
  for (let index = 0; index < length; index += 1) {
    const value = values[index];
    if (!Number.isFinite(value)) {
      averages[index] = Number.NaN;
      continue;
    }
    const share = Number.isNaN(average) ? 1 : 1 - Math.exp(-(steps[index] - before) / span);
    average = Number.isNaN(average) ? value : average + share * (value - average);
    before = steps[index];
    averages[index] = average;
  }
  return averages;
}

/**
 * Indices of at most `most` out of `length` points, evenly spread, the first and the last among them.
 * @param {number} length
 * @param {number} most At least 2.
 */
export function spread(length, most) {
  if (length <= most) {
    return Array.from({ length }, (_, index) => index);
  }
  return Array.from({ length: most }, (_, index) => Math.round((index * (length - 1)) / (most - 1)));
}

const formats = {
  whole: new Intl.NumberFormat("en", { maximumFractionDigits: 0 }),
  one: new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
  two: new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  three: new Intl.NumberFormat("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 }),
};

/**
 * A whole number: 1,284.
 * @param {number} value
 */
export function formatCount(value) {
  return formats.whole.format(value);
}

/**
 * A number with one decimal: 51.2.
 * @param {number} value
 */
export function formatOne(value) {
  return formats.one.format(value).replace("-", "−");
}

/**
 * A share as a percentage: 92.1%.
 * @param {number} share 0 to 1.
 */
export function formatPercent(share) {
  return `${formats.one.format(100 * share)}%`;
}

/**
 * A loss, with about three digits: 0.443, 1.69, 27.1, 1,284; what is not a finite number is said to be none.
 * @param {number} value
 */
export function formatLoss(value) {
  if (!Number.isFinite(value)) {
    return "no number";
  }
  const size = Math.abs(value);
  if (size >= 1e6) {
    return value.toExponential(1).replace("e+", " × 10^");
  }
  const decimals = size < 0.9995 ? "three" : size < 9.995 ? "two" : size < 99.95 ? "one" : "whole";
  return size > 0 && size < 0.0005 ? "under 0.001" : formats[decimals].format(value);
}

/**
 * How many times as large: 3.7, 45; with one decimal below ten.
 * @param {number} ratio
 */
export function formatTimes(ratio) {
  return ratio < 9.95 ? formats.one.format(ratio) : formats.whole.format(ratio);
}

/**
 * A rate or a count without needless decimals: 0.5, 64, 51.2.
 * @param {number} value
 */
export function formatPlain(value) {
  return String(Number(value.toFixed(value % 1 === 0 ? 0 : 2)));
}
