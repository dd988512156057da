// The strongest connections of the active sub-network, from each layer to the next.

/** @import { Context } from "./brush.js" */
/** @import { Block, Layout } from "./layout.js" */
/** @import { Picture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { centre, mapBox } from "./lattice.js";

const WEIGHTS = 4; // of line: one path for each instead of one for each edge

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {PicturePalette} palette
 * @param {Picture} picture
 */
export function paintEdges(context, layout, palette, picture) {
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
  const a = to.kind === "maps" ? side(from, source, across, 1) : centre(from, source);
  const b = entrance(to, target, across);
  context.moveTo(a.x, a.y);
  if (!across && to.kind === "classes" && !to.upright) {
    context.bezierCurveTo(a.x, to.y - 8, b.x - 12, to.y, b.x, b.y); // down to the list, then along its left side
  } else if (across) {
    const bend = (b.x - a.x) / 2;
    context.bezierCurveTo(a.x + bend, a.y, b.x - bend, b.y, b.x, b.y);
  } else {
    const bend = (b.y - a.y) / 2;
    context.bezierCurveTo(a.x, a.y + bend, b.x, b.y - bend, b.x, b.y);
  }
}

/**
 * Where an edge ends: at a neuron's middle, at the near side of a feature map or a class.
 * @param {Block} block
 * @param {number} unit A channel, where these are feature maps.
 * @param {boolean} across
 */
function entrance(block, unit, across) {
  if (block.kind === "maps") {
    return side(block, unit, across, 0);
  }
  const middle = centre(block, unit);
  if (block.kind !== "classes") {
    return middle;
  }
  return block.upright ? { x: middle.x, y: block.y } : { x: block.x, y: middle.y };
}

/**
 * The middle of the side of a feature map, or of the image.
 * @param {Block} block
 * @param {number} channel
 * @param {boolean} across
 * @param {0 | 1} far 0: the side towards the input.
 */
function side(block, channel, across, far) {
  const { x, y, width, height } = mapBox(block, channel);
  return across ? { x: x + far * width, y: y + height / 2 } : { x: x + width / 2, y: y + far * height };
}
