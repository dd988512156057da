// Where everything of the network picture lies. Pure geometry, in CSS pixels.

/** @import { Layer } from "../types.js" */

/**
 * A grid of cells: one layer of the picture. The cell of unit `u` is column `u mod columns`, row `u div columns`.
 * @typedef {object} Block
 * @property {"image" | "values" | "neurons" | "classes"} kind
 * @property {string} name The layer's name; `output` for the classes.
 * @property {number} units
 * @property {number} columns
 * @property {number} rows
 * @property {number} x Left edge.
 * @property {number} y Top edge.
 * @property {number} pitchX Width of a cell.
 * @property {number} pitchY Height of a cell.
 */

/**
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} height
 * @property {boolean} across Whether the network runs from left to right; else from top to bottom.
 * @property {Block[]} blocks The input, the hidden layers, the classes.
 */

const ACROSS_FROM = 540; // narrower than this, a row of layers leaves no room for the edges between them
const PAD = 10;
const TITLE = 24;
const COUNT = 22;
const MANY = 256; // units in one layer, from which on the picture grows taller
const MAX_CELL = 16;
const MIN_CELL = 3;

/**
 * Lay a network out in `width` pixels; the height follows from the width and the shape of the network alone.
 * @param {number} width
 * @param {readonly Layer[]} layers The input and each hidden layer.
 * @param {number} classes
 * @returns {Layout}
 */
export function layOut(width, layers, classes) {
  return width >= ACROSS_FROM ? layAcross(width, layers, classes) : layDown(width, layers, classes);
}

/**
 * The number of columns for `units` in at most `maxRows` rows: one that leaves no ragged last row, if one is near.
 * @param {number} units
 * @param {number} maxRows
 */
export function tidyColumns(units, maxRows) {
  const needed = Math.ceil(units / Math.max(1, maxRows));
  for (let columns = needed; columns <= Math.min(2 * needed, units); columns += 1) {
    if (units % columns === 0) {
      return columns;
    }
  }
  return needed;
}

/**
 * The cell at a point.
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 * @returns {{ block: number, unit: number } | null}
 */
export function cellAt(layout, x, y) {
  for (const [index, block] of layout.blocks.entries()) {
    const column = Math.floor((x - block.x) / block.pitchX);
    const row = Math.floor((y - block.y) / block.pitchY);
    const unit = row * block.columns + column;
    if (column >= 0 && column < block.columns && row >= 0 && row < block.rows && unit < block.units) {
      return { block: index, unit };
    }
  }
  return null;
}

/**
 * The middle of a cell.
 * @param {Block} block
 * @param {number} unit
 */
export function centre(block, unit) {
  return {
    x: block.x + ((unit % block.columns) + 0.5) * block.pitchX,
    y: block.y + (Math.floor(unit / block.columns) + 0.5) * block.pitchY,
  };
}

/**
 * Where the cursor goes from a cell when an arrow key is pressed: to the neighbour, or over the edge to the next block.
 * @param {Layout} layout
 * @param {{ block: number, unit: number }} from
 * @param {number} dx -1, 0 or 1
 * @param {number} dy -1, 0 or 1
 */
export function neighbour(layout, from, dx, dy) {
  const block = layout.blocks[from.block];
  const column = (from.unit % block.columns) + dx;
  const row = Math.floor(from.unit / block.columns) + dy;
  const unit = row * block.columns + column;
  if (column >= 0 && column < block.columns && row >= 0 && row < block.rows && unit < block.units) {
    return { block: from.block, unit };
  }
  const step = layout.across ? dx : dy;
  const next = layout.blocks[from.block + step];
  if (step === 0 || !next) {
    return from;
  }
  const here = centre(block, from.unit);
  const edgeX = layout.across ? (step > 0 ? next.x : next.x + next.columns * next.pitchX - 1) : here.x;
  const edgeY = layout.across ? here.y : step > 0 ? next.y : next.y + next.rows * next.pitchY - 1;
  const nextColumn = clamp(Math.floor((edgeX - next.x) / next.pitchX), 0, next.columns - 1);
  const nextRow = clamp(Math.floor((edgeY - next.y) / next.pitchY), 0, next.rows - 1);
  return { block: from.block + step, unit: Math.min(nextRow * next.columns + nextColumn, next.units - 1) };
}

/**
 * @param {Layer} input
 * @param {number} pixel Side of one pixel of an image.
 * @returns {Block}
 */
function inputBlock(input, pixel) {
  const base = { name: input.name, units: input.units, x: 0, y: 0 };
  if (input.shape.length === 2) {
    return { ...base, kind: "image", columns: input.shape[1], rows: input.shape[0], pitchX: pixel, pitchY: pixel };
  }
  return { ...base, kind: "values", columns: 1, rows: input.units, pitchX: 76, pitchY: 34 };
}

/**
 * @param {Layer} layer
 * @param {number} columns
 * @param {number} cell
 * @returns {Block}
 */
function neuronBlock(layer, columns, cell) {
  const rows = Math.ceil(layer.units / columns);
  return {
    kind: "neurons",
    name: layer.name,
    units: layer.units,
    columns,
    rows,
    x: 0,
    y: 0,
    pitchX: cell,
    pitchY: cell,
  };
}

/**
 * The hidden layers with the largest cell at which they fit.
 * @param {readonly Layer[]} hidden
 * @param {(cell: number, layer: Layer) => number} columns
 * @param {(blocks: Block[]) => boolean} fits
 */
function largestThatFits(hidden, columns, fits) {
  const at = (/** @type {number} */ cell) => hidden.map((layer) => neuronBlock(layer, columns(cell, layer), cell));
  for (let cell = MAX_CELL; cell > MIN_CELL; cell -= 0.5) {
    const blocks = at(cell);
    if (fits(blocks)) {
      return blocks;
    }
  }
  return at(MIN_CELL);
}

/** @type {typeof layOut} */
function layAcross(width, layers, classes) {
  const [first, ...hidden] = layers;
  const tallest = clamp(width * (hidden.some(({ units }) => units > MANY) ? 0.7 : 0.46), 240, 440);
  const input = inputBlock(first, clamp(Math.floor(width / 50), 8, 16));
  /** @type {Block} */
  const output = {
    ...{ kind: "classes", name: "output", units: classes, columns: 1, rows: classes, x: 0, y: 0 },
    ...{ pitchX: clamp(width * 0.19, 96, 150), pitchY: Math.min(22, tallest / classes) },
  };
  const gaps = hidden.length + 1;
  const room = width - 2 * PAD - wide(input) - wide(output) - gaps * clamp(width * 0.045, 22, 48);
  const middle = largestThatFits(
    hidden,
    (cell, layer) => tidyColumns(layer.units, Math.floor(tallest / cell)),
    (blocks) => sum(blocks.map(wide)) <= room,
  );
  const blocks = [input, ...middle, output];
  const gap = (width - 2 * PAD - sum(blocks.map(wide))) / gaps;
  const content = Math.max(...blocks.map(high));
  placeAlong(blocks, PAD, gap, "x", wide);
  for (const block of blocks) {
    block.y = TITLE + (content - high(block)) / 2;
  }
  return { width, height: Math.ceil(TITLE + content + COUNT), across: true, blocks };
}

/** @type {typeof layOut} */
function layDown(width, layers, classes) {
  const [first, ...hidden] = layers;
  const inside = width - 2 * PAD;
  const input = inputBlock(first, 11);
  /** @type {Block} */
  const output = {
    ...{ kind: "classes", name: "output", units: classes, columns: classes, rows: 1, x: 0, y: 0 },
    ...{ pitchX: Math.min(inside / classes, 64), pitchY: 84 },
  };
  const middle = largestThatFits(
    hidden,
    (cell, layer) => {
      const most = Math.max(1, Math.floor(inside / cell));
      return Math.ceil(layer.units / tidyColumns(layer.units, most));
    },
    (blocks) => sum(blocks.map(high)) <= 420 && blocks.every((block) => wide(block) <= inside),
  );
  const blocks = [input, ...middle, output];
  const end = placeAlong(blocks, TITLE, TITLE + 16, "y", high);
  for (const block of blocks) {
    block.x = (width - wide(block)) / 2;
  }
  return { width, height: Math.ceil(end + PAD), across: false, blocks };
}

/**
 * @param {Block[]} blocks
 * @param {number} from
 * @param {number} gap
 * @param {"x" | "y"} axis
 * @param {(block: Block) => number} length
 * @returns {number} Where the last block ends.
 */
function placeAlong(blocks, from, gap, axis, length) {
  return (
    blocks.reduce((at, block) => {
      block[axis] = Math.round(at);
      return at + length(block) + gap;
    }, from) - gap
  );
}

/** @param {Block} block */
const wide = (block) => block.columns * block.pitchX;

/** @param {Block} block */
const high = (block) => block.rows * block.pitchY;

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
