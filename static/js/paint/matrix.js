// The state of a recurrent network on its way from each time step to the next: time steps down, units across. One mask for all time
// steps makes stripes, a fresh one at each step makes noise.

/** @import { Context } from "./brush.js" */
/** @import { LayerScene } from "./network.js" */
/** @import { Layout } from "./layout.js" */
/** @import { PicturePalette } from "./palette.js" */

import { text } from "./brush.js";
import { high, wide } from "./lattice.js";
import { fill, paintElements } from "./maps.js";
import { State } from "./picture.js";

const FULL = 0.6; // opacity of the strongest unit: what is dropped must stand out among them
const BAR = 0.62; // of a cell's width
const LABELLED_FROM = 9; // pixels of a row: in a lower one the numbers of the time steps would touch

/** @param {LayerScene} scene */
export function paintMatrix({ context, block, layer, palette }) {
  context.fillStyle = palette.panel;
  context.fillRect(block.x, block.y, wide(block), high(block));
  paintElements({ context, block, layer, palette }, FULL);
  const isDropped = (/** @type {number} */ unit) => layer.states[unit] === State.DROPPED;
  context.fillStyle = palette.panel;
  fill(context, block, layer, isDropped);
  context.fillStyle = palette.dropped;
  context.beginPath();
  // A dropped cell is a bar in its middle: those of one unit join into a stripe down all time steps.
  const thick = Math.max(block.pitchX * BAR, Math.min(1, block.pitchX));
  for (let unit = 0; unit < layer.units; unit += 1) {
    if (isDropped(unit)) {
      const x = block.x + ((unit % block.columns) + 0.5) * block.pitchX - thick / 2;
      context.rect(x, block.y + Math.floor(unit / block.columns) * block.pitchY, thick, block.pitchY);
    }
  }
  context.fill();
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(block.x - 0.5, block.y - 0.5, wide(block) + 1, high(block) + 1);
}

/**
 * Time beside a sequence: row t of the image is read at time step t, which lies between two rows of states.
 * @param {Context} context
 * @param {Layout} layout
 * @param {PicturePalette} palette
 */
export function paintTime(context, { blocks, across }, palette) {
  const [image, matrix, last] = blocks;
  if (matrix?.kind !== "matrix") {
    return;
  }
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.beginPath();
  if (across) {
    const left = image.x + wide(image);
    for (let row = 0; row < image.rows; row += 1) {
      const y = image.y + (row + 0.5) * image.pitchY;
      context.moveTo(left + 14, y);
      context.lineTo(matrix.x, y);
    }
    const bottom = matrix.y + high(matrix);
    const end = { x: last.x - 3, y: last.y + high(last) / 2 };
    context.moveTo(matrix.x + wide(matrix), bottom);
    context.bezierCurveTo((matrix.x + wide(matrix) + end.x) / 2, bottom, end.x - 14, end.y, end.x, end.y);
    context.moveTo(end.x - 5, end.y - 3);
    context.lineTo(end.x, end.y);
    context.lineTo(end.x - 5, end.y + 3);
  }
  context.stroke();
  if (image.pitchY >= LABELLED_FROM) {
    paintNumbers(context, across ? image.x + wide(image) + 7 : image.x - 9, image, palette);
  }
}

/**
 * @param {Context} context
 * @param {number} x
 * @param {import("./layout.js").Block} image
 * @param {PicturePalette} palette
 */
function paintNumbers(context, x, image, palette) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < image.rows; row += 1) {
    text(context, String(row + 1), x, image.y + (row + 0.5) * image.pitchY, palette.inkSoft, palette, 10);
  }
}
