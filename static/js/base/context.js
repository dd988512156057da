// The one drawing context of a canvas.

/** @type {WeakMap<object, CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D>} */
const contexts = new WeakMap();

/**
 * The drawing context of a canvas, asked for once: Firefox refuses a canvas of a worker that asks a second time.
 * @template {HTMLCanvasElement | OffscreenCanvas} T
 * @param {T} canvas
 * @returns {T extends HTMLCanvasElement ? CanvasRenderingContext2D : OffscreenCanvasRenderingContext2D}
 * @throws {Error} The browser has none to give: it does not know them, or it ran out of memory for canvases.
 */
export function contextOf(canvas) {
  const context = contexts.get(canvas) ?? /** @type {*} */ (canvas.getContext("2d"));
  if (!context) {
    throw new Error("this browser gives no context to draw with");
  }
  contexts.set(canvas, context);
  return /** @type {*} */ (context);
}
