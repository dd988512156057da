// The strokes that the parts of the network picture share.

/** @import { Block } from "./layout.js" */
/** @import { LayerPicture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { centre } from "./lattice.js";

/** @typedef {OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D} Context */

/** @typedef {(context: Context, x: number, y: number, radius: number) => void} Shape */

const TURN = 2 * Math.PI;

/**
 * Add the shape of every wanted unit of a block to the path.
 * @param {Context} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {(unit: number) => boolean} wanted
 * @param {Shape} shape
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

/** @type {Shape} */
export function cross(context, x, y, radius) {
  context.moveTo(x - radius, y - radius);
  context.lineTo(x + radius, y + radius);
  context.moveTo(x + radius, y - radius);
  context.lineTo(x - radius, y + radius);
}

/** @type {Shape} */
export function disc(context, x, y, radius) {
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, TURN);
}

/** @type {Shape} */
export function square(context, x, y, radius) {
  context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/** @type {Shape} */
export function slash(context, x, y, radius) {
  context.moveTo(x - radius, y + radius);
  context.lineTo(x + radius, y - radius);
}

/**
 * A triangle that points up or down.
 * @param {number} up 1 or -1.
 * @returns {Shape}
 */
export function triangle(up) {
  return (context, x, y, radius) => {
    context.moveTo(x, y - up * radius);
    context.lineTo(x + radius, y + up * 0.8 * radius);
    context.lineTo(x - radius, y + up * 0.8 * radius);
    context.closePath();
  };
}

/**
 * Words cut short with an ellipsis so that they fit.
 * @param {Context} context With the font in which they will be written.
 * @param {string} words
 * @param {number} room
 */
export function fitted(context, words, room) {
  if (context.measureText(words).width <= room) {
    return words;
  }
  let length = words.length - 1;
  while (length > 1 && context.measureText(`${words.slice(0, length)}…`).width > room) {
    length -= 1;
  }
  return `${words.slice(0, length).trimEnd()}…`;
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
