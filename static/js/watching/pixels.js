// The raster of one site as pixels: a row for each sampled pass, a column for each unit. Pure: works on plain arrays.

/** @import { SiteRow } from "../types.js" */

/**
 * Which unit each column shows: all, or units evenly chosen where there are more than columns.
 * @param {number} units
 * @param {number} room Columns at most.
 */
export function columnsOf(units, room) {
  const columns = Math.max(1, Math.min(units, room));
  return Uint16Array.from({ length: columns }, (_, column) => Math.floor((column * units) / columns));
}

/**
 * Draw rows one below the other; what means nothing, and what is below the last row, stays clear.
 * @param {Uint32Array} pixels As many as columns × `height`.
 * @param {readonly Pick<SiteRow, "mask" | "used">[]} rows
 * @param {Uint16Array} columns
 * @param {{ kept: number, dropped: number }} ink Little-endian pixels.
 */
export function drawRows(pixels, rows, columns, { kept, dropped }) {
  pixels.fill(0);
  let at = 0;
  for (const { mask, used } of rows) {
    for (const unit of columns) {
      if (unit < used) {
        pixels[at] = (mask[unit >> 3] >> (7 - (unit & 7))) & 1 ? kept : dropped;
      }
      at += 1;
    }
  }
}

/**
 * The rows in view.
 * @param {number} count How many there are.
 * @param {number} top Pixels that are scrolled away above.
 * @param {number} height Of the view.
 * @param {number} rowHeight
 */
export function rowsInView(count, top, height, rowHeight) {
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), count - 1));
  return { first, last: Math.min(count, Math.ceil((top + height) / rowHeight)) };
}

const IRREGULAR = /** @type {Record<string, string>} */ ({ branches: "branch" });

/**
 * One of what a bit stands for: `unit`, `attention weight`, `branch`.
 * @param {string} of
 */
export const oneOf = (of) => IRREGULAR[of] ?? of.replace(/s$/, "");
