// What went into the network: an image, or coordinates as numbers.

/** @import { Context } from "./brush.js" */
/** @import { Block } from "./layout.js" */
/** @import { LayerPicture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { cross, text, trace } from "./brush.js";
import { centre } from "./layout.js";
import { State } from "./picture.js";

/**
 * The image that went in, on whole device pixels; dropped pixels are blank and crossed out.
 * @param {Context} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {PicturePalette} palette
 * @param {number} ratio
 */
export function paintImage(context, block, layer, palette, ratio) {
  const snap = (/** @type {number} */ value) => Math.round(value * ratio) / ratio;
  const edges = (/** @type {number} */ unit) => {
    const column = unit % block.columns;
    const row = Math.floor(unit / block.columns);
    const x = snap(block.x + column * block.pitchX);
    const y = snap(block.y + row * block.pitchY);
    return [x, y, snap(block.x + (column + 1) * block.pitchX) - x, snap(block.y + (row + 1) * block.pitchY) - y];
  };
  context.fillStyle = palette.pixelOff;
  context.fillRect(snap(block.x), snap(block.y), block.columns * block.pitchX, block.rows * block.pitchY);
  context.fillStyle = palette.pixelOn;
  for (let unit = 0; unit < layer.units; unit += 1) {
    const [x, y, width, height] = edges(unit);
    if (layer.states[unit] === State.DROPPED) {
      context.clearRect(x, y, width, height);
    } else {
      context.globalAlpha = Math.min(1, Math.max(0, layer.activation?.[unit] ?? 0));
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
    }
  }
  context.beginPath();
  trace(context, block, layer, (unit) => layer.states[unit] === State.DROPPED, cross, block.pitchX * 0.26);
  context.strokeStyle = palette.dropped;
  context.lineWidth = 1.2;
  context.stroke();
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(block.x - 0.5, block.y - 0.5, block.columns * block.pitchX + 1, block.rows * block.pitchY + 1);
}

/**
 * The coordinates that went in, as numbers.
 * @param {Context} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {PicturePalette} palette
 */
export function paintValues(context, block, layer, palette) {
  context.textBaseline = "middle";
  for (let unit = 0; unit < layer.units; unit += 1) {
    const { x, y } = centre(block, unit);
    const left = x - block.pitchX / 2;
    const top = y - block.pitchY / 2;
    const isDropped = layer.states[unit] === State.DROPPED;
    context.fillStyle = palette.panel;
    context.fillRect(left, top + 2, block.pitchX, block.pitchY - 4);
    context.strokeStyle = isDropped ? palette.dropped : palette.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 2.5, block.pitchX - 1, block.pitchY - 5);
    context.textAlign = "left";
    text(context, `x${unit + 1}`, left + 8, y, palette.inkSoft, palette, 12);
    context.textAlign = "right";
    const value = layer.activation ? layer.activation[unit].toFixed(2).replace("-", "−") : "";
    text(context, value, left + block.pitchX - 8, y, isDropped ? palette.inkSoft : palette.ink, palette, 13);
    if (isDropped) {
      context.beginPath();
      cross(context, x, y, block.pitchY * 0.3);
      context.strokeStyle = palette.dropped;
      context.lineWidth = 1.5;
      context.stroke();
    }
  }
}
