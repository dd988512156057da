// Paints the network off the page's thread: the page sends what changed, this paints it with the next frame.

/** @import { Painted } from "./painter.js" */

import { createPainter } from "./painter.js";

/** @typedef {{ ready: true } | { painted: Painted } | { failed: string }} Told */
/** @typedef {{ postMessage: (message: Told) => void }} Port */

const port = /** @type {Port} */ (/** @type {unknown} */ (globalThis));
/** @type {{ paint: ((patch: object) => void) | null }} */
const worker = { paint: null };

globalThis.onmessage = ({ data }) => {
  if (data.canvas) {
    worker.paint = createPainter(data.canvas, {
      onPainted: (painted) => port.postMessage({ painted }),
      onFailed: ({ message }) => port.postMessage({ failed: message }), // not every browser can send an error itself
    });
  } else {
    worker.paint?.(data);
  }
};
port.postMessage({ ready: true });
