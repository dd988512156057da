// Draws the network picture on a canvas: on the page's own thread or in a worker.

/** @import { Context } from "./brush.js" */
/** @import { Block, Layout } from "./layout.js" */
/** @import { LayerPicture, Picture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { cross, disc, square, text, trace } from "./brush.js";
import { paintImage, paintValues } from "./input.js";
import { centre } from "./layout.js";
import { paintClasses } from "./output.js";
import { State } from "./picture.js";

/**
 * All that a painting depends on.
 * @typedef {object} NetworkScene
 * @property {Layout} layout
 * @property {PicturePalette} palette
 * @property {number} ratio Device pixels in a CSS pixel.
 * @property {Picture | null} picture
 * @property {{ block: number, unit: number } | null} cursor The cell that is looked at.
 */

const LEVELS = 6; // of brightness: one path for each instead of one for each neuron
const WEIGHTS = 4; // of edges

/**
 * Paint a scene.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {NetworkScene} scene
 */
export function paintNetwork(canvas, { layout, palette, ratio, picture, cursor }) {
  const context = /** @type {Context} */ (canvas.getContext("2d"));
  const width = Math.round(layout.width * ratio);
  const height = Math.round(layout.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  if (!picture) {
    return;
  }
  paintEdges(context, layout, palette, picture);
  picture.layers.forEach((layer, index) => {
    const block = layout.blocks[index];
    if (block.kind === "image") {
      paintImage(context, block, layer, palette, ratio);
    } else if (block.kind === "values") {
      paintValues(context, block, layer, palette);
    } else {
      paintNeurons(context, block, layer, palette);
    }
    paintTitles(context, layout, block, layer, palette);
  });
  paintClasses(context, layout, palette, picture);
  if (cursor) {
    paintCursor(context, layout.blocks[cursor.block], cursor.unit, palette);
  }
}

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {PicturePalette} palette
 * @param {Picture} picture
 */
function paintEdges(context, layout, palette, picture) {
  context.lineCap = "round";
  picture.edges.forEach((edges, pair) => {
    const from = layout.blocks[pair];
    const to = layout.blocks[pair + 1];
    const strongest = Math.abs(edges.value[0] ?? 0) || 1;
    for (let bucket = 0; bucket < 2 * WEIGHTS; bucket += 1) {
      const weight = bucket % WEIGHTS;
      context.beginPath();
      for (let edge = 0; edge < edges.value.length; edge += 1) {
        const strength = Math.abs(edges.value[edge]) / strongest;
        const mine = Math.min(WEIGHTS - 1, Math.floor(strength * WEIGHTS));
        if (mine === weight && edges.value[edge] > 0 === bucket < WEIGHTS) {
          traceEdge(context, layout, from, to, edges.source[edge], edges.target[edge]);
        }
      }
      context.strokeStyle = bucket < WEIGHTS ? palette.edgePlus : palette.edgeMinus;
      context.globalAlpha = 0.14 + 0.56 * (weight / (WEIGHTS - 1));
      context.lineWidth = 0.6 + 1.4 * (weight / (WEIGHTS - 1));
      context.stroke();
    }
  });
  context.globalAlpha = 1;
}

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {Block} from
 * @param {Block} to
 * @param {number} source
 * @param {number} target
 */
function traceEdge(context, { across }, from, to, source, target) {
  const a = centre(from, source);
  const b = entrance(to, target, across);
  context.moveTo(a.x, a.y);
  if (across) {
    const bend = (b.x - a.x) / 2;
    context.bezierCurveTo(a.x + bend, a.y, b.x - bend, b.y, b.x, b.y);
  } else {
    const bend = (b.y - a.y) / 2;
    context.bezierCurveTo(a.x, a.y + bend, b.x, b.y - bend, b.x, b.y);
  }
}

/**
 * Where an edge ends: at a neuron's middle, at the near side of a class.
 * @param {Block} block
 * @param {number} unit
 * @param {boolean} across
 */
function entrance(block, unit, across) {
  const middle = centre(block, unit);
  if (block.kind !== "classes") {
    return middle;
  }
  return across ? { x: block.x, y: middle.y } : { x: middle.x, y: block.y };
}

/**
 * Neurons differ in shape and colour: dropped a cross, silent a ring, firing a disc, kept but unrecorded a square.
 * @param {Context} context
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {PicturePalette} palette
 */
function paintNeurons(context, block, layer, palette) {
  const radius = block.pitchX * 0.36;
  context.lineWidth = Math.max(0.75, Math.min(1.4, block.pitchX * 0.12));
  const paths = [cross, disc, disc, square];
  const colours = [palette.dropped, palette.silent, palette.firing, palette.silent];
  const sizes = [radius * 0.72, radius * 0.82, radius, radius * 0.8];
  const strongest = strongestOf(layer);
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
  const level = (/** @type {number} */ unit) => levelOf((layer.activation?.[unit] ?? 0) / strongest);
  context.fillStyle = palette.firing;
  for (let bucket = 0; bucket < LEVELS; bucket += 1) {
    const mine = (/** @type {number} */ unit) => layer.states[unit] === State.FIRING && level(unit) === bucket;
    context.beginPath();
    trace(context, block, layer, mine, disc, radius);
    context.globalAlpha = 1;
    context.fillStyle = palette.panel; // edges end behind the disc, however faint it is
    context.fill();
    context.globalAlpha = 0.3 + (0.7 * bucket) / (LEVELS - 1);
    context.fillStyle = palette.firing;
    context.fill();
  }
  context.globalAlpha = 1;
}

/** @param {LayerPicture} layer */
function strongestOf({ activation, states }) {
  let most = 0;
  if (activation) {
    for (let unit = 0; unit < states.length; unit += 1) {
      most = Math.max(most, states[unit] === State.FIRING ? Math.abs(activation[unit]) : 0);
    }
  }
  return most || 1;
}

/** @param {number} share Of the strongest activation of the layer. */
function levelOf(share) {
  return Math.max(0, Math.min(LEVELS - 1, Math.floor(Math.sqrt(Math.abs(share)) * LEVELS)));
}

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {PicturePalette} palette
 */
function paintTitles(context, { across }, block, layer, palette) {
  const middle = block.x + (block.columns * block.pitchX) / 2;
  const title = layerTitle(block.name, block.kind);
  const count = `${layer.kept} of ${layer.units}`;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  if (across) {
    text(context, title, middle, block.y - 9, palette.ink, palette, 12, true);
    text(context, count, middle, block.y + block.rows * block.pitchY + 16, palette.inkSoft, palette, 12);
  } else {
    text(context, `${title}: ${count} kept`, middle, block.y - 7, palette.ink, palette, 12, true);
  }
}

/**
 * What a layer is called in the picture.
 * @param {string} name
 * @param {Block["kind"]} kind
 */
export function layerTitle(name, kind) {
  if (kind === "image") {
    return "pixels";
  }
  return kind === "values" ? "input" : name.replace(/(\d+)$/, " $1");
}

/**
 * @param {Context} context
 * @param {Block} block
 * @param {number} unit
 * @param {PicturePalette} palette
 */
function paintCursor(context, block, unit, palette) {
  const { x, y } = centre(block, unit);
  context.lineWidth = 2;
  context.strokeStyle = palette.focus;
  context.strokeRect(x - block.pitchX / 2, y - block.pitchY / 2, block.pitchX, block.pitchY);
}
