// The votes on what was drawn: a column for each class, a mark for each sub-network.

/** @import { PicturePalette } from "../paint/palette.js" */
/** @import { Opinions } from "./opinions.js" */

import { withAlpha } from "../charts/charts.js";
import { shortNames } from "../words/ensemble.js";
import { jitter } from "./opinions.js";

const MARGIN = { left: 38, right: 6, top: 8, bottom: 36 };

/** @typedef {{ context: CanvasRenderingContext2D, width: number, height: number, palette: PicturePalette }} Surface In CSS pixels. */

/**
 * @param {Surface} surface
 * @param {Opinions | null} opinions `null` while there are none: only the axes.
 * @param {{ classes: string[], colour: string }} run
 */
export function paintVotes(surface, opinions, { classes, colour }) {
  const { context, width, height, palette } = surface;
  const bottom = height - MARGIN.bottom;
  const up = (/** @type {number} */ share) => bottom - share * (bottom - MARGIN.top);
  const pitch = (width - MARGIN.left - MARGIN.right) / classes.length;
  const middle = (/** @type {number} */ index) => MARGIN.left + (index + 0.5) * pitch;
  paintAxis(surface, up, [0, 0.5, 1], MARGIN.left, width - MARGIN.right);
  const names = shortNames(classes);
  const winner = opinions ? opinions.counts.indexOf(Math.max(...opinions.counts)) : -1;
  classes.forEach((_, index) => {
    const half = Math.min(26, pitch * 0.4);
    const at = middle(index);
    if (opinions) {
      paintColumn(context, opinions, index, { at, half, up, colour, palette });
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    context.fillStyle = palette.ink;
    context.font = `${index === winner ? 700 : 400} 13px ${palette.font}`;
    context.fillText(names[index], at, bottom + 4);
    context.font = `11px ${palette.font}`;
    context.fillStyle = palette.inkSoft;
    context.fillText(opinions ? String(opinions.counts[index] || "·") : "", at, bottom + 20);
  });
  context.textAlign = "right";
  context.fillText("votes", MARGIN.left - 8, bottom + 20);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Opinions} opinions
 * @param {number} index Of the class.
 * @param {{ at: number, half: number, up: (share: number) => number, colour: string, palette: PicturePalette }} place
 */
function paintColumn(context, { members, average, whole }, index, { at, half, up, colour, palette }) {
  const top = up(average[index]);
  context.fillStyle = withAlpha(colour, 0.26);
  context.fillRect(at - half, top, 2 * half, up(0) - top);
  context.fillStyle = colour;
  context.fillRect(at - half, top - 1, 2 * half, 2);
  context.fillStyle = withAlpha(palette.ink, 0.62);
  members.forEach(({ choice, sure }, member) => {
    if (choice === index) {
      context.fillRect(at + jitter(member) * 1.7 * half - 2.5, up(sure) - 1, 5, 2);
    }
  });
  const mark = up(whole[index]);
  context.fillStyle = palette.ink;
  context.beginPath();
  context.moveTo(at - half + 2, mark);
  context.lineTo(at - half - 5, mark - 4.5);
  context.lineTo(at - half - 5, mark + 4.5);
  context.fill();
}

/**
 * @param {Surface} surface
 * @param {(share: number) => number} up
 * @param {number[]} ticks
 * @param {number} left
 * @param {number} right
 */
export function paintAxis({ context, palette }, up, ticks, left, right) {
  context.font = `11px ${palette.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (const tick of ticks) {
    const y = Math.round(up(tick)) + 0.5;
    context.strokeStyle = palette.line;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(right, y);
    context.stroke();
    context.fillStyle = palette.inkSoft;
    context.fillText(`${Math.round(100 * tick)}%`, left - 6, y);
  }
}
