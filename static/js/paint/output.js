// What came out of the network: a bar for each class.

/** @import { Context } from "./brush.js" */
/** @import { Block, Layout } from "./layout.js" */
/** @import { Picture } from "./picture.js" */
/** @import { PicturePalette } from "./palette.js" */

import { disc, fitted, text } from "./brush.js";
import { centre, wide } from "./lattice.js";

const BEFORE = 8; // pixels between the edges that end at a class and its name
const BEHIND = 8; // and between the name and its bar

/**
 * The probability of each class as a bar, the label that is trained on marked by a triangle, the true class, where it is
 * another, by a ring.
 * @param {Context} context
 * @param {Layout} layout
 * @param {PicturePalette} palette
 * @param {Picture} picture
 */
export function paintClasses(context, layout, palette, picture) {
  const block = layout.blocks[layout.blocks.length - 1];
  context.textBaseline = "middle";
  for (let unit = 0; unit < block.units; unit += 1) {
    (block.upright ? paintUpright : paintLying)(context, block, unit, palette, picture);
  }
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  const middle = block.x + wide(block) / 2;
  text(context, "classes", middle, block.y - (layout.across ? 9 : 7), palette.ink, palette, 12, true);
}

/** @type {(context: Context, block: Block, unit: number, palette: PicturePalette, picture: Picture) => void} */
function paintLying(context, block, unit, palette, { probability, classes, label, truth }) {
  const { y } = centre(block, unit);
  const size = block.pitchY < 14 ? 11 : 12;
  const isLettered = classes.every((name) => name.length === 1);
  context.font = `600 ${size}px ${palette.font}`; // that of the label, so that all bars begin alike
  const longest = Math.max(...classes.map((each) => context.measureText(each).width));
  const names = isLettered ? 20 : Math.min(longest + BEFORE + BEHIND, block.pitchX * 0.5);
  const start = block.x + names + 2;
  const room = block.pitchX - 52 - names - 2;
  context.textAlign = isLettered ? "center" : "right";
  const name = isLettered ? classes[unit] : fitted(context, classes[unit], names - BEFORE - BEHIND);
  text(context, name, isLettered ? block.x + 10 : start - BEHIND, y, palette.ink, palette, size, unit === label);
  const height = Math.min(12, block.pitchY * 0.6);
  context.fillStyle = palette.line;
  context.fillRect(start, y - height / 2, room, height);
  if (probability) {
    context.fillStyle = palette.firing;
    context.fillRect(start, y - height / 2, room * probability[unit], height);
  }
  context.textAlign = "right";
  const share = shareOf(probability, unit);
  text(context, share, start + room + 38, y, palette.inkSoft, palette, 12);
  mark(context, block.x + block.pitchX - 5, y, unit, label, truth, palette, false);
}

/**
 * What is written beside a class; a network that has diverged has no probabilities.
 * @param {ArrayLike<number> | null | undefined} probability
 * @param {number} unit
 */
function shareOf(probability, unit) {
  return probability && Number.isFinite(probability[unit]) ? `${Math.round(100 * probability[unit])}%` : "–";
}

/** @type {(context: Context, block: Block, unit: number, palette: PicturePalette, picture: Picture) => void} */
function paintUpright(context, block, unit, palette, { probability, classes, label, truth }) {
  const { x } = centre(block, unit);
  const top = block.y + 4;
  const room = 38;
  const width = Math.min(18, block.pitchX * 0.6);
  context.fillStyle = palette.line;
  context.fillRect(x - width / 2, top, width, room);
  context.textAlign = "center";
  if (probability) {
    const height = room * probability[unit];
    context.fillStyle = palette.firing;
    context.fillRect(x - width / 2, top + room - height, width, height);
  }
  const share = shareOf(probability, unit);
  text(context, share, x, top + room + 10, palette.inkSoft, palette, 11);
  text(context, classes[unit], x, top + room + 25, palette.ink, palette, 12, unit === label);
  mark(context, x, top + room + 37, unit, label, truth, palette, true);
}

/**
 * The two marks of a class.
 * @param {Context} context
 * @param {number} x
 * @param {number} y
 * @param {number} unit
 * @param {number} label
 * @param {number} truth
 * @param {PicturePalette} palette
 * @param {boolean} up Whether the triangle points up; else to the left.
 */
function mark(context, x, y, unit, label, truth, palette, up) {
  context.beginPath();
  if (unit === label) {
    context.moveTo(x - (up ? 0 : 5), y - (up ? 5 : 0));
    context.lineTo(x + (up ? 5 : 3), y + (up ? 3 : 5));
    context.lineTo(x - (up ? 5 : -3), y + (up ? 3 : -5));
    context.closePath();
    context.fillStyle = unit === truth ? palette.ink : palette.warn;
    context.fill();
  } else if (unit === truth) {
    disc(context, x, y, 3.5);
    context.strokeStyle = palette.ink;
    context.lineWidth = 1.5;
    context.stroke();
  }
}
