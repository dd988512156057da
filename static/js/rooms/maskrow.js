// Which neurons one training step kept: a disc for each that was, a cross for each that was dropped.

/** @import { MaskLayer } from "../types.js" */

import { find, h, setText } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { s } from "../runs/curves.js";
import { layerLabel } from "../words/common.js";

const MOST = 128; // neurons of a layer that are drawn
const CELL = 10; // pixels between two of them
const ROW = 32; // of them beside each other
const RADIUS = 3.6;
const ARM = 3;

/**
 * How many a layer kept, in words.
 * @param {MaskLayer} layer
 */
export function maskWords({ name, units, kept }) {
  const count = kept.reduce((sum, each) => sum + Number(Boolean(each)), 0);
  const all =
    kept.length < units ? `the first ${formatCount(kept.length)} of ${formatCount(units)}` : formatCount(units);
  return `${layerLabel(name)}: ${formatCount(count)} of ${all} kept`;
}

/**
 * The paths of a layer's discs and crosses.
 * @param {readonly number[]} kept
 */
export function maskPaths(kept) {
  const paths = { kept: "", dropped: "" };
  for (const [index, each] of kept.slice(0, MOST).entries()) {
    const x = (index % ROW) * CELL + CELL / 2;
    const y = Math.floor(index / ROW) * CELL + CELL / 2;
    if (each) {
      paths.kept += `M${x - RADIUS} ${y}a${RADIUS} ${RADIUS} 0 1 0 ${2 * RADIUS} 0a${RADIUS} ${RADIUS} 0 1 0 ${-2 * RADIUS} 0`;
    } else {
      paths.dropped += `M${x - ARM} ${y - ARM}l${2 * ARM} ${2 * ARM}m0 ${-2 * ARM}l${-2 * ARM} ${2 * ARM}`;
    }
  }
  return paths;
}

/**
 * @param {HTMLElement} element
 */
export function createMaskRows(element) {
  const document = element.ownerDocument;
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();

  /** @param {MaskLayer} layer */
  function rowOf({ name, kept }) {
    const key = `${name} ${kept.length}`;
    const known = rows.get(key);
    if (known) {
      return known;
    }
    const shown = Math.min(kept.length, MOST);
    const [width, height] = [Math.min(shown, ROW) * CELL, Math.ceil(shown / ROW) * CELL];
    const picture = s(document, "svg", {
      viewBox: `0 0 ${width} ${height}`,
      class: "mask-picture",
      "aria-hidden": "true",
    });
    picture.style.maxWidth = `${width * 1.2}px`;
    picture.append(s(document, "path", { class: "mask-kept" }), s(document, "path", { class: "mask-dropped" }));
    const row = h(document, "div", { class: "mask-row" }, h(document, "p", {}), picture);
    rows.set(key, row);
    return row;
  }

  return {
    /** @param {readonly MaskLayer[]} layers */
    show(layers) {
      const wanted = layers.map(rowOf);
      if (wanted.length !== element.children.length || wanted.some((row, index) => element.children[index] !== row)) {
        element.replaceChildren(...wanted);
      }
      for (const [index, layer] of layers.entries()) {
        const words = maskWords(layer);
        const drawn = layer.kept.length > MOST ? ` (${formatCount(MOST)} are drawn)` : "";
        setText(find(wanted[index], "p"), words + drawn);
        const { kept, dropped } = maskPaths(layer.kept);
        find(wanted[index], ".mask-kept").setAttribute("d", kept);
        find(wanted[index], ".mask-dropped").setAttribute("d", dropped);
      }
    },
  };
}
