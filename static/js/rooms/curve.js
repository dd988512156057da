// Curves of losses, as small as a phone needs them: lines over steps, with axes, and the same in words.

import { markLane } from "../base/theme.js";
import { formatCount } from "../model/stats.js";
import { pathOf, rangeOf, s, scale } from "../runs/curves.js";
import { lossWords } from "./words.js";

/**
 * One line of a picture.
 * @typedef {object} CurveLine
 * @property {string} name As the key and the words have it.
 * @property {number} lane Its colour.
 * @property {(number | null)[]} values
 * @property {boolean} [dashed] So that two lines of one colour differ.
 */

/** @typedef {{ step: number[], lines: CurveLine[] }} CurvePicture */

const LEFT = 40;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 22;
const NICE = [1, 2, 2.5, 5, 10];

/**
 * Round numbers from 0 to at least `high`, some `wanted` of them.
 * @param {number} high
 * @param {number} wanted
 */
export function ticksTo(high, wanted) {
  const rough = (high || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const pace = power * (NICE.find((nice) => nice * power >= rough * 0.999) ?? 10);
  return Array.from({ length: Math.ceil(high / pace - 1e-9) + 1 }, (_, index) =>
    Number((index * pace).toPrecision(12)),
  );
}

/**
 * A picture in words: what each line is at its end, and at its lowest.
 * @param {CurvePicture} picture
 */
export function curveWords({ step, lines }) {
  const parts = lines.flatMap(({ name, values }) => {
    const last = values.findLastIndex((value) => value !== null);
    if (last < 0) {
      return [];
    }
    const known = values.flatMap((value, index) => (value === null ? [] : [{ value, step: step[index] }]));
    const lowest = known.reduce((least, each) => (each.value < least.value ? each : least));
    const now = `${name}: ${lossWords(values[last])} at step ${formatCount(step[last])}`;
    return lowest.step === step[last]
      ? [now]
      : [`${now}, lowest ${lossWords(lowest.value)} at step ${formatCount(lowest.step)}`];
  });
  return parts.length > 0
    ? `Loss on new examples by training step. ${parts.join(". ")}.`
    : "No loss has been measured yet.";
}

/**
 * @param {HTMLElement} element Has a height of its own.
 */
export function createCurve(element) {
  const document = element.ownerDocument;
  const svg = s(document, "svg", { class: "curve-picture", role: "img" });
  const grid = s(document, "g", { class: "curve-grid" });
  const drawn = s(document, "g", {});
  const key = document.createElement("ul");
  key.className = "curve-key";
  key.setAttribute("aria-hidden", "true"); // the words have it
  svg.append(grid, drawn);
  element.append(svg, key);
  const state = { picture: /** @type {CurvePicture} */ ({ step: [], lines: [] }), keyed: "" };

  function draw() {
    const { step, lines } = state.picture;
    const width = svg.clientWidth || 300;
    const height = svg.clientHeight || 160;
    const bottom = height - BOTTOM;
    const levels = ticksTo(rangeOf(lines.map(({ values }) => values))[1], 3);
    const first = step[0] ?? 0;
    const x = scale([first, Math.max(step.at(-1) ?? 0, first + 1)], [LEFT, width - RIGHT]);
    const y = scale([0, levels.at(-1) ?? 1], [bottom, TOP]);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", curveWords(state.picture));
    grid.replaceChildren(
      ...levels.flatMap((level) => [
        s(document, "line", { x1: LEFT, x2: width - RIGHT, y1: y(level), y2: y(level) }),
        s(document, "text", { x: LEFT - 6, y: y(level) + 4, "text-anchor": "end" }, String(level)),
      ]),
      ...stepsIn(step, width).map((tick, index, all) => {
        const isLast = index === all.length - 1;
        const isFar = isLast && x(tick) > width - RIGHT - 32;
        const at = { x: isFar ? width - RIGHT : x(tick), y: height - 5, "text-anchor": isFar ? "end" : "middle" };
        return s(document, "text", at, isLast ? `step ${formatCount(tick)}` : formatCount(tick));
      }),
      s(document, "text", { x: width - RIGHT, y: TOP + 12, "text-anchor": "end" }, "loss on new examples"),
    );
    const top = levels.at(-1) ?? 1;
    drawn.replaceChildren(
      ...lines.flatMap(({ lane, dashed, values }) => {
        const shown = values.map((value) => (value === null ? null : Math.min(value, top)));
        const d = pathOf(step, shown, x, y);
        const line = s(document, "path", { class: dashed ? "curve-line is-dashed" : "curve-line", d });
        markLane(line, lane);
        const last = shown.findLastIndex((value) => value !== null);
        if (last < 0 || dashed) {
          return [line];
        }
        const end = s(document, "circle", { class: "curve-end", cx: x(step[last]), cy: y(shown[last] ?? 0), r: 3.5 });
        markLane(end, lane);
        return [line, end];
      }),
    );
  }

  function writeKey() {
    const { lines } = state.picture;
    const keyed = JSON.stringify(lines.map(({ name, lane, dashed }) => [name, lane, dashed]));
    if (keyed !== state.keyed) {
      state.keyed = keyed;
      key.replaceChildren(
        ...lines.map(({ name, lane, dashed }) => {
          const sample = s(document, "svg", { viewBox: "0 0 24 8", width: 24, height: 8 });
          const line = s(document, "path", { class: dashed ? "curve-line is-dashed" : "curve-line", d: "M0 4L24 4" });
          markLane(line, lane);
          sample.append(line);
          const item = document.createElement("li");
          item.append(sample, name);
          return item;
        }),
      );
    }
  }

  const Observer = /** @type {Window & typeof globalThis} */ (document.defaultView).ResizeObserver;
  const observer = new Observer(draw);
  observer.observe(svg);

  return {
    /** @param {CurvePicture} picture */
    show(picture) {
      if (picture !== state.picture) {
        state.picture = picture;
        writeKey();
        draw();
      }
    },
    destroy: () => observer.disconnect(),
  };
}

/**
 * Round steps that fit beside each other.
 * @param {number[]} step
 * @param {number} width
 */
function stepsIn(step, width) {
  const [first = 0, last = 0] = [step[0], step.at(-1)];
  const wanted = Math.max(3, Math.floor(width / 80));
  return last > first ? ticksTo(last, wanted).filter((tick) => tick >= first && tick <= last) : [first];
}
