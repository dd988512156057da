// The mask raster as pixels: one column a step, one row a unit. Pure: works on plain arrays.

/** @import { Dropout } from "../types.js" */
/** @import { StepRing } from "../state/ring.js" */
/** @import { Site } from "../model/layers.js" */

/**
 * The rows of one layer.
 * @typedef {object} Band
 * @property {Site} site
 * @property {number} top Its first row.
 * @property {Uint16Array} unitOfRow Which unit each row shows: those of one group together.
 * @property {Uint16Array} bitOfRow Where that unit stands in a mask of the run.
 */

/** @typedef {{ bands: Band[], rows: number, rowHeight: number, drawn: number, units: number }} Rows */

/**
 * Colours as little-endian pixels.
 * @typedef {{ kept: number, dropped: number, down: number, gap: number }} Ink `down`: factors below 1.
 */

const MAX_ROW = 6; // device pixels: a taller row shows no more
const SEPARATOR = 3; // device pixels between layers, rounded up to whole rows

/**
 * Give each unit a row, or, where there are more units than pixels, units evenly chosen.
 * @param {readonly Site[]} sites
 * @param {number} height Device pixels.
 * @returns {Rows}
 */
export function layRows(sites, height) {
  const units = sites.reduce((sum, site) => sum + site.units, 0);
  const room = Math.max(sites.length, height - SEPARATOR * (sites.length - 1));
  const rowHeight = Math.max(1, Math.min(MAX_ROW, Math.floor(room / Math.max(1, units))));
  const separator = Math.ceil(SEPARATOR / rowHeight);
  const shares = shareOut(
    sites.map((site) => site.units),
    room,
  );
  let top = 0;
  const bands = sites.map((site, index) => {
    const rows = shares[index];
    const { order, bits } = site;
    const unitOfRow = Uint16Array.from({ length: rows }, (_, row) => {
      const place = Math.floor((row * site.units) / rows);
      return order ? order[place] : place;
    });
    const band = { site, top, unitOfRow, bitOfRow: bits ? unitOfRow.map((unit) => bits[unit]) : unitOfRow };
    top += rows + separator;
    return band;
  });
  const drawn = shares.reduce((sum, rows) => sum + rows, 0);
  return { bands, rows: Math.max(0, top - separator), rowHeight, drawn, units };
}

/**
 * Share rows out: the same number to each layer, and what a small one does not need to the others.
 * @param {number[]} wanted
 * @param {number} room
 */
function shareOut(wanted, room) {
  const smallFirst = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const shares = wanted.map(() => 0);
  let left = room;
  smallFirst.forEach((index, place) => {
    shares[index] = Math.max(1, Math.min(wanted[index], Math.floor(left / (wanted.length - place))));
    left -= shares[index];
  });
  return shares;
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
 * @param {readonly Pick<Dropout, "counted">[]} dropouts The kinds by which the records name theirs.
 */
export function drawColumns(pixels, ring, { from, to, lane }, { bands, rows }, ink, dropouts) {
  const width = to - from + 1;
  pixels.fill(0);
  for (let step = from; step <= to; step += 1) {
    const column = step - from;
    const record = ring.laneOf(step) === lane ? ring.at(step) : null;
    if (record) {
      const out = dropouts[record.kind]?.counted === "factors" ? ink.down : ink.dropped;
      for (const { site, top, bitOfRow } of bands) {
        drawBand(pixels, record.masks[site.name], bitOfRow, top * width + column, width, [ink.kept, out]);
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
 * @param {Uint16Array} bitOfRow
 * @param {number} start
 * @param {number} width
 * @param {[number, number]} ink Of a bit that is 1, and of one that is 0.
 */
function drawBand(pixels, mask, bitOfRow, start, width, [kept, dropped]) {
  for (let row = 0, at = start; row < bitOfRow.length; row += 1, at += width) {
    const bit = bitOfRow[row];
    pixels[at] = (mask[bit >> 3] >> (7 - (bit & 7))) & 1 ? kept : dropped;
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
