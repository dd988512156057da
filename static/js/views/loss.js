// Loss against the step: training with masks on, training in eval mode, and validation, kept apart for each network.

/** @import { Chart } from "../charts/charts.js" */
/** @import { Box } from "../charts/labels.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Lane, Run, State, View, ViewOptions } from "../types.js" */
/** @import { LaneLoss } from "../words/loss.js" */

import { createChart, withAlpha } from "../charts/charts.js";
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
} from "../charts/curves.js";
import { curveTable } from "../charts/curvetable.js";
import { along, insideOf, placeLabels } from "../charts/labels.js";
import { lookedAt } from "../charts/lookback.js";
import { changeLines } from "../charts/turns.js";
import { causeWords, divergenceOf } from "../model/diverged.js";
import { dropoutOf } from "../model/kinds.js";
import { beganOf, drops } from "../model/layers.js";
import { canLookBack } from "../model/past.js";
import { exponentialAverage, formatCount, formatLoss, indexOfLeast } from "../model/stats.js";
import { lastRows, meanOf } from "../model/verdict.js";
import { turnsOf } from "../words/changes.js";
import { lossSentence, setApart } from "../words/index.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "steps", "scores", "cursor", "theme"];

const SPAN = 20; // steps that the line with masks on is averaged over: single mini-batches scatter too much to read
const CEILING = 4; // times the loss of guessing: beyond it the axis ends, so that one diverging network hides no other
/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "val", label: "validation, best", mark: "best" },
  { key: "train", label: "training (without dropout)", mark: "dash" },
  { key: "masked", label: "training (with dropout)", mark: "thin" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Loss of each network against the step";
  const isLesson = document.body.dataset.lesson !== undefined;
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state, isLesson) });
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
    { ...losses, name: `${name}: training (with dropout)`, values: losses.loss[lane] ?? [] },
    { ...scores, name: `${name}: training (without dropout)`, values: scores.train_loss[lane] ?? [] },
    { ...scores, name: `${name}: validation`, values: scores.val_loss[lane] ?? [] },
  ]);
  return curveTable("loss", curves);
}

/**
 * @param {Chart} chart
 * @param {State} state
 * @param {boolean} isLesson Whether it stands beside a lesson, which speaks of the training loss of one or two networks.
 */
function draw(chart, state, isLesson) {
  if (!hasScores(state)) {
    chart.say(lossSentence(null));
    chart.note("Waiting for the first evaluation …");
    return;
  }
  const { run, scores } = state;
  const ceiling = ceilingOf(state);
  const reading = readLosses(state, ceiling);
  const isCut = reading.lanes.some(({ highest = 0 }) => highest > ceiling);
  const shown = isLesson && reading.lanes.length <= 2 ? ["val", "train"] : ["val"]; // the others are a click away
  chart.legend.update(laneRows(run), COLUMNS, (_, { key }) => !shown.includes(key));
  chart.say(lossSentence(reading));
  const end = Math.max(100, scores.step[scores.length - 1]);
  const turns = changeLines(chart, state, end);
  const lines = [...beforeLines(chart, state), ...lossTraces(chart, state)];
  const back = lookedAt(chart, state.cursor, end);
  const best = bestOnes(chart, state, { lines, end, ceiling, taken: turns.boxes });
  chart.plot([...lines, best.markers], {
    uirevision: run.id,
    shapes: [...turns.shapes, ...back.shapes],
    annotations: [...best.labels, ...turns.labels, ...back.labels],
    hovermode: run.config.lanes.length > FEW ? "closest" : "x unified",
    xaxis: { title: "step", range: [0, end], tickformat: ",d" },
    yaxis: {
      title: isCut ? `nats, cut off at ${formatLoss(ceiling)}` : "cross-entropy, nats",
      range: [0, ceiling],
      tickformat: ".2~f",
    },
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
  const rows = lastRows(scores);
  const turns = state.schema ? turnsOf(run, state.schema, scores.step[last]) : [];
  const lanes = run.config.lanes.map((knobs, lane) => ({
    ...readLane(state, knobs, lane, last),
    figure: meanOf(scores.val_loss[lane], rows),
    turned: turnedOf(scores, turns, lane, last),
  }));
  const { before } = state;
  const fork = before && before.run === run.id && before.steps.length > 1 ? before.step : null;
  return { step: scores.step[last], evaluations: rows.length, lanes, ceiling, apart: setApart(run.config), fork };
}

/**
 * The newest change of a lane or of the run, and what its validation loss was then.
 * @param {State["scores"]} scores
 * @param {ReturnType<typeof turnsOf>} turns
 * @param {number} lane
 * @param {number} last
 * @returns {LaneLoss["turned"]}
 */
function turnedOf(scores, turns, lane, last) {
  const turn = turns.findLast((each) => each.step > 0 && (each.lane === lane || each.lane === null));
  if (!turn) {
    return null;
  }
  const row = rowsUntil(scores, scores.length, turn.first) - 1;
  const { step, words } = turn;
  return {
    step,
    words,
    isRuns: turn.lane === null,
    val: row < 0 ? Number.NaN : scores.val_loss[lane][row],
    isNew: scores.step[last] <= step,
  };
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
  const began = beganOf(run, lane);
  const best = indexOfLeast(scores.val_loss[lane], scores.length, began > 0 ? rowsUntil(scores, last, began) : 0);
  const averages = exponentialAverage(losses.step, losses.loss[lane] ?? [], losses.length, SPAN);
  const stop = stopOf(run, lane);
  const isAsPlain = !knobs.label_smoothing && !knobs.input_noise && !stop; // else the two training losses differ by more than masks
  return {
    name: knobs.name,
    dropout: drops(knobs),
    unbalanced: drops(knobs) && !dropoutOf(run, lane).balanced,
    batchNorm: knobs.batch_norm,
    train: scores.train_loss[lane][last],
    val: scores.val_loss[lane][last],
    best: best < 0 ? Number.NaN : scores.val_loss[lane][best],
    bestStep: best < 0 ? 0 : scores.step[best],
    trainAtBest: best < 0 ? Number.NaN : scores.train_loss[lane][best],
    masked: averages.length > 0 && isAsPlain ? averages[averages.length - 1] : Number.NaN,
    diverged: divergedAt(state, lane),
    good: canLookBack(run) ? (divergenceOf(run, lane)?.step ?? 1) - 1 : null,
    cause: divergenceOf(run, lane) ? causeWords(run, state.schema, lane) : null,
    highest: highestDrawn(state, lane, averages),
    stopped: stop ? { step: stop.step, bestStep: stop.best_step, bestLoss: stop.best_loss } : null,
  };
}

/**
 * The highest number of a lane's lines; what was no number does not count.
 * @param {State & { run: Run }} state
 * @param {number} lane
 * @param {ArrayLike<number>} averages Of the losses with masks on.
 */
function highestDrawn({ scores }, lane, averages) {
  let highest = 0;
  for (const [values, length] of /** @type {[ArrayLike<number>, number][]} */ ([
    [scores.val_loss[lane], scores.length],
    [scores.train_loss[lane], scores.length],
    [averages, averages.length],
  ])) {
    for (let row = 0; row < length; row += 1) {
      highest = values[row] > highest && Number.isFinite(values[row]) ? values[row] : highest;
    }
  }
  return highest;
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
      name: `${name}: training (with dropout) (average of about ${SPAN} steps)`,
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
    name: `${run.config.lanes[lane].name}: training (without dropout)`,
    line: { color: laneStyle(palette, lane).colour, width: 1.6, dash: "dash" },
    hovertemplate: "%{y:.3~f}",
  };
  return brokenAt(line, stopOf(run, lane));
}

/**
 * Of a fork: how the validation loss went on in the run that it goes on from, as far as this one has come.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @returns {object[]}
 */
function beforeLines({ legend, palette }, { run, before, scores }) {
  if (!before || before.run !== run.id) {
    return [];
  }
  const end = before.steps.filter((step) => step <= Math.max(before.step, scores.step[scores.length - 1])).length;
  return run.config.lanes.flatMap(({ name }, lane) =>
    legend.shows(String(lane), "val") && lane < (before.val_loss[0]?.length ?? 0)
      ? [
          {
            type: "scatter",
            mode: "lines",
            x: before.steps.slice(0, end),
            y: before.val_loss.slice(0, end).map((row) => row[lane]),
            name: `${name}: validation, the run before the fork`,
            line: { color: withAlpha(laneStyle(palette, lane).colour, 0.55), width: 1.6, dash: "dot" },
            hovertemplate: "%{y:.3~f}",
          },
        ]
      : [],
  );
}

/**
 * The validation line and, where there is room for it, the shaded gap down to training in eval mode.
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} lane
 * @param {number} total
 * @returns {object[]}
 */
function valLines({ legend, palette }, { run, scores }, lane, total) {
  const { colour, dash } = laneStyle(palette, lane);
  const shaded = run.config.lanes.length <= FEW && legend.shows(String(lane), "train");
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
 * @param {{ lines: *[], end: number, ceiling: number, taken: Box[] }} around What is on the chart already, and where its axes end.
 */
function bestOnes({ legend, palette, width, height }, { run, scores }, { lines, end, ceiling, taken }) {
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
  if (run.config.lanes.length > 2) {
    return { markers, labels: [] };
  }
  const inside = insideOf({ width, height });
  const at = (/** @type {number} */ x, /** @type {number} */ y) => ({
    x: (x / end) * inside.width,
    y: (1 - y / ceiling) * inside.height,
  });
  const points = lines.flatMap((/** @type {{ x: number[], y: (number | null)[] }} */ line) => {
    const measured = line.x.map((x, row) => ({ x, y: line.y[row] }));
    return along(measured.flatMap(({ x, y }) => (y === null ? [] : [at(x, y)])));
  });
  const places = placeLabels(
    found.map(({ x, y, text }) => ({ ...at(x, y), text })),
    { inside, taken, points },
  );
  const labels = found.map(({ lane, x, y, text }, index) => ({
    ...{ x, y, text, showarrow: false, ...places[index], borderpad: 0 },
    bgcolor: withAlpha(palette.panel, 0.8),
    font: { size: 11, color: laneStyle(palette, lane).colour },
  }));
  return { markers, labels };
}
