// The strokes that the parts of the network picture share.

/** @import { Block } from "./layout.js" */
/** @import { LayerPicture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { centre } from "./layout.js";

/** @typedef {OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D} Context */

const TURN = 2 * Math.PI;

/**
 * Add the shape of every wanted unit of a block to the path.
 * @param {Context} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {(unit: number) => boolean} wanted
 * @param {(context: Context, x: number, y: number, radius: number) => void} shape
 * @param {number} radius
 */
export function trace(context, block, layer, wanted, shape, radius) {
  for (let unit = 0; unit < layer.units; unit += 1) {
    if (wanted(unit)) {
      const { x, y } = centre(block, unit);
      shape(context, x, y, radius);
    }
  }
}

/** @type {(context: Context, x: number, y: number, radius: number) => void} */
export function cross(context, x, y, radius) {
  context.moveTo(x - radius, y - radius);
  context.lineTo(x + radius, y + radius);
  context.moveTo(x + radius, y - radius);
  context.lineTo(x - radius, y + radius);
}

/** @type {(context: Context, x: number, y: number, radius: number) => void} */
export function disc(context, x, y, radius) {
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, TURN);
}

/** @type {(context: Context, x: number, y: number, radius: number) => void} */
export function square(context, x, y, radius) {
  context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/**
 * Text with a halo of the panel's colour, so that edges behind it do not cross it.
 * @param {Context} context
 * @param {string} words
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 * @param {PicturePalette} palette
 * @param {number} size
 * @param {boolean} [bold]
 */
export function text(context, words, x, y, colour, palette, size, bold = false) {
  context.font = `${bold ? "600 " : ""}${size}px ${palette.font}`;
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = palette.panel;
  context.strokeText(words, x, y);
  context.fillStyle = colour;
  context.fillText(words, x, y);
}
