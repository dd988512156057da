// Curves as a table: one row for each step at which any of them has a value.

/** @import { DataTable } from "../types.js" */

/** @typedef {{ name: string, step: ArrayLike<number>, values: ArrayLike<number>, length: number }} Curve */

/**
 * @param {string} name
 * @param {Curve[]} curves
 * @returns {DataTable | null} `null` while none has a point.
 */
export function curveTable(name, curves) {
  /** @type {Map<number, (string | number)[]>} */
  const rows = new Map();
  curves.forEach(({ step, values, length }, curve) => {
    for (let row = 0; row < length; row += 1) {
      const known = rows.get(step[row]) ?? [step[row], ...curves.map(() => "")];
      known[curve + 1] = values[row];
      rows.set(step[row], known);
    }
  });
  const inOrder = [...rows.values()].sort(([one], [other]) => Number(one) - Number(other));
  return inOrder.length > 0 ? { name, columns: ["step", ...curves.map((curve) => curve.name)], rows: inOrder } : null;
}
