// A layer of neurons: what was dropped, what stayed silent, what fired, what was turned up or down.

/** @import { LayerScene } from "./network.js" */
/** @import { LayerPicture } from "./picture.js" */

import { cross, disc, square, trace, triangle } from "./brush.js";
import { State } from "./picture.js";

const LEVELS = 6; // of brightness: one path for each instead of one for each neuron
const LEAST = 0.45; // of the radius: a faint unit with a factor of its own is smaller, but can be seen

/**
 * Neurons differ in shape and colour: dropped a cross, silent a ring, firing a disc, kept but unrecorded a square; with a factor of
 * its own a triangle that points up where it is at least 1 and down where it is less, the larger the more the unit gave.
 * @param {LayerScene} scene
 */
export function paintNeurons({ context, block, layer, palette }) {
  const radius = block.pitchX * 0.36;
  context.lineWidth = Math.max(0.75, Math.min(1.4, block.pitchX * 0.12));
  const paths = [cross, disc, disc, square];
  const colours = [palette.dropped, palette.silent, palette.firing, palette.silent];
  const sizes = [radius * 0.72, radius * 0.82, radius, radius * 0.8];
  for (const state of [State.DROPPED, State.SILENT, State.KEPT]) {
    context.beginPath();
    trace(context, block, layer, (unit) => layer.states[unit] === state, paths[state], sizes[state]);
    context.strokeStyle = colours[state];
    if (state !== State.DROPPED) {
      context.fillStyle = palette.panel;
      context.fill();
    }
    context.stroke();
  }
  paintFull({ context, block, layer, palette }, State.FIRING, disc, () => radius);
  for (const [state, up] of /** @type {[number, number][]} */ ([
    [State.UP, 1],
    [State.DOWN, -1],
  ])) {
    const shape = triangle(up);
    if (layer.activation) {
      const sized = (/** @type {number} */ share) => radius * 1.2 * (LEAST + (1 - LEAST) * share);
      paintFull({ context, block, layer, palette }, state, shape, sized);
    } else {
      context.beginPath();
      trace(context, block, layer, (unit) => layer.states[unit] === state, shape, radius);
      context.strokeStyle = palette.silent;
      context.stroke();
    }
  }
}

/**
 * Units of one state, the fuller the more they hand on.
 * @param {Pick<LayerScene, "context" | "block" | "layer" | "palette">} scene
 * @param {number} state
 * @param {import("./brush.js").Shape} shape
 * @param {(share: number) => number} radius Of a share of the strongest.
 */
function paintFull({ context, block, layer, palette }, state, shape, radius) {
  const strongest = strongestOf(layer);
  for (let bucket = 0; bucket < LEVELS; bucket += 1) {
    const share = bucket / (LEVELS - 1);
    const isMine = (/** @type {number} */ unit) =>
      layer.states[unit] === state && levelOf(given(layer, unit) / strongest) === bucket;
    context.beginPath();
    trace(context, block, layer, isMine, shape, radius(share));
    context.globalAlpha = 1;
    context.fillStyle = palette.panel; // edges end behind the shape, however faint it is
    context.fill();
    context.globalAlpha = 0.3 + 0.7 * share;
    context.fillStyle = palette.firing;
    context.fill();
  }
  context.globalAlpha = 1;
}

/**
 * What a unit hands on, but for the scale that all have in common.
 * @param {LayerPicture} layer
 * @param {number} unit
 */
export function given({ activation, factor }, unit) {
  return (activation?.[unit] ?? 0) * (factor?.[unit] ?? 1);
}

/**
 * The strongest that a kept unit hands on.
 * @param {LayerPicture} layer
 */
export function strongestOf(layer) {
  let most = 0;
  for (let unit = 0; unit < layer.units; unit += 1) {
    most = Math.max(most, layer.states[unit] === State.DROPPED ? 0 : Math.abs(given(layer, unit)));
  }
  return most || 1;
}

/** @param {number} share Of the strongest of the layer. */
function levelOf(share) {
  return Math.max(0, Math.min(LEVELS - 1, Math.floor(Math.sqrt(Math.abs(share)) * LEVELS)));
}
