// Cells of a block: where they lie, which one is at a place, and which is next to which. Pure.

/** @import { Block, Layout } from "./layout.js" */

/** A cell of the picture. @typedef {{ block: number, unit: number }} Cell */

/**
 * The column and row of a unit among the cells of its block.
 * @param {Block} block
 * @param {number} unit
 */
export function cellOf({ columns, map }, unit) {
  if (!map) {
    return { column: unit % columns, row: Math.floor(unit / columns) };
  }
  const size = map.columns * map.rows;
  const inRow = columns / map.columns;
  const [channel, rest] = [Math.floor(unit / size), unit % size];
  return {
    column: (channel % inRow) * map.columns + (rest % map.columns),
    row: Math.floor(channel / inRow) * map.rows + Math.floor(rest / map.columns),
  };
}

/**
 * The unit at a column and row; -1 where there is none.
 * @param {Block} block
 * @param {number} column
 * @param {number} row
 */
export function unitOf({ columns, rows, units, map }, column, row) {
  if (column < 0 || column >= columns || row < 0 || row >= rows) {
    return -1;
  }
  const unit = map
    ? (Math.floor(row / map.rows) * (columns / map.columns) + Math.floor(column / map.columns)) *
        map.columns *
        map.rows +
      (row % map.rows) * map.columns +
      (column % map.columns)
    : row * columns + column;
  return unit < units ? unit : -1;
}

/**
 * The upper left corner of a cell.
 * @param {Block} block
 * @param {number} unit
 */
export function corner(block, unit) {
  const { column, row } = cellOf(block, unit);
  const { map } = block;
  return {
    x: block.x + column * block.pitchX + (map ? Math.floor(column / map.columns) * map.gap : 0),
    y: block.y + row * block.pitchY + (map ? Math.floor(row / map.rows) * map.gap : 0),
  };
}

/**
 * The middle of a cell.
 * @param {Block} block
 * @param {number} unit
 */
export function centre(block, unit) {
  const { x, y } = corner(block, unit);
  return { x: x + block.pitchX / 2, y: y + block.pitchY / 2 };
}

/**
 * The rectangle of one feature map, or of a whole block that has none.
 * @param {Block} block
 * @param {number} channel
 */
export function mapBox(block, channel) {
  const { map, pitchX, pitchY } = block;
  if (!map) {
    return { x: block.x, y: block.y, width: wide(block), height: high(block) };
  }
  const { x, y } = corner(block, channel * map.columns * map.rows);
  return { x, y, width: map.columns * pitchX, height: map.rows * pitchY };
}

/**
 * The cell at a point.
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 * @returns {Cell | null}
 */
export function cellAt(layout, x, y) {
  for (const [index, block] of layout.blocks.entries()) {
    const column = along(x - block.x, block.pitchX, block.map?.columns, block.map?.gap);
    const row = along(y - block.y, block.pitchY, block.map?.rows, block.map?.gap);
    const unit = unitOf(block, column, row);
    if (unit >= 0) {
      return { block: index, unit };
    }
  }
  return null;
}

/**
 * How many cells lie before a distance; -1 in a gap between two maps.
 * @param {number} distance
 * @param {number} pitch
 * @param {number} [cells] Of a map.
 * @param {number} [gap]
 */
function along(distance, pitch, cells, gap = 0) {
  if (!cells) {
    return Math.floor(distance / pitch);
  }
  const period = cells * pitch + gap;
  const within = Math.floor((distance - Math.floor(distance / period) * period) / pitch);
  return within < cells ? Math.floor(distance / period) * cells + within : -1;
}

/**
 * Where the cursor goes from a cell when an arrow key is pressed: to the neighbour, or over the edge to the next block.
 * @param {Layout} layout
 * @param {Cell} from
 * @param {number} dx -1, 0 or 1
 * @param {number} dy -1, 0 or 1
 * @returns {Cell}
 */
export function neighbour(layout, from, dx, dy) {
  const block = layout.blocks[from.block];
  const { column, row } = cellOf(block, from.unit);
  const unit = unitOf(block, column + dx, row + dy);
  if (unit >= 0) {
    return { block: from.block, unit };
  }
  const step = layout.across ? dx : dy;
  const next = layout.blocks[from.block + step];
  if (step === 0 || !next) {
    return from;
  }
  const here = centre(block, from.unit);
  return { block: from.block + step, unit: nearestAtEdge(next, here, layout.across, step) };
}

/**
 * The cell of a block at its edge towards a point, the nearest to it.
 * @param {Block} block
 * @param {{ x: number, y: number }} point
 * @param {boolean} across
 * @param {number} step 1: the near edge is the first column or row; -1: the last.
 */
function nearestAtEdge(block, point, across, step) {
  const atEdge = step > 0 ? 0 : (across ? block.columns : block.rows) - 1;
  const others = across ? block.rows : block.columns;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let other = 0; other < others; other += 1) {
    const unit = across ? unitOf(block, atEdge, other) : unitOf(block, other, atEdge);
    const place = centre(block, Math.max(unit, 0));
    const distance = Math.abs(across ? place.y - point.y : place.x - point.x);
    if (unit >= 0 && distance < least) {
      [best, least] = [unit, distance];
    }
  }
  return best;
}

/**
 * @param {Block[]} blocks
 * @param {number} from
 * @param {readonly number[]} gaps One for each two of them.
 * @param {"x" | "y"} axis
 * @param {(block: Block) => number} length
 * @returns {number} Where the last block ends.
 */
export function placeAlong(blocks, from, gaps, axis, length) {
  return blocks.reduce((at, block, index) => {
    block[axis] = Math.round(at);
    return at + length(block) + (gaps[index] ?? 0);
  }, from);
}

/** @param {Block} block */
export const wide = ({ columns, pitchX, map }) => columns * pitchX + (map ? (columns / map.columns - 1) * map.gap : 0);

/** @param {Block} block */
export const high = ({ rows, pitchY, map }) => rows * pitchY + (map ? (rows / map.rows - 1) * map.gap : 0);

/** @param {number[]} values */
export const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * @param {number} value
 * @param {number} low
 * @param {number} most
 */
export function clamp(value, low, most) {
  return Math.min(most, Math.max(low, value));
}
