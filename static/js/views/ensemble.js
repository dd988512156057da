// Sub-networks: how each votes on the followed example, and how accurate the average of more and more of them is.

/** @import { Chart } from "../charts.js" */
/** @import { LegendColumn } from "../legend.js" */
/** @import { DropoutKind } from "../paint/sites.js" */
/** @import { Frame, Run, State, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts.js";
import { laneStyle, percentFloor } from "../curves.js";
import { drops } from "../paint/sites.js";
import { mean } from "../stats.js";
import { ensembleSentence, membersToReach } from "../words.js";
import { createBallot } from "./ballot.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "data", "ensemble", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "member", label: "each sub-network alone", mark: "dots" },
  { key: "average", label: "average of the first n", mark: "line" },
  { key: "scaling", label: "weight scaling", mark: "dash" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Validation accuracy of the average of sub-networks against their number";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, ballot, store.state) });
  const ballot = createBallot(document);
  element.prepend(ballot.element);
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy };
}

/**
 * @param {Chart} chart
 * @param {ReturnType<typeof createBallot>} ballot
 * @param {State} state
 */
function draw(chart, ballot, { run, data, ensemble }) {
  const reading = run && ensemble ? readEnsemble(run, ensemble) : null;
  chart.say(ensembleSentence(reading));
  if (!run || !ensemble || !reading?.crowds[0].thinned) {
    ballot.clear();
    chart.note(reading ? "There is no dropout to thin a network with." : "Waiting for the first votes …");
    return;
  }
  const lanes = [...ensemble.tensors.lane.data].map(Number);
  chart.legend.update(
    lanes.map((lane) => ({ key: String(lane), name: run.config.lanes[lane].name, lane })),
    COLUMNS,
  );
  ballot.show(run, data, ensemble, kindOf(run, lanes));
  const powers = Array.from({ length: Math.floor(Math.log2(reading.members)) + 1 }, (_, power) => 2 ** power);
  const traces = lanes.flatMap((lane, entry) => crowdTraces(chart, ensemble, entry, lane, run.config.lanes[lane].name));
  chart.plot(traces, {
    uirevision: run.id,
    xaxis: {
      title: "sub-networks averaged, n",
      type: "log",
      range: [-0.04, Math.log10(reading.members) + 0.04],
      tickvals: powers,
    },
    yaxis: { title: "validation accuracy", range: [percentFloor(traces), 101], ticksuffix: "%", dtick: 25 },
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
  const crowds = lanes.map((lane, entry) => {
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
      averageLoss: last("loss/average"),
      geometricLoss: last("loss/geometric"),
      scalingLoss: last("loss/scaling"),
    };
  });
  return { step: Number(frame.tensors.step.data[0]), members: frame.tensors["accuracy/member"].shape[1], crowds };
}

/**
 * The kind of dropout that thins a crowd: the followed lane's, or, where it has none, that of the lane whose rates it borrows.
 * @param {Run} run
 * @param {number[]} lanes
 */
export function kindOf({ config }, lanes) {
  const donor = lanes.find((lane) => drops(config.lanes[lane])) ?? lanes[0];
  return /** @type {DropoutKind} */ (config.lanes[donor]?.dropout_kind ?? "inverted");
}

/**
 * Whether a lane has had no dropout at any step of this run.
 * @param {Run} run
 * @param {number} lane
 */
function neverDropped({ config, first_config: first, changes }, lane) {
  const changed = changes.some((change) => change.lane === lane && drops(change.knobs));
  return !changed && !drops(config.lanes[lane]) && !drops((first ?? config).lanes[lane]);
}

/**
 * @param {Chart} chart
 * @param {Frame} frame
 * @param {number} entry
 * @param {number} lane
 * @param {string} name
 */
function crowdTraces({ legend, palette }, frame, entry, lane, name) {
  const { colour } = laneStyle(palette, lane);
  const percent = (/** @type {string} */ tensor) => rowOf(frame, tensor, entry).map((share) => 100 * share);
  const members = percent("accuracy/member");
  const numbers = members.map((_, index) => index + 1);
  const [scaling] = percent("accuracy/scaling");
  const traces = {
    member: {
      mode: "markers",
      x: numbers,
      y: members,
      marker: { size: 4, color: withAlpha(colour, 0.45), symbol: "circle" },
      hovertemplate: `${name}: sub-network %{x} alone %{y:.1f}%<extra></extra>`,
    },
    average: {
      mode: "lines",
      x: numbers,
      y: percent("accuracy/average"),
      line: { color: colour, width: 2.4 },
      hovertemplate: `${name}: average of %{x} %{y:.1f}%<extra></extra>`,
    },
    scaling: {
      mode: "lines",
      x: [0.9, members.length * 1.1],
      y: [scaling, scaling],
      line: { color: colour, width: 1.6, dash: "dash" },
      hovertemplate: `${name}: weight scaling %{y:.1f}%<extra></extra>`,
    },
  };
  return Object.entries(traces)
    .filter(([key]) => legend.shows(String(lane), key))
    .map(([, trace]) => ({ type: "scatter", ...trace }));
}
