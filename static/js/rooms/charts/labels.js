// Labels one above the other beside a chart, each as near as can be to what it names. Pure.

/**
 * Move places apart until no two are nearer than they may be, and as little as that takes: neighbours that are too near
 * become a group around the mean of where they would be (isotonic regression by pooling).
 * @param {readonly number[]} wanted Where each would be, in any order.
 * @param {number} apart The least distance.
 * @param {readonly [number, number]} within The first and the last place; with too many labels the last is passed.
 * @returns {number[]} Where each is, in the order given.
 */
export function spreadLabels(wanted, apart, [first, last]) {
  const order = wanted.map((_, index) => index).sort((one, other) => wanted[one] - wanted[other]);
  /** @type {{ sum: number, count: number }[]} Groups: the sum of where their first ones would be. */
  const groups = [];
  for (const [rank, index] of order.entries()) {
    groups.push({ sum: wanted[index] - rank * apart, count: 1 });
    while (groups.length > 1) {
      const [upper, lower] = [groups[groups.length - 2], groups[groups.length - 1]];
      if (upper.sum / upper.count <= lower.sum / lower.count) {
        break;
      }
      groups.splice(-2, 2, { sum: upper.sum + lower.sum, count: upper.count + lower.count });
    }
  }
  const most = Math.max(first, last - (wanted.length - 1) * apart);
  const starts = groups.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
  const found = new Array(wanted.length).fill(0);
  for (const [rank, index] of order.entries()) {
    found[index] = Math.min(Math.max(starts[rank], first), most) + rank * apart;
  }
  return found;
}

/**
 * A name that fits: its beginning and three dots where it is longer.
 * @param {string} name
 * @param {number} most Characters.
 */
export function short(name, most) {
  const letters = [...name];
  return letters.length > most
    ? `${letters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`
    : name;
}
