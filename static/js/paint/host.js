// A canvas whose painting happens in a worker where the browser can, else on the page's own thread.

/** @import { NetworkScene } from "./network.js" */
/** @import { Painted, PainterEvents } from "./painter.js" */

import { createPainter } from "./painter.js";

/**
 * What a host tells besides what a painter does.
 * @typedef {object} MoreEvents
 * @property {(error: Error) => void} onLeft The worker failed: from now on the page itself paints.
 * @property {(canvas: HTMLCanvasElement) => void} onCanvas The canvas that stands in the page instead of the one before, which
 *   belonged to the worker for good.
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {PainterEvents & MoreEvents} events
 */
export function createHost(canvas, events) {
  /** @type {Partial<NetworkScene>} All that was sent: whoever paints next needs the whole of it. */
  const scene = {};
  const host = {
    canvas,
    isAway: false, // whether the canvas is in the worker's hands
    worker: /** @type {Worker | null} */ (null),
    send: /** @type {(patch: Partial<NetworkScene>) => void} */ (() => {}), // until it is known who paints
  };

  function paintHere() {
    host.send = createPainter(host.canvas, events);
    host.send(scene);
  }

  function dismiss() {
    host.worker?.terminate();
    host.worker = null;
    host.send = () => {};
  }

  /** @param {Error} error What became of the worker. */
  function leave(error) {
    if (!host.worker) {
      return; // its last words, when it was given up already
    }
    dismiss();
    if (host.isAway) {
      host.canvas = /** @type {HTMLCanvasElement} */ (host.canvas.cloneNode(false));
      events.onCanvas(host.canvas);
    }
    events.onLeft(error);
    paintHere();
  }

  /** Give the canvas away. */
  function handOver() {
    const worker = /** @type {Worker} */ (host.worker);
    const offscreen = host.canvas.transferControlToOffscreen();
    host.isAway = true;
    worker.postMessage({ canvas: offscreen }, [offscreen]);
    host.send = (patch) => worker.postMessage(patch);
    host.send(scene);
  }

  /** @param {MessageEvent} event */
  function receive({ data }) {
    if ("failed" in data) {
      leave(new Error(data.failed));
    } else if (data.painted) {
      events.onPainted(data.painted);
    } else {
      try {
        handOver();
      } catch (error) {
        leave(/** @type {Error} */ (error));
      }
    }
  }

  if (typeof Worker === "undefined" || typeof canvas.transferControlToOffscreen !== "function") {
    paintHere();
  } else {
    host.worker = new Worker(new URL("./network-worker.js", import.meta.url), { type: "module" });
    host.worker.onmessage = receive;
    host.worker.onerror = ({ message }) => leave(new Error(message || "it could not be loaded"));
    host.worker.onmessageerror = () => leave(new Error("it sent what cannot be read"));
  }

  return {
    /** @param {Partial<NetworkScene>} patch What changed since the last call. */
    send(patch) {
      Object.assign(scene, patch);
      host.send(patch);
    },
    destroy: dismiss,
  };
}
