// Loss against the step: training with masks on, training in eval mode, and validation, kept apart for each network.

/** @import { Chart } from "../charts.js" */
/** @import { LegendColumn } from "../legend.js" */
/** @import { Lane, Run, State, View, ViewOptions } from "../types.js" */
/** @import { LaneLoss } from "../words/loss.js" */

import { createChart, withAlpha } from "../charts.js";
import {
  brokenAt,
  divergedAt,
  FEW,
  hasScores,
  laneRows,
  laneStyle,
  lineWidth,
  MANY,
  rowsUntil,
  stopOf,
  thinned,
} from "../curves.js";
import { curveTable } from "../curvetable.js";
import { drops } from "../paint/sites.js";
import { exponentialAverage, formatCount, formatLoss, indexOfLeast } from "../stats.js";
import { lossSentence, setApart } from "../words.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "steps", "scores", "theme"];

const SPAN = 20; // steps that the line with masks on is averaged over: single mini-batches scatter too much to read
const CEILING = 4; // times the loss of guessing: beyond it the axis ends, so that one diverging network hides no other
/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "masked", label: "training, masks on", mark: "thin" },
  { key: "train", label: "training, eval mode", mark: "dash" },
  { key: "val", label: "validation, best", mark: "best" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Loss of each network against the step";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => lossTable(store.state),
  };
}

/**
 * All that was measured, with no thinning for the eye.
 * @param {State} state
 */
function lossTable({ run, losses, scores }) {
  const curves = (run?.config.lanes ?? []).flatMap(({ name }, lane) => [
    { ...losses, name: `${name}: training, masks on`, values: losses.loss[lane] ?? [] },
    { ...scores, name: `${name}: training, eval mode`, values: scores.train_loss[lane] ?? [] },
    { ...scores, name: `${name}: validation`, values: scores.val_loss[lane] ?? [] },
  ]);
  return curveTable("loss", curves);
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  if (!hasScores(state)) {
    chart.say(lossSentence(null));
    chart.note("Waiting for the first evaluation …");
    return;
  }
  const { run, scores } = state;
  const ceiling = ceilingOf(state);
  chart.legend.update(laneRows(run), COLUMNS, (_, { key }) => run.config.lanes.length > FEW && key !== "val");
  chart.say(lossSentence(readLosses(state, ceiling)));
  const best = bestOnes(chart, state);
  chart.plot([...lossTraces(chart, state), best.markers], {
    uirevision: run.id,
    annotations: best.labels,
    hovermode: run.config.lanes.length > FEW ? "closest" : "x unified",
    xaxis: { title: "step", range: [0, Math.max(100, scores.step[scores.length - 1])], tickformat: ",d" },
    yaxis: { title: "cross-entropy, nats", range: [0, ceiling], tickformat: ".2~f" },
  });
}

/**
 * Where the axis ends: above every evaluation, unless one is far worse than guessing.
 * @param {State & { run: Run }} state
 */
function ceilingOf({ run, scores }) {
  let highest = 0;
  for (const values of [...scores.val_loss, ...scores.train_loss]) {
    for (let row = 0; row < scores.length; row += 1) {
      highest = values[row] > highest ? values[row] : highest;
    }
  }
  const unit = highest > 1 ? 0.5 : 0.1;
  return Math.min(Math.ceil((highest * 1.04) / unit) * unit, Math.ceil(CEILING * Math.log(run.classes.length)));
}

/**
 * The numbers of which the sentence speaks.
 * @param {State & { run: Run }} state
 * @param {number} ceiling
 */
export function readLosses(state, ceiling) {
  const { run, scores } = state;
  const last = scores.length - 1;
  const lanes = run.config.lanes.map((knobs, lane) => readLane(state, knobs, lane, last));
  return { step: scores.step[last], lanes, ceiling, apart: setApart(run.config) };
}

/**
 * The losses of one lane.
 * @param {State & { run: Run }} state
 * @param {Lane} knobs
 * @param {number} lane
 * @param {number} last
 * @returns {LaneLoss}
 */
function readLane(state, knobs, lane, last) {
  const { run, scores, losses } = state;
  const best = indexOfLeast(scores.val_loss[lane], scores.length);
  const averages = exponentialAverage(losses.step, losses.loss[lane] ?? [], losses.length, SPAN);
  const stop = stopOf(run, lane);
  const isAsPlain = !knobs.label_smoothing && !knobs.input_noise && !stop; // else the two training losses differ by more than masks
  return {
    name: knobs.name,
    dropout: drops(knobs),
    unscaled: drops(knobs) && knobs.dropout_kind === "unscaled",
    batchNorm: knobs.batch_norm,
    train: scores.train_loss[lane][last],
    val: scores.val_loss[lane][last],
    best: best < 0 ? Number.NaN : scores.val_loss[lane][best],
    bestStep: best < 0 ? 0 : scores.step[best],
    trainAtBest: best < 0 ? Number.NaN : scores.train_loss[lane][best],
    masked: averages.length > 0 && isAsPlain ? averages[averages.length - 1] : Number.NaN,
    diverged: divergedAt(state, lane),
    stopped: stop ? { step: stop.step, bestStep: stop.best_step, bestLoss: stop.best_loss } : null,
  };
}

/**
 * The lines that the legend shows, the faint ones first; the points that a chart may have are shared out among them.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 */
function lossTraces(chart, state) {
  const { lanes } = state.run.config;
  const kinds = [
    { key: "masked", lines: maskedLines, count: 2 },
    { key: "val", lines: valLines, count: lanes.length > FEW ? 1 : 2 },
    { key: "train", lines: trainLines, count: 1 },
  ];
  const shown = kinds.flatMap(({ key, lines, count }) =>
    lanes.flatMap((_, lane) => (chart.legend.shows(String(lane), key) ? [{ lines, count, lane }] : [])),
  );
  const total = shown.reduce((sum, { count }) => sum + count, 0);
  return shown.flatMap(({ lines, lane }) => lines(chart, state, lane, total));
}

/**
 * What the training loop itself measured: every recorded step, faint, and its average.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} lane
 * @param {number} total How many lines the chart has.
 * @returns {object[]}
 */
function maskedLines({ palette }, { run, losses }, lane, total) {
  const { name } = run.config.lanes[lane];
  const { colour } = laneStyle(palette, lane);
  const values = losses.loss[lane] ?? [];
  const common = { type: "scatter", mode: "lines" };
  const stop = stopOf(run, lane);
  const length = stop ? rowsUntil(losses, losses.length, stop.step) : losses.length; // what is frozen trains no more
  return [
    {
      ...common,
      ...thinned(losses, values, length, total),
      line: { color: withAlpha(colour, 0.22), width: 1 },
      hoverinfo: "skip",
    },
    {
      ...common,
      ...thinned(losses, exponentialAverage(losses.step, values, length, SPAN), length, total),
      name: `${name}: training, masks on (average of about ${SPAN} steps)`,
      line: { color: withAlpha(colour, 0.9), width: 1, dash: "dot" },
      hovertemplate: "%{y:.3~f}",
    },
  ];
}

/**
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} lane
 * @param {number} total
 * @returns {object[]}
 */
function trainLines({ palette }, { run, scores }, lane, total) {
  const line = {
    type: "scatter",
    mode: "lines",
    ...thinned(scores, scores.train_loss[lane], scores.length, total),
    name: `${run.config.lanes[lane].name}: training, eval mode`,
    line: { color: laneStyle(palette, lane).colour, width: 1.6, dash: "dash" },
    hovertemplate: "%{y:.3~f}",
  };
  return brokenAt(line, stopOf(run, lane));
}

/**
 * The validation line and, where there is room for it, the shaded gap down to training in eval mode.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} lane
 * @param {number} total
 * @returns {object[]}
 */
function valLines({ palette }, { run, scores }, lane, total) {
  const { colour, dash } = laneStyle(palette, lane);
  const shaded = run.config.lanes.length <= FEW;
  const line = {
    type: "scatter",
    mode: "lines",
    ...thinned(scores, scores.val_loss[lane], scores.length, total),
    name: `${run.config.lanes[lane].name}: validation`,
    line: { color: colour, width: lineWidth(run, lane), dash },
    hovertemplate: "%{y:.3~f}",
  };
  const stop = stopOf(run, lane);
  if (!shaded) {
    return brokenAt(line, stop);
  }
  const end = stop ? rowsUntil(scores, scores.length, stop.step) : scores.length;
  const floor = {
    type: "scatter",
    mode: "lines",
    ...thinned(scores, scores.train_loss[lane], end, total),
    line: { width: 0 },
    hoverinfo: "skip",
  };
  const [learning, ...frozen] = brokenAt(line, stop);
  return [floor, { ...learning, fill: "tonexty", fillcolor: withAlpha(colour, 0.1) }, ...frozen];
}

/** @param {{ step: number, best_step: number }} stop */
function stopWords(stop) {
  return `stopped at ${formatCount(stop.step)}, weights of ${formatCount(stop.best_step)}`;
}

/**
 * Where each network was at its best on validation data: markers, and labels where there is room for them.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 */
function bestOnes({ legend, palette, width }, { run, scores }) {
  const end = scores.step[scores.length - 1];
  const room = 70 / Math.max(width, 240); // of the axis, that half of a label needs
  const found = run.config.lanes.flatMap(({ name }, lane) => {
    const best = indexOfLeast(scores.val_loss[lane], scores.length);
    const stop = stopOf(run, lane);
    if (best < 0 || (best === 0 && !stop) || !legend.shows(String(lane), "val")) {
      return [];
    }
    const [x, y] = stop ? [stop.best_step, stop.best_loss] : [scores.step[best], scores.val_loss[lane][best]];
    return [{ name, lane, stop, x, y, text: stop ? stopWords(stop) : `best ${formatLoss(y)} at ${formatCount(x)}` }];
  });
  const styles = found.map(({ lane }) => laneStyle(palette, lane));
  const markers = {
    type: "scatter",
    mode: "markers",
    x: found.map(({ x }) => x),
    y: found.map(({ y }) => y),
    text: found.map(({ name, stop }) => (stop ? `${name}, ${stopWords(stop)}` : name)),
    marker: {
      symbol: styles.map(({ symbol }) => symbol),
      color: styles.map(({ colour }) => colour),
      size: found.map(({ stop }) => (stop ? 12 : run.config.lanes.length > MANY ? 6 : 9)),
      line: {
        color: found.map(({ stop }) => (stop ? palette.ink : palette.panel)),
        width: run.config.lanes.length > MANY ? 0.75 : 1.5,
      },
    },
    name: "best validation loss",
    hovertemplate: "%{text}: best validation loss %{y:.3~f} at step %{x:,d}<extra></extra>",
    cliponaxis: false,
  };
  const crowded = found.length === 2 && Math.abs(found[0].x - found[1].x) < 3 * room * end;
  const labels = found.map(({ lane, x, y, text }) => ({
    x,
    y,
    text,
    showarrow: false,
    yshift: crowded && found.some((other) => other.y < y) ? 14 : -14,
    xanchor: x > (1 - room) * end ? "right" : x < room * end ? "left" : "center",
    bgcolor: withAlpha(palette.panel, 0.8),
    font: { size: 11, color: laneStyle(palette, lane).colour },
  }));
  return { markers, labels: run.config.lanes.length <= 2 ? labels : [] };
}
