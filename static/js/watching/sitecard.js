// One site: its masks, how much they kept, its units and the activations in front of it, and with the token its rate.

/** @import { WatchedSite } from "../types.js" */
/** @import { Known } from "./known.js" */

import { h, setText } from "../base/dom.js";
import { keepSteady } from "../base/steady.js";
import { createFigure } from "../rooms/charts/figure.js";
import { createKnob } from "../rooms/knob.js";
import { createBands, deadOf, lyingOf, sameRate, unvaryingOf } from "./chance.js";
import { activationChart } from "./charts/histogram.js";
import { keptChart } from "./charts/kept.js";
import { createRaster } from "./raster.js";
import { activationWords, deadWords, keptWords, rateWords, siteAbout, unvaryingWords } from "./words.js";

/** Out of sight a card is not painted, and its sentences are written when there are first some, and then at one in so many
 *  updates: they take their room before anybody comes near, so that what is below does not move away under a press. */
const RARELY = 32;

/** Gives a command to the model. @typedef {(op: string, fields?: Record<string, *>) => Promise<*>} Say */

/**
 * @param {Document} document
 * @param {WatchedSite} first The site as it is known now.
 * @param {{ say: Say, onClose: () => void, onTrouble: (text: string) => void }} options
 */
export function createSiteCard(document, first, { say, onClose, onTrouble }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const id = `site-${first.index}`;
  const about = h(document, "p", { class: "site-about" });
  const close = h(document, "button", { type: "button", class: "square", "aria-label": `Put ${first.name} away` }, "×");
  const title = h(document, "h3", { id, tabindex: -1 }, first.name);
  const head = h(document, "header", { class: "site-head" }, h(document, "div", {}, title, about), close);
  const controls = createControls(document, first, say, onTrouble);
  const unseen = h(document, "p", { class: "unseen", hidden: true });
  const raster = createRaster(document, first);
  const key = h(
    document,
    "ul",
    { class: "key" },
    h(document, "li", { class: "is-kept" }, "kept"),
    h(document, "li", { class: "is-dropped" }, "dropped"),
    h(document, "li", { class: "is-note" }, "a row for each recorded pass, the newest below"),
  );
  const places = {
    kept: h(document, "div", { class: "plot" }),
    histogram: h(document, "div", { class: "plot" }),
  };
  const empty = {
    kept: h(document, "p", { class: "plot-empty" }, "How much each mask keeps will be here."),
    histogram: h(document, "p", { class: "plot-empty" }, "Activations in front of it will be here."),
  };
  const pair = h(
    document,
    "div",
    { class: "plot-pair" },
    h(document, "div", { class: "plot-box" }, places.kept, empty.kept),
    h(document, "div", { class: "plot-box" }, places.histogram, empty.histogram),
  );
  const lines = ["kept", "units", "dead", "activations"].map((name) =>
    h(document, "p", { class: "sentence", "data-line": name }),
  );
  const none = h(document, "p", { class: "plot-empty" }, "A row for each recorded pass will be here.");
  raster.element.append(none);
  const seen = h(document, "div", { class: "site-seen" }, raster.element, key, pair, ...lines);
  const element = h(
    document,
    "article",
    { class: "watch-card site", "aria-labelledby": id, "data-site": first.index },
    head,
    controls.element,
    unseen,
    seen,
  );
  const bands = createBands();
  const now = {
    site: first,
    known: /** @type {Known | null} */ (null),
    isNear: false,
    isDue: true,
    unread: 0, // updates that came while it was out of sight,
    has: "", // and of what there was something then
    isDrawn: false, // whether it was near once: before, its figures are empty
    limits: /** @type {import("../rooms/charts/axes.js").Limits | null} */ (null),
    words: { kept: "", activations: "" },
  };
  close.addEventListener("click", onClose);

  const figures = {
    kept: createFigure(places.kept, (size) => {
      const rows = sameRate(now.known?.rows.get(now.site.index)?.rows ?? []);
      if (rows.length === 0 || !now.isDrawn) {
        return null;
      }
      const chart = keptChart({ rows, bands, words: now.words.kept }, size, now.limits);
      now.limits = chart.limits;
      return chart;
    }),
    histogram: createFigure(places.histogram, (size) => {
      const { edges, histogram } = now.known?.summaries.get(now.site.index) ?? {};
      if (!now.isDrawn || !edges || !histogram?.some((count) => count > 0)) {
        return null;
      }
      return activationChart({ edges, counts: histogram, words: now.words.activations }, size);
    }),
  };

  function paint() {
    const { site, known } = now;
    if (!now.isDue || !known) {
      return;
    }
    if (!now.isNear) {
      const has = `${known.rows.has(site.index)} ${known.summaries.has(site.index)}`;
      if (has !== now.has || now.unread % RARELY === 0) {
        write(known, site);
      }
      Object.assign(now, { has, unread: now.unread + 1 });
      return;
    }
    Object.assign(now, { isDue: false, isDrawn: true });
    raster.update(known.rows.get(site.index) ?? null, site.units);
    write(known, site);
    figures.kept.paint();
    figures.histogram.paint();
  }

  /**
   * @param {Known} known
   * @param {WatchedSite} site
   */
  function write(known, site) {
    const texts = readSite(known, site, bands);
    now.words = { kept: texts.kept, activations: texts.activations };
    for (const line of lines) {
      setText(line, texts[/** @type {keyof typeof texts} */ (line.dataset.line)]);
    }
  }

  const observer = new window.IntersectionObserver(
    (entries) => {
      now.isNear = entries[entries.length - 1].isIntersecting; // on a busy page several come at once
      paint();
    },
    { rootMargin: "200px" },
  );
  observer.observe(element);
  const stopSteady = keepSteady(lines, window.ResizeObserver);

  return {
    element,
    raster,
    title,
    /**
     * @param {Known} known
     * @param {WatchedSite} site
     * @param {boolean} isLive
     */
    update(known, site, isLive) {
      Object.assign(now, { known, site, isDue: true });
      setText(about, siteAbout(site));
      unseen.hidden = site.available;
      seen.hidden = !site.available && !known.rows.get(site.index)?.rows.length; // what was seen before stays
      setText(unseen, site.available ? "" : unseenWords(site));
      controls.update(site, known.may, isLive);
      const hasRows = (known.rows.get(site.index)?.rows.length ?? 0) > 0;
      none.hidden = hasRows;
      empty.kept.hidden = hasRows;
      empty.histogram.hidden = Boolean(known.summaries.get(site.index)?.histogram?.some((count) => count > 0));
      setText(empty.histogram, histogramNote(known, site));
      paint();
    },
    recolour: raster.recolour,
    destroy() {
      observer.disconnect();
      stopSteady();
      raster.destroy();
      figures.kept.destroy();
      figures.histogram.destroy();
    },
  };
}

/** @param {WatchedSite} site */
export const unseenWords = ({ reason }) =>
  `Its mask is not available: ${reason || "the reason is not known"}${/[.!?]$/.test(reason ?? "") ? "" : "."}`;

/**
 * @param {Known} known
 * @param {WatchedSite} site
 */
function histogramNote(known, { index }) {
  const summary = known.summaries.get(index);
  if (!summary) {
    return "Activations in front of it will be here.";
  }
  return summary.histogram
    ? "All activations in front of it were 0 in the newest recorded pass."
    : "The activations in front of it are not seen.";
}

/**
 * What there is to say of a site.
 * @param {Known} known
 * @param {WatchedSite} site
 * @param {ReturnType<typeof createBands>} bands
 */
export function readSite(known, { index, units, of }, bands) {
  const held = known.rows.get(index);
  const rows = sameRate(held?.rows ?? []);
  const newest = rows[rows.length - 1] ?? null;
  const summary = known.summaries.get(index);
  const usual = Math.min(units, held?.used ?? units);
  const dead = summary ? deadOf(summary, usual) : null;
  return {
    kept: keptWords(lyingOf(rows, bands), newest?.rate ?? 0, newest),
    units: summary ? unvaryingWords(unvaryingOf(summary, usual), of) : "",
    dead: summary && summary.samples > 0 ? deadWords(dead, usual, summary.samples, of) : "",
    activations: summary && Number.isFinite(summary.mean) ? activationWords(summary) : "",
  };
}

/**
 * The rate of a site and whether it drops, for who may change them.
 * @param {Document} document
 * @param {WatchedSite} site
 * @param {Say} say
 * @param {(text: string) => void} onTrouble
 */
function createControls(document, { index, name }, say, onTrouble) {
  const input = h(document, "input", { id: `rate-${index}`, type: "range", min: 0, max: 1, step: 0.01 });
  const output = h(document, "output", { for: `rate-${index}` });
  const on = h(document, "input", { type: "checkbox", role: "switch", "aria-label": `${name} drops` });
  const element = h(
    document,
    "div",
    { class: "site-controls", hidden: true },
    h(document, "label", { for: `rate-${index}` }, "Dropout rate p"),
    input,
    output,
    h(document, "label", { class: "switch" }, on, "on"),
  );
  const refused = (/** @type {string} */ message) => onTrouble(`${name} was not changed: ${message}`);
  const rate = createKnob({
    send: (/** @type {number} */ value) => say("set", { site: index, rate: value }),
    onChange({ value, status, message }) {
      if (value !== null) {
        input.value = String(value);
        setText(output, rateWords(value));
        input.setAttribute("aria-valuetext", rateWords(value));
      }
      if (status === "refused") {
        refused(message);
      }
    },
  });
  input.addEventListener("input", () => rate.move(Number(input.value)));
  input.addEventListener("pointerdown", () => rate.hold());
  for (const end of ["pointerup", "pointercancel", "blur", "change"]) {
    input.addEventListener(end, () => rate.release());
  }
  const state = { isAsking: false, off: false };
  on.addEventListener("change", async () => {
    state.isAsking = true;
    try {
      await say("set", { site: index, off: !on.checked });
    } catch (error) {
      on.checked = !state.off;
      refused(/** @type {Error} */ (error).message);
    } finally {
      state.isAsking = false;
    }
  });

  return {
    element,
    /**
     * @param {WatchedSite} site
     * @param {boolean} may
     * @param {boolean} isLive
     */
    update(site, may, isLive) {
      element.hidden = !(may && site.settable);
      input.disabled = !isLive;
      on.disabled = !isLive;
      state.off = site.off;
      if (!state.isAsking) {
        on.checked = !site.off;
      }
      rate.echo(site.rate);
      rate.resend();
    },
  };
}
