// Sub-networks: how each votes on the followed example, and how good the average of more and more of them is.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Series } from "../charts/twofold.js" */
/** @import { DataTable, Frame, Run, State, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts/charts.js";
import { laneStyle } from "../charts/curves.js";
import { twofoldAxes, twofoldTraces } from "../charts/twofold.js";
import { createMembers, isFresh } from "../controls/members.js";
import { everDropped } from "../model/changes.js";
import { dropoutOf } from "../model/kinds.js";
import { drops } from "../model/layers.js";
import { mean } from "../model/stats.js";
import { ensembleSentence, membersToReach } from "../words/index.js";
import { createVotes } from "./votes.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "data", "ensemble", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "member", label: "each alone", mark: "dots" },
  { key: "average", label: "average of n", mark: "line" },
  { key: "geometric", label: "geometric mean", mark: "thin" },
  { key: "scaling", label: "weight scaling", mark: "dash" },
];

const ALL = 64; // members, up to which a line has a point for each number of them
const EVERY = 4; // and a point for so many beyond

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, options) {
  const { document, store } = options;
  const label = "Validation accuracy and log-loss of the average of sub-networks against their number";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, votes, store.state) });
  const votes = createVotes(document);
  const members = createMembers(options);
  element.prepend(members.element, votes.element);
  return {
    update() {
      members.update(store.state);
      chart.invalidate();
    },
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => tableOf(store.state),
  };
}

/**
 * @param {Chart} chart
 * @param {ReturnType<typeof createVotes>} votes
 * @param {State} state
 */
function draw(chart, votes, { run, data, ensemble }) {
  const reading = run && ensemble ? readEnsemble(run, ensemble) : null;
  chart.say(ensembleSentence(reading));
  if (!run || !ensemble || !reading?.lanes[0].thinned) {
    votes.clear();
    chart.note(reading ? "There is no dropout to thin a network with." : "Waiting for the first votes …");
    return;
  }
  const lanes = [...ensemble.tensors.lane.data].map(Number);
  chart.legend.update(
    lanes.map((lane) => ({ key: String(lane), name: run.config.lanes[lane].name, lane })),
    COLUMNS,
  );
  votes.show(run, data, ensemble, kindOf(run, lanes));
  const powers = Array.from({ length: Math.floor(Math.log2(reading.members)) + 1 }, (_, power) => 2 ** power);
  const series = lanes.flatMap((lane, entry) => laneSeries(chart, ensemble, entry, lane, run.config.lanes[lane].name));
  const traces = twofoldTraces(series);
  chart.plot(traces, {
    uirevision: run.id,
    ...twofoldAxes(traces, {
      title: "sub-networks averaged, n",
      type: "log",
      range: [-0.04, Math.log10(reading.members) + 0.04],
      tickvals: powers,
    }),
  });
}

/**
 * The row of a tensor that belongs to one of the lanes.
 * @param {Frame} frame
 * @param {string} name
 * @param {number} entry
 */
export function rowOf(frame, name, entry) {
  const { shape, data } = frame.tensors[name];
  const length = shape.slice(1).reduce((product, size) => product * size, 1);
  return Array.from(data.subarray(entry * length, (entry + 1) * length), Number);
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readEnsemble(run, frame) {
  const lanes = [...frame.tensors.lane.data].map(Number);
  if (lanes.some((lane) => lane >= run.config.lanes.length)) {
    return null;
  }
  const read = lanes.map((lane, entry) => {
    const last = (/** @type {string} */ name) => /** @type {number} */ (rowOf(frame, name, entry).at(-1));
    return {
      name: run.config.lanes[lane].name,
      kind: kindOf(run, lanes),
      thinned: rowOf(frame, "rate", entry).some((rate) => rate > 0) || drops(run.config.lanes[lanes[0]]),
      untrained: neverDropped(run, lane),
      single: mean(rowOf(frame, "accuracy/member", entry)),
      average: last("accuracy/average"),
      scaling: last("accuracy/scaling"),
      within: membersToReach(rowOf(frame, "accuracy/average", entry), last("accuracy/scaling")),
      fresh: isFresh(frame),
      averageLoss: last("loss/average"),
      geometricLoss: last("loss/geometric"),
      scalingLoss: last("loss/scaling"),
    };
  });
  return { step: Number(frame.tensors.step.data[0]), members: frame.tensors["accuracy/member"].shape[1], lanes: read };
}

/**
 * The kind of dropout that thins the network: the followed lane's, or, where it has none, that of the lane whose rates it borrows.
 * @param {Run} run
 * @param {number[]} lanes
 */
export function kindOf(run, lanes) {
  return dropoutOf(run, lanes.find((lane) => drops(run.config.lanes[lane])) ?? lanes[0]);
}

/**
 * Whether a lane has had no dropout at any step of this run.
 * @param {Run} run
 * @param {number} lane
 */
function neverDropped({ config, first_config: first, changes }, lane) {
  return !everDropped(changes, lane) && !drops(config.lanes[lane]) && !drops((first ?? config).lanes[lane]);
}

/**
 * @param {Chart} chart
 * @param {Frame} frame
 * @param {number} entry
 * @param {number} lane
 * @param {string} name
 * @returns {Series[]}
 */
function laneSeries({ legend, palette }, frame, entry, lane, name) {
  const { colour } = laneStyle(palette, lane);
  const members = rowOf(frame, "accuracy/member", entry);
  const numbers = members.map((_, index) => index + 1);
  const some = numbers.filter((number) => number <= ALL || number % EVERY === 0 || number === members.length);
  const both = (/** @type {string} */ what) => ({
    x: some,
    accuracy: some.map((number) => rowOf(frame, `accuracy/${what}`, entry)[number - 1]),
    loss: some.map((number) => rowOf(frame, `loss/${what}`, entry)[number - 1]),
  });
  const across = (/** @type {string} */ what) => [0, 0].map(() => rowOf(frame, what, entry)[0]);
  const found = {
    member: {
      ...{ x: numbers, accuracy: members, hover: "%{meta}: sub-network %{x} alone" },
      look: { mode: "markers", marker: { size: 4, color: withAlpha(colour, 0.45), symbol: "circle" } },
    },
    average: {
      ...{ ...both("average"), hover: "%{meta}: average of %{x}" },
      look: { mode: "lines", line: { color: colour, width: 2.4 } },
    },
    geometric: {
      ...{ ...both("geometric"), hover: "%{meta}: geometric mean of %{x}" },
      look: { mode: "lines", line: { color: colour, width: 1.6, dash: "1.5px,2px" } },
    },
    scaling: {
      ...{ x: [0.9, members.length * 1.1], accuracy: across("accuracy/scaling"), loss: across("loss/scaling") },
      ...{
        hover: "%{meta}: weight scaling",
        look: { mode: "lines", line: { color: colour, width: 1.6, dash: "dash" } },
      },
    },
  };
  return COLUMNS.filter(({ key }) => legend.shows(String(lane), key)).map(({ key, label }) => ({
    name: `${name}: ${label}`,
    network: name,
    ...found[/** @type {keyof typeof found} */ (key)],
  }));
}

const MEASURES = [
  ["accuracy/member", "this one alone, accuracy"],
  ["accuracy/average", "average of the first n, accuracy"],
  ["loss/average", "average of the first n, log-loss"],
  ["accuracy/geometric", "geometric mean of the first n, accuracy"],
  ["loss/geometric", "geometric mean of the first n, log-loss"],
];

/**
 * The curves as numbers, a row for each number of members; `null` before the first votes.
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, ensemble }) {
  if (!run || !ensemble || !readEnsemble(run, ensemble)) {
    return null;
  }
  const lanes = [...ensemble.tensors.lane.data].map((lane) => run.config.lanes[Number(lane)].name);
  const columns = lanes.flatMap((name, entry) => [
    ...MEASURES.map(([tensor, label]) => ({ label: `${name}: ${label}`, values: rowOf(ensemble, tensor, entry) })),
    ...["accuracy", "loss"].map((what) => ({
      label: `${name}: weight scaling, ${what === "loss" ? "log-loss" : what}`,
      values: rowOf(ensemble, `${what}/scaling`, entry),
    })),
  ]);
  const count = ensemble.tensors["accuracy/member"].shape[1];
  const rows = Array.from({ length: count }, (_, row) => [
    row + 1,
    ...columns.map(({ values }) => values[values.length === 1 ? 0 : row]),
  ]);
  return { name: "ensemble", columns: ["n", ...columns.map(({ label }) => label)], rows };
}
