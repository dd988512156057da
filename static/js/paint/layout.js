// Where everything of the network picture lies. Pure geometry, in CSS pixels.

/** @import { Layer as Known } from "../types.js" */

import { clamp, high, placeAlong, sum, wide } from "./lattice.js";

/**
 * A lattice of cells: one layer of the picture. The cell of unit `u` is column `u mod columns`, row `u div columns`; feature maps lie
 * side by side with gaps between them.
 * @typedef {object} Block
 * @property {"image" | "values" | "cells" | "maps" | "matrix" | "neurons" | "classes"} kind
 * @property {string} name The layer's name.
 * @property {number} units
 * @property {number} columns
 * @property {number} rows
 * @property {number} x Left edge.
 * @property {number} y Top edge.
 * @property {number} pitchX Width of a cell.
 * @property {number} pitchY Height of a cell.
 * @property {{ columns: number, rows: number, gap: number } | null} map Cells of one feature map, and the pixels between two.
 * @property {boolean} upright Of the classes: whether their bars stand side by side.
 */

/**
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} height
 * @property {boolean} across Whether the network runs from left to right; else from top to bottom.
 * @property {Block[]} blocks The input, the layers, the classes.
 */

/** @typedef {Pick<Known, "name" | "units" | "shape">} Layer */

/** @typedef {{ layers: readonly Layer[], classes: readonly string[], features?: readonly string[] }} Network What a lane has. */

const ACROSS_FROM = 400; // narrower than this, a row of layers leaves no room for the edges between them
const DOWN_TALL = { plain: 130, maps: 420 }; // pixels of all layers below one another: of neurons alone, of feature maps
const PAD = 10;
const TITLE = 24;
const COUNT = 22;
const MANY = 256; // units in one layer, from which on the picture grows taller
const MAX_CELL = 16;
const MIN_CELL = 3;
const MAP_CELL = 0.62; // of a neuron's cell: an element of a feature map needs no gap around it
const MIN_MAP_CELL = 1.5;
const LARGE_MAP = 8; // cells of its side, from which on the picture grows taller
const LEAST_BESIDE_MAPS = 7; // pixels of a neuron's cell, however small those of feature maps must be
const MATRIX_CELL = [1.25, 7]; // the least and the greatest width of a unit's column over time
const NAMED = 16; // inputs, beyond which they are squares without names
const LETTER = 6.4; // pixels, about
const NUMBER = 58; // what stands beside the name of an input
const HEADING = 66; // what the title of a layer takes
const APART = 72; // between the middles of two layers: their titles do not touch
const LEAST_GAP = 20; // beside the input and the classes, whatever titles take
const LONG = 3; // letters, beyond which the names of classes are written in front of lying bars

/**
 * Lay a network out in `width` pixels; the height follows from the width and the shape of the network alone.
 * @param {number} width
 * @param {Network} network
 * @returns {Layout}
 */
export function layOut(width, network) {
  const acrossWanted = width >= ACROSS_FROM;
  return (acrossWanted && layAcross(width, network)) || layDown(width, network);
}

/**
 * The number of columns for `units` in at most `maxRows` rows: one that leaves no ragged last row, if one is near.
 * @param {number} units
 * @param {number} maxRows
 */
export function tidyColumns(units, maxRows) {
  const needed = Math.min(units, Math.ceil(units / Math.max(1, maxRows)));
  for (let columns = needed; columns <= Math.min(2 * needed, units); columns += 1) {
    if (units % columns === 0) {
      return columns;
    }
  }
  return needed;
}

/**
 * A block at the origin.
 * @param {Block["kind"]} kind
 * @param {{ name: string, units: number }} layer
 * @param {{ columns: number, pitchX: number, pitchY: number, map?: Block["map"], rows?: number, upright?: boolean }} size
 * @returns {Block}
 */
function block(kind, { name, units }, { columns, pitchX, pitchY, map = null, upright = false, ...given }) {
  const rows = given.rows ?? Math.ceil(units / columns);
  return { kind, name, units, columns, rows, x: 0, y: 0, pitchX, pitchY, map, upright };
}

/**
 * @param {Layer} input
 * @param {{ room: number, most?: number, tall: number, across: boolean, overTime: boolean, names: readonly string[] }} place `most` is
 *   what numbers with their names may take.
 */
function inputBlock(input, { room, most = room, tall, across, overTime, names }) {
  const { units, shape } = input;
  if (shape.length === 2) {
    const side = overTime ? Math.max(128, tall * 0.72) : 128; // time runs down: the rows of its picture are as high
    const pitch = clamp(Math.min(room / (overTime ? 30 : 50), side / shape[1]), 3, overTime ? 24 : 16);
    const whole = pitch < 8 ? Math.round(2 * pitch) / 2 : Math.floor(pitch);
    const cell = across ? whole : Math.max(3, Math.min(8, Math.floor(112 / shape[1])));
    return block("image", input, { columns: shape[1], pitchX: cell, pitchY: cell });
  }
  if (units > NAMED) {
    const cell = across ? 14 : 13;
    const columns = across ? tidyColumns(units, Math.floor(tall / cell)) : Math.min(units, 16);
    return block("cells", input, { columns, pitchX: cell, pitchY: cell });
  }
  const isPoint = units <= 2;
  if (across) {
    const longest = Math.max(0, ...names.map((name) => name.length));
    const least = clamp(room * 0.24, 128, 176);
    const pitchX = isPoint ? 76 : clamp(longest * LETTER + NUMBER, least, Math.max(least, most));
    return block("values", input, { columns: 1, pitchX, pitchY: isPoint ? 34 : Math.min(26, tall / units) });
  }
  const columns = units > 4 && names.every((name) => name.length * LETTER + NUMBER < room / 2 - PAD) ? 2 : 1;
  return block("values", input, {
    columns,
    pitchX: isPoint ? 76 : (room - 2 * PAD) / columns,
    pitchY: isPoint ? 34 : 25,
  });
}

/**
 * A layer between the input and the classes, with cells of a wanted size.
 * @param {Layer} layer
 * @param {number} cell Of a neuron.
 * @param {{ across: boolean, room: number, tall: number, rowHeight: number, least: number }} place
 */
function layerBlock(layer, cell, { across, room, tall, rowHeight, least }) {
  const { units, shape } = layer;
  if (shape.length === 3) {
    const [count, rows, columns] = shape;
    const pitch = Math.max(MIN_MAP_CELL, Math.floor(2 * cell * MAP_CELL) / 2);
    const gap = clamp(pitch, 3, 6);
    const most = Math.floor(across ? (tall + gap) / (rows * pitch + gap) : (room + gap) / (columns * pitch + gap));
    const inRow = across ? tidyColumns(count, most) : Math.ceil(count / tidyColumns(count, most));
    const size = { columns: inRow * columns, rows: Math.ceil(count / inRow) * rows };
    return block("maps", layer, { ...size, pitchX: pitch, pitchY: pitch, map: { columns, rows, gap } });
  }
  if (shape.length === 2) {
    const widest = (across ? 0.8 : 1) * room;
    const pitchX = Math.min(MATRIX_CELL[1], widest / shape[1], across ? cell / 2 : MATRIX_CELL[1]);
    return block("matrix", layer, { columns: shape[1], pitchX, pitchY: rowHeight });
  }
  const own = Math.max(cell, least);
  const columns = across
    ? tidyColumns(units, Math.floor(tall / own))
    : Math.ceil(units / tidyColumns(units, Math.max(1, Math.floor(room / own))));
  return block("neurons", layer, { columns, pitchX: own, pitchY: own });
}

/**
 * The least cell of a neuron.
 * @param {readonly Layer[]} layers
 */
function leastOf(layers) {
  const isMap = (/** @type {Layer} */ { shape }) => shape.length === 3;
  const isBesideMaps = layers.some(isMap) && layers.every((layer) => isMap(layer) || layer.units <= MANY);
  return isBesideMaps ? LEAST_BESIDE_MAPS : MIN_CELL;
}

/**
 * The layers with the largest cells at which they fit.
 * @param {(cell: number) => Block[]} at
 * @param {(blocks: Block[]) => boolean} fits
 */
function largestThatFits(at, fits) {
  for (let cell = MAX_CELL; cell > MIN_CELL; cell -= 0.5) {
    const blocks = at(cell);
    if (fits(blocks)) {
      return blocks;
    }
  }
  return at(MIN_CELL);
}

/**
 * The classes beside the network, each with its bar behind its name.
 * @param {number} width
 * @param {number} tall
 * @param {readonly string[]} classes
 */
function classesAcross(width, tall, classes) {
  const letters = Math.max(...classes.map((name) => name.length));
  const pitchX = clamp(width * 0.19, 96, 150) + clamp(7 * (letters - 1), 0, 64);
  const layer = { name: "classes", units: classes.length };
  return block("classes", layer, { columns: 1, pitchX, pitchY: Math.min(22, tall / classes.length) });
}

/**
 * @param {number} width
 * @param {Network} network
 * @returns {Layout | null} `null` where the layers need more room.
 */
function layAcross(width, { layers, classes, features: names = [] }) {
  const [first, ...hidden] = layers;
  const overTime = hidden.some(({ shape }) => shape.length === 2);
  const isMany = hidden.some(({ units, shape }) =>
    shape.length === 3 ? shape[1] > LARGE_MAP : units > MANY && shape.length === 1,
  );
  const hasMaps = hidden.some(({ shape }) => shape.length === 3);
  const tall = clamp(width * (isMany ? 0.7 : hasMaps ? 0.62 : 0.46), 240, 440);
  const output = classesAcross(width, tall, classes);
  const most = width - 2 * PAD - wide(output) - hidden.length * HEADING - 22;
  const input = inputBlock(first, { room: width, most, tall, across: true, overTime, names });
  const gaps = hidden.length + 1;
  const room = width - 2 * PAD - wide(input) - wide(output) - gaps * clamp(width * 0.045, 22, 48);
  const place = { across: true, room, tall, rowHeight: input.pitchY, least: leastOf(hidden) };
  const fits = (/** @type {Block[]} */ found) => sum(found.map(wide)) <= room;
  const middle = largestThatFits((cell) => hidden.map((layer) => layerBlock(layer, cell, place)), fits);
  const isThin = middle.some(({ kind, pitchX }) => kind === "matrix" && pitchX < MATRIX_CELL[0]);
  if (isThin || (!fits(middle) && middle.some(({ kind }) => kind === "maps"))) {
    return null;
  }
  const blocks = [input, ...middle, output];
  const content = Math.max(...blocks.map(high));
  placeAlong(blocks, PAD, gapsBetween(blocks, width - 2 * PAD), "x", wide);
  for (const each of blocks) {
    each.y = TITLE + (content - high(each)) / 2;
  }
  return { width, height: Math.ceil(TITLE + content + COUNT), across: true, blocks };
}

/**
 * The gaps between blocks from left to right: alike, unless thin layers need more so that their titles do not touch.
 * @param {readonly Block[]} blocks
 * @param {number} room For all of them.
 */
function gapsBetween(blocks, room) {
  const free = room - sum(blocks.map(wide));
  const even = free / (blocks.length - 1);
  const middle = blocks
    .slice(1, -2)
    .map((each, index) => Math.max(even, APART - (wide(each) + wide(blocks[index + 2])) / 2));
  const most = Math.max(free - 2 * LEAST_GAP, even * middle.length);
  const scale = Math.min(1, most / Math.max(sum(middle), 1));
  const inner = middle.map((gap) => gap * scale);
  const outer = (free - sum(inner)) / 2;
  return [outer, ...inner, outer];
}

/**
 * @param {number} width
 * @param {Network} network
 * @returns {Layout}
 */
function layDown(width, { layers, classes, features: names = [] }) {
  const [first, ...hidden] = layers;
  const inside = width - 2 * PAD;
  const input = inputBlock(first, { room: width, tall: 0, across: false, overTime: false, names });
  const lies = classes.some((name) => name.length > LONG) || inside / classes.length < 24;
  const last = { name: "classes", units: classes.length };
  const output = lies
    ? block("classes", last, { columns: 1, pitchX: Math.min(inside - 18, 420), pitchY: 21 })
    : block("classes", last, {
        ...{ columns: classes.length, rows: 1, upright: true },
        ...{ pitchX: Math.min(inside / classes.length, 64), pitchY: 64 },
      });
  const rowHeight = clamp(Math.floor(112 / (first.shape[0] || 1)), 4, 12);
  const place = { across: false, room: inside, tall: 0, rowHeight, least: leastOf(hidden) };
  const tallest = hidden.every(({ shape }) => shape.length === 1) ? DOWN_TALL.plain : DOWN_TALL.maps;
  const middle = largestThatFits(
    (cell) => hidden.map((layer) => layerBlock(layer, cell, place)),
    (found) => sum(found.map(high)) <= tallest && found.every((each) => wide(each) <= inside),
  );
  const blocks = [input, ...middle, output];
  const end = placeAlong(blocks, TITLE, Array(blocks.length - 1).fill(TITLE + 14), "y", high);
  for (const each of blocks) {
    each.x = (width - wide(each)) / 2;
  }
  return { width, height: Math.ceil(end + PAD), across: false, blocks };
}
