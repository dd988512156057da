// The raster of a site's masks: it follows the newest pass, and scrolls back to the oldest that is held. The arrow keys
// choose a pass and a unit.

/** @import { SiteRow } from "../types.js" */
/** @import { SiteRows } from "./known.js" */

import { contextOf } from "../base/context.js";
import { h } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { channels, pixel } from "../paint/palette.js";
import { createTip } from "../paint/tip.js";
import { fateOf, keptOf, placeAfter, placeWords } from "./cursor.js";
import { columnsOf, drawRows, oneOf, rowsInView } from "./pixels.js";
import { counted, rateWords } from "./words.js";

/** CSS pixels of a row, and of the whole. */
export const [ROW, HEIGHT] = [3, 216];
const GUTTER = 56; // CSS pixels for the steps
const LABEL_EVERY = 8; // rows
const NEAR = 2 * ROW; // of the end: who is there follows it
const LETTER = 11;
const PAGE = HEIGHT / ROW - 1; // rows, so that one stays in view

/** @typedef {{ kept: string, dropped: string, ink: string, soft: string, accent: string, panel: string, font: string }} Colours */

/**
 * The colours in force.
 * @param {Document} document
 * @returns {Colours}
 */
export function readColours(document) {
  const style = /** @type {Window} */ (document.defaultView).getComputedStyle(document.documentElement);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ...{ kept: token("mask-kept"), dropped: token("mask-dropped"), ink: token("ink"), soft: token("ink-soft") },
    ...{ accent: token("accent"), panel: token("panel"), font: token("font") },
  };
}

/**
 * Draw rows onto a canvas as large as it is.
 * @param {HTMLCanvasElement} canvas
 * @param {readonly SiteRow[]} rows
 * @param {{ units: number, ratio: number, colours: Colours, first: number, shift: number, before: number | null }} how
 *   `first`: the number of the first row among all that ever came; `shift`: how far it is above the canvas; `before`: the
 *   rate of the row before it.
 */
export function paintRows(canvas, rows, { units, ratio, colours, first, shift, before }) {
  const { width, height } = canvas;
  const screen = contextOf(canvas);
  screen.clearRect(0, 0, width, height);
  const left = Math.round(GUTTER * ratio);
  const room = width - left;
  if (rows.length === 0 || units === 0 || room < 1) {
    return;
  }
  const columns = columnsOf(units, room);
  const film = contextOf(h(canvas.ownerDocument, "canvas", { width: columns.length, height: rows.length }));
  const image = film.createImageData(columns.length, rows.length);
  const ink = { kept: pixel(channels(colours.kept)), dropped: pixel(channels(colours.dropped)) };
  drawRows(new Uint32Array(image.data.buffer), rows, columns, ink);
  film.putImageData(image, 0, 0);
  screen.imageSmoothingEnabled = false;
  const top = -shift * ratio;
  screen.drawImage(film.canvas, left, top, room, rows.length * ROW * ratio);
  screen.font = `${LETTER * ratio}px ${colours.font}`;
  screen.textAlign = "right";
  screen.textBaseline = "middle";
  rows.forEach(({ step, rate }, index) => {
    const y = top + index * ROW * ratio;
    if ((first + index) % LABEL_EVERY === 0 && y >= 0 && y < height - LETTER * ratio) {
      screen.fillStyle = colours.soft;
      screen.fillText(formatCount(step), left - 6 * ratio, Math.max(y + (ROW * ratio) / 2 + 1, (LETTER * ratio) / 2));
    }
    const earlier = index > 0 ? rows[index - 1].rate : before;
    if (earlier !== null && earlier !== rate) {
      screen.fillStyle = colours.panel;
      screen.fillRect(0, y - 2 * ratio, width, 4 * ratio);
      screen.fillStyle = colours.accent;
      screen.fillRect(0, y - ratio, width, 2 * ratio);
    }
  });
}

/**
 * Draw a frame around a chosen row, and around a unit of it.
 * @param {HTMLCanvasElement} canvas
 * @param {{ y: number, unit: number, units: number, ratio: number, colours: Colours }} how `y`: of the row, in CSS pixels.
 */
export function paintChosen(canvas, { y, unit, units, ratio, colours }) {
  const screen = contextOf(canvas);
  const left = Math.round(GUTTER * ratio);
  const wide = (canvas.width - left) / units;
  const [top, high] = [Math.round(y * ratio), ROW * ratio];
  const row = /** @type {const} */ ([left, top - ratio, canvas.width - left, high + 2 * ratio]);
  const width = Math.max(wide, ROW * ratio);
  const x = Math.max(left, Math.min(left + (unit + 0.5) * wide - width / 2, canvas.width - width));
  const cell = /** @type {const} */ ([x - 2 * ratio, top - 3 * ratio, width + 4 * ratio, high + 6 * ratio]);
  for (const [rectangle, colour, line] of /** @type {const} */ ([
    [row, colours.ink, 1],
    [cell, colours.panel, 4],
    [cell, colours.accent, 2],
  ])) {
    screen.strokeStyle = colour;
    screen.lineWidth = line * ratio;
    screen.strokeRect(...rectangle);
  }
}

/**
 * @param {Document} document
 * @param {{ name: string, of: string }} site
 */
export function createRaster(document, site) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const canvas = h(document, "canvas", { class: "raster-canvas", role: "img" });
  const room = h(document, "div", { class: "raster-room" }, canvas);
  const view = h(
    document,
    "div",
    {
      ...{ class: "raster-view", tabindex: 0, role: "application" },
      "aria-label": `Masks of ${site.name}. Arrow keys move over recorded passes and ${site.of}.`,
    },
    room,
  );
  const spoken = h(document, "p", { class: "visually-hidden", "aria-live": "polite" });
  const frame = h(document, "div", { class: "raster-frame" }, view, spoken);
  const tip = createTip(frame, document);
  const now = {
    held: /** @type {SiteRows | null} */ (null),
    units: 0,
    gone: 0,
    isFollowing: true,
    isDue: false,
    colours: readColours(document),
    chosen: /** @type {import("./cursor.js").Place | null} */ (null), // by the keyboard
  };

  function paint() {
    const { held, units } = now;
    const ratio = window.devicePixelRatio || 1;
    const [across, down] = [Math.floor(view.clientWidth * ratio), Math.floor(HEIGHT * ratio)];
    if (across === 0) {
      return;
    }
    if (canvas.width !== across || canvas.height !== down) {
      Object.assign(canvas, { width: across, height: down });
    }
    const rows = held?.rows ?? [];
    const top = Math.max(0, Math.min(view.scrollTop, rows.length * ROW - HEIGHT));
    const { first, last } = rowsInView(rows.length, top, HEIGHT, ROW);
    paintRows(canvas, rows.slice(first, last), {
      ...{ units, ratio, colours: now.colours, first: first + (held?.gone ?? 0) },
      ...{ shift: top - first * ROW, before: first > 0 ? rows[first - 1].rate : null },
    });
    if (now.chosen) {
      const y = now.chosen.row * ROW - top;
      paintChosen(canvas, { y, unit: now.chosen.unit, units, ratio, colours: now.colours });
    }
    const newest = rows[last - 1];
    canvas.dataset.step = String(newest?.step ?? 0);
    canvas.setAttribute("aria-label", rasterWords(site, rows.slice(first, last), units));
  }

  function paintSoon() {
    if (!now.isDue) {
      now.isDue = true;
      window.requestAnimationFrame(() => {
        now.isDue = false;
        paint();
      });
    }
  }

  const lastRow = () => (now.held?.rows.length ?? 0) - 1;

  /** @param {import("./cursor.js").Place | null} place */
  function choose(place) {
    const { held, chosen } = now;
    now.chosen = place;
    const row = place && held?.rows[place.row];
    if (!place || !row) {
      tip.hide();
      paintSoon();
      return;
    }
    now.isFollowing = place.row === lastRow();
    const [above, below] = [place.row * ROW, (place.row + 1) * ROW - HEIGHT];
    view.scrollTop = now.isFollowing ? (place.row + 1) * ROW : Math.max(below, Math.min(view.scrollTop, above));
    spoken.textContent = placeWords(site, row, place.unit, chosen?.row !== place.row);
    showTip();
    paintSoon();
  }

  /** Shows in words what is chosen, where it is chosen. */
  function showTip() {
    const { chosen, held, units } = now;
    const row = chosen && held?.rows[chosen.row];
    if (!chosen || !row) {
      return;
    }
    const x = GUTTER + ((chosen.unit + 0.5) / units) * (view.clientWidth - GUTTER);
    tip.show(pointWords(site, row, chosen.unit), x, chosen.row * ROW - view.scrollTop);
  }

  view.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "Escape") {
      choose(null);
      return;
    }
    const start = Math.min(lastRow(), Math.floor((view.scrollTop + HEIGHT) / ROW) - 1);
    const size = { rows: lastRow() + 1, units: now.units, page: PAGE, start: Math.max(0, start) };
    const place = placeAfter(now.chosen, event.key, size);
    if (place) {
      event.preventDefault();
      choose(place);
    }
  });
  view.addEventListener("blur", () => choose(null));
  for (const name of /** @type {const} */ (["wheel", "pointerdown"])) {
    view.addEventListener(name, () => choose(null), { passive: true }); // the pointer scrolls, and shows its own
  }
  view.addEventListener("scroll", () => {
    const isAtEnd = view.scrollTop + HEIGHT >= (lastRow() + 1) * ROW - NEAR;
    now.isFollowing = isAtEnd && (!now.chosen || now.chosen.row === lastRow());
    if (now.chosen) {
      showTip();
    } else {
      tip.hide();
    }
    paintSoon();
  });
  view.addEventListener("pointermove", ({ clientX, clientY }) => {
    const box = view.getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    const row = now.held?.rows[Math.floor((view.scrollTop + y) / ROW)];
    const wide = view.clientWidth - GUTTER;
    if (!row || x < GUTTER || x >= GUTTER + wide) {
      tip.hide();
      return;
    }
    const unit = Math.min(now.units - 1, Math.floor(((x - GUTTER) / wide) * now.units));
    tip.show(pointWords(site, row, unit), x, y);
  });
  view.addEventListener("pointerleave", () => tip.hide());
  const observer = new window.ResizeObserver(paint);
  observer.observe(view);

  return {
    element: frame,
    /** @returns {HTMLCanvasElement} */
    get canvas() {
      return canvas;
    },
    /**
     * @param {SiteRows | null} held
     * @param {number} units
     */
    update(held, units) {
      const rows = held?.rows.length ?? 0;
      const gone = (held?.gone ?? 0) - now.gone;
      Object.assign(now, { held, units, gone: held?.gone ?? 0 });
      if (now.chosen) {
        const row = now.isFollowing ? rows - 1 : Math.max(0, Math.min(now.chosen.row - gone, rows - 1));
        now.chosen = rows > 0 ? { ...now.chosen, row } : null;
      }
      room.style.height = `${Math.max(HEIGHT, rows * ROW)}px`;
      if (now.isFollowing) {
        view.scrollTop = rows * ROW;
      } else if (gone > 0) {
        view.scrollTop -= gone * ROW;
      }
      showTip();
      paint();
    },
    recolour() {
      now.colours = readColours(document);
      paint();
    },
    destroy: () => observer.disconnect(),
  };
}

/**
 * @param {{ of: string }} site
 * @param {SiteRow} row
 * @param {number} unit
 */
export function pointWords({ of }, row, unit) {
  const { step, rate } = row;
  return `step ${formatCount(step)}, ${oneOf(of)} ${formatCount(unit)}: ${fateOf(row, unit)} (p = ${rateWords(rate)})`;
}

/**
 * What a raster shows, for who does not see it.
 * @param {{ name: string, of: string }} site
 * @param {readonly SiteRow[]} rows
 * @param {number} units
 */
export function rasterWords({ name, of }, rows, units) {
  const last = rows[rows.length - 1];
  if (!last) {
    return `Masks of ${name}: none yet.`;
  }
  const span =
    rows[0].step === last.step
      ? `step ${formatCount(last.step)}`
      : `steps ${formatCount(rows[0].step)} to ${formatCount(last.step)}`;
  return `Masks of ${name}: ${counted(rows.length, "recorded pass", "recorded passes")}, ${span}, ${formatCount(units)} ${of} across. The last one kept ${formatCount(keptOf(last))} of the first example’s ${formatCount(last.used)} ${of}.`;
}
