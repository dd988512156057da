// What stands beside and on the mask raster: the names of its bands, the step that is looked at, the meaning of its colours.

/** @import { Band, Rows } from "./film.js" */
/** @import { Counted } from "../model/layers.js" */

import { layerLabel } from "../words/index.js";

const LABEL = 16; // pixels that a line of a label of a layer needs

/**
 * Mark the step that is looked at.
 * @param {CanvasRenderingContext2D} screen
 * @param {number} x
 * @param {number} width
 * @param {number} height
 * @param {{ focus: string, panel: string }} palette
 */
export function markStep(screen, x, width, height, palette) {
  for (const [colour, thickness] of /** @type {[string, number][]} */ ([
    [palette.panel, 4],
    [palette.focus, 2],
  ])) {
    screen.fillStyle = colour;
    screen.fillRect(x - thickness, 0, thickness, height);
    screen.fillRect(x + width, 0, thickness, height);
  }
}

/**
 * Say beside the raster which rows are which layer.
 * @param {HTMLElement} gutter
 * @param {Rows} rows
 * @param {number} ratio
 * @param {Document} document
 * @param {(site: Band["site"]) => Counted} countedIn
 */
export function labelBands(gutter, { bands, rowHeight }, ratio, document, countedIn) {
  let end = Number.NEGATIVE_INFINITY;
  const labels = bands.map(({ site, top, unitOfRow }) => {
    const lines = bandLines(site, countedIn(site));
    const middle = ((top + unitOfRow.length / 2) * rowHeight) / ratio;
    const place = Math.max(middle, end + (lines.length * LABEL) / 2, (lines.length * LABEL) / 2);
    end = place + (lines.length * LABEL) / 2;
    const label = document.createElement("span");
    label.className = "raster-band";
    label.append(...lines.flatMap((line, index) => (index > 0 ? [document.createElement("br"), line] : [line])));
    label.style.top = `${place.toFixed(1)}px`;
    return label;
  });
  gutter.replaceChildren(...labels);
}

/**
 * @param {Band["site"]} site
 * @param {Counted} counted
 */
function bandLines(site, counted) {
  const name = site.band || layerLabel(site.name);
  if (counted !== "weights") {
    return [name];
  }
  return [
    `${name} →`,
    site.next ? "first neuron" : "first class",
    ...(site.next ? [`of ${layerLabel(site.next)}`] : []),
  ];
}

/**
 * Say what the colours mean.
 * @param {HTMLElement} legend
 * @param {boolean} isNoisy
 */
export function showLegend(legend, isNoisy) {
  const words = isNoisy ? ["factor of at least 1", "factor below 1"] : ["kept", "dropped"];
  words.forEach((word, index) => {
    legend.children[index].textContent = word;
  });
  legend.children[1].classList.toggle("is-down", isNoisy);
}
