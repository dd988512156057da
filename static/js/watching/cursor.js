// The place in a raster that the keyboard has chosen: a recorded pass and a unit. Pure.

/** @import { SiteRow } from "../types.js" */

import { formatCount } from "../model/stats.js";
import { capital } from "../words/common.js";
import { oneOf } from "./pixels.js";
import { rateWords } from "./words.js";

/** A row, counted from the oldest that is held, and a unit of it. @typedef {{ row: number, unit: number }} Place */

/** @type {Record<string, (at: Place, page: number) => Place>} */
const MOVES = {
  ArrowUp: ({ row, unit }) => ({ row: row - 1, unit }),
  ArrowDown: ({ row, unit }) => ({ row: row + 1, unit }),
  ArrowLeft: ({ row, unit }) => ({ row, unit: unit - 1 }),
  ArrowRight: ({ row, unit }) => ({ row, unit: unit + 1 }),
  PageUp: ({ row, unit }, page) => ({ row: row - page, unit }),
  PageDown: ({ row, unit }, page) => ({ row: row + page, unit }),
  Home: ({ unit }) => ({ row: 0, unit }),
  End: ({ unit }) => ({ row: Infinity, unit }),
};
const WHOLE = ["Home", "End"]; // keys that say where to go, wherever one is

/**
 * Where a key leads; `null`: nowhere, it is no key of a raster or there is nothing in it.
 * @param {Place | null} at `null`: nothing was chosen yet.
 * @param {string} key
 * @param {{ rows: number, units: number, page: number, start: number }} raster `start`: the row that is chosen first.
 * @returns {Place | null}
 */
export function placeAfter(at, key, { rows, units, page, start }) {
  const move = Object.hasOwn(MOVES, key) ? MOVES[key] : null;
  if (!move || rows === 0 || units === 0) {
    return null;
  }
  const first = { row: start, unit: 0 };
  const { row, unit } = at ? move(at, page) : WHOLE.includes(key) ? move(first, page) : first;
  return { row: Math.max(0, Math.min(row, rows - 1)), unit: Math.max(0, Math.min(unit, units - 1)) };
}

/**
 * How many of a row were kept.
 * @param {Pick<SiteRow, "mask" | "used">} row
 */
export function keptOf({ mask, used }) {
  let kept = 0;
  for (let unit = 0; unit < used; unit += 1) {
    kept += (mask[unit >> 3] >> (7 - (unit & 7))) & 1;
  }
  return kept;
}

/**
 * What became of a unit: `kept`, `dropped`, or `not used in this pass`.
 * @param {Pick<SiteRow, "mask" | "used">} row
 * @param {number} unit
 */
export function fateOf({ mask, used }, unit) {
  return unit >= used ? "not used in this pass" : (mask[unit >> 3] >> (7 - (unit & 7))) & 1 ? "kept" : "dropped";
}

/**
 * What stands at the chosen place, for who does not see it.
 * @param {{ of: string }} site
 * @param {SiteRow} row
 * @param {number} unit
 * @param {boolean} isOtherRow Whether it is another row than before, of which more is said.
 */
export function placeWords({ of }, row, unit, isOtherRow) {
  const one = `${capital(oneOf(of))} ${formatCount(unit)}`;
  const step = `step ${formatCount(row.step)}`;
  if (!isOtherRow) {
    return `${one} at ${step}: ${fateOf(row, unit)}.`;
  }
  const kept = `${formatCount(keptOf(row))} of ${formatCount(row.used)} ${of} kept`;
  return `${capital(step)}, p = ${rateWords(row.rate)}: ${kept}. ${one}: ${fateOf(row, unit)}.`;
}
