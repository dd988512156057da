// One drawing turned step by step: what the sub-networks say at every angle (Gal & Ghahramani 2016, figure 4).

/** @import { Opinions } from "./opinions.js" */
/** @import { Surface } from "./votes.js" */

import { h } from "../base/dom.js";
import { withAlpha } from "../charts/charts.js";
import { foremost, jitter } from "./opinions.js";
import { paintAxis } from "./votes.js";

const LEFT = 38;
const RIGHT = 6;
const SCATTER = 170; // px high
const CURVES = 84;
const GAP = 22;
const TIGHT = 30; // px between two angles, below which only every other has a label
const TOP = 3; // classes that are shown, as in the paper's figure
const SHAPES = [disc, triangle, square];

/**
 * @typedef {object} Turned
 * @property {HTMLCanvasElement[]} images One pixel for each of the image's.
 * @property {number[]} angles Degrees.
 * @property {Opinions[] | null} opinions `null` before the answer.
 */

/**
 * How high the picture is, whatever is on it.
 * @param {number} width
 * @param {number} count Of angles.
 */
export function heightOf(width, count) {
  return sideOf(width, count) + 18 + SCATTER + GAP + CURVES + 8;
}

/**
 * @param {number} width
 * @param {number} count
 */
const sideOf = (width, count) => Math.min(48, Math.floor((width - LEFT - RIGHT) / count) - 3);

/**
 * @param {Surface} surface
 * @param {Turned} turned
 * @returns {number[]} The classes shown, the foremost first.
 */
export function paintTurned(surface, { images, angles, opinions }) {
  const { context, width, palette } = surface;
  const side = sideOf(width, angles.length);
  const pitch = (width - LEFT - RIGHT) / angles.length;
  const middle = (/** @type {number} */ index) => LEFT + (index + 0.5) * pitch;
  context.imageSmoothingEnabled = false;
  context.font = `${pitch < 32 ? 10 : 11}px ${palette.font}`;
  angles.forEach((degrees, index) => {
    const left = Math.round(middle(index) - side / 2);
    context.drawImage(images[index], left, 0, side, side);
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, 0.5, side - 1, side - 1);
    context.fillStyle = palette.inkSoft;
    context.textAlign = "center";
    context.textBaseline = "top";
    if (pitch >= TIGHT || index % 2 === 0) {
      context.fillText(`${degrees}°`, middle(index), side + 3);
    }
  });
  const classes = opinions ? foremost(opinions, TOP) : [];
  const scatter = side + 22;
  const up = (/** @type {number} */ share) => scatter + (1 - share) * (SCATTER - 10);
  paintAxis(surface, up, [0, 0.5, 1], LEFT, width - RIGHT);
  classes.forEach((index, rank) => {
    paintClass(surface, /** @type {Opinions[]} */ (opinions), { index, rank, middle, pitch, up });
  });
  paintDoubt(surface, opinions, middle, scatter + SCATTER + GAP - 8);
  return classes;
}

/**
 * What every sub-network says of one class, and their average as a line.
 * @param {Surface} surface
 * @param {Opinions[]} opinions
 * @param {{ index: number, rank: number, middle: (index: number) => number, pitch: number, up: (share: number) => number }} place
 */
function paintClass({ context, palette }, opinions, { index, rank, middle, pitch, up }) {
  const colour = coloursOf(palette)[rank];
  const across = (pitch * 0.84) / TOP;
  context.fillStyle = withAlpha(colour, 0.5);
  opinions.forEach(({ votes }, angle) => {
    votes.forEach((vote, member) => {
      const x = middle(angle) + (rank - (TOP - 1) / 2 + 0.8 * jitter(member)) * across;
      context.beginPath();
      SHAPES[rank](context, x, up(vote[index]), 2);
      context.fill();
    });
  });
  context.strokeStyle = colour;
  context.lineWidth = 1.75;
  context.beginPath();
  opinions.forEach(({ average }, angle) => {
    context.lineTo(middle(angle) + (rank - (TOP - 1) / 2) * across, up(average[index]));
  });
  context.stroke();
}

/**
 * Predictive entropy, and the part of it that is disagreement.
 * @param {Surface} surface
 * @param {Opinions[] | null} opinions
 * @param {(index: number) => number} middle
 * @param {number} top
 */
function paintDoubt({ context, width, palette }, opinions, middle, top) {
  const most = opinions ? Math.log(opinions[0].average.length) : 1;
  const up = (/** @type {number} */ nats) => top + (1 - nats / most) * CURVES;
  context.font = `11px ${palette.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const nats of [0, most]) {
    const y = Math.round(up(nats)) + 0.5;
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width - RIGHT, y);
    context.stroke();
    context.fillStyle = palette.inkSoft;
    context.fillText(opinions || nats === 0 ? nats.toFixed(nats === 0 ? 0 : 2) : "", LEFT - 6, y);
  }
  if (opinions === null) {
    return;
  }
  for (const name of /** @type {const} */ (["information", "entropy"])) {
    const isWhole = name === "entropy";
    context.beginPath();
    opinions.forEach((opinion, angle) => {
      context.lineTo(middle(angle), up(opinion[name]));
    });
    context.setLineDash(isWhole ? [5, 3] : []);
    context.strokeStyle = isWhole ? palette.inkSoft : palette.ink;
    context.lineWidth = isWhole ? 1.5 : 2.25;
    context.stroke();
    context.setLineDash([]);
    if (!isWhole) {
      context.lineTo(middle(opinions.length - 1), up(0));
      context.lineTo(middle(0), up(0));
      context.fillStyle = withAlpha(palette.ink, 0.12);
      context.fill();
    }
  }
}

/** @param {import("../paint/palette.js").PicturePalette} palette Of the classes by their rank. */
function coloursOf(palette) {
  return [palette.edgePlus, palette.edgeMinus, palette.lanes[2]];
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function disc(context, x, y, radius) {
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function triangle(context, x, y, radius) {
  context.moveTo(x, y - 1.3 * radius);
  context.lineTo(x + 1.3 * radius, y + radius);
  context.lineTo(x - 1.3 * radius, y + radius);
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function square(context, x, y, radius) {
  context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/**
 * Which mark is which class, and which line is which doubt.
 * @param {HTMLElement} legend
 * @param {string[]} names Of the classes shown, by rank.
 */
export function showTurnedLegend(legend, names) {
  const { ownerDocument: document } = legend;
  const items = [
    ...names.map((name, rank) => [`legend-rank-${rank}`, `${name}: sub-networks, and their average as a line`]),
    ["legend-entropy", "predictive entropy (nats)"],
    ["legend-information", "mutual information: the part that is disagreement"],
  ];
  if (legend.textContent !== items.map(([, text]) => text).join("")) {
    legend.replaceChildren(...items.map(([kind, text]) => h(document, "li", { class: kind }, text)));
  }
}
