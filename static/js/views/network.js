// The network of the followed lane in one pass: what was dropped, what stayed silent, what fired.

/** @import { Topic, View, ViewOptions } from "../types.js" */
/** @import { Picture } from "../paint/picture.js" */
/** @import { Cell } from "../paint/lattice.js" */
/** @import { Layout } from "../paint/layout.js" */

import { writeCaption } from "../base/caption.js";
import { stacked } from "../base/download.js";
import { messageOf } from "../base/faults.js";
import { goOn, guarded, stop } from "../base/guard.js";
import { reducedMotion } from "../base/theme.js";
import { sitesOf } from "../model/layers.js";
import { createHost } from "../paint/host.js";
import { keyOf } from "../paint/key.js";
import { cellAt, centre, neighbour } from "../paint/lattice.js";
import { layOut } from "../paint/layout.js";
import { paintNetwork } from "../paint/network.js";
import { createPace } from "../paint/pace.js";
import { readPicturePalette } from "../paint/palette.js";
import { cellWords, networkSentence } from "../paint/phrases.js";
import { pictureOfGraph, pictureOfRecord } from "../paint/picture.js";
import { isShown } from "../paint/shown.js";
import { networkTable } from "../paint/tables.js";
import { createTip } from "../paint/tip.js";
import { graphAt, shownSteps } from "../state/held.js";
import { pastWords } from "../words/past.js";

/** @type {Topic[]} */
export const topics = ["run", "data", "graph", "steps", "cursor", "theme"];

const EVERY_MS = 150; // between two pictures, each with its sentence: enough to see that masks never repeat, and calm
const UNDER_WAY = 16; // pictures that wait for their painting, at most: in a hidden tab nothing is painted
const PICTURE_RATIO = 2; // pixels of a downloaded picture to one of the page
const CALM_MS = 500; // the same for a reader who asked for less motion

const LEGEND = [
  ["dropped", "dropped"],
  ["whole", "whole map dropped"],
  ["stripe", "dropped at that time step"],
  ["silent", "kept, silent (ReLU gives 0)"],
  ["firing", "firing, the fuller the stronger"],
  ["up", "turned up, the larger the stronger"],
  ["down", "turned down"],
  ["recorded", "kept, what it gave is not recorded"],
  ["plus", "raises the next unit"],
  ["minus", "lowers it"],
  ["label", "label trained on"],
  ["truth", "true class"],
];

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const parts = build(element, document);
  const sentence = document.getElementById("network-sentence");
  const tip = createTip(parts.frame, document);
  const host = createHost(parts.canvas, {
    onPainted({ step, milliseconds }) {
      parts.canvas.dataset.step = String(step);
      parts.canvas.dataset.paintMs = milliseconds.toFixed(2);
      writeWords(step);
      goOn(element, "picture");
    },
    onFailed(error) {
      const words = `The picture stopped: ${messageOf(error)}. It is tried again with the next step; what it would show is said below.`;
      stop(element, "picture", error, words);
      writeWords(now.picture?.step ?? -1);
    },
    onCanvas: replaceCanvas,
    onLeft(error) {
      stop(
        element,
        "worker",
        error,
        `Painting in the background stopped: ${messageOf(error)}. The page paints this picture itself now.`,
      );
    },
  });
  /** @type {Map<number, Picture>} */
  const underWay = new Map(); // pictures that the painter was given, by step: what is said is of the one it has painted
  const now = {
    picture: /** @type {Picture | null} */ (null),
    painted: /** @type {Picture | null} */ (null), // what the canvas shows and the sentence speaks of
    layout: /** @type {Layout | null} */ (null),
    shape: "",
    cell: /** @type {Cell | null} */ (null),
    byKey: false,
  };

  const pictures = createPace(
    () => void guarded(element, "draw", draw),
    () => (reducedMotion(document) ? CALM_MS : EVERY_MS),
  );

  /** @param {number} step Of the picture that is on the canvas; -1 when there is none. */
  function writeWords(step) {
    const { run, cursor } = store.state;
    const painted = underWay.get(step) ?? null;
    if (!run || (!painted && step !== -1)) {
      return;
    }
    now.painted = painted;
    for (const earlier of painted ? underWay.keys() : []) {
      if (earlier === step) {
        break;
      }
      underWay.delete(earlier);
    }
    const missing = cursor === null ? null : pastWords(store.state, cursor);
    const every = cursor === null ? (run.pictures_s ?? null) : null; // of the past there are no new ones to wait for
    const text = networkSentence(painted, { followed: run.follow.example, missing, every });
    if (sentence) {
      writeCaption(sentence, text);
    }
    const name = painted
      ? `Network at step ${painted.step}, lane ${painted.laneName}. Arrow keys move over its units.`
      : "Network";
    parts.canvas.setAttribute("aria-label", name);
  }

  function draw() {
    const { run, data, graph, cursor } = store.state;
    if (!run) {
      return;
    }
    if (cursor === null && graph && now.picture && isFollowed(now.picture, run) && !isShown(run, graph)) {
      return; // what is drawn is of the followed example
    }
    const recorded = cursor === null ? graph : graphAt(store.state, cursor);
    const record = cursor === null || recorded ? null : shownSteps(store).at(cursor);
    if (recorded) {
      now.picture = pictureOfGraph(recorded, run, data);
    } else if (record) {
      now.picture = pictureOfRecord(record, run, data);
    } else if (now.picture?.step !== cursor) {
      now.picture = null; // but what was drawn of the cursor's step stays, should it be forgotten meanwhile
    }
    lay();
    if (now.picture) {
      underWay.delete(now.picture.step); // so that it stands last
      underWay.set(now.picture.step, now.picture);
      if (underWay.size > UNDER_WAY) {
        underWay.delete(/** @type {number} */ (underWay.keys().next().value));
      }
    }
    host.send({ picture: now.picture });
    showLegend(parts.legend, now.picture);
    showCell(now.byKey && document.activeElement === parts.canvas);
  }

  function lay() {
    const { run } = store.state;
    const width = parts.frame.clientWidth;
    if (!run || run.layers.length === 0 || width === 0) {
      return;
    }
    const layers = sitesOf(run, now.picture?.lane ?? run.follow.lane);
    const { classes, features } = run;
    const shape = JSON.stringify([width, layers.map((layer) => layer.shape), classes, features, ratio()]);
    if (shape === now.shape) {
      return;
    }
    now.shape = shape;
    now.layout = layOut(width, { layers, classes, features });
    now.cell = null;
    parts.canvas.style.width = `${width}px`;
    parts.canvas.style.height = `${now.layout.height}px`;
    host.send({ layout: now.layout, ratio: ratio(), cursor: null, palette: readPicturePalette(document) });
  }

  const ratio = () => document.defaultView?.devicePixelRatio ?? 1;

  /** @param {typeof now.cell} cell */
  function look(cell, byKey = false) {
    if (cell?.block !== now.cell?.block || cell?.unit !== now.cell?.unit) {
      now.cell = cell;
      host.send({ cursor: cell });
    }
    now.byKey = byKey;
    showCell(byKey);
  }

  /** @param {boolean} aloud Whether a screen reader shall say it. */
  function showCell(aloud) {
    const { cell, picture, layout } = now;
    if (!cell || !picture || !layout) {
      tip.hide();
      parts.readout.textContent = "";
      return;
    }
    const text = cellWords(picture, cell);
    const { x, y } = centre(layout.blocks[cell.block], cell.unit);
    tip.show(text, x, y);
    parts.readout.textContent = text;
    if (aloud && parts.spoken.dataset.cell !== `${cell.block}/${cell.unit}`) {
      parts.spoken.dataset.cell = `${cell.block}/${cell.unit}`;
      parts.spoken.textContent = text;
    }
  }

  /** @param {PointerEvent} event */
  const point = ({ offsetX, offsetY }) => look(now.layout && cellAt(now.layout, offsetX, offsetY));

  /** @param {HTMLCanvasElement} canvas */
  function listen(canvas) {
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") {
        look(null);
      }
    });
    canvas.addEventListener("blur", () => look(null));
    canvas.addEventListener("keydown", press);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") {
      look(null);
    } else if (arrow && now.layout && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      event.stopPropagation(); // elsewhere on the page the arrow keys step
      look(
        now.cell
          ? neighbour(now.layout, now.cell, ...arrow)
          : { block: Math.min(1, now.layout.blocks.length - 1), unit: 0 },
        true,
      );
    }
  }

  /** @param {HTMLCanvasElement} canvas In place of the one that a worker kept. */
  function replaceCanvas(canvas) {
    const hadFocus = document.activeElement === parts.canvas;
    delete canvas.dataset.step; // nothing is on it yet
    parts.canvas.replaceWith(canvas);
    parts.canvas = canvas;
    listen(canvas);
    if (hadFocus) {
      canvas.focus({ preventScroll: true });
    }
  }
  listen(parts.canvas);

  return {
    update(changed) {
      if (changed.has("theme")) {
        host.send({ palette: readPicturePalette(document) });
      }
      if (store.state.cursor !== null || changed.has("cursor") || changed.has("run") || changed.has("data")) {
        pictures.now();
      } else if (changed.has("graph")) {
        pictures.request();
      }
    },
    resize() {
      lay();
    },
    async picture() {
      if (!now.layout || !now.painted) {
        return null;
      }
      const canvas = document.createElement("canvas"); // painted anew: that of the page is out of this thread's hands
      const scene = { layout: now.layout, picture: now.painted, palette: readPicturePalette(document) };
      paintNetwork(canvas, { ...scene, ratio: PICTURE_RATIO, cursor: null });
      const size = { width: now.layout.width, ratio: PICTURE_RATIO };
      return stacked([canvas, ...keyOf([parts.legend], scene.palette, size)], scene.palette.panel);
    },
    table: () => networkTable(now.painted),
    destroy() {
      pictures.cancel();
      host.destroy();
      element.replaceChildren();
    },
  };
}

/**
 * Whether a picture is of the example and the lane that are followed.
 * @param {Picture} picture
 * @param {import("../types.js").Run} run
 */
const isFollowed = ({ example, lane }, { follow }) => example === follow.example && lane === follow.lane;

/**
 * @param {HTMLElement} element
 * @param {Document} document
 */
function build(element, document) {
  const frame = document.createElement("div");
  frame.className = "network-frame";
  const canvas = document.createElement("canvas");
  canvas.className = "network-canvas";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Network");
  canvas.setAttribute("aria-describedby", "network-readout network-sentence");
  frame.append(canvas);
  const readout = document.createElement("p");
  readout.id = "network-readout";
  readout.className = "readout";
  readout.setAttribute("aria-live", "off");
  const spoken = document.createElement("p");
  spoken.className = "readout";
  spoken.setAttribute("aria-live", "polite");
  const legend = document.createElement("ul");
  legend.className = "legend";
  for (const [kind, label] of LEGEND) {
    const item = document.createElement("li");
    item.className = `legend-${kind}`;
    item.textContent = label;
    legend.append(item);
  }
  showLegend(legend, null);
  element.replaceChildren(frame, legend, readout, spoken);
  return { frame, canvas, readout, spoken, legend };
}

/**
 * Show in the legend only what can be in the picture.
 * @param {HTMLElement} legend
 * @param {Picture | null} picture
 */
function showLegend(legend, picture) {
  const wanted = legendOf(picture);
  const isWrong = picture !== null && picture.truth !== picture.label;
  LEGEND.forEach(([kind], index) => {
    const item = /** @type {HTMLElement} */ (legend.children[index]);
    item.hidden = wanted[kind] === false;
    item.classList.toggle("is-absent", kind === "truth" && !isWrong); // its place stays: it comes and goes
    if (kind === "label") {
      item.classList.toggle("is-wrong", isWrong);
      item.textContent = isWrong ? "label trained on (wrong)" : "label trained on";
    }
  });
}

/**
 * What can be in a picture: by the network, the kind of dropout and what is recorded, but not by this mask, so that the legend
 * stands still.
 * @param {Picture | null} picture
 * @returns {Record<string, boolean>}
 */
function legendOf(picture) {
  const isKnown = picture?.recorded ?? true;
  const layers = picture?.layers ?? [];
  const isNoisy = picture?.dropoutKind.counted === "factors" && !picture.evaluation;
  const isSequence = layers.some(({ site }) => site.overTime);
  const isDropping = layers.length === 0 || layers.some(({ counted }) => counted === "units");
  return {
    dropped: isDropping,
    whole: !isNoisy && layers.some(({ site, rates }) => site.groups > 1 && !site.overTime && rates[1] > 0),
    stripe: isSequence && !isNoisy,
    silent: isKnown && !isSequence,
    firing: isKnown && !isNoisy,
    up: isNoisy,
    down: isNoisy,
    recorded: !isKnown && !isNoisy,
    plus: isKnown,
    minus: isKnown,
  };
}
