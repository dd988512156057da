// How many units the masks kept, layer by layer, against the Binomial distribution that they must follow.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Counted, Site } from "../model/layers.js" */
/** @import { Rates, StepRing } from "../state/ring.js" */
/** @import { KeptLaw } from "../model/stats.js" */
/** @import { DataTable, Lane, Run, State, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts/charts.js";
import { laneStyle } from "../charts/curves.js";
import { dropoutAt } from "../model/kinds.js";
import { beganOf, countedOf, drops, lawOf, sitesOf } from "../model/layers.js";
import { formatCount, keptMoments, keptPmf, mean } from "../model/stats.js";
import { keptHeading, keptSentence } from "../words/index.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "steps", "cursor", "theme"];

/**
 * The counts of one layer with dropout.
 * @typedef {object} LayerCounts
 * @property {string} name
 * @property {Site} site
 * @property {Counted} counted
 * @property {Rates} rates
 * @property {KeptLaw | null} law
 * @property {number[]} kept One count for each step.
 */

const NARROW = 480; // px: below it the histograms stand two in a row
const TAIL = 4; // standard deviations shown on either side of the mean: one count in 16,000 falls outside
const GAP = 0.05; // of the width, between two histograms
const ROOM = 0.38; // of the height of a row, for its ticks and the headings of the next
const BARS = 72; // of one histogram at most; of more counts several stand together

/**
 * @param {LayerCounts[]} layers
 * @returns {LegendColumn[]}
 */
function columnsOf(layers) {
  const isGrouped = layers.some(({ law }) => law && law.groupKeep < 1);
  const isNoisy = layers.some(({ counted }) => counted === "factors");
  const binomial = isNoisy ? "Binomial (n,\u00a0½)" : "Binomial (n,\u00a01\u00a0−\u00a0p)";
  return [
    { key: "seen", label: "share of the steps seen", mark: "bars" },
    { key: "expected", label: isGrouped ? "expected of such masks" : binomial, mark: "dotted", ink: true },
    { key: "step", label: "this step", mark: "pointer", ink: true },
  ];
}

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Histogram of the number of units kept on each step, for each layer with dropout";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => keptTable(store.state),
  };
}

/**
 * The bars: how often so many were kept, and how often they should have been.
 * @param {State} state
 * @returns {DataTable | null}
 */
function keptTable({ run, steps }) {
  const layers = run ? countKept(run, steps) : [];
  const rows = layers.flatMap(({ name, law, kept, rates }) => {
    const { counts, width, seen, expected } = barsOf(law, kept);
    return counts.map((count, bar) => [name, ...rates, kept.length, count, width, seen[bar], expected[bar] ?? ""]);
  });
  const columns = ["layer", "rate", "rate of groups", "steps", "kept", "counts in a bar", "share of steps", "expected"];
  return rows.length > 0 ? { name: "kept", columns, rows } : null;
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  const { run, steps } = state;
  if (!run) {
    chart.note("Waiting for the first step …");
    return;
  }
  const { lane } = run.follow;
  const { name } = run.config.lanes[lane];
  const layers = countKept(run, steps);
  const knobs = run.config.lanes[lane];
  chart.legend.update([{ key: String(lane), name, lane }], columnsOf(layers));
  const reading = { name, isPlanned: drops(knobs), steps: layers[0]?.kept.length ?? 0, layers: layers.map(summary) };
  const end = beganOf(run, lane, steps.last) + knobs.schedule_steps;
  chart.say(keptSentence({ ...reading, moving: isMoving(knobs, end, steps.last) ? end : null }));
  if (layers.length === 0) {
    chart.note(reading.isPlanned ? "Waiting for the first step with dropout …" : `“${name}” drops nothing.`);
    return;
  }
  const grid = gridOf(layers.length, chart.width);
  chart.picture.style.setProperty("--rows", String(grid.rows));
  const panels = layers.map((layer, index) => panelOf(layer, grid, index));
  const highest = Math.max(...panels.flatMap(({ seen, expected }) => [...seen, ...expected]));
  chart.plot(
    panels.flatMap((panel, index) => traces(chart, state, lane, panel, index)),
    {
      uirevision: `${run.id} ${lane} ${layers.map(({ name: layer, rates }) => `${layer}${rates}`)}`,
      margin: { l: 40, r: 8, t: 34, b: 36 },
      annotations: panels.map(({ heading, x, y }) => ({
        text: heading,
        x: (x[0] + x[1]) / 2,
        y: y[1],
        xref: "paper",
        yref: "paper",
        xanchor: "center",
        yanchor: "bottom",
        showarrow: false,
        font: { size: 11, color: chart.palette.inkSoft },
      })),
      ...Object.assign({}, ...panels.map((panel, index) => axes(panel, index, highest * 1.08, grid))),
    },
  );
}

/**
 * The counts of the newest steps of the followed lane that all had the same kind of dropout and the same rates.
 * @param {Run} run
 * @param {StepRing} steps
 * @returns {LayerCounts[]}
 */
export function countKept(run, steps) {
  const { lane } = run.follow;
  /** @type {LayerCounts[]} */
  let counts = [];
  let era = "";
  for (let step = steps.last; step >= steps.first && step > 0; step -= 1) {
    const record = steps.laneOf(step) === lane ? steps.at(step) : null;
    if (record) {
      const own = eraOf(record.kind, record.rates);
      if (era === "") {
        era = own;
        counts = layersOf(run, record.kind, record.rates);
      } else if (own !== era) {
        break;
      }
      for (const layer of counts) {
        layer.kept.push(record.kept[layer.name]);
      }
    }
  }
  return counts;
}

/**
 * @param {number} kind
 * @param {Record<string, Rates>} rates
 */
function eraOf(kind, rates) {
  return `${kind}/${Object.values(rates).join("/")}`;
}

/**
 * The layers that drop anything, with no counts yet.
 * @param {Run} run
 * @param {number} kind
 * @param {Record<string, Rates>} rates
 * @returns {LayerCounts[]}
 */
function layersOf(run, kind, rates) {
  const dropoutKind = dropoutAt(run, kind);
  return sitesOf(run, run.follow.lane).flatMap((site) => {
    const own = rates[site.name];
    const law = lawOf(site, dropoutKind, own);
    const counted = countedOf(site, dropoutKind);
    return own.some((rate) => rate > 0) ? [{ name: site.name, site, counted, rates: own, law, kept: [] }] : [];
  });
}

/**
 * Whether a ramp moves the rates of a lane from step to step.
 * @param {Lane} knobs
 * @param {number} end The step of the run at which it ends.
 * @param {number} step
 */
function isMoving({ schedule = "constant" }, end, step) {
  return schedule.startsWith("ramp") && step < end;
}

/** @param {LayerCounts} layer */
function summary({ name, counted, law, kept }) {
  const expected = law ? keptMoments(law) : { mean: Number.NaN, sd: Number.NaN };
  return { name, counted, mean: mean(kept), expected: expected.mean, error: expected.sd / Math.sqrt(kept.length) };
}

/**
 * @param {number} count
 * @param {number} width
 */
function gridOf(count, width) {
  const columns = Math.min(count, width < NARROW ? 2 : count);
  return { columns, rows: Math.ceil(count / columns) };
}

/**
 * One histogram: its numbers and its place in the picture.
 * @param {LayerCounts} layer
 * @param {{ columns: number, rows: number }} grid
 * @param {number} index
 */
function panelOf(layer, { columns, rows }, index) {
  const { law, kept } = layer;
  const { counts, width, seen, expected } = barsOf(law, kept);
  const [column, row] = [index % columns, Math.floor(index / columns)];
  const [wide, tall] = [(1 - GAP * (columns - 1)) / columns, 1 / rows];
  return {
    ...{ layer: layer.name, heading: keptHeading(layer), what: WHAT[layer.counted], counts, width, seen, expected },
    x: [column * (wide + GAP), column * (wide + GAP) + wide],
    y: [1 - (row + 1) * tall + (row < rows - 1 ? ROOM * tall : 0), 1 - row * tall],
  };
}

/** @type {Record<Counted, string>} */
const WHAT = { units: "kept", weights: "weights kept", factors: "turned up" };

/**
 * The bars of a histogram: one for each count, or for several where they are many or only multiples of a group's size occur.
 * @param {KeptLaw | null} law
 * @param {number[]} kept
 */
function barsOf(law, kept) {
  const most = law ? law.groups * law.size : Math.max(...kept);
  const { mean: middle, sd } = law ? keptMoments(law) : { mean: mean(kept), sd: 0 };
  const low = Math.max(0, Math.min(Math.floor(middle - TAIL * sd), ...kept));
  const high = Math.min(most, Math.max(Math.ceil(middle + TAIL * sd), ...kept));
  const isLattice = law !== null && law.keep === 1 && law.groups > 1;
  const width = isLattice ? law.size : Math.max(1, Math.ceil((high - low + 1) / BARS));
  const first = isLattice ? Math.floor(low / width) * width : low;
  const bars = Math.floor((high - first) / width) + 1;
  const starts = Array.from({ length: bars }, (_, bar) => first + bar * width);
  const seen = new Array(bars).fill(0);
  for (const count of kept) {
    seen[Math.floor((count - first) / width)] += 1 / kept.length;
  }
  const chance = (/** @type {number} */ from) => {
    let sum = 0;
    for (let count = from; law && count < from + (isLattice ? 1 : width) && count <= most; count += 1) {
      sum += keptPmf(law, count);
    }
    return sum;
  };
  const counts = isLattice ? starts : starts.map((start) => start + (width - 1) / 2);
  return { counts, width, seen, expected: law ? starts.map(chance) : [] };
}

/**
 * @param {Chart} chart
 * @param {State} state
 * @param {number} lane
 * @param {ReturnType<typeof panelOf>} panel
 * @param {number} index
 */
function traces({ legend, palette }, { steps, cursor }, lane, { layer, what, counts, seen, expected }, index) {
  const { colour } = laneStyle(palette, lane);
  const place = {
    type: "scatter",
    xaxis: index === 0 ? "x" : `x${index + 1}`,
    yaxis: index === 0 ? "y" : `y${index + 1}`,
  };
  const step = cursor ?? steps.last;
  const now = steps.laneOf(step) === lane ? steps.at(step) : null;
  const showlegend = index === 0; // all histograms have the same lines
  const found = {
    seen: {
      ...{ ...place, showlegend, name: "share of the steps seen" },
      mode: "lines",
      x: counts,
      y: seen,
      line: { shape: "hvh", width: 1, color: colour },
      fill: "tozeroy",
      fillcolor: withAlpha(colour, 0.35),
      hovertemplate: `%{x} ${what}: %{y:.1%} of the steps<extra></extra>`,
    },
    expected: expected.length > 0 && {
      ...{ ...place, showlegend, name: "expected" },
      mode: "lines",
      x: counts,
      y: expected,
      line: { dash: "2px,2px", width: 2.5, color: palette.ink },
      hovertemplate: `%{x} ${what}: %{y:.1%} expected<extra></extra>`,
    },
    step: now && {
      ...{ ...place, showlegend, name: `step ${formatCount(step)}` },
      mode: "markers",
      x: [now.kept[layer]],
      y: [0],
      marker: { symbol: "triangle-up", size: 11, color: palette.ink, line: { color: palette.panel, width: 1 } },
      hovertemplate: `step ${formatCount(step)}: %{x} ${what}<extra></extra>`,
      cliponaxis: false,
    },
  };
  return Object.entries(found).flatMap(([key, trace]) => (trace && legend.shows(String(lane), key) ? [trace] : []));
}

/**
 * @param {ReturnType<typeof panelOf>} panel
 * @param {number} index
 * @param {number} highest
 * @param {{ columns: number, rows: number }} grid
 */
function axes({ counts, width, what, x, y }, index, highest, { columns, rows }) {
  const number = index === 0 ? "" : String(index + 1);
  const first = index % columns === 0;
  const lowest = index >= columns * (rows - 1);
  return {
    [`xaxis${number}`]: {
      domain: x,
      anchor: `y${number}`,
      range: [counts[0] - 0.7 * width, counts[counts.length - 1] + 0.7 * width],
      showgrid: false,
      nticks: 4,
      title: lowest ? (what === "kept" ? "units kept" : what) : undefined,
    },
    [`yaxis${number}`]: {
      domain: y,
      anchor: `x${number}`,
      range: [0, highest],
      nticks: 4,
      tickformat: ".0%",
      showticklabels: first,
    },
  };
}
