// Keeps a scene and paints it once a frame when something of it changed. Runs on the page's thread and in a worker alike.

/** @import { NetworkScene } from "./network.js" */

import { paintNetwork } from "./network.js";

/**
 * @typedef {object} Painted
 * @property {number} step The step that is now on the canvas; -1 when there is none.
 * @property {number} milliseconds What painting it took.
 */

/**
 * What a painter tells.
 * @typedef {object} PainterEvents
 * @property {(painted: Painted) => void} onPainted
 * @property {(error: Error) => void} onFailed A frame could not be painted; the next change is tried all the same.
 */

/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {PainterEvents} events
 * @returns {(patch: Partial<NetworkScene>) => void} Takes what changed.
 */
export function createPainter(canvas, { onPainted, onFailed }) {
  /** @type {Partial<NetworkScene>} */
  const scene = { picture: null, cursor: null };
  const state = { dirty: false };

  function paint() {
    state.dirty = false;
    const { layout, palette, ratio } = scene;
    if (!layout || !palette || !ratio) {
      return;
    }
    const start = performance.now();
    try {
      paintNetwork(canvas, { layout, palette, ratio, picture: scene.picture ?? null, cursor: scene.cursor ?? null });
    } catch (error) {
      onFailed(/** @type {Error} */ (error));
      return;
    }
    onPainted({ step: scene.picture?.step ?? -1, milliseconds: performance.now() - start });
  }

  return (patch) => {
    Object.assign(scene, patch);
    if (!state.dirty) {
      state.dirty = true;
      requestAnimationFrame(paint);
    }
  };
}
