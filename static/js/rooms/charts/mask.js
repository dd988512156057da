// The mask of a step: a disc for each unit that was kept, a cross for each that was dropped, layer by layer. Pure.

/** @import { FollowedTopic, MaskLayer } from "../../types.js" */
/** @import { Chart, Mark, Size } from "./painter.js" */

import { formatCount } from "../../model/stats.js";
import { layerLabel } from "../../words/common.js";
import { mark } from "./painter.js";

const [LARGEST, SMALLEST] = [56, 12]; // units of a cell
const HEAD = 44; // of a layer
const BETWEEN = 10; // layers

/** @typedef {NonNullable<FollowedTopic["mask"]>} Mask */

/**
 * The side of the largest cell with which all layers fit.
 * @param {readonly number[]} units Of each layer.
 * @param {Size} size
 */
export function cellOf(units, { width, height }) {
  const room = height - units.length * (HEAD + BETWEEN);
  const needs = (/** @type {number} */ cell) =>
    units.reduce((sum, count) => sum + Math.ceil(count / Math.max(1, Math.floor(width / cell))) * cell, 0);
  let cell = LARGEST;
  while (cell > SMALLEST && needs(cell) > room) {
    cell -= 1;
  }
  return cell;
}

/**
 * How many units of each layer are drawn: all, or with the smallest cells as many rows as there is room for.
 * @param {readonly number[]} units
 * @param {Size} size
 * @param {number} cell
 */
function drawnOf(units, { width, height }, cell) {
  const across = Math.max(1, Math.floor(width / cell));
  const room = Math.max(units.length, Math.floor((height - units.length * (HEAD + BETWEEN)) / cell));
  const wanted = units.map((count) => Math.ceil(count / across));
  const all = wanted.reduce((sum, rows) => sum + rows, 0);
  return units.map((count, index) =>
    all <= room ? count : Math.min(count, across * Math.max(1, Math.floor((wanted[index] * room) / all))),
  );
}

/**
 * @param {Mask} topic
 * @param {Size} size
 * @returns {Chart}
 */
export function maskChart({ name, step, layers }, size) {
  const units = layers.map(({ kept }) => kept.length);
  const cell = cellOf(units, size);
  const drawn = drawnOf(units, size, cell);
  const across = Math.max(1, Math.floor(size.width / cell));
  /** @type {Mark[]} */
  const marks = [];
  let top = 0;
  for (const [index, one] of layers.entries()) {
    const { name: layer, kept } = one;
    const some = kept.slice(0, drawn[index]);
    const at = (/** @type {number} */ unit) => ({
      x: (unit % across) * cell + cell / 2,
      y: top + HEAD + Math.floor(unit / across) * cell + cell / 2,
    });
    const text = (/** @type {number} */ whole) =>
      some
        .flatMap((each, unit) => ((each ? 1 : 0) === whole ? [at(unit)] : []))
        .map(whole ? disc(cell) : cross(cell))
        .join("");
    marks.push(
      mark(`${layer} head`, "text", { class: "layer-name", x: 0, y: top + 28 }, layerHead(one, drawn[index])),
      mark(`${layer} kept`, "path", { class: "kept", d: text(1) || "M0 0" }),
      mark(`${layer} dropped`, "path", {
        class: "dropped",
        "stroke-width": Math.max(2, cell * 0.11),
        d: text(0) || "M0 0",
      }),
    );
    top += HEAD + Math.ceil(some.length / across) * cell + BETWEEN;
  }
  const told = layers.map((layer) => `${layerLabel(layer.name)}: ${sharesOf(layer)}`).join("; ");
  return { ...size, marks, words: `The mask of ${name} at step ${formatCount(step)}. ${told}.` };
}

/**
 * @param {MaskLayer} layer
 * @param {number} drawn
 */
function layerHead(layer, drawn) {
  const some = drawn < layer.kept.length ? `, the first ${formatCount(drawn)} drawn` : "";
  return `${layerLabel(layer.name)}: ${sharesOf(layer)}${some}`;
}

/**
 * How many were kept, of those that are told: of a wide layer these are the first.
 * @param {MaskLayer} layer
 */
function sharesOf({ kept, units }) {
  const all =
    kept.length < units ? `the first ${formatCount(kept.length)} of ${formatCount(units)}` : formatCount(units);
  return `${formatCount(kept.filter(Boolean).length)} of ${all} kept`;
}

/** @param {number} cell */
function disc(cell) {
  const r = cell * 0.36;
  return (/** @type {{ x: number, y: number }} */ { x, y }) =>
    `M${(x - r).toFixed(1)} ${y.toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

/** @param {number} cell */
function cross(cell) {
  const r = cell * 0.27;
  return (/** @type {{ x: number, y: number }} */ { x, y }) =>
    `M${(x - r).toFixed(1)} ${(y - r).toFixed(1)}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
}
