// The candidates of a search, coloured by validation loss, with what the marks mean.

/** @import { Search } from "../model/candidates.js" */
/** @import { Context } from "./brush.js" */
/** @import { Cell, Label, Layout } from "./places.js" */
/** @import { Palette } from "../base/theme.js" */

import { ranked, training } from "../model/candidates.js";
import { formatLoss } from "../model/stats.js";
import { channels, mix } from "./palette.js";
import { LEFT } from "./places.js";

/** Three colours from the least loss to the greatest. @typedef {{ least: string, middle: string, most: string }} Ramp */

/**
 * @typedef {object} Scene
 * @property {Search} search
 * @property {ReadonlyMap<number, number>} live Losses of those that are being trained.
 * @property {{ least: number, most: number } | null} domain
 * @property {number} chosen The candidate that the reader looks at; -1: none.
 * @property {Palette & Ramp} palette
 */

const LEGEND = 82; // pixels, as all distances here: room for two lines of marks
const NUMBERED = { wide: 25, high: 15 }; // a square that holds the digits of a loss
const FONT = 11;
const LARGER = "larger: higher input rate";

/**
 * @param {Context} context Its unit is a CSS pixel.
 * @param {Layout} layout
 * @param {Scene} scene
 * @param {number} width
 */
export function paintCandidates(context, layout, scene, width) {
  const { palette, search } = scene;
  context.clearRect(0, 0, width, layout.height + LEGEND);
  context.textBaseline = "middle";
  for (const { x, y, w, h } of layout.frames) {
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, w, h);
  }
  for (const label of layout.labels) {
    write(context, label, palette);
  }
  for (const cell of layout.cells) {
    paintCell(context, cell, layout.round, scene);
  }
  for (const [trial, colour, thick] of /** @type {[number | null, string, number][]} */ ([
    [search.best, palette.ink, 3],
    [scene.chosen, palette.focus, 2],
  ])) {
    if (trial !== null && trial >= 0) {
      outline(context, layout.cells[trial], layout.round, 1);
      context.strokeStyle = palette.panel;
      context.lineWidth = thick + 2;
      context.stroke();
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.stroke();
    }
  }
  paintLegend(context, layout, scene, width);
}

/** The height of a picture with its legend. @param {Layout} layout */
export const heightOf = (layout) => layout.height + LEGEND;

/**
 * @param {Context} context
 * @param {Label} label
 * @param {Palette} palette
 */
function write(context, { text, x, y, align, turned, strong }, palette) {
  context.font = `${strong ? "600 " : ""}${FONT}px ${palette.font || "sans-serif"}`;
  context.textAlign = align;
  context.fillStyle = strong ? palette.ink : palette.inkSoft;
  context.save();
  context.translate(x, y);
  if (turned) {
    context.rotate(-Math.PI / 2);
  }
  context.fillText(text, 0, 0);
  context.restore();
}

/**
 * @param {Context} context
 * @param {Cell} cell
 * @param {boolean} round
 * @param {number} inset
 */
function outline(context, { x, y, w, h }, round, inset) {
  context.beginPath();
  if (round) {
    context.arc(x + w / 2, y + h / 2, w / 2, 0, 2 * Math.PI);
  } else {
    context.rect(x + inset, y + inset, w - 2 * inset, h - 2 * inset);
  }
}

/**
 * @param {Context} context
 * @param {Cell} cell
 * @param {boolean} round
 * @param {Scene} scene
 */
function paintCell(context, cell, round, { search, live, domain, palette }) {
  const { from, to } = training(search);
  const { trial } = cell;
  const isTraining = trial >= from && trial < to;
  const loss = trial < search.done ? (search.results[trial]?.val_loss ?? null) : (live.get(trial) ?? null);
  const colour = loss !== null && Number.isFinite(loss) && domain ? colourOf(loss, domain, palette) : null;
  outline(context, cell, round, isTraining && !round ? 3 : 1);
  context.fillStyle = colour ? `rgb(${colour.join(" ")})` : palette.panel;
  context.fill();
  if (!colour || isTraining) {
    context.setLineDash(isTraining ? [3, 2] : []);
    context.strokeStyle = isTraining ? palette.ink : palette.line;
    context.lineWidth = isTraining ? 1.3 : 1;
    context.stroke();
    context.setLineDash([]);
  }
  if (!colour && trial < search.done) {
    cross(context, cell, palette.warn);
  }
  if (colour && loss !== null && !round && cell.w >= NUMBERED.wide && cell.h >= NUMBERED.high) {
    const isLight = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140;
    context.font = `${FONT}px ${palette.font || "sans-serif"}`;
    context.textAlign = "center";
    context.fillStyle = isLight ? "#14171b" : "#ffffff";
    context.fillText(brief(loss), cell.x + cell.w / 2, cell.y + cell.h / 2 + 0.5);
  }
}

/** A loss in three or four signs. @param {number} loss */
const brief = (loss) => (loss < 0.9995 ? loss.toFixed(2).replace(/^0/, "") : formatLoss(loss).slice(0, 4));

/**
 * @param {Context} context
 * @param {Cell} cell
 * @param {string} colour
 */
function cross(context, { x, y, w, h }, colour) {
  const [reach, midX, midY] = [Math.min(5, w / 3, h / 3), x + w / 2, y + h / 2];
  context.beginPath();
  context.moveTo(midX - reach, midY - reach);
  context.lineTo(midX + reach, midY + reach);
  context.moveTo(midX + reach, midY - reach);
  context.lineTo(midX - reach, midY + reach);
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.stroke();
}

/**
 * The colour of a loss: losses differ by factors, so colours follow their logarithm.
 * @param {number} loss
 * @param {{ least: number, most: number }} domain
 * @param {Ramp} ramp
 */
export function colourOf(loss, { least, most }, ramp) {
  const share = most > least ? Math.log(Math.max(loss, 1e-9) / least) / Math.log(most / least) : 0;
  const place = Math.min(1, Math.max(0, share));
  const [low, mid, high] = [ramp.least, ramp.middle, ramp.most].map(channels);
  return place < 0.5 ? mix(low, mid, 2 * place) : mix(mid, high, 2 * place - 1);
}

/**
 * @param {Context} context
 * @param {Layout} layout
 * @param {Scene} scene
 * @param {number} width
 */
function paintLegend(context, layout, { search, domain, palette }, width) {
  const top = layout.height + 10;
  const bar = { x: LEFT, w: Math.min(170, width - LEFT - 90), h: 10 };
  if (domain) {
    for (let x = 0; x < bar.w; x += 1) {
      const loss = domain.least * (domain.most / domain.least) ** (x / Math.max(1, bar.w - 1));
      context.fillStyle = `rgb(${colourOf(loss, domain, palette).join(" ")})`;
      context.fillRect(bar.x + x, top, 1.5, bar.h);
    }
    write(context, { text: formatLoss(domain.least), x: bar.x, y: top + 20, align: "left" }, palette);
    write(context, { text: formatLoss(domain.most), x: bar.x + bar.w, y: top + 20, align: "right" }, palette);
    write(context, { text: "validation loss", x: bar.x + bar.w + 10, y: top + 5, align: "left" }, palette);
  }
  paintKeys(context, bar.x, top + 40, width, search, palette);
}

/**
 * What the marks mean, of those that there are.
 * @param {Context} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {Search} search
 * @param {Palette} palette
 */
function paintKeys(context, x, y, width, search, palette) {
  const { from, to } = training(search);
  const diverged = search.done - ranked(search).length;
  /** @type {[boolean, string, string, number, number[]][]} */
  const keys = [
    [search.best !== null, "best", palette.ink, 3, []],
    [to > from, "being trained", palette.ink, 1.3, [3, 2]],
    [to < search.trials.length, "waiting", palette.line, 1, []],
  ];
  const at = { x, y };
  const say = (/** @type {string} */ text) => {
    write(context, { text, x: at.x + 20, y: at.y, align: "left" }, palette);
    at.x += 20 + context.measureText(text).width + 14;
  };
  const make = (/** @type {string} */ text) => {
    if (at.x + 20 + context.measureText(text).width > width) {
      Object.assign(at, { x, y: at.y + 18 });
    }
  };
  for (const [isThere, text, colour, thick, dash] of keys) {
    if (isThere) {
      make(text);
      context.setLineDash(dash);
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.strokeRect(at.x + 1.5, at.y - 5, 12, 10);
      context.setLineDash([]);
      say(text);
    }
  }
  if (diverged > 0) {
    make("diverged");
    cross(context, { trial: -1, x: at.x, y: at.y - 7, w: 15, h: 14 }, palette.warn);
    say("diverged");
  }
  if (search.method === "random" && new Set(search.input).size > 1) {
    make(LARGER);
    context.strokeStyle = palette.inkSoft;
    context.lineWidth = 1;
    for (const radius of [2.5, 6]) {
      context.beginPath();
      context.arc(at.x + 7, at.y, radius, 0, 2 * Math.PI);
      context.stroke();
    }
    say(LARGER);
  }
}
