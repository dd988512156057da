// Phrases that the sentences about units share.

/**
 * “a, b and c”.
 * @param {readonly string[]} items
 */
export function enumerated(items) {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/**
 * How many times as large: 0.65; of nothing there is no such number.
 * @param {number} one
 * @param {number} other
 */
export function ratio(one, other) {
  const times = one / other;
  return Number.isFinite(times) ? times.toFixed(2) : "–";
}
