// The painted pictures as files: composed with their labels on a sheet, and as tables.

/** @import { DataTable } from "../types.js" */
/** @import { Palette } from "../theme.js" */
/** @import { Picture } from "./picture.js" */

import { blobOf, createSheet } from "../download.js";
import { State } from "./picture.js";

const PAD = 24; // pixels, as all distances here
const FONT = 22;
const KEY = 640; // what the meaning of the colours takes
const NAME = 40; // what a line with a name takes

/**
 * The units of a network in the pass that is shown.
 * @param {Picture | null} picture
 * @returns {DataTable | null}
 */
export function networkTable(picture) {
  if (!picture) {
    return null;
  }
  const rows = picture.layers.flatMap(({ name, mask, activation, factor, scale, states }) =>
    Array.from(states, (state, unit) => [
      ...[picture.step, picture.laneName, picture.example, name, unit],
      picture.dropoutKind === "gaussian" || mask[unit] ? 1 : 0,
      activation ? activation[unit] : "",
      factor ? factor[unit] : state === State.DROPPED ? 0 : Number.isFinite(scale) ? scale : "",
    ]),
  );
  const probabilities = Array.from(picture.probability ?? [], (probability, index) => [
    ...[picture.step, picture.laneName, picture.example, "class", picture.classes[index], 1, probability, ""],
  ]);
  const columns = ["step", "network", "example", "layer", "unit", "kept", "activation", "multiplied by"];
  return { name: "network", columns, rows: [...rows, ...probabilities] };
}

/**
 * Pictures side by side, each under its name.
 * @param {Document} document
 * @param {Palette} palette
 * @param {{ name: string, canvas: HTMLCanvasElement }[]} pictures
 * @param {{ columns: number, side: number }} grid
 * @returns {Promise<Blob | null>}
 */
export async function gallery(document, palette, pictures, { columns, side }) {
  if (pictures.length === 0) {
    return null;
  }
  const across = Math.min(columns, pictures.length);
  const rows = Math.ceil(pictures.length / across);
  const tall = Math.max(...pictures.map(({ canvas }) => (side * canvas.height) / Math.max(1, canvas.width)));
  const [pitch, rise] = [side + PAD, tall + NAME + PAD];
  const sheet = createSheet(document, across * pitch + PAD, rows * rise + PAD, palette.panel);
  write(sheet, palette);
  pictures.forEach(({ name, canvas }, index) => {
    const [x, y] = [PAD + (index % across) * pitch, PAD + Math.floor(index / across) * rise];
    sheet.fillText(name, x, y + NAME / 2, side);
    sheet.imageSmoothingEnabled = canvas.width > side;
    sheet.drawImage(canvas, x, y + NAME, side, (side * canvas.height) / canvas.width);
  });
  return blobOf(sheet.canvas);
}

/**
 * The mask raster with the names of its bands, its first and its last step, and what its colours mean.
 * @param {Document} document
 * @param {Palette} palette
 * @param {object} raster
 * @param {HTMLCanvasElement} raster.canvas
 * @param {number} raster.left Pixels at its left that stand for nothing: before the first step.
 * @param {number} raster.ratio Device pixels in a CSS pixel.
 * @param {{ lines: string[], middle: number }[]} raster.bands `middle` in CSS pixels.
 * @param {[string, string]} raster.ends
 * @param {{ colour: string, text: string }[]} raster.key
 * @returns {Promise<Blob | null>}
 */
export async function rasterPicture(document, palette, { canvas, left, ratio, bands, ends, key }) {
  const scale = Math.max(1, Math.round(2 / ratio)); // whole pixels, so that no mask is blurred
  const [width, height] = [(canvas.width - left) * scale, canvas.height * scale];
  const gutter = 190;
  const sheet = createSheet(
    document,
    gutter + Math.max(width, KEY) + PAD,
    height + 2 * PAD + 2.5 * NAME,
    palette.panel,
  );
  write(sheet, palette);
  sheet.imageSmoothingEnabled = false;
  sheet.drawImage(canvas, left, 0, canvas.width - left, canvas.height, gutter, PAD, width, height);
  sheet.textAlign = "right";
  for (const { lines, middle } of bands) {
    lines.forEach((line, index) => {
      const y = PAD + middle * ratio * scale + (index - (lines.length - 1) / 2) * 1.2 * FONT;
      sheet.fillText(line, gutter - 14, y, gutter - 20);
    });
  }
  sheet.fillText(ends[1], gutter + width, PAD + height + NAME / 2);
  sheet.textAlign = "left";
  sheet.fillText(ends[0], gutter, PAD + height + NAME / 2);
  let x = gutter;
  for (const { colour, text } of key) {
    const y = PAD + height + 1.6 * NAME;
    sheet.fillStyle = colour;
    sheet.fillRect(x, y - 9, 18, 18);
    sheet.strokeStyle = palette.line;
    sheet.strokeRect(x, y - 9, 18, 18);
    sheet.fillStyle = palette.ink;
    sheet.fillText(text, x + 28, y);
    x += 28 + sheet.measureText(text).width + 2 * PAD;
  }
  return blobOf(sheet.canvas);
}

/**
 * @param {CanvasRenderingContext2D} sheet
 * @param {Palette} palette
 */
function write(sheet, palette) {
  sheet.fillStyle = palette.ink;
  sheet.font = `${FONT}px ${palette.font || "sans-serif"}`;
  sheet.textBaseline = "middle";
}
