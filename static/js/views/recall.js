// Of each class the share that each network recognises: bars by class, and what always answering the commonest class would get.

/** @import { Chart } from "../charts/charts.js" */
/** @import { DataTable, Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { FEW, laneRows, laneStyle } from "../charts/curves.js";
import { withContrast } from "../model/contrast.js";
import { formatCount } from "../model/stats.js";
import { recallSentence } from "../words/recall.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

const COLUMNS = [{ key: "recall", label: "recall", mark: /** @type {const} */ ("bars") }];
const NAME = 14; // letters of a class that there is room for

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Of the validation examples of each class, the share that each network recognises";
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
  const reading = run && insights.recall ? readRecall(run, insights.recall) : null;
  chart.say(recallSentence(reading));
  if (!run || !reading) {
    chart.note("Waiting for the first count …");
    return;
  }
  const { classes, count, lanes } = reading;
  const pair = withContrast(run);
  chart.legend.update(laneRows(run), COLUMNS, ({ lane }) => lanes.length > FEW && !pair.includes(lane));
  const traces = lanes.flatMap(({ name, recall }, lane) =>
    chart.legend.shows(String(lane), "recall")
      ? [
          {
            ...{ type: "bar", name, meta: name, x: [...classes.keys()] },
            y: recall.map((share) => (Number.isFinite(share) ? 100 * share : null)),
            customdata: count.map(
              (of, index) => `${formatCount(Math.round(recall[index] * of) || 0)} of ${formatCount(of)}`,
            ),
            marker: { color: laneStyle(chart.palette, lane).colour },
            hovertemplate: "%{meta}: %{customdata}, %{y:.1f}%<extra></extra>",
          },
        ]
      : [],
  );
  chart.plot(traces, {
    uirevision: run.id,
    barmode: "group",
    bargap: 0.3,
    xaxis: {
      tickvals: [...classes.keys()],
      ticktext: classes.map((name, index) => `${shortened(name)}<br>${formatCount(count[index])}`),
      title: "class, and its validation examples",
      fixedrange: true,
    },
    yaxis: { title: "recall", range: [0, 102], ticksuffix: "%", dtick: 25 },
  });
}

/** @param {string} name */
const shortened = (name) => (name.length > NAME ? `${name.slice(0, NAME - 1)}…` : name);

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes or classes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readRecall({ config, classes }, { tensors }) {
  const count = Array.from(tensors.count.data, Number);
  const recall = Array.from(tensors.recall.data, Number);
  if (count.length !== classes.length || recall.length !== classes.length * config.lanes.length) {
    return null;
  }
  const lanes = config.lanes.map(({ name }, lane) => ({
    name,
    recall: recall.slice(lane * classes.length, (lane + 1) * classes.length),
  }));
  return { step: Number(tensors.step.data[0]), classes, count, lanes };
}

/**
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, insights }) {
  const reading = run && insights.recall ? readRecall(run, insights.recall) : null;
  if (!reading) {
    return null;
  }
  const { classes, count, lanes } = reading;
  const precision = Array.from(insights.recall.tensors.precision.data, Number);
  const columns = lanes.flatMap(({ name }) => [`${name}: recall`, `${name}: precision`]);
  const rows = classes.map((name, index) => [
    name,
    count[index],
    ...lanes.flatMap(({ recall }, lane) => [recall[index], precision[lane * classes.length + index]]),
  ]);
  return { name: "recall", columns: ["class", "validation examples", ...columns], rows };
}
