// What can be taken away: numbers as CSV, pictures as PNG.

/** @import { DataTable } from "../types.js" */

import { contextOf } from "./context.js";

const DIGITS = 8; // of a number that is no whole one: more than a 32-bit float holds is noise
const LEAST_WIDTH = 600; // pixels: a canvas of fewer is enlarged by whole pixels, for else nobody could see it on a slide
// How a text begins that a spreadsheet would take for a formula: with such a sign, of full or of small width too, after whatever it
// skips: blanks, tabs, line ends, characters that cannot be seen.
const FORMULA = /^(?:[\t\r\n]|[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;
const SPECIAL = /[",;\t\r\n]/; // what some program would split a text at

/**
 * Hand a file to the reader.
 * @param {Document} document
 * @param {Blob} blob
 * @param {string} name
 */
export function save(document, blob, name) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const link = document.createElement("a");
  link.href = window.URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => window.URL.revokeObjectURL(link.href), 60_000); // a slow disk may still read from it
}

/**
 * A name that says run, picture and step: `dropout-lab-twin-loss-step-1000.csv`.
 * @param {import("../types.js").State} state
 * @param {string} what
 * @param {string} ending
 */
export function fileName({ run, experiment, steps, cursor }, what, ending) {
  const step = cursor ?? Math.max(steps.last, run?.step ?? 0);
  const parts = ["dropout-lab", experiment?.id ?? run?.id, what, "step", String(step)];
  const plain = parts.filter(Boolean).map((part) => String(part).replace(/[^\w-]+/g, "-"));
  return `${plain.join("-")}.${ending}`;
}

/**
 * A table as CSV (RFC 4180). What is no number is an empty cell; a text that a spreadsheet would take for a formula gets an
 * apostrophe before it, for names of networks come with links from strangers.
 * @param {DataTable} table
 */
export function csv({ columns, rows }) {
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** @param {string | number | null | undefined} value */
function cell(value) {
  if (typeof value === "number") {
    return Number.isInteger(value) ? String(value) : Number.isFinite(value) ? String(+value.toPrecision(DIGITS)) : "";
  }
  const text = String(value ?? "");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return SPECIAL.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The points of a Plotly figure, one row each. Traces that only shade or decorate, nameless and without hover, are left out.
 * @param {readonly *[]} traces
 * @param {*} layout
 * @param {string} [name]
 * @returns {DataTable | null} `null` without any point.
 */
export function tableOfTraces(traces, layout, name = "chart") {
  const told = traces.filter((trace) => trace.name || trace.hoverinfo !== "skip");
  const hasError = told.some(({ error_y: error }) => error?.array);
  const hasDepth = told.some(({ z }) => z);
  const hasText = told.some(({ text }) => Array.isArray(text));
  const rows = told.flatMap((trace, index) => {
    const series = trace.name ?? `series ${index + 1}`;
    return pointsOf(trace).map(({ x, y, z, error, text }) => [
      ...[series, x, y],
      ...(hasDepth ? [z] : []),
      ...(hasError ? [error] : []),
      ...(hasText ? [text] : []),
    ]);
  });
  const columns = [
    ...["series", axisTitle(layout.xaxis, "x"), axisTitle(layout.yaxis, "y")],
    ...(hasDepth ? ["value"] : []),
    ...(hasError ? ["plus or minus"] : []),
    ...(hasText ? ["text"] : []),
  ];
  return rows.length > 0 ? { name, columns, rows } : null;
}

/**
 * @param {*} trace
 * @returns {{ x: *, y: *, z: *, error: *, text: * }[]}
 */
function pointsOf({ x, y, z, error_y: error, text }) {
  if (z) {
    const across = (/** @type {ArrayLike<*>} */ row) => Array.from(row);
    return Array.from(z, across).flatMap((row, down) =>
      row.map((/** @type {*} */ value, /** @type {number} */ place) => ({
        ...{ x: x?.[place] ?? place, y: y?.[down] ?? down, z: value, error: "", text: text?.[down]?.[place] ?? "" },
      })),
    );
  }
  return Array.from(x ?? y ?? [], (_, place) => ({
    ...{ x: x?.[place] ?? place, y: y?.[place] ?? "", z: "", error: error?.array?.[place] ?? "" },
    text: Array.isArray(text) ? (text[place] ?? "") : "",
  }));
}

/**
 * @param {*} axis
 * @param {string} otherwise
 */
function axisTitle(axis, otherwise) {
  return String(axis?.title?.text ?? axis?.title ?? otherwise);
}

/**
 * A canvas as a PNG on the page's ground.
 * @param {HTMLCanvasElement} canvas
 * @param {string} [background] The colour of the panels if left out.
 * @returns {Promise<Blob | null>} `null` if there is nothing on it.
 */
export async function pngOf(canvas, background) {
  const { ownerDocument: document, width, height } = canvas;
  if (width === 0 || height === 0) {
    return null;
  }
  const scale = Math.max(1, Math.floor(LEAST_WIDTH / width));
  const sheet = createSheet(document, width * scale, height * scale, background);
  sheet.imageSmoothingEnabled = false;
  sheet.drawImage(canvas, 0, 0, width * scale, height * scale);
  return blobOf(sheet.canvas);
}

/**
 * Several pictures as one, each below the one before.
 * @param {HTMLCanvasElement[]} canvases At least one.
 * @param {string} background
 */
export function stacked(canvases, background) {
  const together = canvases[0].ownerDocument.createElement("canvas");
  together.width = Math.max(...canvases.map(({ width }) => width));
  together.height = canvases.reduce((sum, { height }) => sum + height, 0);
  const context = contextOf(together);
  canvases.reduce((top, canvas) => {
    context.drawImage(canvas, 0, top);
    return top + canvas.height;
  }, 0);
  return pngOf(together, background);
}

/**
 * An empty canvas of a colour, to compose a picture on.
 * @param {Document} document
 * @param {number} width
 * @param {number} height
 * @param {string} [background] The colour of the panels if left out.
 */
export function createSheet(document, width, height, background) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const sheet = contextOf(canvas);
  sheet.fillStyle =
    background ?? getComputedStyle(document.documentElement).getPropertyValue("--panel").trim() ?? "#ffffff";
  sheet.fillRect(0, 0, canvas.width, canvas.height);
  return sheet;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob | null>}
 */
export function blobOf(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/**
 * Bytes that were written as base64.
 * @param {string} text
 * @param {string} type
 */
export function blobOfBase64(text, type) {
  return new Blob([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))], { type });
}

/**
 * A blob as an address that holds all of it.
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
export function dataUrlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}
