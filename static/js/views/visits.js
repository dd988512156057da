// How often each unit was left out, held against chance; and how many sub-networks were trained, out of how many.

/** @import { PicturePalette } from "../paint/palette.js" */
/** @import { DataTable, Frame, Run, Topic, View, ViewOptions } from "../types.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { h } from "../base/dom.js";
import { stacked } from "../base/download.js";
import { dropoutOf } from "../model/kinds.js";
import { sitesOf } from "../model/layers.js";
import { keyOf } from "../paint/key.js";
import { readPicturePalette } from "../paint/palette.js";
import { createTip } from "../paint/tip.js";
import { layerLabel } from "../words/common.js";
import { visitsSentence } from "../words/visits.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

const STRIP = 68; // CSS pixels, as all distances here
const GUTTER = 74; // for the names of the layers
const MARGIN = 8;
const SPAN = 4; // standard deviations shown to either side
export const BAND = 2; // standard deviations within which 95% should lie

/**
 * The counts of one layer.
 * @typedef {object} Strip
 * @property {string} name
 * @property {Uint32Array} dropped How often each unit of the network was dropped.
 * @property {number} expected NaN where no law is known.
 * @property {number} sd
 */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const canvas = h(document, "canvas", { role: "img", class: "visits-canvas" });
  const frame = h(document, "div", { class: "visits-frame" }, canvas);
  const legend = h(document, "ul", { class: "legend" });
  const sentence = document.getElementById(`${element.id}-sentence`);
  const tip = createTip(frame, document);
  const now = { strips: /** @type {Strip[]} */ ([]) };
  canvas.setAttribute("aria-label", "How often each unit was dropped, layer by layer, against what chance would do");
  canvas.setAttribute("aria-describedby", `${element.id}-sentence`);
  for (const [kind, text] of LEGEND) {
    legend.append(h(document, "li", { class: `legend-visits-${kind}` }, text));
  }
  element.replaceChildren(frame, legend);
  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", tip.hide);

  function paint() {
    const { run, insights } = store.state;
    now.strips = run && insights.visits ? stripsOf(run, insights.visits) : [];
    if (sentence) {
      writeCaption(
        sentence,
        visitsSentence(run && insights.visits ? readVisits(run, insights.visits, now.strips) : null),
      );
    }
    const width = frame.clientWidth;
    const ratio = document.defaultView?.devicePixelRatio ?? 1;
    const height = now.strips.length * STRIP;
    canvas.style.height = `${height}px`;
    legend.hidden = height === 0;
    if (width === 0) {
      return;
    }
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = contextOf(canvas);
    context.scale(ratio, ratio);
    const palette = readPicturePalette(document);
    now.strips.forEach((strip, row) => {
      paintStrip(context, strip, { top: row * STRIP, width }, palette);
    });
  }

  /** @param {PointerEvent} event */
  function hover({ offsetX, offsetY }) {
    const strip = now.strips[Math.floor(offsetY / STRIP)];
    const unit = Math.floor(
      ((offsetX - GUTTER) / (canvas.clientWidth - GUTTER - MARGIN)) * (strip?.dropped.length ?? 0),
    );
    if (!strip || unit < 0 || unit >= strip.dropped.length) {
      tip.hide();
      return;
    }
    const chance = Number.isFinite(strip.expected)
      ? `, expected ${strip.expected.toFixed(1)}, SD ${strip.sd.toFixed(1)}`
      : "";
    tip.show(
      `${layerLabel(strip.name)}, unit ${unit}: dropped ${strip.dropped[unit]} times${chance}`,
      offsetX,
      offsetY,
    );
  }

  return {
    update: paint,
    resize: paint,
    async picture() {
      const ratio = document.defaultView?.devicePixelRatio ?? 1;
      const palette = readPicturePalette(document);
      const key = keyOf([legend], palette, { width: canvas.width / ratio, ratio });
      return now.strips.length > 0 ? stacked([canvas, ...key], palette.panel) : null;
    },
    table: () => visitsTable(now.strips),
    destroy: () => element.replaceChildren(),
  };
}

const LEGEND = /** @type {const} */ ([
  ["band", "within two standard deviations of what chance would do"],
  ["inside", "a unit"],
  ["outside", "a unit beyond them"],
]);

/**
 * The counts of every layer that drops, of the units that the network has.
 * @param {Run} run
 * @param {Frame} frame
 * @returns {Strip[]}
 */
export function stripsOf(run, { tensors }) {
  const lane = Number(tensors.lane.data[0]);
  const masks = Number(tensors.masks.data[0]);
  if (lane >= run.config.lanes.length || masks === 0) {
    return [];
  }
  return sitesOf(run, lane).flatMap(({ name, bits }) => {
    const all = /** @type {Uint32Array | undefined} */ (tensors[`dropped/${name}`]?.data);
    const expected = Number(tensors[`expected/${name}`]?.data[0]);
    if (!all) {
      return [];
    }
    // Where rates changed on the way the true standard deviation is smaller than this one, never larger.
    const sd = Math.sqrt(Math.max(0, expected * (1 - expected / masks)));
    return [{ name, dropped: bits ? Uint32Array.from(bits, (bit) => all[bit]) : all, expected, sd }];
  });
}

/**
 * The numbers of which the sentence speaks.
 * @param {Run} run
 * @param {Frame} frame
 * @param {Strip[]} strips
 */
export function readVisits(run, { tensors }, strips) {
  const at = (/** @type {string} */ name) => Number(tensors[name].data[0]);
  const lane = run.config.lanes[at("lane")];
  const known = strips.filter(({ expected }) => Number.isFinite(expected));
  const inside = known.map((strip) => strip.dropped.filter((count) => isInside(strip, count)).length);
  return {
    step: at("step"),
    name: lane?.name ?? "",
    kind: dropoutOf(run, at("lane")),
    masks: at("masks"),
    distinct: at("distinct"),
    drawn: at("drawn"),
    units: at("units"),
    counted: known.reduce((sum, { dropped }) => sum + dropped.length, 0),
    within: inside.reduce((sum, count) => sum + count, 0),
  };
}

/**
 * Whether a unit was dropped as often as chance would have it, two standard deviations either way.
 * @param {Pick<Strip, "expected" | "sd">} strip
 * @param {number} count
 */
export function isInside({ expected, sd }, count) {
  return Math.abs(count - expected) <= BAND * sd + 1e-9; // counts are whole numbers, their expectation is a sum of rates
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Strip} strip
 * @param {{ top: number, width: number }} place
 * @param {PicturePalette} palette
 */
function paintStrip(context, strip, { top, width }, palette) {
  const { name, dropped, expected, sd } = strip;
  const [right, middle, half] = [width - MARGIN, top + STRIP / 2, STRIP / 2 - MARGIN];
  const reach = right - GUTTER;
  const band = (BAND / SPAN) * half;
  context.globalAlpha = 0.14;
  context.fillStyle = palette.firing;
  context.fillRect(GUTTER, middle - band, reach, 2 * band);
  context.globalAlpha = 1;
  context.strokeStyle = palette.line;
  context.beginPath();
  context.moveTo(GUTTER, middle);
  context.lineTo(right, middle);
  context.stroke();
  const size = Math.max(1.5, Math.min(4, (0.7 * reach) / dropped.length));
  for (let unit = 0; unit < dropped.length; unit += 1) {
    const z = sd > 0 ? (dropped[unit] - expected) / sd : 0;
    const x = GUTTER + ((unit + 0.5) / dropped.length) * reach;
    const y = middle - (Math.max(-SPAN, Math.min(SPAN, z)) / SPAN) * half;
    const inside = isInside(strip, dropped[unit]);
    context.fillStyle = inside ? palette.firing : palette.dropped;
    const side = inside ? size : Math.max(size, 3);
    context.fillRect(x - side / 2, y - side / 2, side, side);
  }
  label(context, strip, layerLabel(name), middle, palette);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Strip} strip
 * @param {string} name
 * @param {number} middle
 * @param {PicturePalette} palette
 */
function label(context, { expected, sd }, name, middle, palette) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = palette.ink;
  context.font = `12px ${palette.font || "sans-serif"}`;
  context.fillText(name, GUTTER - 8, middle - 8, GUTTER - 8);
  if (Number.isFinite(expected)) {
    context.fillStyle = palette.inkSoft;
    context.font = `11px ${palette.font || "sans-serif"}`;
    context.fillText(`${Math.round(expected)}, SD ${sd.toFixed(0)}`, GUTTER - 8, middle + 8, GUTTER - 8);
  }
}

/**
 * @param {Strip[]} strips
 * @returns {DataTable | null}
 */
export function visitsTable(strips) {
  const rows = strips.flatMap(({ name, dropped, expected, sd }) =>
    Array.from(dropped, (count, unit) => [name, unit, count, expected, sd]),
  );
  const columns = ["layer", "unit", "times dropped", "expected", "standard deviation"];
  return rows.length > 0 ? { name: "visits", columns, rows } : null;
}
