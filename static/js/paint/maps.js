// The feature maps of a convolution, each a small image; a map that was dropped whole is crossed out as one.

/** @import { LayerScene } from "./network.js" */
/** @import { Block } from "./layout.js" */
/** @import { LayerPicture } from "./picture.js" */

import { cross, slash, trace } from "./brush.js";
import { corner, mapBox } from "./lattice.js";
import { given, strongestOf } from "./neurons.js";
import { State } from "./picture.js";

const CROSSED_FROM = 6; // pixels of a cell: in a smaller one a cross would be a blot, a stroke makes a hatching

/** @param {LayerScene} scene */
export function paintMaps({ context, block, layer, palette }) {
  const whole = wholeMaps(layer);
  const count = whole.length;
  const size = layer.units / count;
  for (let map = 0; map < count; map += 1) {
    const { x, y, width, height } = mapBox(block, map);
    context.fillStyle = palette.panel;
    context.fillRect(x, y, width, height);
  }
  paintElements({ context, block, layer, palette });
  const isSingle = (/** @type {number} */ unit) =>
    layer.states[unit] === State.DROPPED && !whole[Math.floor(unit / size)];
  context.fillStyle = palette.dropped;
  context.globalAlpha = 0.16;
  fill(context, block, layer, (unit) => layer.states[unit] === State.DROPPED);
  context.globalAlpha = 1;
  context.beginPath();
  const isLarge = block.pitchX >= CROSSED_FROM;
  trace(context, block, layer, isSingle, isLarge ? cross : slash, block.pitchX * (isLarge ? 0.24 : 0.42));
  context.strokeStyle = palette.dropped;
  context.lineWidth = isLarge ? 1.1 : 0.8;
  context.stroke();
  for (let map = 0; map < count; map += 1) {
    const { x, y, width, height } = mapBox(block, map);
    context.strokeStyle = whole[map] ? palette.dropped : palette.line;
    context.lineWidth = whole[map] ? 1.5 : 1;
    context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
    if (whole[map]) {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + width, y + height);
      context.moveTo(x + width, y);
      context.lineTo(x, y + height);
      context.stroke();
    }
  }
}

/**
 * The elements that were kept: the fuller the more they hand on; of what is not recorded all alike.
 * @param {Pick<LayerScene, "context" | "block" | "layer" | "palette">} scene
 * @param {number} [most] Opacity of the strongest.
 */
export function paintElements({ context, block, layer, palette }, most = 1) {
  const strongest = strongestOf(layer);
  context.fillStyle = palette.firing;
  for (let unit = 0; unit < layer.units; unit += 1) {
    const state = layer.states[unit];
    if (state !== State.DROPPED && state !== State.SILENT) {
      const share = layer.activation ? Math.sqrt(Math.abs(given(layer, unit)) / strongest) : NaN;
      const { x, y } = corner(block, unit);
      context.globalAlpha = layer.activation
        ? most * (0.12 + 0.88 * share)
        : state === State.UP
          ? 0.4
          : state === State.DOWN
            ? 0.15
            : 0.22;
      context.fillRect(x, y, block.pitchX, block.pitchY);
    }
  }
  context.globalAlpha = 1;
}

/**
 * Fill the cells of the wanted units, with a hairline between them where there is room.
 * @param {LayerScene["context"]} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {(unit: number) => boolean} wanted
 */
export function fill(context, block, layer, wanted) {
  for (let unit = 0; unit < layer.units; unit += 1) {
    if (wanted(unit)) {
      const { x, y } = corner(block, unit);
      context.fillRect(x, y, block.pitchX, block.pitchY);
    }
  }
}

/**
 * Which maps were dropped whole: 1 for each of which no element is left while whole maps are dropped.
 * @param {LayerPicture} layer
 * @returns {Uint8Array}
 */
export function wholeMaps({ states, site, rates }) {
  const size = site.units / site.groups;
  return Uint8Array.from({ length: site.groups }, (_, map) =>
    Number(rates[1] > 0 && states.subarray(map * size, (map + 1) * size).every((state) => state === State.DROPPED)),
  );
}
