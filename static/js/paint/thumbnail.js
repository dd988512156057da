// One training example, small: an image of any side, or a row of a table as bars.

/** @import { PicturePalette } from "./palette.js" */

import { contextOf } from "../base/context.js";
import { channels, mix, pixel } from "./palette.js";

const FINE = 16; // from this side on an image has more pixels than its thumbnail would show crisply
const BARS = { width: 112, height: 64, gap: 0.2, most: 2 }; // twice the style sheet's pixels; standard deviations at the edge

/**
 * An image of one pixel for each feature; the style sheet enlarges it.
 * @param {Document} document
 * @param {Float32Array} values 0 to 1.
 * @param {readonly number[]} shape Ends with rows and columns.
 * @param {PicturePalette} palette
 */
export function imageOf(document, values, shape, palette) {
  const [rows, columns] = shape.slice(-2);
  const { canvas, context } = createCanvas(document, columns, rows);
  canvas.classList.toggle("is-fine", Math.max(rows, columns) > FINE);
  const [off, on] = [channels(palette.pixelOff), channels(palette.pixelOn)];
  const image = context.createImageData(columns, rows);
  new Uint32Array(image.data.buffer).set(
    Array.from(values, (value) => pixel(mix(off, on, Math.min(1, Math.max(0, value))))),
  );
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * A bar for each number of a row, up or down from the mean of its column; as high as the picture at two standard deviations.
 * @param {Document} document
 * @param {Float32Array} values Standardised.
 * @param {PicturePalette} palette
 */
export function barsOf(document, values, palette) {
  const { width, height, gap, most } = BARS;
  const { canvas, context } = createCanvas(document, width, height);
  const [step, middle] = [width / values.length, height / 2];
  values.forEach((value, place) => {
    const length = (Math.max(-most, Math.min(most, value)) / most) * middle;
    context.fillStyle = value < 0 ? palette.edgeMinus : palette.edgePlus;
    context.fillRect(place * step, middle, step > 3 ? step * (1 - gap) : step, -length);
  });
  context.fillStyle = palette.inkSoft;
  context.fillRect(0, middle - 0.5, width, 1);
  return canvas;
}

/**
 * A row of a table in words: its first numbers, each by its name.
 * @param {Float32Array} values
 * @param {readonly string[]} names
 */
export function rowWords(values, names) {
  const most = 12; // more would fill the screen
  const told = names.slice(0, most).map((name, place) => `${name} ${signed(values[place])}`);
  const rest = names.length - told.length;
  return `In standard deviations from the mean: ${told.join(", ")}${rest > 0 ? `, and ${rest} more` : ""}.`;
}

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

/**
 * @param {Document} document
 * @param {number} width
 * @param {number} height
 */
function createCanvas(document, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("aria-hidden", "true");
  return { canvas, context: contextOf(canvas) };
}
