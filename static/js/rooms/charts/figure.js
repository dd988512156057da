// A chart in its place: drawn as large as the place is, and again when that changes.

/** @import { Chart, Size } from "./painter.js" */

import { createPainter } from "./painter.js";

const LETTER = 16; // units of the page's root letter

/**
 * @param {HTMLElement} place
 * @param {(size: Size) => Chart | null} draw `null`: there is nothing to draw yet.
 */
export function createFigure(place, draw) {
  const document = place.ownerDocument;
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const painter = createPainter(document, place);
  const size = { width: 0, height: 0 };

  function paint() {
    const chart = size.width > 0 && size.height > 0 ? draw(size) : null;
    painter.element.toggleAttribute("hidden", chart === null);
    if (chart) {
      painter.paint(chart);
    }
  }

  const observer = new window.ResizeObserver(([{ contentRect }]) => {
    const unit = Number.parseFloat(window.getComputedStyle(document.documentElement).fontSize) / LETTER || 1;
    size.width = contentRect.width / unit;
    size.height = contentRect.height / unit;
    paint();
  });
  observer.observe(place);

  return {
    paint,
    destroy() {
      observer.disconnect();
    },
  };
}
