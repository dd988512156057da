// From the strokes of a pen to the image that a network was trained on. Pure: no DOM.
//
// A network knows only images that were made as its own were. The 8 × 8 digits of scikit-learn were bitmaps of 32 × 32 whose blocks of
// 4 × 4 were counted. Before, they had been made upright by a shear, as high as the bitmap, and thinned or thickened: whatever the digit,
// 303 to 330 of 1,024 pixels are black on average. The same is done here. (Of digits drawn as polylines, with the tilt and the tremor of
// a hand, the default network with dropout got 88% right; without the shear 78%.) The 28 × 28 digits of MNIST lie in a box of 20 × 20,
// centred by their mass, as they were slanted.

/** @typedef {[number, number]} Point Of a stroke: x to the right, y down. */
/** @typedef {Point[]} Stroke */

/**
 * How images of a size are made of strokes. Lengths are shares of the image's height.
 * @typedef {object} Frame
 * @property {number} rows
 * @property {number} columns
 * @property {number} box The height, and the width, within which a drawing is fitted.
 * @property {boolean} isUpright Whether its slant is taken away.
 * @property {number | null} ink The share of the bitmap that is black; `null`: as the pen has it.
 * @property {number} pen Half the width of a line.
 * @property {"box" | "mass"} centre What lies in the middle.
 */

/**
 * Strokes in the pixels of a bitmap that is `CELL` times as fine as the image, and the pen that draws them.
 * @typedef {{ strokes: Stroke[], radius: number, frame: Frame }} Drawing
 */

export const CELL = 4; // pixels of the bitmap along each side of one of the image
const SMALL = 16; // rows up to which an image is made as the 8 × 8 digits are
const PEN = { least: 1, most: 4.5 }; // pixels of a bitmap of 32 × 32: thinner would break off, thicker would fill a loop
const STEEPEST = 0.7; // shear that may be taken away: beyond it a stroke is not slanted but lies
const TINY = 0.05; // a dot is drawn as if it were so large, in shares of the pad, and stays a dot

/**
 * @param {number} rows
 * @param {number} columns
 * @returns {Frame}
 */
export function frameOf(rows, columns) {
  return rows <= SMALL
    ? { rows, columns, box: 1, isUpright: true, ink: 311 / 1024, pen: 2.2 / 32, centre: "box" }
    : { rows, columns, box: 20 / 28, isUpright: false, ink: null, pen: 1.3 / 28, centre: "mass" };
}

/**
 * Fit strokes of any size into the frame, as the images of the data were.
 * @param {Stroke[]} strokes At least one.
 * @param {Frame} frame
 * @returns {Drawing}
 */
export function fit(strokes, frame) {
  const [width, height] = sides(frame);
  const straight = frame.isUpright ? upright(strokes) : strokes;
  let radius = frame.pen * height;
  let fitted = within(straight, frame, radius);
  if (frame.ink !== null) {
    for (let round = 0; round < 2; round += 1) {
      radius = penFor(fitted, frame, frame.ink);
      fitted = within(straight, frame, radius);
    }
  }
  if (frame.centre === "mass") {
    const [x, y] = massOf(bitmapOf({ strokes: fitted, radius, frame }), width);
    fitted = moved(fitted, ([px, py]) => [px + width / 2 - x, py + height / 2 - y]);
  }
  return { strokes: fitted, radius, frame };
}

/**
 * The same drawing turned clockwise about the middle of the image, neither larger nor smaller; what leaves the image is lost.
 * @param {Drawing} drawing
 * @param {number} degrees
 * @returns {Drawing}
 */
export function turn(drawing, degrees) {
  const [width, height] = sides(drawing.frame);
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const strokes = moved(drawing.strokes, ([px, py]) => {
    const [x, y] = [px - width / 2, py - height / 2];
    return [width / 2 + cos * x - sin * y, height / 2 + sin * x + cos * y];
  });
  return { ...drawing, strokes };
}

/**
 * The image: for each pixel the share of its block of the bitmap that is black.
 * @param {Drawing} drawing
 * @returns {Float32Array} rows × columns, 0 to 1.
 */
export function imageOf(drawing) {
  const { rows, columns } = drawing.frame;
  const bitmap = bitmapOf(drawing);
  const image = new Float32Array(rows * columns);
  const width = columns * CELL;
  for (let at = 0; at < bitmap.length; at += 1) {
    const row = Math.floor(at / width / CELL);
    image[row * columns + Math.floor((at % width) / CELL)] += bitmap[at];
  }
  return image.map((count) => count / (CELL * CELL));
}

/**
 * An image turned clockwise about its middle, between pixels by bilinear interpolation; what comes from outside is blank.
 * @param {Float32Array} image
 * @param {{ rows: number, columns: number }} size
 * @param {number} degrees
 */
export function turnImage(image, { rows, columns }, degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [middleX, middleY] = [(columns - 1) / 2, (rows - 1) / 2];
  const at = (/** @type {number} */ row, /** @type {number} */ column) =>
    row < 0 || column < 0 || row >= rows || column >= columns ? 0 : image[row * columns + column];
  return Float32Array.from(image, (_, place) => {
    const [x, y] = [(place % columns) - middleX, Math.floor(place / columns) - middleY];
    const [column, row] = [middleX + cos * x + sin * y, middleY - sin * x + cos * y];
    const [left, top] = [Math.floor(column), Math.floor(row)];
    const [right, down] = [column - left, row - top];
    const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
    const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
    return above * (1 - down) + below * down;
  });
}

/** @param {Frame} frame @returns {Point} Width and height of its bitmap. */
function sides({ rows, columns }) {
  return [columns * CELL, rows * CELL];
}

/**
 * @param {Stroke[]} strokes
 * @param {(point: Point) => Point} move
 */
function moved(strokes, move) {
  return strokes.map((stroke) => stroke.map(move));
}

/**
 * Take the slant away: a shear along x after which x and y of the line no longer go together.
 * @param {Stroke[]} strokes
 */
export function upright(strokes) {
  const sum = { weight: 0, x: 0, y: 0, xy: 0, yy: 0 };
  for (const [from, to] of strokes.flatMap(pairs)) {
    const weight = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    sum.weight += weight;
    sum.x += weight * x;
    sum.y += weight * y;
    // Of points spread evenly over the piece, not only of its middle.
    sum.xy += weight * (x * y + ((to[0] - from[0]) * (to[1] - from[1])) / 12);
    sum.yy += weight * (y * y + (to[1] - from[1]) ** 2 / 12);
  }
  if (sum.weight === 0) {
    return strokes;
  }
  const [x, y] = [sum.x / sum.weight, sum.y / sum.weight];
  const spread = sum.yy / sum.weight - y * y;
  const slant = spread < 1e-9 ? 0 : (sum.xy / sum.weight - x * y) / spread;
  const shear = Math.max(-STEEPEST, Math.min(STEEPEST, slant));
  return moved(strokes, ([px, py]) => [px - shear * (py - y), py]);
}

/**
 * Scale strokes, as wide as they are high, into the box of the frame, their own box in its middle.
 * @param {Stroke[]} strokes
 * @param {Frame} frame
 * @param {number} radius Of the pen, which adds to the box.
 */
function within(strokes, frame, radius) {
  const [width, height] = sides(frame);
  const [xs, ys] = [0, 1].map((axis) => strokes.flatMap((stroke) => stroke.map((point) => point[axis])));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = frame.box * height - 2 * radius;
  const across = Math.min(frame.box * width, width - 2) - 2 * radius;
  const scale = Math.min(room / Math.max(bottom - top, TINY), across / Math.max(right - left, TINY));
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return moved(strokes, ([px, py]) => [width / 2 + (px - x) * scale, height / 2 + (py - y) * scale]);
}

/**
 * The pen with which so large a share of the bitmap is black.
 * @param {Stroke[]} strokes
 * @param {Frame} frame
 * @param {number} ink
 */
function penFor(strokes, frame, ink) {
  const [width, height] = sides(frame);
  const unit = height / 32;
  const [least, most] = [PEN.least * unit, PEN.most * unit];
  const distances = distancesTo(strokes, width, height, most).sort();
  return Math.max(least, Math.min(most, distances[Math.round(ink * distances.length)]));
}

/**
 * Which pixels a pen blackens.
 * @param {Drawing} drawing
 * @returns {Uint8Array} 1 is black.
 */
function bitmapOf({ strokes, radius, frame }) {
  const distances = distancesTo(strokes, ...sides(frame), radius);
  return Uint8Array.from(distances, (distance) => Number(distance <= radius));
}

/**
 * How far the middle of each pixel is from the nearest line; infinitely, if that is beyond `reach`.
 * @param {Stroke[]} strokes
 * @param {number} width
 * @param {number} height
 * @param {number} reach
 */
function distancesTo(strokes, width, height, reach) {
  const nearest = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
  for (const [[x0, y0], [x1, y1]] of strokes.flatMap(pairs)) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const square = dx * dx + dy * dy || 1;
    const [first, last] = [Math.floor(Math.min(y0, y1) - reach), Math.ceil(Math.max(y0, y1) + reach)];
    const [left, right] = [Math.floor(Math.min(x0, x1) - reach), Math.ceil(Math.max(x0, x1) + reach)];
    for (let row = Math.max(0, first); row < Math.min(height, last); row += 1) {
      for (let column = Math.max(0, left); column < Math.min(width, right); column += 1) {
        const [x, y] = [column + 0.5 - x0, row + 0.5 - y0];
        const along = Math.max(0, Math.min(1, (x * dx + y * dy) / square));
        const distance = Math.hypot(x - along * dx, y - along * dy);
        const at = row * width + column;
        if (distance <= reach && distance < nearest[at]) {
          nearest[at] = distance;
        }
      }
    }
  }
  return nearest;
}

/**
 * @param {Uint8Array} bitmap
 * @param {number} width
 * @returns {Point} Where the black pixels have their mean.
 */
function massOf(bitmap, width) {
  const sum = { count: 0, x: 0, y: 0 };
  bitmap.forEach((black, at) => {
    sum.count += black;
    sum.x += black * ((at % width) + 0.5);
    sum.y += black * (Math.floor(at / width) + 0.5);
  });
  return sum.count > 0 ? [sum.x / sum.count, sum.y / sum.count] : [width / 2, bitmap.length / width / 2];
}

/**
 * The straight pieces of a stroke; a dot is a piece without length.
 * @param {Stroke} stroke
 * @returns {[Point, Point][]}
 */
function pairs(stroke) {
  return stroke.length === 1 ? [[stroke[0], stroke[0]]] : stroke.slice(1).map((point, index) => [stroke[index], point]);
}
