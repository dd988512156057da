// Draws the network picture on a canvas: on the page's own thread or in a worker.

/** @import { Context } from "./brush.js" */
/** @import { Cell } from "./lattice.js" */
/** @import { Block, Layout } from "./layout.js" */
/** @import { LayerPicture, Picture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { contextOf } from "../base/context.js";
import { formatCount, formatPercent } from "../model/stats.js";
import { text } from "./brush.js";
import { paintEdges } from "./edges.js";
import { paintCells, paintImage, paintValues } from "./input.js";
import { corner, high, wide } from "./lattice.js";
import { paintMaps } from "./maps.js";
import { paintMatrix, paintTime } from "./matrix.js";
import { paintNeurons } from "./neurons.js";
import { paintClasses } from "./output.js";

/**
 * All that a painting depends on.
 * @typedef {object} NetworkScene
 * @property {Layout} layout
 * @property {PicturePalette} palette
 * @property {number} ratio Device pixels in a CSS pixel.
 * @property {Picture | null} picture
 * @property {Cell | null} cursor The cell that is looked at.
 */

/**
 * What the painter of a layer is given.
 * @typedef {object} LayerScene
 * @property {Context} context
 * @property {Block} block
 * @property {LayerPicture} layer
 * @property {Picture} picture
 * @property {PicturePalette} palette
 * @property {number} ratio
 */

/** @type {Record<Block["kind"], (scene: LayerScene) => void>} */
const PAINTERS = {
  image: paintImage,
  values: paintValues,
  cells: paintCells,
  maps: paintMaps,
  matrix: paintMatrix,
  neurons: paintNeurons,
  classes: () => {},
};

/**
 * Paint a scene.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {NetworkScene} scene
 */
export function paintNetwork(canvas, { layout, palette, ratio, picture, cursor }) {
  const context = contextOf(canvas);
  const width = Math.round(layout.width * ratio);
  const height = Math.round(layout.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  if (!picture || picture.layers.length + 1 !== layout.blocks.length) {
    return; // the layout is that of another network: the next one is on its way
  }
  paintEdges(context, layout, palette, picture);
  paintTime(context, layout, palette);
  picture.layers.forEach((layer, index) => {
    const block = layout.blocks[index];
    if (layer.units === block.units) {
      PAINTERS[block.kind]({ context, block, layer, picture, palette, ratio });
      paintTitles(context, layout, block, layer, palette);
    }
  });
  paintClasses(context, layout, palette, picture);
  if (cursor && layout.blocks[cursor.block]) {
    paintCursor(context, layout.blocks[cursor.block], cursor.unit, palette);
  }
}

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {Block} block
 * @param {LayerPicture} layer
 * @param {PicturePalette} palette
 */
function paintTitles(context, { across }, block, layer, palette) {
  const middle = block.x + wide(block) / 2;
  const title = layerTitle(block.name, block.kind);
  const count = countWords(layer);
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  if (across) {
    text(context, title, middle, block.y - 9, palette.ink, palette, 12, true);
    text(context, count, middle, block.y + high(block) + 16, palette.inkSoft, palette, 12);
  } else {
    text(context, `${title}: ${count}${HEADED[layer.counted]}`, middle, block.y - 7, palette.ink, palette, 12, true);
  }
}

const HEADED = { units: " kept", weights: "", factors: "" };

/** @param {LayerPicture} layer */
function countWords({ kept, units, counted, rates, site }) {
  if (counted === "weights") {
    return `${formatPercent(kept / site.weights)} kept`;
  }
  const isNoisy = counted === "factors" && rates.some((rate) => rate > 0);
  return `${formatCount(kept)} of ${formatCount(units)}${isNoisy ? " ▲" : ""}`;
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
  if (kind === "matrix") {
    return "state, step to step";
  }
  return name === "output" ? "last state" : name.replace(/(\d+)$/, " $1");
}

/**
 * @param {Context} context
 * @param {Block} block
 * @param {number} unit
 * @param {PicturePalette} palette
 */
function paintCursor(context, block, unit, palette) {
  const { x, y } = corner(block, unit);
  const grown = Math.max(0, (6 - block.pitchX) / 2); // a cell of two pixels would be hidden by its own frame
  context.lineWidth = 2;
  context.strokeStyle = palette.focus;
  context.strokeRect(x - grown, y - grown, block.pitchX + 2 * grown, block.pitchY + 2 * grown);
}
