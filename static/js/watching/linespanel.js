// A panel of series over steps: a legend whose names switch lines, the chart, and a sentence.

/** @import { WatchChange } from "../types.js" */
/** @import { Line } from "./lossreading.js" */

import { h, setText } from "../base/dom.js";
import { keepSteady } from "../base/steady.js";
import { formatLoss } from "../model/stats.js";
import { createFigure } from "../rooms/charts/figure.js";
import { linesChart } from "./charts/lines.js";
import { valueNow } from "./lossreading.js";
import { signed } from "./words.js";

/** What a panel shows. @typedef {{ lines: readonly Line[], changes: readonly WatchChange[], name: string, words: string,
 *   empty: string, isLog: boolean, write?: (value: number) => string }} Shown */

/** @param {HTMLElement} element */
export function createLinesPanel(element) {
  const document = element.ownerDocument;
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const legend = h(document, "ul", { class: "legend" });
  const plot = h(document, "div", { class: "plot" });
  const empty = h(document, "p", { class: "plot-empty" });
  const sentence = h(document, "p", { class: "sentence" });
  element.append(legend, h(document, "div", { class: "plot-box" }, plot, empty), sentence);
  keepSteady([legend, sentence], window.ResizeObserver);
  /** @type {Set<string>} */
  const hidden = new Set();
  const now = {
    shown: /** @type {Shown | null} */ (null),
    limits: /** @type {import("./charts/lines.js").LineLimits} */ ({ steps: null, y: null }),
    keys: "",
  };

  const figure = createFigure(plot, (size) => {
    const { shown } = now;
    const lines = shown?.lines.filter(({ key }) => !hidden.has(key)) ?? [];
    if (!shown || lines.length === 0) {
      return null;
    }
    const chart = linesChart({ ...shown, lines }, size, now.limits);
    now.limits = chart.limits;
    return chart;
  });

  /** @param {Shown} shown */
  function tell({ lines, write = (value) => signed(value) }) {
    const keys = JSON.stringify(lines.map(({ key, name, role, isOther }) => [key, name, role, isOther]));
    if (keys !== now.keys) {
      now.keys = keys;
      now.limits = { steps: null, y: null };
      legend.replaceChildren(...lines.map((line) => itemOf(line)));
    }
    lines.forEach((line, index) => {
      const last = valueNow(line);
      const value = /** @type {HTMLElement} */ (legend.children[index].querySelector(".legend-value"));
      setText(value, last === null ? formatLoss(Number.NaN) : write(last));
    });
  }

  /** @param {Line} line */
  function itemOf({ key, name, role, isOther }) {
    const sign = h(document, "i", { class: `sign is-${role.replace("_", "-")}${isOther ? " is-compared" : ""}` });
    const button = h(
      document,
      "button",
      { type: "button", class: "legend-item", "aria-pressed": String(!hidden.has(key)) },
      sign,
      h(document, "span", { class: "legend-name" }, isOther ? `${name}, compared` : name),
      h(document, "span", { class: "legend-value" }),
    );
    button.addEventListener("click", () => {
      if (!hidden.delete(key)) {
        hidden.add(key);
      }
      button.setAttribute("aria-pressed", String(!hidden.has(key)));
      now.limits = { steps: null, y: null };
      paint();
    });
    return h(document, "li", {}, button);
  }

  function paint() {
    const { shown } = now;
    if (shown) {
      const visible = shown.lines.filter(({ key }) => !hidden.has(key));
      empty.hidden = visible.length > 0;
      setText(empty, shown.lines.length > 0 ? "All lines are switched off." : shown.empty);
      figure.paint();
    }
  }

  return {
    /** @param {Shown} shown */
    update(shown) {
      if (now.shown && now.shown.isLog !== shown.isLog) {
        now.limits = { steps: null, y: null };
      }
      now.shown = shown;
      tell(shown);
      setText(sentence, shown.words);
      paint();
    },
  };
}
