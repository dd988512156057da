// Up to four runs laid over each other: their validation losses as lines with marks, and the same as a table. As on
// every other page a colour is that of a network; a run is known by its dashes and its mark.

/** @import { ListedRun } from "../types.js" */

import { find, h } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { pathOf, rangeOf, s, scale } from "./curves.js";
import { curveOf, leastOf, loss, ratesWords } from "./words.js";

export const MOST = 4;
const LANES = 4; // of each run; of more, those that came to the least loss
const [LEFT, BOTTOM, TOP, RIGHT] = [52, 40, 12, 12];
const [NARROWEST, WIDEST] = [280, 860]; // pixels
const DASHES = ["", "7 4", "2 4", "10 3 2 3"];
const MARKS = 6; // along a line
const COLOURS = 8; // of networks

/** A line of the picture. @typedef {{ run: number, title: string, lane: string, index: number, dash: string, steps: number[], values: (number | null)[], rates: string }} Line */

/**
 * The lines of some runs.
 * @param {readonly ListedRun[]} runs
 * @returns {Line[]}
 */
export function linesOf(runs) {
  return runs.flatMap((run, index) => {
    const { curves, trains } = run;
    if (!curves || !trains) {
      return [];
    }
    const all = trains.lanes.map(({ name, ...rates }, lane) => ({
      ...{
        run: index,
        title: run.title,
        lane: name,
        index: lane % COLOURS,
        rates: ratesWords(rates),
        steps: curves.step,
      },
      values: curveOf(curves, "val_loss", lane),
    }));
    const best = [...all].sort((one, other) => leastValue(one.values) - leastValue(other.values)).slice(0, LANES);
    return all.filter((line) => best.includes(line)).map((line) => ({ ...line, dash: DASHES[index % DASHES.length] }));
  });
}

/** @param {readonly (number | null)[]} values */
const leastValue = (values) => leastOf(values)?.value ?? Number.POSITIVE_INFINITY;

/**
 * A mark: its shape is the run's, its colour the network's.
 * @param {Document} document
 * @param {{ run: number, index: number }} line
 * @param {number} x
 * @param {number} y
 */
function mark(document, { run, index }, x, y) {
  const own = { class: "compare-mark", "data-lane": index };
  switch (run % 4) {
    case 0:
      return s(document, "circle", { cx: x, cy: y, r: 4, ...own });
    case 1:
      return s(document, "rect", { x: x - 4, y: y - 4, width: 8, height: 8, ...own });
    case 2:
      return s(document, "path", { d: `M${x} ${y - 5}l5 9h-10z`, ...own });
    default:
      return s(document, "path", { d: `M${x} ${y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z`, ...own });
  }
}

/**
 * Round numbers between two ends, some four of them.
 * @param {number} high
 */
export function ticks(high) {
  const rough = high / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  );
}

/**
 * @param {Document} document
 * @param {Line[]} lines
 * @param {number} wide How wide there is room, in pixels.
 */
function draw(document, lines, wide) {
  const width = Math.min(WIDEST, Math.max(NARROWEST, wide));
  const height = Math.max(230, Math.round(0.46 * width));
  const last = Math.max(1, ...lines.map(({ steps }) => steps[steps.length - 1]));
  const range = rangeOf(lines.map(({ values }) => values));
  const x = scale([0, last], [LEFT, width - RIGHT]);
  const y = scale(range, [height - BOTTOM, TOP]);
  const text = (
    /** @type {number} */ at,
    /** @type {number} */ down,
    /** @type {string} */ anchor,
    /** @type {string} */ what,
  ) => s(document, "text", { x: at, y: down, "text-anchor": anchor }, what);
  const across = ticks(range[1]).flatMap((value) => [
    s(document, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    text(LEFT - 6, y(value) + 4, "end", String(value)),
  ]);
  const down = ticks(last).map((step) => text(x(step), height - BOTTOM + 18, "middle", formatCount(step)));
  const drawn = lines.flatMap((line) => {
    const { run, index: lane, dash, steps, values } = line;
    const path = { class: "curve", d: pathOf(steps, values, x, y), "stroke-dasharray": dash };
    const every = Math.max(1, Math.floor(values.length / MARKS));
    const marks = values.flatMap((value, index) =>
      value !== null && (index % every === Math.floor((every * (run + 0.5)) / 4) || index === values.length - 1)
        ? [mark(document, line, x(steps[index]), y(value))]
        : [],
    );
    return [s(document, "path", { ...path, "data-lane": lane }), ...marks];
  });
  const clip = s(document, "clipPath", { id: "compare-clip" });
  clip.append(
    s(document, "rect", { x: LEFT - 6, y: TOP - 8, width: width - LEFT, height: height - BOTTOM - TOP + 14 }),
  );
  return s(
    document,
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      class: "compare-picture",
      role: "img",
      "aria-label": "Validation loss against the step; the table below has the numbers.",
    },
    ...[clip, ...across, ...down, text((LEFT + width) / 2, height - 4, "middle", "step")],
    s(document, "g", { "clip-path": "url(#compare-clip)" }, ...drawn),
  );
}

/**
 * What stands for a line in the legend and in the table.
 * @param {Document} document
 * @param {Line} line
 */
function key(document, line) {
  const stroke = { d: "M1 7H39", class: "curve", "stroke-dasharray": line.dash, "data-lane": line.index };
  const box = { viewBox: "0 0 40 14", width: 40, height: 14, class: "compare-key", "aria-hidden": "true" };
  return s(document, "svg", box, s(document, "path", stroke), mark(document, line, 20, 7));
}

/** @param {readonly ListedRun[]} runs */
const differ = (runs) => new Set(runs.map(({ trains }) => trains?.dataset)).size > 1;

/**
 * @param {HTMLDialogElement} dialog
 * @returns {(runs: readonly ListedRun[]) => void} Opens it.
 */
export function createCompare(dialog) {
  const document = dialog.ownerDocument;
  return (runs) => {
    const lines = linesOf(runs);
    const left = runs.some(({ trains }) => (trains?.lanes.length ?? 0) > LANES);
    const place = find(dialog, "[data-show=picture]");
    const notes = [
      left ? `Of runs with more networks, the best ${LANES} are shown.` : "",
      differ(runs) ? "These runs learn from different data: which loss is lower says nothing of their networks." : "",
    ];
    find(dialog, "[data-show=left-out]").textContent = notes.filter(Boolean).join(" ");
    const cell = (/** @type {string} */ text) => h(document, "td", {}, text);
    const rows = lines.map((line) => {
      const { title, lane, rates, steps, values } = line;
      const least = leastOf(values);
      const called = h(document, "span", { class: "compare-name" }, h(document, "b", {}, lane), ` · ${title}`);
      const inside = h(document, "div", {}, key(document, line), called);
      const head = h(document, "th", { scope: "row" }, inside);
      const best = least ? `${loss(least.value)} at step ${formatCount(steps[least.index])}` : "none";
      const end = `${loss(values[values.length - 1])} at step ${formatCount(steps[steps.length - 1])}`;
      return h(document, "tr", {}, head, cell(rates), cell(best), cell(end));
    });
    find(dialog, "tbody").replaceChildren(...rows);
    dialog.showModal();
    place.replaceChildren(draw(document, lines, place.clientWidth));
  };
}
