// Several things in one sentence.

import { formatCount } from "../model/stats.js";
import { quoted } from "./common.js";

const NAMED = 4; // networks; more are counted

/**
 * Items with commas, and “and” before the last.
 * @param {string[]} items
 */
export function enumerated(items) {
  return items.length > 1 ? `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}` : (items[0] ?? "");
}

/**
 * Networks by name, or by number if there are many.
 * @param {string[]} names
 */
export function namesOrCount(names) {
  return names.length > NAMED ? `${formatCount(names.length)} networks` : enumerated(names.map(quoted));
}
