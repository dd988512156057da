// Weights of many units as small images, side by side: pixels of a canvas, one for each weight.

import { mix, pixel } from "./palette.js";

const SHADES = 127; // on either side of 0
const SPREAD = 3; // times the root mean square is the strongest shade: few weights are beyond

/**
 * How many squares stand side by side, so that together they are about as wide as high.
 * @param {number} count
 */
export function columnsFor(count) {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}

/**
 * How large the picture of `count` images is, with a line of one pixel between them and around.
 * @param {number} count
 * @param {number} rows
 * @param {number} columns
 */
export function sheetSize(count, rows, columns) {
  const across = columnsFor(count);
  return { width: across * (columns + 1) + 1, height: Math.ceil(count / across) * (rows + 1) + 1 };
}

/**
 * The weight that gets the strongest shade: the same for all sets, so that they can be compared. NaN does not count.
 * @param {ArrayLike<number>[]} sets
 */
export function limitOf(sets) {
  let [sum, count] = [0, 0];
  for (const values of sets) {
    for (let index = 0; index < values.length; index += 1) {
      if (Number.isFinite(values[index])) {
        sum += values[index] ** 2;
        count += 1;
      }
    }
  }
  return sum > 0 ? SPREAD * Math.sqrt(sum / count) : 1;
}

/**
 * Colours from the most negative over 0 to the most positive weight.
 * @param {[number, number, number]} minus
 * @param {[number, number, number]} zero
 * @param {[number, number, number]} plus
 */
export function shades(minus, zero, plus) {
  return Uint32Array.from({ length: 2 * SHADES + 1 }, (_, shade) => {
    const share = (shade - SHADES) / SHADES;
    return pixel(mix(zero, share < 0 ? minus : plus, Math.abs(share)));
  });
}

/**
 * Paint images one after the other into the pixels of a sheet; what is no number stays as the lines are.
 * @param {Uint32Array} pixels Of a sheet of `sheetSize`.
 * @param {{ data: ArrayLike<number>, shape: readonly number[] }} images (count, rows, columns)
 * @param {number} limit
 * @param {Uint32Array} colours As `shades` has them.
 * @param {number} line The colour of the lines.
 */
export function paintAtoms(pixels, { data, shape: [count, rows, columns] }, limit, colours, line) {
  const across = columnsFor(count);
  const { width } = sheetSize(count, rows, columns);
  pixels.fill(line);
  for (let index = 0; index < data.length; index += 1) {
    const image = Math.floor(index / (rows * columns));
    const [row, column] = [Math.floor(index / columns) % rows, index % columns];
    const top = Math.floor(image / across) * (rows + 1) + 1 + row;
    const left = (image % across) * (columns + 1) + 1 + column;
    const value = Math.max(-1, Math.min(1, data[index] / limit));
    if (!Number.isNaN(value)) {
      pixels[top * width + left] = colours[SHADES + Math.round(SHADES * value)];
    }
  }
}
