// A few panels alone, in a frame of somebody else’s page: what the address asks for, and the tag that shows it. app/embed.py makes
// the same tag of the same numbers.

/** @import { Panel } from "../types.js" */

import { escaped } from "../base/html.js";
import { visible } from "./printable.js";

/** The parameter of the address: the ids of the panels, with commas between them. panels-boot.js reads it, too. */
export const EMBED = "embed";

const ONE_COLUMN = 600; // pixels
const TWO_COLUMNS = 860;
const SPLIT = 760; // from which panels stand side by side (embed.css)
const LEAST_HEIGHT = 320;
const MOST_HEIGHT = 900;
const AROUND = 150; // the bar above the panels and the line below them
const OF_A_PANEL = 40; // the space around it

/**
 * The names in an address that are no panel’s, each with what is said of it.
 * @param {string | null} text The value of `embed`; `null`: the address has none.
 * @param {readonly Panel[]} panels
 */
export function unknownPanels(text, panels) {
  const names = (text ?? "").split(",").map((name) => name.trim());
  const ids = panels.map(({ id }) => id);
  return [...new Set(names)]
    .filter((name) => name !== "" && !ids.includes(name))
    .map((name) => ({
      parameter: EMBED,
      value: name,
      text: `${EMBED} = “${visible(name)}” in the address is no panel and is left out: there are ${ids.join(", ")}.`,
    }));
}

/**
 * The same page with some panels of it alone.
 * @param {string} address Absolute, without a fragment.
 * @param {readonly string[]} panels
 */
export function embedAddress(address, panels) {
  const [page, query = ""] = address.split("?");
  return `${page}?${[`${EMBED}=${panels.join(",")}`, query].filter(Boolean).join("&")}`;
}

/**
 * How large a frame is that shows some panels.
 * @param {readonly Panel[]} shown
 * @returns {{ width: number, height: number }} In pixels.
 */
export function sizeOf(shown) {
  const heights = shown.map(({ height }) => height + OF_A_PANEL);
  const width = heights.length > 1 ? TWO_COLUMNS : ONE_COLUMN;
  const columns = width >= SPLIT ? 2 : 1;
  const rows = heights.filter((_, index) => index % columns === 0);
  const total = rows.reduce(
    (sum, _, row) => sum + Math.max(...heights.slice(row * columns, (row + 1) * columns)),
    AROUND,
  );
  return { width, height: Math.min(Math.max(total, LEAST_HEIGHT), MOST_HEIGHT) };
}

/**
 * The HTML that shows an address in a frame.
 * @param {string} address
 * @param {string} title What it is called for those who hear the page.
 * @param {{ width: number, height: number }} size
 */
export function tagOf(address, title, { width, height }) {
  return (
    `<iframe src="${escaped(address)}" title="${escaped(title)}" width="${width}" height="${height}" loading="lazy" ` +
    'allow="fullscreen" style="max-width: 100%; border: 0"></iframe>'
  );
}

/**
 * Whether this server lets pages of others show it in a frame, in words.
 * @param {string} ancestors The sources of its security policy.
 */
export function frameWords(ancestors) {
  const setting = "DROPOUT_LAB_FRAME_ANCESTORS";
  const sources = ancestors.split(/\s+/).filter((each) => each !== "" && each !== "'none'");
  if (sources.length === 0) {
    return (
      "This server does not allow it now: a browser shows an empty frame. Whoever runs it names the pages that may, for " +
      `example ${setting}=https://course.example.`
    );
  }
  const who = sources.includes("*")
    ? "any page"
    : sources.map((each) => (each === "'self'" ? "its own pages" : each)).join(", ");
  return `This server allows it to ${who}. The setting is ${setting}.`;
}
