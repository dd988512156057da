// The networks of a run, compared: the picture that answers the question of its experiment.

/** @import { Chart } from "../charts/charts.js" */
/** @import { Measure } from "../model/verdict.js" */
/** @import { Experiment, Run, State, Topic, View, ViewOptions } from "../types.js" */
/** @import { ResultReading } from "../words/result.js" */

import { setText } from "../base/dom.js";
import { createChart } from "../charts/charts.js";
import { hasScores } from "../charts/curves.js";
import { divergenceOf } from "../model/diverged.js";
import { crossings, risingRates } from "../model/outcome.js";
import { figures, lastRows, MEASURES } from "../model/verdict.js";
import { bars } from "../paint/results/bars.js";
import { curve } from "../paint/results/curve.js";
import { gain } from "../paint/results/gain.js";
import { thresholds } from "../paint/results/thresholds.js";
import { resultSentence } from "../words/result.js";

/** @type {Topic[]} */
export const topics = ["run", "scores", "insights", "experiment", "theme"];

/** @typedef {NonNullable<Experiment["picture"]>} Picture */

/**
 * All that a picture is drawn of.
 * @typedef {ResultReading & { picture: Picture, run: Run, scores: State["scores"], milliseconds: number[] | null }} Result
 */

/** @type {Picture} What is compared where neither an experiment nor the networks say otherwise. */
const USUAL = { kind: "bars", measure: "val_loss", title: "Compared", x: [], x_label: "", series: [] };

/** @type {Record<Picture["kind"], (chart: Chart, result: Result) => { traces: object[], layout: object }>} */
const PAINTERS = { bars, curve, gain, thresholds };

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "The networks of this run, compared";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  const heading = document.getElementById(`${element.id}-title`);
  return {
    update() {
      const { kind, title } = pictureOf(store.state);
      element.dataset.kind = kind;
      if (heading) {
        setText(heading, title);
      }
      chart.invalidate();
    },
    resize: chart.resize,
    destroy: chart.destroy,
    .../** @type {*} */ (chart).exports,
  };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  if (!hasScores(state)) {
    chart.say(resultSentence(null));
    chart.note("Waiting for the first evaluation …");
    return;
  }
  const result = readResult(state);
  chart.say(resultSentence(result));
  const { traces, layout } = PAINTERS[result.kind](chart, result);
  chart.plot(traces, { uirevision: `${result.run.id}/${result.kind}`, ...layout });
}

/**
 * The picture of the experiment, as long as it is one of this run's lanes; without one, a curve over their rates where they differ
 * in nothing else.
 * @param {State} state
 * @returns {Picture}
 */
function pictureOf({ experiment, run }) {
  const picture = experiment?.picture ?? usual(run);
  const lanes = run?.config.lanes.length ?? 0;
  const needed =
    picture.kind === "curve" ? picture.x.length === lanes : picture.series.flat().every((lane) => lane < lanes);
  return run === null || needed ? picture : usual(run);
}

/**
 * @param {Run | null} run
 * @returns {Picture}
 */
function usual(run) {
  const x = risingRates(run?.config.lanes ?? []);
  return x.length > 0
    ? { ...USUAL, kind: "curve", title: "Validation loss by rate", x, x_label: "dropout rate" }
    : USUAL;
}

/**
 * @param {State & { run: Run }} state
 * @returns {Result}
 */
export function readResult(state) {
  const { run, scores, insights } = state;
  const picture = pictureOf(state);
  const measure = /** @type {Measure} */ (picture.measure);
  const rows = lastRows(scores);
  const diverged = run.config.lanes.map((_, lane) => divergenceOf(run, lane)?.step ?? null);
  // A network that diverged since the last evaluation has no figure either: it is never the best.
  const values = figures(state, measure, rows).map((value, lane) => (diverged[lane] === null ? value : Number.NaN));
  const [without = [], dropped = []] = picture.series;
  const cost = insights.cost?.tensors.milliseconds?.data;
  return {
    kind: picture.kind,
    measure,
    step: scores.step[scores.length - 1],
    evaluations: rows.length,
    lanes: run.config.lanes,
    diverged,
    values,
    best: MEASURES[measure].best,
    valSize: run.val_size,
    right: Array.from(insights.forgotten?.tensors.val_accuracy?.data ?? [], Number),
    x: picture.x,
    unit: picture.x_label,
    pairs: { without: without.map((lane) => values[lane]), with: dropped.map((lane) => values[lane]) },
    reached:
      picture.kind === "thresholds" ? scores.train_loss.map((losses) => crossings(scores, losses, picture.x)) : [],
    picture,
    run,
    scores,
    milliseconds: cost && cost.length === run.config.lanes.length ? Array.from(cost, Number) : null,
  };
}
