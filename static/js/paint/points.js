// The training points and the line of the decision boundary, on a square canvas that spans the extent of the data.

/** @import { Frame } from "../types.js" */
/** @import { PicturePalette } from "./palette.js" */

/**
 * The place in the plane at a share of the square's width and height.
 * @param {Frame} data
 * @param {number} shareX
 * @param {number} shareY
 */
export function placeOf(data, shareX, shareY) {
  const [left, right, bottom, top] = data.tensors.extent.data;
  const [x0, x1, y0, y1] = [left, right, bottom, top].map(Number);
  return { x: x0 + shareX * (x1 - x0), y: y1 - shareY * (y1 - y0) };
}

/**
 * Where a training point lies on a square canvas.
 * @param {Frame} data
 * @param {number} example
 * @param {number} side Device pixels.
 */
function onCanvas(data, example, side) {
  const [x0, x1, y0, y1] = Array.from(/** @type {Float32Array} */ (data.tensors.extent.data));
  const values = data.tensors["train/x"].data;
  const x = Number(values[2 * example]);
  const y = Number(values[2 * example + 1]);
  return { x: ((x - x0) / (x1 - x0)) * side, y: ((y1 - y) / (y1 - y0)) * side };
}

/**
 * A class has a shape and a colour: discs and triangles. A wrong label is hollow with a dot.
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} data
 * @param {PicturePalette} palette
 * @param {number} ratio
 */
export function paintPoints(context, data, palette, ratio) {
  const side = context.canvas.width;
  const count = data.tensors["train/x"].shape[0];
  const radius = Math.min(4.2, 1.6 + side / ratio / 110) * ratio * (count > 400 ? 0.7 : 1);
  const [labels, truths] = [data.tensors["train/y"].data, data.tensors["train/true"].data];
  for (let example = 0; example < count; example += 1) {
    const { x, y } = onCanvas(data, example, side);
    const label = Number(labels[example]);
    const isWrong = label !== Number(truths[example]);
    context.beginPath();
    shapeOf(label)(context, x, y, radius * (isWrong ? 1.25 : 1));
    context.lineWidth = (isWrong ? 2 : 1) * ratio;
    context.fillStyle = isWrong ? palette.panel : palette.classes[label];
    context.fill();
    context.strokeStyle = isWrong ? palette.classes[label] : palette.panel;
    context.stroke();
    if (isWrong) {
      context.beginPath();
      context.arc(x, y, radius * 0.35, 0, 2 * Math.PI);
      context.fillStyle = palette.ink;
      context.fill();
    }
  }
}

/**
 * A ring around the followed point.
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} data
 * @param {number} example
 * @param {PicturePalette} palette
 * @param {number} ratio
 */
export function ringPoint(context, data, example, palette, ratio) {
  const { x, y } = onCanvas(data, example, context.canvas.width);
  for (const [colour, width] of /** @type {[string, number][]} */ ([
    [palette.panel, 5],
    [palette.ink, 2],
  ])) {
    context.beginPath();
    context.arc(x, y, 9 * ratio, 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    context.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} segments As `contour` gives them.
 * @param {number} size Of the grid.
 * @param {PicturePalette} palette
 * @param {number} ratio
 */
export function paintContour(context, segments, size, palette, ratio) {
  const side = context.canvas.width;
  const at = (/** @type {number} */ cell) => (cell / (size - 1)) * side; // the outermost samples lie on the edges
  context.beginPath();
  for (let index = 0; index < segments.length; index += 4) {
    context.moveTo(at(segments[index]), side - at(segments[index + 1]));
    context.lineTo(at(segments[index + 2]), side - at(segments[index + 3]));
  }
  context.lineCap = "round";
  context.lineWidth = 1.75 * ratio;
  context.strokeStyle = palette.boundary;
  context.stroke();
}

/**
 * @param {number} label
 * @returns {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void}
 */
function shapeOf(label) {
  return label === 0 ? disc : triangle;
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function disc(context, x, y, radius) {
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function triangle(context, x, y, radius) {
  context.moveTo(x, y - 1.25 * radius);
  context.lineTo(x + 1.15 * radius, y + 0.8 * radius);
  context.lineTo(x - 1.15 * radius, y + 0.8 * radius);
  context.closePath();
}
