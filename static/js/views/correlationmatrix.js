// A matrix of correlations as a picture: a pixel for each pair of units.

/** @import { PicturePalette } from "../paint/palette.js" */
/** @import { Tensor } from "../types.js" */

import { contextOf } from "../base/context.js";
import { h, setText } from "../base/dom.js";
import { channels, mix, pixel } from "../paint/palette.js";
import { createTip } from "../paint/tip.js";

const FULL = 127; // what stands for a correlation of 1

/**
 * @typedef {object} Shown
 * @property {string} name Of the network.
 * @property {string} layer
 * @property {Tensor} tensor (networks, units, units), correlations × 127.
 * @property {number} entry Which of the networks.
 */

/**
 * @param {HTMLElement} parent
 * @param {Document} document
 */
export function createMatrix(parent, document) {
  const canvas = h(document, "canvas", { role: "img", width: 1, height: 1 });
  const caption = h(document, "figcaption");
  const frame = h(document, "div", { class: "correlation-frame" }, canvas);
  const figure = h(document, "figure", { hidden: true }, caption, frame);
  const tip = createTip(frame, document);
  const now = { shown: /** @type {Shown | null} */ (null) };
  parent.append(figure);
  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", tip.hide);

  /** @param {PointerEvent} event */
  function hover({ offsetX, offsetY }) {
    const units = now.shown?.tensor.shape[1] ?? 0;
    const at = (/** @type {number} */ offset) =>
      Math.min(units - 1, Math.max(0, Math.floor((offset / canvas.clientWidth) * units)));
    const [row, column] = [at(offsetY), at(offsetX)];
    if (now.shown && units > 0) {
      const r = valuesOf(now.shown)[row * units + column] / FULL;
      tip.show(`units ${row} and ${column}: r = ${r.toFixed(2).replace("-", "−")}`, offsetX, offsetY);
    }
  }

  return {
    canvas,
    /** Of the network that is shown; empty where none is. */
    get name() {
      return now.shown?.name ?? "";
    },
    /**
     * @param {Shown | null} shown
     * @param {PicturePalette} palette
     */
    show(shown, palette) {
      now.shown = shown;
      figure.hidden = shown === null;
      if (!shown) {
        return;
      }
      const units = shown.tensor.shape[1];
      setText(caption, shown.name);
      canvas.setAttribute("aria-label", `Correlations of the first ${units} units of ${shown.layer} of ${shown.name}`);
      canvas.width = units;
      canvas.height = units;
      const context = contextOf(canvas);
      const image = context.createImageData(units, units);
      fillMatrix(new Uint32Array(image.data.buffer), valuesOf(shown), coloursOf(palette));
      context.putImageData(image, 0, 0);
    },
  };
}

/** @param {Shown} shown */
function valuesOf({ tensor: { shape, data }, entry }) {
  const cells = shape[1] * shape[2];
  return /** @type {Int8Array} */ (data.subarray(entry * cells, (entry + 1) * cells));
}

/**
 * @param {Uint32Array} pixels
 * @param {Int8Array} values
 * @param {Uint32Array} colours
 */
export function fillMatrix(pixels, values, colours) {
  for (let cell = 0; cell < values.length; cell += 1) {
    pixels[cell] = colours[values[cell] + FULL];
  }
}

/**
 * The colour of each correlation × 127, −127 … 127: one hue for each sign, the panel's colour between them.
 * @param {Pick<PicturePalette, "edgeMinus" | "edgePlus" | "panel">} palette
 */
export function coloursOf({ edgeMinus, edgePlus, panel }) {
  const [minus, plus, none] = [edgeMinus, edgePlus, panel].map(channels);
  return Uint32Array.from({ length: 2 * FULL + 1 }, (_, level) => {
    const r = (level - FULL) / FULL;
    return pixel(mix(none, r < 0 ? minus : plus, Math.abs(r)));
  });
}
