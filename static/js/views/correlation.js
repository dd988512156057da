// How much the units of a layer agree: a histogram of the correlations of all pairs, and two matrices as pictures.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { DataTable, Frame, Run, State, Tensor, Topic, View, ViewOptions } from "../types.js" */

import { h } from "../base/dom.js";
import { blobOf, createSheet } from "../base/download.js";
import { createChart } from "../charts/charts.js";
import { laneRows, laneStyle, lineWidth, MANY } from "../charts/curves.js";
import { withContrast } from "../model/contrast.js";
import { readPicturePalette } from "../paint/palette.js";
import { gallery } from "../paint/tables.js";
import { layerLabel } from "../words/common.js";
import { correlationSentence } from "../words/correlation.js";
import { layersOf } from "./activity.js";
import { createMatrix } from "./correlationmatrix.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [{ key: "histogram", label: "share of the pairs of units", mark: "line" }];
const STRONG = 0.7;
const PICTURE_SIDE = 640; // pixels of a matrix of a downloaded picture

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Histogram of the correlations of all pairs of units of a hidden layer, for each network";
  const select = h(document, "select", { "aria-label": "Hidden layer" });
  const choice = h(document, "label", { class: "correlation-layer" }, "Hidden layer ", select);
  const matrices = h(document, "div", { class: "correlation-matrices" });
  const key = h(document, "p", { class: "correlation-key" }, "−1 ", h(document, "i"), " 1");
  key.append(h(document, "span", {}, "Each cell is a pair of units, in the order in which they stand in the layer."));
  const maps = [0, 1].map(() => createMatrix(matrices, document));
  const now = { layer: "" };
  const chart = createChart(element, { document, label, draw });
  element.prepend(choice);
  element.append(matrices, key);
  select.addEventListener("change", () => {
    now.layer = select.value;
    chart.invalidate();
  });

  function draw(/** @type {Chart} */ own) {
    const { run, insights } = store.state;
    const layers = run && insights.correlation ? layersOf(run, insights.correlation, "mean/") : [];
    if (layers.length > 0 && !layers.includes(now.layer)) {
      now.layer = layers[0];
    }
    offer(select, layers, now.layer);
    const reading = layers.length > 0 ? readCorrelation(store.state, layers, now.layer) : null;
    own.say(correlationSentence(reading));
    paint(reading ? insights.correlation : undefined);
    if (!run || !reading) {
      own.note("Units are being compared …");
      return;
    }
    plot(own, run, insights.correlation, now.layer);
  }

  /** @param {Frame | undefined} frame */
  function paint(frame) {
    const lanes = frame ? Array.from(frame.tensors.lane.data, Number) : [];
    const palette = readPicturePalette(document);
    maps.forEach((map, entry) => {
      const name = store.state.run?.config.lanes[lanes[entry]]?.name ?? "";
      const tensor = frame?.tensors[`matrix/${now.layer}`];
      map.show(name && tensor ? { name, layer: layerLabel(now.layer), tensor, entry } : null, palette);
    });
  }

  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    async picture() {
      const shown = maps.filter(({ name }) => name !== "").map(({ name, canvas }) => ({ name, canvas }));
      const palette = readPicturePalette(document);
      const parts = [
        await chart.exports.picture(),
        await gallery(document, palette, shown, { columns: 2, side: PICTURE_SIDE }),
      ];
      return stacked(document, parts);
    },
    table: () => correlationTable(store.state),
  };
}

/**
 * Offer the hidden layers.
 * @param {HTMLSelectElement} select
 * @param {string[]} layers
 * @param {string} chosen
 */
function offer(select, layers, chosen) {
  const { ownerDocument: document } = select;
  if (select.dataset.layers !== layers.join()) {
    select.dataset.layers = layers.join();
    select.replaceChildren(...layers.map((layer) => h(document, "option", { value: layer }, layerLabel(layer))));
  }
  select.disabled = layers.length === 0;
  if (select.value !== chosen && layers.length > 0) {
    select.value = chosen;
  }
}

/**
 * The numbers of which the sentence speaks.
 * @param {State} state
 * @param {string[]} layers
 * @param {string} layer The one that is shown.
 */
export function readCorrelation({ run: given, insights }, layers, layer) {
  const run = /** @type {Run} */ (given);
  const { tensors } = insights.correlation;
  const [own, other] = withContrast(run).map((lane) => ({
    name: run.config.lanes[lane].name,
    mean: layers.map((each) => Number(tensors[`mean/${each}`].data[lane])),
    strong: layers.map((each) => Number(tensors[`strong/${each}`].data[lane])),
  }));
  const units = run.layers.find(({ name }) => name === layer)?.units ?? 0;
  const place = layers.indexOf(layer);
  return { step: Number(tensors.step.data[0]), layers, place, units, own, other: other ?? null };
}

/**
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame} frame
 * @param {string} layer
 */
function plot(chart, run, frame, layer) {
  const { legend, palette } = chart;
  const pair = withContrast(run);
  legend.update(laneRows(run), COLUMNS, ({ lane }) => run.config.lanes.length > MANY && !pair.includes(lane));
  const traces = run.config.lanes.flatMap(({ name }, lane) => {
    const shares = sharesOf(frame.tensors[`histogram/${layer}`], lane);
    const { colour, dash } = laneStyle(palette, lane);
    const line = { shape: "hvh", color: colour, dash, width: Math.min(2, lineWidth(run, lane)) };
    const title = `${name}: ${layerLabel(layer)}`;
    const hovertemplate = "%{meta}: r %{x:.2f}, %{y:.1%} of the pairs<extra></extra>";
    const x = shares.map((_, bin) => middleOf(bin, shares.length));
    return legend.shows(String(lane), "histogram") && shares.some((share) => share > 0)
      ? [{ type: "scatter", mode: "lines", name: title, meta: name, x, y: shares, line, hovertemplate }]
      : [];
  });
  const mark = { type: "line", yref: "paper", y0: 0, y1: 1, line: { color: palette.inkSoft, width: 1, dash: "dot" } };
  chart.plot(traces, {
    uirevision: `${run.id} ${layer}`,
    xaxis: { title: "correlation r of two units", range: [-1, 1], tickvals: [-1, -STRONG, 0, STRONG, 1] },
    yaxis: { title: "share of pairs", rangemode: "tozero", tickformat: ".0%" },
    shapes: [-STRONG, STRONG].map((x) => ({ ...mark, x0: x, x1: x })),
  });
}

/**
 * @param {number} bin
 * @param {number} bins
 */
const middleOf = (bin, bins) => -1 + (2 * bin + 1) / bins;

/**
 * A network's histogram as shares of its pairs.
 * @param {Tensor} tensor (networks, bins)
 * @param {number} lane
 */
function sharesOf({ shape: [, bins], data }, lane) {
  const counts = Array.from(data.subarray(lane * bins, (lane + 1) * bins), Number);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (total > 0 ? count / total : 0));
}

/**
 * A row for each layer and network: mean, share of strong pairs, and the histogram.
 * @param {State} state
 * @returns {DataTable | null}
 */
export function correlationTable({ run, insights: { correlation: frame } }) {
  const layers = run && frame ? layersOf(run, frame, "mean/") : [];
  if (!run || !frame || layers.length === 0) {
    return null;
  }
  const bins = frame.tensors[`histogram/${layers[0]}`].shape[1];
  const names = Array.from({ length: bins }, (_, bin) => `pairs at r = ${middleOf(bin, bins).toFixed(3)}`);
  const rows = layers.flatMap((layer) =>
    run.config.lanes.map(({ name }, lane) => [
      ...[layer, name],
      ...["mean", "strong"].map((figure) => Number(frame.tensors[`${figure}/${layer}`].data[lane])),
      ...Array.from(frame.tensors[`histogram/${layer}`].data.subarray(lane * bins, (lane + 1) * bins), Number),
    ]),
  );
  return { name: "correlation", columns: ["layer", "network", "mean |r|", "share beyond 0.7", ...names], rows };
}

/**
 * Pictures one above the other.
 * @param {Document} document
 * @param {(Blob | null)[]} blobs
 */
async function stacked(document, blobs) {
  const images = await Promise.all(blobs.flatMap((blob) => (blob ? [createImageBitmap(blob)] : [])));
  if (images.length === 0) {
    return null;
  }
  const height = images.reduce((sum, image) => sum + image.height, 0);
  const sheet = createSheet(document, Math.max(...images.map(({ width }) => width)), height);
  images.reduce((top, image) => {
    sheet.drawImage(image, 0, top);
    return top + image.height;
  }, 0);
  return blobOf(sheet.canvas);
}
