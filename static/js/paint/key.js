// The key of a picture that leaves the page: what stands below it there, drawn as the style sheet draws it (`.legend`).

/** @import { PicturePalette } from "./palette.js" */
/** @import { Context, Shape } from "./brush.js" */

import { contextOf } from "../base/context.js";
import { cross, disc, square, triangle } from "./brush.js";

/** @typedef {(context: Context, palette: PicturePalette) => void} Mark Drawn about the origin, some 11 pixels wide. */

const PAD = 10; // CSS pixels, as all distances here
const ROW = 22;
const MARK = 18; // what a mark takes
const GAP = 18; // between two entries
const SIZE = 13; // of the letters

/** @type {(colour: (palette: PicturePalette) => string, shape: Shape, radius: number, width: number) => Mark} */
const drawn = (colour, shape, radius, width) => (context, palette) => {
  context.beginPath();
  shape(context, 0, 0, radius);
  context.strokeStyle = colour(palette);
  context.lineWidth = width;
  context.stroke();
};

/** @type {(colour: (palette: PicturePalette) => string, shape: Shape, radius: number) => Mark} */
const full = (colour, shape, radius) => (context, palette) => {
  context.beginPath();
  shape(context, 0, 0, radius);
  context.fillStyle = colour(palette);
  context.fill();
};

/** @type {Shape} */
const line = (context, x, y, radius) => {
  context.moveTo(x - radius, y);
  context.lineTo(x + radius, y);
};

/** @type {Shape} */
const upright = (context, x, y, radius) => {
  context.rect(x - 1.5, y - radius, 3, 2 * radius);
};

/** @type {(left: number) => Shape} A triangle that points to the left (1) or to the right (-1). */
const pointer = (left) => (context, x, y, radius) => {
  context.moveTo(x - left * radius, y);
  context.lineTo(x + left * radius, y - radius);
  context.lineTo(x + left * radius, y + radius);
  context.closePath();
};

/** @type {(...marks: Mark[]) => Mark} */
const both =
  (...marks) =>
  (context, palette) => {
    for (const mark of marks) {
      mark(context, palette);
    }
  };

/** @type {(mark: Mark, alpha: number) => Mark} */
const faint = (mark, alpha) => (context, palette) => {
  context.globalAlpha = alpha;
  mark(context, palette);
  context.globalAlpha = 1;
};

/** @type {(mark: Mark) => Mark} */
const dashed = (mark) => (context, palette) => {
  context.setLineDash([4, 3]);
  mark(context, palette);
  context.setLineDash([]);
};

/** @param {string} colour */
function grey(colour) {
  return both(
    full(() => colour, square, 5.5),
    drawn(({ silent }) => silent, square, 5, 1),
  );
}

/** Of each class `legend-…` of the style sheet. @type {Record<string, Mark>} */
export const MARKS = {
  dropped: drawn(({ dropped }) => dropped, cross, 4.5, 1.6),
  whole: both(
    faint(
      full(({ dropped }) => dropped, square, 5),
      0.16,
    ),
    drawn(({ dropped }) => dropped, square, 5, 1.5),
    drawn(({ dropped }) => dropped, cross, 4, 1.2),
  ),
  stripe: full(({ dropped }) => dropped, upright, 5.5),
  silent: drawn(({ silent }) => silent, disc, 4.75, 1.5),
  firing: full(({ firing }) => firing, disc, 5.5),
  up: full(({ firing }) => firing, triangle(1), 5),
  down: full(({ firing }) => firing, triangle(-1), 5),
  recorded: drawn(({ silent }) => silent, square, 4.75, 1.5),
  plus: drawn(({ edgePlus }) => edgePlus, line, 8, 2),
  minus: drawn(({ edgeMinus }) => edgeMinus, line, 8, 2),
  contour: drawn(({ boundary }) => boundary, line, 8, 2),
  label: full(({ ink }) => ink, pointer(1), 5),
  "label is-wrong": full(({ warn }) => warn, pointer(1), 5),
  truth: drawn(({ ink }) => ink, disc, 4.5, 2),
  ring: drawn(({ ink }) => ink, disc, 4.5, 2),
  "mask-kept": both(
    full(({ maskKept }) => maskKept, square, 5.5),
    drawn(({ line: colour }) => colour, square, 5, 1),
  ),
  "mask-dropped": full(({ maskDropped }) => maskDropped, square, 5.5),
  "mask-dropped is-down": full(({ maskDown }) => maskDown, square, 5.5),
  "mask-gap": faint(
    full(({ maskGap }) => maskGap, square, 5.5),
    0.6,
  ),
  "class-0": full(({ classes }) => classes[0], disc, 5.5),
  "class-1": full(({ classes }) => classes[1], triangle(1), 5.5),
  flipped: both(
    drawn(({ inkSoft }) => inkSoft, disc, 4.5, 2),
    full(({ ink }) => ink, disc, 1.5),
  ),
  axes: () => {},
  thin: drawn(({ inkSoft }) => inkSoft, line, 9, 1),
  average: drawn(({ boundary }) => boundary, line, 9, 3),
  scaling: dashed(drawn(({ lanes }) => lanes[4], line, 9, 2)),
  "draw-member": faint(
    drawn(({ ink }) => ink, line, 5.5, 2),
    0.62,
  ),
  "draw-average": both(
    faint(
      full(({ inkSoft }) => inkSoft, square, 5.5),
      0.26,
    ),
    drawn(
      ({ inkSoft }) => inkSoft,
      (context) => line(context, 0, -4.5, 5.5),
      5.5,
      2,
    ),
  ),
  "draw-whole": full(({ ink }) => ink, pointer(-1), 5.5),
  "rank-0": full(({ edgePlus }) => edgePlus, disc, 5.5),
  "rank-1": full(({ edgeMinus }) => edgeMinus, triangle(1), 5.5),
  "rank-2": full(({ lanes }) => lanes[2], square, 5.5),
  entropy: dashed(drawn(({ inkSoft }) => inkSoft, line, 9, 2)),
  information: drawn(({ ink }) => ink, line, 9, 2.5),
  "visits-band": faint(
    full(({ firing }) => firing, square, 5.5),
    0.14,
  ),
  "visits-inside": full(({ firing }) => firing, square, 2),
  "visits-outside": full(({ dropped }) => dropped, square, 2),
  "features-plus": grey("#ffffff"),
  "features-zero": grey("#888888"),
  "features-minus": grey("#000000"),
};

/**
 * The key that stands below a picture on the page, as a canvas that fits below it.
 * @param {Iterable<HTMLElement>} legends
 * @param {PicturePalette} palette
 * @param {{ width: number, ratio: number }} size `width` in CSS pixels.
 * @returns {HTMLCanvasElement[]} One, or none where there is no key.
 */
export function keyOf(legends, palette, { width, ratio }) {
  const entries = [...legends].flatMap(entriesOf);
  if (entries.length === 0) {
    return [];
  }
  const canvas = /** @type {HTMLElement} */ ([...legends][0]).ownerDocument.createElement("canvas");
  const context = contextOf(canvas);
  const font = `${SIZE}px ${palette.font || "sans-serif"}`;
  context.font = font;
  const { placed, height } = place(entries, width, (text) => context.measureText(text).width);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = font;
  context.textBaseline = "middle";
  for (const { kind, text, x, y } of placed) {
    context.save();
    context.translate(x + MARK / 2, y);
    MARKS[kind](context, palette);
    context.restore();
    context.fillStyle = palette.ink;
    context.fillText(text, x + (kind === "axes" ? 0 : MARK + 6), y);
  }
  return [canvas];
}

/**
 * What a legend shows now.
 * @param {HTMLElement} legend
 */
function entriesOf(legend) {
  const items = /** @type {HTMLElement[]} */ ([...legend.children]);
  return items
    .filter((item) => !item.hidden && !item.classList.contains("is-absent"))
    .map(({ className, textContent }) => ({ kind: className.replace(/^legend-/, "").trim(), text: textContent ?? "" }));
}

/**
 * One entry behind the other, in as many rows as they need.
 * @param {{ kind: string, text: string }[]} entries
 * @param {number} width
 * @param {(text: string) => number} widthOf
 */
export function place(entries, width, widthOf) {
  let [x, y] = [PAD, PAD + ROW / 2];
  const placed = entries.map(({ kind, text }) => {
    const own = (kind === "axes" ? 0 : MARK + 6) + widthOf(text);
    if (x > PAD && x + own > width - PAD) {
      [x, y] = [PAD, y + ROW];
    }
    const found = { kind, text, x, y };
    x += own + GAP;
    return found;
  });
  return { placed, height: y + ROW / 2 + PAD };
}
