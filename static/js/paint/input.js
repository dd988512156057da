// What went into the network: an image, or numbers.

/** @import { LayerScene } from "./network.js" */

import { cross, fitted, slash, text, trace } from "./brush.js";
import { centre, corner, high, wide } from "./lattice.js";
import { given } from "./neurons.js";
import { State } from "./picture.js";

const CROSSED_FROM = 6; // pixels of a cell: in a smaller one a stroke makes a hatching
const LEAST_SIZE = 9; // pixels of letters
const STRONG = 2.5; // standard deviations from 0 at which a standardised number is drawn in full

/**
 * The image that went in, on whole device pixels; dropped pixels are blank and crossed out.
 * @param {LayerScene} scene
 */
export function paintImage({ context, block, layer, palette, ratio }) {
  const snap = (/** @type {number} */ value) => Math.round(value * ratio) / ratio;
  const edges = (/** @type {number} */ unit) => {
    const place = corner(block, unit);
    const [x, y] = [snap(place.x), snap(place.y)];
    return [x, y, snap(place.x + block.pitchX) - x, snap(place.y + block.pitchY) - y];
  };
  context.fillStyle = palette.pixelOff;
  context.fillRect(snap(block.x), snap(block.y), wide(block), high(block));
  context.fillStyle = palette.pixelOn;
  for (let unit = 0; unit < layer.units; unit += 1) {
    const [x, y, width, height] = edges(unit);
    if (layer.states[unit] === State.DROPPED) {
      context.clearRect(x, y, width, height);
    } else {
      context.globalAlpha = Math.min(1, Math.max(0, given(layer, unit)));
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
    }
  }
  const isLarge = block.pitchX >= CROSSED_FROM;
  const isDropped = (/** @type {number} */ unit) => layer.states[unit] === State.DROPPED;
  context.beginPath();
  trace(context, block, layer, isDropped, isLarge ? cross : slash, block.pitchX * (isLarge ? 0.26 : 0.42));
  context.strokeStyle = palette.dropped;
  context.lineWidth = isLarge ? 1.2 : 0.8;
  context.stroke();
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(block.x - 0.5, block.y - 0.5, wide(block) + 1, high(block) + 1);
}

/**
 * The numbers that went in, each with its name.
 * @param {LayerScene} scene
 */
export function paintValues({ context, block, layer, picture, palette }) {
  const isTight = block.pitchY < 24;
  const size = isTight ? 11 : 12;
  context.textBaseline = "middle";
  for (let unit = 0; unit < layer.units; unit += 1) {
    const { x, y } = centre(block, unit);
    const left = x - block.pitchX / 2 + (block.columns > 1 ? 1 : 0);
    const width = block.pitchX - (block.columns > 1 ? 2 : 0);
    const height = block.pitchY - (isTight ? 2 : 4);
    const isDropped = layer.states[unit] === State.DROPPED;
    context.fillStyle = palette.panel;
    context.fillRect(left, y - height / 2, width, height);
    context.strokeStyle = isDropped ? palette.dropped : palette.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, y - height / 2 + 0.5, width - 1, height - 1);
    context.font = `${size}px ${palette.font}`;
    const taken = context.measureText("−0.00").width;
    const name = picture.features[unit] ?? `x${unit + 1}`;
    const own = sizeFor(context, name, width - 18 - taken, palette.font, size);
    context.textAlign = "left";
    text(context, fitted(context, name, width - 18 - taken), left + 6, y, palette.inkSoft, palette, own);
    if (isDropped) {
      context.beginPath();
      cross(context, left + width - 6 - taken / 2, y, height * 0.32); // where the number would stand: the name stays legible
      context.strokeStyle = palette.dropped;
      context.lineWidth = 1.5;
      context.stroke();
    } else if (layer.activation) {
      const value = given(layer, unit).toFixed(2).replace("-", "−");
      context.textAlign = "right";
      text(context, value, left + width - 6, y, palette.ink, palette, size + 1);
    }
  }
}

/**
 * The size of the letters at which a name fits, if there is one; the font is set to it.
 * @param {LayerScene["context"]} context
 * @param {string} name
 * @param {number} room
 * @param {string} font
 * @param {number} size The largest.
 */
function sizeFor(context, name, room, font, size) {
  let own = size;
  context.font = `${own}px ${font}`;
  while (own > LEAST_SIZE && context.measureText(name).width > room) {
    own -= 0.5;
    context.font = `${own}px ${font}`;
  }
  return own;
}

/**
 * Many numbers as squares: the fuller the further from 0, above it in one colour, below it in another and smaller.
 * @param {LayerScene} scene
 */
export function paintCells({ context, block, layer, palette }) {
  for (let unit = 0; unit < layer.units; unit += 1) {
    const { x, y } = corner(block, unit);
    const side = block.pitchX - 2;
    const isDropped = layer.states[unit] === State.DROPPED;
    context.fillStyle = palette.panel;
    context.fillRect(x + 1, y + 1, side, side);
    if (!isDropped && layer.activation) {
      const value = given(layer, unit);
      const inset = value < 0 ? side * 0.22 : 0;
      context.globalAlpha = 0.1 + 0.9 * Math.min(1, Math.abs(value) / STRONG);
      context.fillStyle = value < 0 ? palette.edgeMinus : palette.edgePlus;
      context.fillRect(x + 1 + inset, y + 1 + inset, side - 2 * inset, side - 2 * inset);
      context.globalAlpha = 1;
    }
    context.strokeStyle = isDropped ? palette.dropped : palette.line;
    context.lineWidth = 1;
    context.strokeRect(x + 1, y + 1, side, side);
  }
  context.beginPath();
  trace(context, block, layer, (unit) => layer.states[unit] === State.DROPPED, cross, block.pitchX * 0.24);
  context.strokeStyle = palette.dropped;
  context.lineWidth = 1.2;
  context.stroke();
}
