// The painted pictures as files: composed with their labels on a sheet, and as tables.

/** @import { StepRing } from "../state/ring.js" */
/** @import { Palette } from "../base/theme.js" */
/** @import { DataTable, Frame, Run } from "../types.js" */
/** @import { PicturePalette } from "./palette.js" */
/** @import { Picture } from "./picture.js" */
/** @import { Site } from "../model/layers.js" */

import { blobOf, createSheet, stacked } from "../base/download.js";
import { isKept } from "../model/bits.js";
import { keyOf } from "./key.js";
import { State } from "./picture.js";

const PAD = 24; // pixels, as all distances here
const FONT = 22;
const KEY_RATIO = 1.7; // of a key, whose letters are as large as those of the names
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
      picture.dropoutKind.counted === "factors" || mask[unit] ? 1 : 0,
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
 * @param {PicturePalette} palette
 * @param {{ name: string, canvas: HTMLCanvasElement }[]} pictures
 * @param {{ columns: number, side: number, legends?: HTMLElement[] }} grid
 * @returns {Promise<Blob | null>}
 */
export async function gallery(document, palette, pictures, { columns, side, legends = [] }) {
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
  const key = keyOf(legends, palette, { width: sheet.canvas.width / KEY_RATIO, ratio: KEY_RATIO });
  return stacked([sheet.canvas, ...key], palette.panel);
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

/**
 * The masks in view, a row for each step and a column for each unit: 1 where the bit is.
 * @param {StepRing} ring
 * @param {Site[]} sites
 * @param {{ from: number, to: number, lane: number }} view
 * @returns {DataTable | null}
 */
export function maskTable(ring, sites, { from, to, lane }) {
  const rows = [];
  for (let step = Math.max(from, 1); step <= to; step += 1) {
    const record = ring.laneOf(step) === lane ? ring.at(step) : null;
    if (record) {
      const bits = sites.flatMap(({ name, units, bits: at }) =>
        Array.from({ length: units }, (_, unit) => Number(isKept(record.masks[name], at ? at[unit] : unit))),
      );
      rows.push([step, record.example, ...bits]);
    }
  }
  const names = sites.flatMap(({ name, units }) => Array.from({ length: units }, (_, unit) => `${name} ${unit}`));
  return rows.length > 0 ? { name: "masks", columns: ["step", "example", ...names], rows } : null;
}

/**
 * The grid: a row for each point, a column for each network.
 * @param {Frame} boundary
 * @param {Frame} data
 * @param {{ name: string }[]} lanes
 * @returns {DataTable}
 */
export function boundaryTable({ tensors: { probability } }, { tensors: { extent } }, lanes) {
  const [count, high, wide] = probability.shape;
  const [left, right, bottom, top] = Array.from(extent.data, Number);
  const rows = Array.from({ length: high * wide }, (_, cell) => {
    const [row, column] = [Math.floor(cell / wide), cell % wide];
    const place = [left + (column / (wide - 1)) * (right - left), bottom + (row / (high - 1)) * (top - bottom)];
    const said = Array.from({ length: count }, (_, lane) => Number(probability.data[lane * high * wide + cell]) / 255);
    return [...place, ...said];
  });
  const names = Array.from({ length: count }, (_, lane) => `${lanes[lane]?.name ?? lane}: probability of class 1`);
  return { name: "boundary", columns: ["x1", "x2", ...names], rows };
}

/**
 * Every training example with its label, its true class and its numbers.
 * @param {Frame} data
 * @param {Run} run
 * @returns {DataTable}
 */
export function exampleTable(data, { classes, features, layers }) {
  const { "train/x": x, "train/y": labels, "train/true": truths } = data.tensors;
  const [count, width] = x.shape;
  const across = layers[0].shape[1] ?? 0;
  const pixel = (/** @type {number} */ at) =>
    across > 0 ? `row ${Math.floor(at / across)} column ${at % across}` : `x${at + 1}`;
  const rows = Array.from({ length: count }, (_, example) => [
    ...[example, classes[Number(labels.data[example])], classes[Number(truths.data[example])]],
    ...Array.from(x.data.subarray(example * width, (example + 1) * width), Number),
  ]);
  const names = Array.from({ length: width }, (_, at) => (features ?? [])[at] ?? pixel(at));
  return { name: "examples", columns: ["example", "label", "true class", ...names], rows };
}
