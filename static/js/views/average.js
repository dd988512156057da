// The average of what the networks of a run predict: beside each of them, the best of them, and dropout's own average.

/** @import { Chart } from "../charts/charts.js" */
/** @import { Series } from "../charts/twofold.js" */
/** @import { AverageReading, Worth } from "../words/average.js" */
/** @import { DataTable, Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { laneStyle } from "../charts/curves.js";
import { twofoldAxes, twofoldTraces } from "../charts/twofold.js";
import { averageSentence } from "../words/average.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

const SPREAD = 0.3; // on either side of a place: networks of equal accuracy lie beside each other
const PLACES = ["each<br>alone", "one, on<br>average", "the best<br>alone", "its sub-<br>networks", "all,<br>averaged"];

/** @typedef {AverageReading & { lanes: number[], accuracy: number[], loss: number[], isIn: boolean[], bestLane: number }} Reading */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Validation accuracy and log-loss of each network, the best of them and the average of all";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => tableOf(store.state),
  };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, { run, insights }) {
  const reading = run && insights.average ? readAverage(run, insights.average) : null;
  chart.say(averageSentence(reading));
  if (!run || !reading) {
    chart.note("Waiting for the first average …");
    return;
  }
  const traces = twofoldTraces(series(chart, run, reading));
  const places = PLACES.map((_, place) => place);
  chart.plot(traces, {
    uirevision: run.id,
    hovermode: "closest",
    ...twofoldAxes(
      traces,
      { range: [-0.5, PLACES.length - 0.5], tickvals: places, ticktext: PLACES, tickangle: 0, showgrid: false },
      { close: true },
    ),
  });
}

/**
 * @param {Chart} chart
 * @param {Run} run
 * @param {Reading} reading
 * @returns {Series[]}
 */
function series({ palette }, { config }, { lanes, accuracy, loss, isIn, bestLane, mean, best, thinned, average }) {
  const step = lanes.length > 1 ? (2 * SPREAD) / (lanes.length - 1) : 0;
  const styles = lanes.map((lane) => laneStyle(palette, lane));
  const own = styles[bestLane] ?? { colour: palette.ink, symbol: "circle" };
  const open = (/** @type {string} */ symbol, /** @type {boolean} */ isOpen) => (isOpen ? `${symbol}-open` : symbol);
  const each = {
    ...{ name: "each network", network: "", x: lanes.map((lane) => step * lane - (lanes.length > 1 ? SPREAD : 0)) },
    ...{ accuracy, loss, hover: "%{text}" },
    look: {
      mode: "markers",
      text: config.lanes.map(({ name }, lane) => (isIn[lane] ? name : `${name} (not averaged)`)),
      marker: {
        size: 7,
        color: styles.map(({ colour }) => colour),
        symbol: styles.map(({ symbol }, lane) => open(symbol, !isIn[lane])),
      },
    },
  };
  const single = (/** @type {number} */ place, /** @type {string} */ name, /** @type {*} */ worth, marker = {}) => ({
    ...{ name, network: name, x: [place], accuracy: [worth.accuracy], loss: [worth.loss], hover: "%{meta}:" },
    look: { mode: "markers", marker: { size: 11, color: palette.ink, symbol: "line-ew-open", ...marker } },
  });
  const ofBest = { color: own.colour, symbol: own.symbol };
  const ofThinned = { ...ofBest, symbol: open(own.symbol, true) };
  return [
    each,
    single(1, "one network, on average", mean),
    ...(best ? [single(2, `the best alone, ${best.name}`, best, ofBest)] : []),
    ...(best ? [single(3, `sub-networks of ${best.name}`, thinned, ofThinned)] : []),
    single(4, "average of the networks", average, { symbol: "star", size: 13 }),
  ];
}

/**
 * The numbers of a frame; `null` where it speaks of other lanes than the run has.
 * @param {Run} run
 * @param {Frame} frame
 * @returns {Reading | null}
 */
export function readAverage({ config, val_size: valSize }, { tensors }) {
  const { lanes } = config;
  if (tensors.averaged.data.length !== lanes.length) {
    return null;
  }
  const all = (/** @type {string} */ name) => Array.from(tensors[name].data, Number);
  const worth = (/** @type {string} */ name) => ({
    accuracy: Number(tensors[`${name}_accuracy`].data[0]),
    loss: Number(tensors[`${name}_loss`].data[0]),
  });
  const [accuracy, loss, isIn] = [all("accuracy"), all("loss"), all("averaged").map(Boolean)];
  const bestLane = Number(tensors.best.data[0] ?? -1);
  const best =
    bestLane >= 0 ? { name: lanes[bestLane].name, accuracy: accuracy[bestLane], loss: loss[bestLane] } : null;
  return {
    ...{ step: Number(tensors.step.data[0]), valSize, accuracy, loss, isIn, best, bestLane },
    lanes: lanes.map((_, lane) => lane),
    names: lanes.flatMap(({ name }, lane) => (isIn[lane] ? [name] : [])),
    gone: loss.filter((value) => !Number.isFinite(value)).length,
    leftOut: loss.filter((value, lane) => Number.isFinite(value) && !isIn[lane]).length,
    ...{ average: worth("average"), mean: worth("mean"), thinned: worth("thinned") },
  };
}

/**
 * A row for each network, and one for each average; `null` before the first look.
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, insights }) {
  const reading = run && insights.average ? readAverage(run, insights.average) : null;
  if (!run || !reading) {
    return null;
  }
  const { accuracy, loss, isIn, best, average, mean, thinned } = reading;
  const rows = run.config.lanes.map(({ name }, lane) => [name, isIn[lane] ? 1 : 0, accuracy[lane], loss[lane]]);
  const row = (/** @type {string} */ name, /** @type {Worth} */ worth) => [name, "", worth.accuracy, worth.loss];
  return {
    name: "average",
    columns: ["network", "in the average", "accuracy", "log-loss"],
    rows: [
      ...rows,
      row("one network, on average", mean),
      ...(best ? [row(`sub-networks of ${best.name}, averaged`, thinned)] : []),
      row("average of the networks", average),
    ],
  };
}
