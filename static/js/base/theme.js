// Light, dark, or as the system has it; and the palette as canvases and charts need it.

/** @import { Store } from "../types.js" */

import { createStorage } from "./storage.js";

/** @typedef {"auto" | "light" | "dark"} ThemeChoice */

/**
 * Every colour of `tokens.css`, as CSS writes colours.
 * @typedef {object} Palette
 * @property {string} paper
 * @property {string} panel
 * @property {string} ink
 * @property {string} inkSoft
 * @property {string} line
 * @property {string} accent
 * @property {string} focus
 * @property {string} warn
 * @property {string} firing
 * @property {string} silent
 * @property {string} dropped
 * @property {string[]} lanes Eight of them: lane `i` has `lanes[i % 8]`, and beyond eight a dash as well.
 * @property {string} font
 */

/** The choices in the order in which a button offers them. @type {ThemeChoice[]} */
export const THEMES = ["auto", "light", "dark"];
/** @type {Record<ThemeChoice, string>} */
export const THEME_WORDS = { auto: "as the system", light: "light", dark: "dark" };

const KEY = "dropout-lab-theme"; // theme-boot.js reads it too, before the first paint
const LANES = 8;
const TURNS = 8; // shapes of a mark (hero.css)

/**
 * Read the palette in force. Call it again when the topic `theme` changes.
 * @param {Document} document
 * @returns {Palette}
 */
export function readPalette(document) {
  const style = getComputedStyle(document.documentElement);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: token("paper"),
    panel: token("panel"),
    ink: token("ink"),
    inkSoft: token("ink-soft"),
    line: token("line"),
    accent: token("accent"),
    focus: token("focus"),
    warn: token("warn"),
    firing: token("firing"),
    silent: token("silent"),
    dropped: token("dropped"),
    lanes: Array.from({ length: LANES }, (_, lane) => token(`lane-${lane}`)),
    font: token("font"),
  };
}

/**
 * The colour of a lane.
 * @param {Palette} palette
 * @param {number} lane
 */
export function laneColour(palette, lane) {
  return palette.lanes[lane % LANES];
}

/**
 * Give an element of the page the colour of a lane, `--mark`, and its `.mark` a shape: of lanes that share a colour the first eight have
 * different ones.
 * @param {Pick<HTMLElement, "dataset">} element
 * @param {number | null} lane `null`: of none.
 */
export function markLane({ dataset }, lane) {
  if (lane === null) {
    delete dataset.lane;
    delete dataset.turn;
  } else {
    dataset.lane = String(lane % LANES);
    dataset.turn = String(Math.floor(lane / LANES) % TURNS);
  }
}

/**
 * Which of so many shapes a lane has: of lanes that share a colour as many have different ones.
 * @param {number} lane
 * @param {number} shapes
 */
export function laneShape(lane, shapes) {
  return (lane + Math.floor(lane / LANES)) % shapes;
}

/**
 * Whether the reader asked for less motion.
 * @param {Document} document
 */
export function reducedMotion(document) {
  return document.defaultView?.matchMedia("(prefers-reduced-motion: reduce)").matches ?? false;
}

/**
 * Keep the page's theme: the reader's choice is remembered, and without one the system is followed.
 * @param {{ document: Document, store: Pick<Store, "update"> }} options
 */
export function createTheme({ document, store }) {
  const window = /** @type {Window} */ (document.defaultView);
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const storage = createStorage(() => window.localStorage);
  const stored = storage.get(KEY);
  const current = { choice: /** @type {ThemeChoice} */ (stored === "light" || stored === "dark" ? stored : "auto") };

  function apply() {
    const theme = current.choice === "auto" ? (system.matches ? "dark" : "light") : current.choice;
    document.documentElement.dataset.theme = theme;
    store.update("theme", { theme });
  }
  system.addEventListener("change", apply);
  apply();

  return {
    /** @returns {ThemeChoice} */
    get choice() {
      return current.choice;
    },
    /** @param {ThemeChoice} choice */
    choose(choice) {
      current.choice = choice;
      storage.set(KEY, choice);
      apply();
    },
    destroy() {
      system.removeEventListener("change", apply);
    },
  };
}
