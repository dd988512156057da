// The mask raster as pixels: one column a step, one row a unit. Pure: works on plain arrays.

/** @import { StepRing } from "../ring.js" */

/**
 * The rows of one layer.
 * @typedef {object} Band
 * @property {string} name
 * @property {number} units
 * @property {number} top Its first row.
 * @property {Uint16Array} unitOfRow Which unit each row shows.
 */

/** @typedef {{ bands: Band[], rows: number, rowHeight: number, drawn: number, units: number }} Rows */

/**
 * Colours as little-endian pixels.
 * @typedef {{ kept: number, dropped: number, gap: number }} Ink
 */

const MAX_ROW = 6; // device pixels: a taller row shows no more
const SEPARATOR = 3; // device pixels between layers, rounded up to whole rows

/**
 * Give each unit a row, or, where there are more units than pixels, units evenly chosen.
 * @param {readonly { name: string, units: number }[]} layers
 * @param {number} height Device pixels.
 * @returns {Rows}
 */
export function layRows(layers, height) {
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  const room = Math.max(layers.length, height - SEPARATOR * (layers.length - 1));
  const rowHeight = Math.max(1, Math.min(MAX_ROW, Math.floor(room / Math.max(1, units))));
  const separator = Math.ceil(SEPARATOR / rowHeight);
  const share = Math.min(1, room / Math.max(1, units));
  /** @type {Band[]} */
  const bands = [];
  let top = 0;
  for (const { name, units: count } of layers) {
    const rows = Math.max(1, Math.floor(count * share));
    bands.push({
      name,
      units: count,
      top,
      unitOfRow: Uint16Array.from({ length: rows }, (_, row) => Math.floor((row * count) / rows)),
    });
    top += rows + separator;
  }
  const drawn = bands.reduce((sum, { unitOfRow }) => sum + unitOfRow.length, 0);
  return { bands, rows: Math.max(0, top - separator), rowHeight, drawn, units };
}

/**
 * Which unit a row shows.
 * @param {Rows} rows
 * @param {number} row
 * @returns {{ band: Band, unit: number } | null}
 */
export function unitAt({ bands }, row) {
  const band = bands.find(({ top, unitOfRow }) => row >= top && row < top + unitOfRow.length);
  return band ? { band, unit: band.unitOfRow[row - band.top] } : null;
}

/**
 * Draw the columns of the steps `from` … `to` into pixels that are `to - from + 1` wide.
 * @param {Uint32Array} pixels
 * @param {StepRing} ring
 * @param {{ from: number, to: number, lane: number }} view Masks of other lanes are left blank.
 * @param {Rows} rows
 * @param {Ink} ink
 */
export function drawColumns(pixels, ring, { from, to, lane }, { bands, rows }, ink) {
  const width = to - from + 1;
  pixels.fill(0);
  for (let step = from; step <= to; step += 1) {
    const column = step - from;
    const record = ring.laneOf(step) === lane ? ring.at(step) : null;
    if (record) {
      for (const { name, top, unitOfRow } of bands) {
        drawBand(pixels, record.masks[name], unitOfRow, top * width + column, width, ink);
      }
    } else if (isGap(ring, step)) {
      hatch(pixels, column, step, width, rows, ink.gap);
    }
  }
}

/**
 * Whether the masks of a step are missing although steps before and after it are held.
 * @param {StepRing} ring
 * @param {number} step
 */
export function isGap(ring, step) {
  return step > ring.first && step < ring.last && !ring.has(step);
}

/**
 * @param {Uint32Array} pixels
 * @param {Uint8Array} mask
 * @param {Uint16Array} unitOfRow
 * @param {number} start
 * @param {number} width
 * @param {Ink} ink
 */
function drawBand(pixels, mask, unitOfRow, start, width, { kept, dropped }) {
  for (let row = 0, at = start; row < unitOfRow.length; row += 1, at += width) {
    const unit = unitOfRow[row];
    pixels[at] = (mask[unit >> 3] >> (7 - (unit & 7))) & 1 ? kept : dropped;
  }
}

/**
 * @param {Uint32Array} pixels
 * @param {number} column
 * @param {number} step The hatching is tied to the step, so that it moves with it.
 * @param {number} width
 * @param {number} rows
 * @param {number} colour
 */
function hatch(pixels, column, step, width, rows, colour) {
  for (let row = 0; row < rows; row += 1) {
    if ((row + step) % 6 < 2) {
      pixels[row * width + column] = colour;
    }
  }
}

/**
 * The steps in view: the newest `columns`, or, looking back, those around the cursor.
 * @param {{ first: number, last: number }} ring
 * @param {number} columns
 * @param {number | null} cursor
 */
export function windowOf({ first, last }, columns, cursor) {
  const centred = cursor === null ? last : Math.max(cursor + Math.floor(columns / 2), first + columns - 1);
  const to = Math.min(last, centred);
  return { from: to - columns + 1, to };
}
