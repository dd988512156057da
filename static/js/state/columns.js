// Curves: columns of numbers over the step, thinned as they grow.

/**
 * Rows of a step and, for each name, one value for each lane. Arrays have room beyond `length`.
 * @template {string} N
 * @typedef {{ length: number, gap: number, step: Uint32Array } & Record<N, Float32Array[]>} Columns
 */

const CAPACITY = 2000; // what a Plotly chart redraws in about 30 ms

/**
 * Make empty columns.
 * @template {string} N
 * @param {readonly N[]} names
 * @param {number} lanes
 * @param {number} [capacity] The most rows that are kept.
 * @returns {Columns<N>}
 */
export function createColumns(names, lanes, capacity = CAPACITY) {
  const series = names.map((name) => [name, Array.from({ length: lanes }, () => new Float32Array(capacity))]);
  return { length: 0, gap: 1, step: new Uint32Array(capacity), ...Object.fromEntries(series) };
}

/**
 * Append one row. The first and the newest row are always kept; between them rows are at least `gap` steps apart, and the
 * gap doubles whenever the columns are full. A row of the newest step replaces it; one of an older step is left out.
 * @template {string} N
 * @param {Columns<N>} columns
 * @param {number} step
 * @param {Record<N, ArrayLike<number>>} values One value for each lane, from `offset` on.
 * @param {number} [offset]
 */
export function appendRow(columns, step, values, offset = 0) {
  const { length } = columns;
  const newest = length > 0 ? columns.step[length - 1] : -1;
  if (step < newest) {
    return;
  }
  const tipStays = step !== newest && (length < 2 || newest - columns.step[length - 2] >= columns.gap);
  if (tipStays && length === columns.step.length) {
    thin(columns);
  }
  const row = tipStays ? columns.length : columns.length - 1;
  columns.step[row] = step;
  for (const name of /** @type {N[]} */ (Object.keys(values))) {
    columns[name].forEach((series, lane) => {
      series[row] = values[name][offset + lane];
    });
  }
  columns.length = row + 1;
}

/**
 * Double the gap until at most half of the rows are left. Rows that come every 25 steps stay a multiple of 25 apart.
 * @param {Columns<string>} columns
 */
function thin(columns) {
  const wanted = Math.ceil(columns.length / 2);
  columns.gap = Math.max(columns.gap, closest(columns));
  while (columns.length > wanted) {
    columns.gap *= 2;
    keep(columns, spaced(columns));
  }
}

/**
 * How far apart the closest two rows are, without the newest.
 * @param {Columns<string>} columns
 */
function closest({ length, step }) {
  let found = Number.POSITIVE_INFINITY;
  for (let row = 1; row < length - 1; row += 1) {
    found = Math.min(found, step[row] - step[row - 1]);
  }
  return found;
}

/**
 * The rows at least `gap` steps apart.
 * @param {Columns<string>} columns
 */
function spaced({ length, gap, step }) {
  const rows = [0];
  for (let row = 1; row < length; row += 1) {
    if (step[row] - step[rows[rows.length - 1]] >= gap) {
      rows.push(row);
    }
  }
  return rows;
}

/**
 * @param {Columns<string>} columns
 * @param {number[]} rows
 */
function keep(columns, rows) {
  const { length, gap, step, ...series } = columns;
  for (const values of [step, .../** @type {Float32Array[][]} */ (Object.values(series)).flat()]) {
    rows.forEach((from, to) => {
      values[to] = values[from];
    });
  }
  columns.length = rows.length;
}
