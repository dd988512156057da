// A canvas whose painting happens in a worker where the browser can, else on the page's own thread.

/** @import { NetworkScene } from "./network.js" */

import { createPainter } from "./painter.js";

/** @typedef {import("./painter.js").Painted} Painted */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(painted: Painted) => void} onPainted
 */
export function createHost(canvas, onPainted) {
  /** @type {{ send: (patch: Partial<NetworkScene>) => void, waiting: Partial<NetworkScene> | null, worker: Worker | null }} */
  const host = { send: (patch) => void Object.assign(host.waiting ?? {}, patch), waiting: {}, worker: null };

  /** @param {(patch: Partial<NetworkScene>) => void} send */
  function open(send) {
    const patch = host.waiting ?? {};
    host.waiting = null;
    host.send = send;
    send(patch);
  }

  function paintHere() {
    host.worker?.terminate();
    host.worker = null;
    open(createPainter(canvas, onPainted));
  }

  if (typeof Worker === "undefined" || typeof canvas.transferControlToOffscreen !== "function") {
    paintHere();
  } else {
    const worker = new Worker(new URL("../views/network-worker.js", import.meta.url), { type: "module" });
    host.worker = worker;
    worker.onerror = (event) => {
      if (host.waiting) {
        event.preventDefault();
        paintHere();
      }
    };
    worker.onmessage = ({ data }) => {
      if (data.ready) {
        const offscreen = canvas.transferControlToOffscreen();
        worker.postMessage({ canvas: offscreen }, [offscreen]);
        open((patch) => worker.postMessage(patch));
      } else {
        onPainted(data);
      }
    };
  }

  return {
    /** @param {Partial<NetworkScene>} patch What changed since the last call. */
    send: (patch) => host.send(patch),
    destroy: () => host.worker?.terminate(),
  };
}
