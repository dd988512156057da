// Small multiples: several plots of one chart side by side, in as many rows as the width asks for. Pure.

const LEAST = 120; // px of a plot: narrower, its ticks would touch
const MOST = 4; // in a row

/**
 * @typedef {object} Grid
 * @property {number} columns
 * @property {number} rows
 */

/**
 * @param {number} count
 * @param {number} width In CSS pixels.
 * @returns {Grid}
 */
export function gridOf(count, width) {
  const rows = Math.max(1, Math.ceil(count / Math.min(MOST, Math.max(2, Math.floor(width / LEAST)))));
  return { columns: Math.max(1, Math.ceil(count / rows)), rows };
}

/**
 * Where one of them stands, as shares of the picture.
 * @param {Grid} grid
 * @param {number} index
 * @param {object} room
 * @param {number} room.bottom Where the lowest row begins.
 * @param {number} room.gap Between two columns.
 * @param {number} room.below Of a row's height: what its ticks and the heading of the next one take.
 */
export function placeOf({ columns, rows }, index, { bottom, gap, below }) {
  const [column, row] = [index % columns, Math.floor(index / columns)];
  const wide = (1 - gap * (columns - 1)) / columns;
  const tall = (1 - bottom) / rows;
  const left = column * (wide + gap);
  const foot = 1 - (row + 1) * tall;
  return {
    x: [left, left + wide],
    y: [foot + (row < rows - 1 ? below * tall : 0), foot + tall],
    isFirst: column === 0,
    isLowest: index >= columns * (rows - 1),
  };
}
