// What one draws on: a square that takes strokes of a mouse, a finger or a pen, and images to begin with.

/** @import { PicturePalette } from "../paint/palette.js" */
/** @import { Point, Stroke } from "./strokes.js" */

import { contextOf } from "../base/context.js";
import { imageOf } from "../paint/thumbnail.js";

const WIDTH = 0.085; // of a line, in shares of the pad
const NEAR = 0.006; // points closer than this, in shares of the pad, are one: a hand is not that steady
const GUIDES = 4; // faint lines that show where the middle is

/**
 * An image that one begins with. Strokes over it are where they are drawn: it is not fitted again.
 * @typedef {{ image: Float32Array, rows: number, columns: number }} Start
 */

/**
 * @param {Document} document
 * @param {() => void} changed
 */
export function createPad(document, changed) {
  const canvas = document.createElement("canvas");
  canvas.className = "draw-pad";
  canvas.setAttribute("role", "img");
  canvas.setAttribute(
    "aria-label",
    "Drawing pad. Without a pointer, begin with a training image by the buttons below it.",
  );
  const pad = {
    strokes: /** @type {Stroke[]} */ ([]),
    start: /** @type {Start | null} */ (null),
    pointer: /** @type {number | null} */ (null),
  };

  /** @param {PointerEvent} event @returns {Point} */
  function pointOf({ clientX, clientY }) {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pad.pointer !== null || event.button !== 0) {
      return;
    }
    event.preventDefault();
    pad.pointer = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    pad.strokes.push([pointOf(event)]);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pad.pointer) {
      return;
    }
    const stroke = pad.strokes[pad.strokes.length - 1];
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) {
      const [x, y] = pointOf(each);
      const [lastX, lastY] = stroke[stroke.length - 1];
      if (Math.hypot(x - lastX, y - lastY) >= NEAR) {
        stroke.push([x, y]);
      }
    }
    changed();
  });
  for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
    canvas.addEventListener(kind, (event) => {
      if (event.pointerId === pad.pointer) {
        pad.pointer = null;
      }
    });
  }

  return {
    canvas,
    get strokes() {
      return pad.strokes;
    },
    get start() {
      return pad.start;
    },
    get isEmpty() {
      return pad.strokes.length === 0 && pad.start === null;
    },
    /** Take back the latest stroke, or what one began with. */
    undo() {
      if (pad.strokes.pop() === undefined) {
        pad.start = null;
      }
      changed();
    },
    clear() {
      Object.assign(pad, { strokes: [], start: null, pointer: null });
      changed();
    },
    /** @param {Start} start */
    begin(start) {
      Object.assign(pad, { strokes: [], start, pointer: null });
      changed();
    },
    /**
     * @param {PicturePalette} palette
     * @param {number} ratio Device pixels for each of CSS.
     */
    paint(palette, ratio) {
      const side = Math.round(canvas.clientWidth * ratio);
      if (side === 0) {
        return;
      }
      Object.assign(canvas, { width: side, height: side });
      const context = contextOf(canvas);
      context.fillStyle = palette.pixelOff;
      context.fillRect(0, 0, side, side);
      if (pad.start) {
        const { image, rows, columns } = pad.start;
        context.imageSmoothingEnabled = false;
        context.drawImage(imageOf(document, image, [rows, columns], palette), 0, 0, side, side);
      }
      paintGuides(context, side, palette);
      paintStrokes(context, pad.strokes, side, palette);
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {PicturePalette} palette
 */
function paintGuides(context, side, palette) {
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  for (let line = 1; line < GUIDES; line += 1) {
    const at = Math.round((line / GUIDES) * side) + 0.5;
    context.globalAlpha = line === GUIDES / 2 ? 0.9 : 0.45;
    context.beginPath();
    context.moveTo(at, 0);
    context.lineTo(at, side);
    context.moveTo(0, at);
    context.lineTo(side, at);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {number} side
 * @param {PicturePalette} palette
 */
function paintStrokes(context, strokes, side, palette) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = WIDTH * side;
  context.strokeStyle = palette.pixelOn;
  context.shadowColor = palette.pixelOn;
  context.shadowBlur = side * 0.012; // a soft pen
  for (const [first, ...rest] of strokes) {
    context.beginPath();
    context.moveTo(first[0] * side, first[1] * side);
    for (const [x, y] of rest.length > 0 ? rest : [first]) {
      context.lineTo(x * side, y * side);
    }
    context.stroke();
  }
  context.shadowBlur = 0;
}
