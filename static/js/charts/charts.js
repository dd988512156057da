// What all charts share: Plotly, loaded when the first of them has something to show and is near; a turn in the redraws; the page's colours and fonts.

/** @import { Figure } from "./figures.js" */
/** @import { Palette } from "../base/theme.js" */
/** @import { DataTable } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { writeCaption } from "../base/caption.js";
import { blobOfBase64, tableOfTraces } from "../base/download.js";
import { goOn, guarded, stop } from "../base/guard.js";
import { forPlotly } from "../base/markup.js";
import { readPalette } from "../base/theme.js";
import { onSlide } from "./figures.js";
import { createLegend } from "./legend.js";
import { schedulerOf } from "./redraws.js";

/**
 * The few functions of Plotly that are used here.
 * @typedef {object} Plotly
 * @property {(element: HTMLElement, traces: object[], layout: object, config: object) => Promise<unknown>} react
 * @property {(element: HTMLElement) => void} purge
 * @property {{ resize: (element: HTMLElement) => Promise<unknown> }} Plots
 * @property {(figure: Figure, options: object) => Promise<string>} toImage
 */

const PATIENCE_MS = 3000; // that Plotly waits for a picture
const QUIET_MS = 5000; // that it waits for a chart to come into view

/** @type {WeakMap<Document, Promise<Plotly>>} */
const libraries = new WeakMap();

/**
 * Load Plotly from the address that the page names, once and after a picture: it is three times as large as all that a picture needs.
 * @param {Document} document
 * @returns {Promise<Plotly>}
 */
export function loadPlotly(document) {
  const library = libraries.get(document) ?? afterPicture(document).then(() => addScript(document));
  libraries.set(document, library);
  return library;
}

/**
 * Wait until the canvas that comes first in the page shows a step, which it says in its `data-step`; but not for long.
 * @param {Document} document
 */
function afterPicture(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  return new Promise((resolve) => {
    const observer = new window.MutationObserver(look);
    function look() {
      const canvas = /** @type {HTMLElement | null} */ (document.querySelector("[data-panel]:not([hidden]) canvas"));
      if (!canvas || Number(canvas.dataset.step) > 0) {
        go();
      }
    }
    function go() {
      observer.disconnect();
      resolve(undefined);
    }
    observer.observe(document, { subtree: true, attributeFilter: ["data-step"] });
    window.setTimeout(go, PATIENCE_MS);
    look();
  });
}

/**
 * Plotly, if it is there.
 * @param {Document} document
 * @returns {Plotly | null}
 */
function loaded(document) {
  const { Plotly } = /** @type {*} */ (document.defaultView);
  return libraries.has(document) && Plotly ? Plotly : null;
}

/** @param {Document} document */
function addScript(document) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = addressOf(document.body.dataset.plotlyUrl ?? "");
    const fail = () => reject(new Error(`Plotly could not be loaded from ${script.src}`));
    script.addEventListener("error", fail);
    script.addEventListener("load", () => {
      const { Plotly } = /** @type {*} */ (document.defaultView);
      Plotly ? resolve(Plotly) : fail();
    });
    document.head.append(script);
  });
}

/**
 * What a chart's view hands out, as types.js says of every view; and the figure itself.
 * @typedef {object} ChartExports
 * @property {() => Promise<Blob | null>} picture
 * @property {() => DataTable | null} table
 * @property {() => Figure | null} figure In the colours in force; `null` while there is nothing to draw.
 */

/**
 * A chart inside a view: legend, picture, and a note in its place while there is nothing to draw.
 * @typedef {object} Chart
 * @property {() => void} invalidate Something changed: redraw when it is this chart's turn.
 * @property {(text: string) => void} say What the sentence under the chart says.
 * @property {(text: string) => void} note Show a text instead of the picture.
 * @property {(traces: object[], layout: object) => void} plot Draw, if the chart is in sight.
 * @property {ReturnType<typeof createLegend>} legend
 * @property {HTMLElement} picture
 * @property {Palette} palette Read anew for each redraw.
 * @property {number} width Of the picture, in CSS pixels.
 * @property {number} height
 * @property {() => void} resize
 * @property {() => void} destroy
 * @property {ChartExports} exports
 */

const SCALE = 2; // of a picture of 960 CSS pixels: as wide as a slide has pixels

/**
 * @param {HTMLElement} element The view's mount point; a paragraph with the id `<element.id>-sentence` describes it.
 * @param {object} options
 * @param {Document} options.document
 * @param {string} options.label What the picture is, for those who do not see it.
 * @param {(chart: Chart) => void} options.draw Called when the chart is dirty and it is its turn; in sight or not, it has words to say.
 * @returns {Chart}
 */
export function createChart(element, { document, label, draw }) {
  const { tools, legendPlace, picture, note } = build(element, document, label);
  const sentence = document.getElementById(`${element.id}-sentence`);
  const legend = createLegend(legendPlace, { document, changed: () => job.invalidate() });
  const job = schedulerOf(document).add(element, (visible) => {
    if (visible || !element.closest("[hidden]")) {
      guarded(element, "chart", () => redraw(visible)); // of a closed panel not even the words
    }
  });
  const current = {
    plotly: /** @type {Plotly | null} */ (null),
    palette: readPalette(document),
    failed: "",
    figure: /** @type {{ traces: object[], layout: object } | null} */ (null),
    visible: false,
    wanted: false, // whether Plotly was asked for
    ahead: 0, // the timer after which it is
    gone: false,
  };
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  element.prepend(tools);

  function redraw(/** @type {boolean} */ visible) {
    current.visible = visible;
    current.palette = readPalette(document);
    draw(chart);
  }
  function show(/** @type {string} */ text) {
    note.textContent = text;
    note.hidden = text === "";
    picture.classList.toggle("waiting", text !== "");
  }
  /** Out of sight it waits until all else is there; but who prints the page wants it drawn at once. */
  function prepare() {
    current.ahead ||= window.setTimeout(want, QUIET_MS);
  }
  /** Have Plotly loaded: there is something to draw, and it is near. */
  function want() {
    if (current.wanted) {
      return;
    }
    current.wanted = true;
    loadPlotly(document).then(
      (plotly) => {
        current.plotly = current.gone ? null : plotly;
        chart.invalidate();
      },
      (/** @type {Error} */ error) => {
        current.failed = `${error.message}.`;
        chart.invalidate();
      },
    );
  }
  /** What would be drawn now. @returns {Figure | null} */
  function figure() {
    const { visible } = current;
    redraw(false);
    current.visible = visible;
    const { traces, layout } = current.figure ?? {};
    return traces && layout ? { data: traces, layout: dress(layout, current.palette, picture) } : null;
  }

  /** @type {Chart} */
  const chart = {
    legend,
    picture,
    get palette() {
      return current.palette;
    },
    get width() {
      return picture.clientWidth;
    },
    get height() {
      return picture.clientHeight;
    },
    invalidate: job.invalidate,
    say(text) {
      if (sentence) {
        writeCaption(sentence, text);
      }
    },
    note(text) {
      current.figure = null;
      show(text);
    },
    plot(traces, layout) {
      current.figure = { traces, layout };
      if (!current.visible) {
        if (!current.plotly) {
          show("This chart is drawn when it comes into view."); // what it waited for is there
          prepare();
        }
        return;
      }
      current.plotly ??= loaded(document); // at once, if another chart had it loaded: paper does not wait
      if (!current.plotly) {
        want();
        show(current.failed || "The chart is loading …");
        return;
      }
      show("");
      const shown = forPlotly({ data: traces, layout: dress(layout, current.palette, picture) });
      current.plotly.react(picture, shown.data, shown.layout, CONFIG).then(
        () => goOn(element, "plotly"),
        (/** @type {unknown} */ error) => stop(element, "plotly", error),
      );
    },
    resize: job.invalidate,
    destroy() {
      current.gone = true;
      window.clearTimeout(current.ahead);
      job.remove();
      current.plotly?.purge(picture);
      element.replaceChildren();
    },
    exports: {
      figure,
      table() {
        const drawn = figure();
        return drawn && tableOfTraces(drawn.data, drawn.layout, element.id);
      },
      async picture() {
        const drawn = figure();
        const title = element.closest("section")?.querySelector("h2")?.textContent ?? label;
        const slide = drawn && onSlide(drawn, { title, palette: current.palette });
        return slide && asImage(await loadPlotly(document), slide);
      },
    },
  };

  return chart;
}

/**
 * @param {HTMLElement} element
 * @param {Document} document
 * @param {string} label
 */
function build(element, document, label) {
  const make = (/** @type {string} */ tag, /** @type {string} */ name) => {
    const made = document.createElement(tag);
    made.className = name;
    return made;
  };
  const tools = make("div", "chart-tools");
  const legendPlace = make("div", "chart-legend");
  const frame = make("div", "chart-frame");
  const picture = make("div", "chart-picture");
  const note = make("p", "chart-note");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  picture.setAttribute("aria-describedby", `${element.id}-sentence`);
  tools.append(legendPlace);
  frame.append(picture, note);
  element.classList.add("chart");
  element.append(frame);
  return { tools, legendPlace, picture, note };
}

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, doubleClick: "reset+autosize" };

/**
 * Give a layout the page's looks.
 * @param {*} layout
 * @param {Palette} palette
 * @param {HTMLElement} picture
 */
function dress(layout, palette, picture) {
  const axis = {
    gridcolor: palette.line,
    linecolor: palette.line,
    zeroline: false,
    ticks: "",
    automargin: false,
    tickfont: { size: 11, color: palette.inkSoft },
  };
  const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
  return {
    showlegend: false,
    hovermode: "closest",
    dragmode: "zoom",
    separators: ".,",
    margin: { l: 44, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font || "system-ui, sans-serif", size: 12, color: palette.ink },
    hoverlabel: {
      bgcolor: palette.panel,
      bordercolor: palette.line,
      font: { color: palette.ink, size: 12 },
      namelength: -1,
    },
    ...layout,
    width: picture.clientWidth,
    height: picture.clientHeight,
    ...Object.fromEntries(
      axes.map((key) => [key, { ...axis, ...layout[key], title: titled(layout[key].title, palette) }]),
    ),
  };
}

/**
 * @param {string | undefined} text
 * @param {Palette} palette
 */
function titled(text, palette) {
  return text ? { text, standoff: 6, font: { size: 12, color: palette.inkSoft } } : undefined;
}

/**
 * @param {Plotly} plotly
 * @param {Figure} figure
 */
async function asImage(plotly, figure) {
  const { width, height } = figure.layout;
  const options = { format: "png", width, height, scale: SCALE, imageDataOnly: true };
  return blobOfBase64(await plotly.toImage(forPlotly(figure), options), "image/png");
}

/**
 * A colour of the palette, partly transparent.
 * @param {string} colour `#rgb`, `#rrggbb` or `rgb(…)`.
 * @param {number} alpha
 */
export function withAlpha(colour, alpha) {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(colour);
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour);
  const parts = short
    ? short.slice(1).map((digit) => Number.parseInt(digit + digit, 16))
    : (long?.slice(1).map((pair) => Number.parseInt(pair, 16)) ??
      colour
        .match(/[\d.]+/g)
        ?.slice(0, 3)
        .map(Number));
  return `rgba(${(parts ?? [128, 128, 128]).join(",")},${alpha})`;
}
