// A chart as the text of an SVG, for a page without scripts. Pure.

/** @import { Chart, Mark } from "../rooms/charts/painter.js" */

import { escaped } from "../base/html.js";

/** @param {Chart} chart */
export function svgOf({ width, height, marks, words }) {
  const attributes = `class="chart-svg" role="img" viewBox="0 0 ${round(width)} ${round(height)}" aria-label="${escaped(words)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${marks.map(textOf).join("")}</svg>`;
}

/**
 * @param {Mark} mark
 * @returns {string}
 */
function textOf({ tag, at, text, inside }) {
  const attributes = Object.entries(at)
    .map(([name, value]) => ` ${name}="${escaped(typeof value === "number" ? round(value) : value)}"`)
    .join("");
  return `<${tag}${attributes}>${text === undefined ? (inside ?? []).map(textOf).join("") : escaped(text)}</${tag}>`;
}

/** @param {number} value */
const round = (value) => String(Math.round(value * 10) / 10);
