// Where the labels of points stand on a chart: beside their point, on none of the others, on no number of an axis, and on as little of
// the lines as can be. Pure.

/** @typedef {{ x: number, y: number }} Place In pixels from the upper left corner of what the axes enclose. */
/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

const MARGIN = { l: 44, r: 12, t: 8, b: 36 }; // of charts.js
const LETTER = 6.4; // pixels of a label, about
const HIGH = 15;
const ROWS = [14, 31, 48]; // from the point to the middle of its label, above and below: two of them have room for one between
const BESIDE = 10;
const HIDDEN = 1000; // what a place costs that is not inside the axes, in points of lines that are covered
const COVERED = 100; // the same for one on another label
const NEAR = 0.01; // the same for each place that comes before it in the list

/**
 * What the axes of a chart enclose, in pixels.
 * @param {{ width: number, height?: number }} chart
 */
export function insideOf({ width, height = 300 }) {
  return { width: Math.max(1, width - MARGIN.l - MARGIN.r), height: Math.max(1, height - MARGIN.t - MARGIN.b) };
}

/**
 * The box of a text.
 * @param {string} text
 * @param {Place} middle
 * @returns {Box}
 */
export function boxOf(text, { x, y }) {
  const half = (text.length * LETTER) / 2;
  return { left: x - half, right: x + half, top: y - HIGH / 2, bottom: y + HIGH / 2 };
}

/**
 * Places for labels, one after the other.
 * @param {(Place & { text: string })[]} wanted The points, each with its label.
 * @param {{ inside: { width: number, height: number }, taken: readonly Box[], points: readonly Place[] }} around What is there
 *   already: other labels, and points of the lines.
 * @returns {{ xshift: number, yshift: number }[]} From the point to the middle of its label, as Plotly counts: up is positive.
 */
export function placeLabels(wanted, { inside, taken, points }) {
  const boxes = [...taken];
  return wanted.map(({ x, y, text }) => {
    const half = (text.length * LETTER) / 2;
    const side = half + BESIDE;
    const offsets = [0, -side, side].flatMap((dx) => ROWS.flatMap((row) => [-row, row]).map((dy) => ({ dx, dy })));
    const all = [...offsets, { dx: -side, dy: 0 }, { dx: side, dy: 0 }].map(({ dx, dy }, index) => {
      const across = Math.min(Math.max(x + dx, half), Math.max(half, inside.width - half));
      const box = boxOf(text, { x: across, y: y + dy });
      const cost =
        (box.top < 0 || box.bottom > inside.height ? HIDDEN : 0) +
        COVERED * boxes.filter((other) => meet(box, other)).length +
        points.filter((point) => covers(box, point)).length +
        NEAR * index;
      return { box, cost, xshift: across - x, yshift: -dy };
    });
    const best = all.reduce((least, each) => (each.cost < least.cost ? each : least));
    boxes.push(best.box);
    return { xshift: best.xshift, yshift: best.yshift };
  });
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function meet(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/**
 * @param {Box} box
 * @param {Place} point
 */
function covers(box, { x, y }) {
  return x > box.left && x < box.right && y > box.top && y < box.bottom;
}

const BETWEEN = 6; // pixels from one point of a line to the next

/**
 * Points along a line, so close that none of its parts is without one.
 * @param {Place[]} corners
 * @returns {Place[]}
 */
export function along(corners) {
  return corners.flatMap((corner, index) => {
    const next = corners[index + 1];
    const count = next ? Math.max(1, Math.ceil(Math.hypot(next.x - corner.x, next.y - corner.y) / BETWEEN)) : 1;
    return Array.from({ length: count }, (_, at) => ({
      x: corner.x + ((next?.x ?? corner.x) - corner.x) * (at / count),
      y: corner.y + ((next?.y ?? corner.y) - corner.y) * (at / count),
    }));
  });
}
