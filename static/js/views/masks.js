// The masks of the last steps: neurons down, steps across. A click on a column looks back at its step.

/** @import { Topic, View, ViewOptions } from "../types.js" */
/** @import { Rows } from "../paint/film.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { isKept } from "../model/bits.js";
import { dropoutAt } from "../model/kinds.js";
import { countedOf, sitesOf } from "../model/layers.js";
import { formatCount } from "../model/stats.js";
import { labelBands, markStep, showLegend } from "../paint/bands.js";
import { masksSentence, maskWords } from "../paint/captions.js";
import { drawColumns, layRows, unitAt, windowOf } from "../paint/film.js";
import { createPace } from "../paint/pace.js";
import { channels, pixel, readPicturePalette } from "../paint/palette.js";
import { readWindow } from "../paint/reading.js";
import { maskTable, rasterPicture } from "../paint/tables.js";
import { createTip } from "../paint/tip.js";
import { shownSteps } from "../state/held.js";

/** @type {Topic[]} */
export const topics = ["run", "steps", "cursor", "theme"];

const COLUMNS = 300; // at least so many steps in view, where there are that many pixels
const HEIGHT = 460; // pixels at most, as many as the rows fill: a row for each of the default network's 448 units
const LARGE = 0.68; // of the window that an enlarged raster takes instead
const NO_ROOM = 0.5; // with so much of the window before the first step, its label would crowd the newest's
const WORDS_EVERY_MS = 250;

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const parts = build(element);
  const sentence = document.getElementById("masks-sentence");
  const tip = createTip(parts.frame, document);
  const screen = contextOf(parts.canvas);
  const film = contextOf(document.createElement("canvas"));
  const now = {
    rows: /** @type {Rows | null} */ (null),
    columns: 0,
    columnWidth: 1,
    ring: store.state.steps,
    lane: -1,
    from: 0,
    to: 0,
    shape: "",
    labelled: "",
    palette: readPicturePalette(document),
    hover: /** @type {{ x: number, y: number } | null} */ (null),
  };
  const words = createPace(writeWords, () => WORDS_EVERY_MS);

  function lay() {
    const { run } = store.state;
    const width = parts.frame.clientWidth;
    const ratio = document.defaultView?.devicePixelRatio ?? 1;
    if (!run || run.layers.length === 0 || width === 0) {
      return;
    }
    const sites = sitesOf(run, run.follow.lane);
    const isLarge = element.closest(".is-large") !== null;
    const high = isLarge ? Math.max(HEIGHT, LARGE * (document.defaultView?.innerHeight ?? 0)) : HEIGHT;
    const shape = JSON.stringify([width, high, ratio, sites.map((site) => site.shape)]);
    if (shape === now.shape) {
      return;
    }
    now.shape = shape;
    const [across, down] = [Math.floor(width * ratio), Math.floor(high * ratio)];
    now.rows = layRows(sites, down);
    now.columnWidth = Math.max(1, Math.floor(across / COLUMNS));
    now.columns = Math.floor(across / now.columnWidth);
    now.to = 0;
    film.canvas.width = now.columns;
    film.canvas.height = now.rows.rows;
    parts.canvas.width = now.columns * now.columnWidth;
    parts.canvas.height = now.rows.rows * now.rows.rowHeight;
    parts.canvas.style.width = `${parts.canvas.width / ratio}px`;
    parts.canvas.style.height = `${parts.canvas.height / ratio}px`;
    parts.frame.style.height = parts.canvas.style.height;
    now.labelled = "";
  }

  /** Say what the bands are, and what their colours mean under the kind of dropout of the newest step. */
  function label() {
    const { run } = store.state;
    const ring = shownSteps(store);
    const newest = ring.laneOf(ring.last) === run?.follow.lane ? ring.at(ring.last) : null;
    const kind = run && dropoutAt(run, newest?.kind ?? 0);
    if (now.rows && kind && kind.name !== now.labelled) {
      now.labelled = kind.name;
      const ratio = document.defaultView?.devicePixelRatio ?? 1;
      labelBands(parts.bands, now.rows, ratio, document, (site) => countedOf(site, kind));
      showLegend(parts.legend, kind.counted === "factors");
    }
  }

  /** Bring the film up to the window in view; what it shows already stays. */
  function develop() {
    const { run, cursor } = store.state;
    const { rows, columns } = now;
    if (!run || !rows) {
      return;
    }
    const ring = shownSteps(store);
    const { from, to } = windowOf(ring, columns, cursor);
    const isSame = ring === now.ring && run.follow.lane === now.lane && now.to > 0 && to >= now.to && from <= now.to;
    const first = isSame ? now.to + 1 : from;
    Object.assign(now, { ring, lane: run.follow.lane, from, to });
    const ink = {
      kept: pixel(channels(now.palette.maskKept)),
      dropped: pixel(channels(now.palette.maskDropped)),
      down: pixel(channels(now.palette.maskDown)),
      gap: pixel(channels(now.palette.maskGap)),
    };
    for (let step = first; step <= to; ) {
      const slot = modulo(step, columns);
      const last = Math.min(to, step + columns - slot - 1);
      const strip = film.createImageData(last - step + 1, rows.rows);
      drawColumns(
        new Uint32Array(strip.data.buffer),
        ring,
        { from: step, to: last, lane: now.lane },
        rows,
        ink,
        run.dropouts,
      );
      film.putImageData(strip, slot, 0);
      step = last + 1;
    }
  }

  /** Show the film with the newest step at the right, and the marker of the step that is looked at. */
  function project() {
    const { rows, columns, columnWidth, from } = now;
    if (!rows) {
      return;
    }
    const { width, height } = parts.canvas;
    const slot = modulo(from, columns);
    screen.imageSmoothingEnabled = false;
    screen.clearRect(0, 0, width, height);
    const left = (columns - slot) * columnWidth;
    screen.drawImage(film.canvas, slot, 0, columns - slot, rows.rows, 0, 0, left, height);
    if (slot > 0) {
      screen.drawImage(film.canvas, 0, 0, slot, rows.rows, left, 0, width - left, height);
    }
    const { cursor } = store.state;
    if (cursor !== null) {
      markStep(screen, (cursor - from) * columnWidth, columnWidth, height, now.palette);
    }
  }

  function paint() {
    const start = performance.now();
    lay();
    label();
    develop();
    project();
    parts.canvas.dataset.paintMs = (performance.now() - start).toFixed(2);
    parts.canvas.dataset.step = String(now.to);
    showAxis();
    showHover();
    words.request();
  }

  function showAxis() {
    const { cursor } = store.state;
    const { last } = shownSteps(store);
    const empty = Math.max(0, 1 - now.from) / Math.max(1, now.columns); // share of the window before the first step
    parts.from.textContent = last === 0 || empty > NO_ROOM ? "" : `step ${formatCount(Math.max(1, now.from))}`;
    parts.from.style.marginLeft = empty > NO_ROOM ? "0" : `${(100 * empty).toFixed(1)}%`;
    parts.to.textContent = last === 0 ? "" : `step ${formatCount(now.to)}`;
    parts.at.textContent = cursor === null ? "" : `looking at step ${formatCount(cursor)}`;
  }

  function writeWords() {
    const { run, cursor, steps } = store.state;
    const ring = shownSteps(store);
    const rows = now.rows;
    const text = masksSentence(
      run && rows && ring.last > 0 ? { ...readWindow(ring, run, now), rows, cursor, newest: steps.last } : null,
    );
    if (sentence) {
      writeCaption(sentence, text);
    }
  }

  /** @param {number} x CSS pixels from the left of the canvas. */
  function stepAt(x) {
    const ratio = document.defaultView?.devicePixelRatio ?? 1;
    return now.from + Math.min(now.columns - 1, Math.max(0, Math.floor((x * ratio) / now.columnWidth)));
  }

  function showHover() {
    const { hover, rows, ring } = now;
    const { run } = store.state;
    const ratio = document.defaultView?.devicePixelRatio ?? 1;
    const place = hover && rows && unitAt(rows, Math.floor((hover.y * ratio) / rows.rowHeight));
    if (!hover || !place || !run || ring.last === 0) {
      tip.hide();
      return;
    }
    const step = stepAt(hover.x);
    const record = ring.laneOf(step) === now.lane ? ring.at(step) : null;
    const { site } = place.band;
    const bit = site.bits ? site.bits[place.unit] : place.unit;
    const words = maskWords({
      ...{ step, site, unit: place.unit, features: run.features ?? [] },
      counted: countedOf(site, dropoutAt(run, record?.kind ?? 0)),
      isKept: record ? isKept(record.masks[site.name], bit) : null,
      example: record?.example ?? 0,
    });
    tip.show(step < 1 ? "before the first step" : words, hover.x, hover.y);
  }

  /** @param {number} step */
  function scrub(step) {
    const { first, last } = shownSteps(store);
    if (last > 0) {
      actions.scrub(Math.min(last, Math.max(first, step)));
    }
  }

  parts.canvas.addEventListener("pointerdown", (event) => {
    scrub(stepAt(event.offsetX));
  });
  parts.canvas.addEventListener("pointermove", (event) => {
    now.hover = { x: event.offsetX, y: event.offsetY };
    if (event.buttons === 1 && store.state.cursor !== null) {
      scrub(stepAt(event.offsetX));
    }
    showHover();
  });
  parts.canvas.addEventListener("pointerleave", () => {
    now.hover = null;
    tip.hide();
  });

  return {
    update(changed) {
      if (changed.has("theme")) {
        now.palette = readPicturePalette(document);
        now.to = 0;
      }
      if (store.state.cursor !== null && changed.size === 1 && changed.has("steps") && shownSteps(store) === now.ring) {
        words.request(); // the film is held; only the words say how far training has gone on
        return;
      }
      paint();
      if (changed.has("theme")) {
        words.now(); // a picture may be taken in these colours: its words shall be of the same step
      }
    },
    resize: paint,
    async picture() {
      if (now.to === 0 || !now.rows) {
        return null;
      }
      const bands = [.../** @type {NodeListOf<HTMLElement>} */ (parts.bands.querySelectorAll(".raster-band"))];
      const [kept, out, gap] = [...parts.legend.children].map((item) => item.textContent ?? "");
      const isDown = parts.legend.children[1].classList.contains("is-down");
      return rasterPicture(document, now.palette, {
        canvas: parts.canvas,
        left: Math.max(0, 1 - now.from) * now.columnWidth,
        ratio: document.defaultView?.devicePixelRatio ?? 1,
        bands: bands.map(({ innerText, style }) => ({
          lines: innerText.split("\n"),
          middle: Number.parseFloat(style.top),
        })),
        ends: [`step ${formatCount(Math.max(1, now.from))}`, `step ${formatCount(now.to)}`],
        key: [
          { colour: now.palette.maskKept, text: kept },
          { colour: isDown ? now.palette.maskDown : now.palette.maskDropped, text: out },
          { colour: now.palette.maskGap, text: gap },
        ],
      });
    },
    table() {
      const { run } = store.state;
      return run && now.to > 0 ? maskTable(now.ring, sitesOf(run, now.lane), now) : null;
    },
    destroy() {
      words.cancel();
      element.replaceChildren();
    },
  };
}

/**
 * @param {HTMLElement} element
 */
function build(element) {
  element.innerHTML = `
    <div class="raster-body">
      <div class="raster-bands" aria-hidden="true"></div>
      <div class="raster-frame">
        <canvas class="raster-canvas" role="img" aria-label="Masks, one column for each step" aria-describedby="masks-sentence"></canvas>
      </div>
      <div class="raster-axis"><span></span><span class="raster-at"></span><span></span></div>
    </div>
    <ul class="legend"><li class="legend-mask-kept">kept</li><li class="legend-mask-dropped">dropped</li>
      <li class="legend-mask-gap">not received</li></ul>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  return {
    frame: find(".raster-frame"),
    bands: find(".raster-bands"),
    legend: find(".legend"),
    canvas: /** @type {HTMLCanvasElement} */ (find("canvas")),
    from: find(".raster-axis span:first-child"),
    at: find(".raster-at"),
    to: find(".raster-axis span:last-child"),
  };
}

/**
 * @param {number} value
 * @param {number} by
 */
function modulo(value, by) {
  return ((value % by) + by) % by;
}
