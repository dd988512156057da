// Accuracy above and log-loss below, over one axis: what charts of averages and of evaluations share.

import { percentFloor } from "./curves.js";

const LOSSES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100, 200, 500]; // marks of the lower axis

/**
 * One line, or one row of points, of both pictures.
 * @typedef {object} Series
 * @property {string} name
 * @property {string} network The name that stands for `%{meta}` in `hover`.
 * @property {ArrayLike<number>} x
 * @property {ArrayLike<number>} [accuracy] Shares; left out where there is none.
 * @property {ArrayLike<number>} [loss]
 * @property {string} hover What a point is, with `%{x}` for where it is and `%{meta}` for whose.
 * @property {object} look How Plotly draws it.
 */

/**
 * @param {Series[]} series
 * @returns {*[]} Traces. What is not a finite number is a gap.
 */
export function twofoldTraces(series) {
  return series.flatMap(({ name, network, x, accuracy, loss, hover, look }) => {
    const common = { type: "scatter", name, meta: network, x: Array.from(x), ...look };
    const above = accuracy && {
      ...common,
      y: Array.from(accuracy, (share) => (Number.isFinite(share) ? 100 * share : null)),
      hovertemplate: `${hover} %{y:.1f}%<extra></extra>`,
    };
    const below = loss && {
      ...common,
      showlegend: !accuracy,
      yaxis: "y2",
      y: Array.from(loss, (value) => (Number.isFinite(value) && value > 0 ? value : null)),
      hovertemplate: `${hover} %{y:.3~f}<extra></extra>`,
    };
    return [above, below].filter(Boolean);
  });
}

/**
 * @param {*[]} traces
 * @param {object} xaxis
 * @param {{ close?: boolean }} [options] Whether the upper axis begins close below the least accuracy.
 */
export function twofoldAxes(traces, xaxis, { close = false } = {}) {
  const shares = traces.filter(({ yaxis }) => yaxis !== "y2");
  const floor = close ? closeFloor(shares) : percentFloor(shares);
  return {
    xaxis: { ...xaxis, anchor: "y2" },
    yaxis: {
      ...{ title: "validation accuracy", domain: [0.44, 1], anchor: "x" },
      ...{ range: [floor, 101], ticksuffix: "%", dtick: floor < 50 ? 25 : 10 },
    },
    yaxis2: { title: "log-loss", domain: [0, 0.37], anchor: "x", type: "log", tickvals: LOSSES },
  };
}

/**
 * The tens of percent that all accuracies lie above, by two points at least.
 * @param {{ y: (number | null)[] }[]} traces
 */
function closeFloor(traces) {
  const least = Math.min(92, ...traces.flatMap(({ y }) => y.map((value) => value ?? 100)));
  return Math.max(0, 10 * Math.floor((least - 2) / 10));
}
