// The decision boundary of networks on points in the plane. Pure: works on plain arrays.

import { channels, mix, pixel } from "./palette.js";

/** @typedef {[number, number, number]} Rgb */

/**
 * The colour of each probability of class 1, 0 … 255: one hue for each class, the panel's colour between them, and a step at one
 * half so that the boundary is a line and not a guess.
 * @param {[string, string]} classes
 * @param {string} between
 */
export function probabilityColours(classes, between) {
  const [zero, one, middle] = [channels(classes[0]), channels(classes[1]), channels(between)];
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const signed = (level - 127.5) / 127.5;
    return pixel(mix(middle, signed < 0 ? zero : one, 0.12 + 0.58 * Math.abs(signed)));
  });
}

/**
 * Fill the pixels of a heatmap. Row 0 of the probabilities is the bottom, row 0 of the pixels the top.
 * @param {Uint32Array} pixels
 * @param {Uint8Array} probability `size` × `size`.
 * @param {number} size
 * @param {Uint32Array} colours
 */
export function drawHeat(pixels, probability, size, colours) {
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      pixels[(size - 1 - row) * size + column] = colours[probability[row * size + column]];
    }
  }
}

/**
 * The line where both classes are equally likely, by marching squares.
 * @param {Uint8Array} probability `size` × `size`, row 0 at the bottom.
 * @param {number} size
 * @returns {Float32Array} Segments: x0, y0, x1, y1 of each, in grid cells from the lower left sample.
 */
export function contour(probability, size) {
  /** @type {number[]} */
  const segments = [];
  const at = (/** @type {number} */ row, /** @type {number} */ column) => probability[row * size + column] - 127.5;
  for (let row = 0; row + 1 < size; row += 1) {
    for (let column = 0; column + 1 < size; column += 1) {
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      const crossings = crossingsOf(corners, column, row);
      for (let index = 0; index + 1 < crossings.length; index += 2) {
        segments.push(...crossings[index], ...crossings[index + 1]);
      }
    }
  }
  return Float32Array.from(segments);
}

/**
 * Where the line crosses the edges of a cell: none, two, or four points.
 * @param {number[]} corners Lower left, lower right, upper right, upper left.
 * @param {number} x
 * @param {number} y
 */
function crossingsOf([a, b, c, d], x, y) {
  const share = (/** @type {number} */ from, /** @type {number} */ to) => from / (from - to);
  /** @type {[number, number][]} */
  const found = [];
  if (a > 0 !== b > 0) {
    found.push([x + share(a, b), y]);
  }
  if (b > 0 !== c > 0) {
    found.push([x + 1, y + share(b, c)]);
  }
  if (c > 0 !== d > 0) {
    found.push([x + share(d, c), y + 1]);
  }
  if (d > 0 !== a > 0) {
    found.push([x, y + share(a, d)]);
  }
  return found;
}

/**
 * How long a contour is.
 * @param {Float32Array} segments
 * @param {number} cellWidth
 * @param {number} cellHeight
 */
export function lengthOf(segments, cellWidth, cellHeight) {
  let length = 0;
  for (let at = 0; at < segments.length; at += 4) {
    length += Math.hypot(
      (segments[at + 2] - segments[at]) * cellWidth,
      (segments[at + 3] - segments[at + 1]) * cellHeight,
    );
  }
  return length;
}

/**
 * The share of the grid on which two networks predict different classes.
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
export function disagreement(one, other) {
  let differ = 0;
  for (let cell = 0; cell < one.length; cell += 1) {
    differ += Number(one[cell] > 127 !== other[cell] > 127);
  }
  return differ / one.length;
}

/**
 * The point nearest to a place.
 * @param {Float32Array} points x, y of each.
 * @param {number} x
 * @param {number} y
 */
export function nearest(points, x, y) {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let point = 0; 2 * point < points.length; point += 1) {
    const distance = Math.hypot(points[2 * point] - x, points[2 * point + 1] - y);
    if (distance < least) {
      least = distance;
      best = point;
    }
  }
  return best;
}
