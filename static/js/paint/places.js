// Where the candidates of a search stand: of a grid in a map for each learning rate, of a random search as points in the plane of
// hidden rate and learning rate, larger ones with a higher input rate. Pure: no DOM.

/** @import { Search } from "../model/candidates.js" */

import { shownRate } from "../words/search.js";

/** Where a candidate is drawn: a square of a map, or a point. @typedef {{ trial: number, x: number, y: number, w: number, h: number }} Cell */
/** A word at an axis. @typedef {{ text: string, x: number, y: number, align: CanvasTextAlign, turned?: boolean, strong?: boolean }} Label */
/** @typedef {{ cells: Cell[], labels: Label[], frames: { x: number, y: number, w: number, h: number }[], round: boolean, height: number }} Layout */

export const LEFT = 46; // pixels, as all distances here: room for the numbers of an axis and its name
const GAP = 16;
const TITLE = 24;
const BELOW = 40;
const MAP = { least: 130, most: 420, flat: 0.66 }; // width of a map, and of its squares the height
const SQUARE = { least: 16, most: 46 };
const POINT = { least: 4, most: 10 };

/**
 * @param {Search} search
 * @param {number} width
 * @returns {Layout}
 */
export function lay(search, width) {
  return search.method === "grid" ? layGrid(search, width) : layPoints(search, width);
}

/** @param {readonly number[]} values */
const rising = (values) => [...values].sort((one, other) => one - other);

/**
 * @param {Search} search
 * @param {number} width
 * @returns {Layout}
 */
function layGrid({ trials, ...search }, width) {
  const [inputs, hiddens, speeds] = [rising(search.input), rising(search.hidden), rising(search.learning_rate)];
  const most = Math.max(1, Math.floor((width - LEFT + GAP) / (MAP.least + GAP)));
  const lines = Math.ceil(speeds.length / most);
  const across = Math.ceil(speeds.length / lines);
  const mapWidth = Math.min(MAP.most, (width - LEFT + GAP) / across - GAP);
  const w = mapWidth / hiddens.length;
  const h = Math.min(SQUARE.most, Math.max(SQUARE.least, w * MAP.flat));
  const rise = TITLE + inputs.length * h + BELOW;
  const corner = (/** @type {number} */ speed) => ({
    x: LEFT + (speed % across) * (mapWidth + GAP),
    y: Math.floor(speed / across) * rise + TITLE,
  });
  const cells = trials.map(([input, hidden, speed], trial) => {
    const { x, y } = corner(speeds.indexOf(speed));
    return { trial, x: x + hiddens.indexOf(hidden) * w, y: y + (inputs.length - 1 - inputs.indexOf(input)) * h, w, h };
  });
  const labels = speeds.flatMap((speed, number) => {
    const { x, y } = corner(number);
    const bottom = y + inputs.length * h;
    const isLeft = number % across === 0;
    /** @type {Label[]} */
    const own = [
      { text: `learning rate ${shownRate(speed)}`, x: x + mapWidth / 2, y: y - 11, align: "center", strong: true },
      { text: "hidden rate", x: x + mapWidth / 2, y: bottom + 24, align: "center" },
      ...thinned(hiddens, w, 26).map(
        ([value, at]) =>
          /** @type {Label} */ ({ text: shownRate(value), x: x + (at + 0.5) * w, y: bottom + 9, align: "center" }),
      ),
    ];
    const beside = thinned(inputs, h, 14).map(
      ([value, at]) =>
        /** @type {Label} */ ({ text: shownRate(value), x: x - 6, y: bottom - (at + 0.5) * h, align: "right" }),
    );
    const name = /** @type {Label} */ ({
      text: "input rate",
      x: 8,
      y: (y + bottom) / 2,
      align: "center",
      turned: true,
    });
    return isLeft ? [...own, ...beside, name] : own;
  });
  return { cells, labels, frames: [], round: false, height: lines * rise };
}

/**
 * Values of an axis with their places, as many as there is room for.
 * @param {number[]} values
 * @param {number} pitch
 * @param {number} room That one takes.
 * @returns {[number, number][]}
 */
function thinned(values, pitch, room) {
  const every = Math.ceil(room / pitch);
  return values.flatMap((value, at) => (at % every === 0 ? [/** @type {[number, number]} */ ([value, at])] : []));
}

/**
 * @param {Search} search
 * @param {number} width
 * @returns {Layout}
 */
function layPoints({ trials, input, hidden, learning_rate: speeds }, width) {
  const frame = {
    x: LEFT + 14,
    y: 12,
    w: width - LEFT - 14 - POINT.most,
    h: Math.min(420, Math.max(200, width * 0.55)),
  };
  const across = scale(hidden, (value) => value, frame.x, frame.x + frame.w);
  const up = scale(speeds, Math.log, frame.y + frame.h, frame.y);
  const size = scale(input, (value) => value, POINT.least, POINT.most);
  const cells = trials.map(([drop, rate, speed], trial) => {
    const radius = size(drop);
    return { trial, x: across(rate) - radius, y: up(speed) - radius, w: 2 * radius, h: 2 * radius };
  });
  const bottom = frame.y + frame.h;
  /** @type {Label[]} */
  const labels = [
    ...round(hidden).map(
      (value) => /** @type {Label} */ ({ text: shownRate(value), x: across(value), y: bottom + 11, align: "center" }),
    ),
    { text: "hidden rate", x: frame.x + frame.w / 2, y: bottom + 28, align: "center" },
    ...powers(speeds).map(
      (value) => /** @type {Label} */ ({ text: shownRate(value), x: frame.x - 6, y: up(value), align: "right" }),
    ),
    { text: "learning rate", x: 8, y: frame.y + frame.h / 2, align: "center", turned: true },
  ];
  return { cells, labels, frames: [frame], round: true, height: bottom + BELOW };
}

/**
 * From the range of some values to places, with a margin on both sides.
 * @param {readonly number[]} values
 * @param {(value: number) => number} measure
 * @param {number} from
 * @param {number} to
 */
function scale(values, measure, from, to) {
  const [least, most] = [measure(Math.min(...values)), measure(Math.max(...values))];
  const margin = 0.05;
  return (/** @type {number} */ value) => {
    const share = most > least ? (measure(value) - least) / (most - least) : 0.5;
    return from + (margin + (1 - 2 * margin) * share) * (to - from);
  };
}

/**
 * Round numbers within the range of some rates.
 * @param {readonly number[]} values
 */
function round(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const pitch = [0.01, 0.02, 0.05, 0.1, 0.2].find((each) => (most - least) / each <= 6) ?? 0.2;
  const first = Math.ceil(least / pitch - 1e-9);
  const count = Math.floor(most / pitch + 1e-9) - first + 1;
  return count > 0 ? Array.from({ length: count }, (_, at) => (first + at) * pitch) : [least];
}

/**
 * Numbers that begin with 1, 2 or 5 within the range of some learning rates.
 * @param {readonly number[]} values
 */
function powers(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const all = [-5, -4, -3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  const inside = all.filter((value) => value >= least && value <= most);
  return inside.length > 1 ? inside : least < most ? [least, most] : [least];
}

/**
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 * @returns {number} The candidate there; -1: none.
 */
export function candidateAt({ cells, round }, x, y) {
  const slack = round ? 4 : 0; // a point is small
  const inside = cells.filter(
    (cell) => x >= cell.x - slack && x < cell.x + cell.w + slack && y >= cell.y - slack && y < cell.y + cell.h + slack,
  );
  const far = (/** @type {Cell} */ cell) => Math.hypot(cell.x + cell.w / 2 - x, cell.y + cell.h / 2 - y);
  return inside.sort((one, other) => far(one) - far(other))[0]?.trial ?? -1;
}

/**
 * The candidate next to another in a direction, the same one where there is none.
 * @param {Layout} layout
 * @param {number} trial
 * @param {[number, number]} direction
 */
export function neighbour({ cells }, trial, [right, down]) {
  const here = cells[trial];
  const middle = (/** @type {Cell} */ { x, y, w, h }) => ({ x: x + w / 2, y: y + h / 2 });
  const from = middle(here);
  const reach = (/** @type {Cell} */ cell) => {
    const to = middle(cell);
    const along = (to.x - from.x) * right + (to.y - from.y) * down;
    const aside = Math.abs((to.x - from.x) * down) + Math.abs((to.y - from.y) * right);
    return along > 0.5 ? along + 3 * aside : Number.POSITIVE_INFINITY;
  };
  const next = cells.reduce((best, cell) => (reach(cell) < reach(best) ? cell : best), here);
  return next.trial;
}
