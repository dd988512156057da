// Paints the network off the page's thread: the page sends what changed, this paints it with the next frame.

import { createPainter } from "../paint/painter.js";

/** @typedef {import("../paint/painter.js").Painted} Painted */
/** @typedef {{ postMessage: (message: Painted | { ready: true }) => void }} Port */

const port = /** @type {Port} */ (/** @type {unknown} */ (globalThis));
/** @type {{ paint: ((patch: object) => void) | null }} */
const worker = { paint: null };

globalThis.onmessage = ({ data }) => {
  if (data.canvas) {
    worker.paint = createPainter(data.canvas, (painted) => port.postMessage(painted));
  } else {
    worker.paint?.(data);
  }
};
port.postMessage({ ready: true });
