// How many steps each network took to the same training losses.

/** @import { Chart } from "../../charts/charts.js" */
/** @import { Result } from "../../views/result.js" */

import { withAlpha } from "../../charts/charts.js";
import { laneRows, laneStyle } from "../../charts/curves.js";
import { formatCount, formatOne, formatPlain, formatTimes } from "../../model/stats.js";

/**
 * @param {Chart} chart
 * @param {Result} result
 */
export function thresholds({ legend, palette, width }, { lanes, picture, reached = [], step, run, milliseconds }) {
  legend.update(laneRows(run), [{ key: "bar", label: "steps", mark: "bars" }]);
  const places = picture.x.map((_, index) => index);
  const traces = lanes.map(({ name }, lane) => {
    const { colour } = laneStyle(palette, lane);
    const steps = places.map((index) => reached[lane]?.[index] ?? null);
    const words = steps.map((at) => (at === null ? "not yet" : formatCount(at)));
    return {
      type: "bar",
      name,
      x: places,
      y: steps.map((at) => at ?? step),
      text: words,
      textposition: "outside",
      textangle: 0,
      constraintext: "none",
      textfont: { size: width < 420 ? 9 : 11 },
      cliponaxis: false,
      visible: legend.shows(String(lane), "bar"),
      customdata: steps.map((at) =>
        at === null
          ? `not by step ${formatCount(step)}`
          : `step ${formatCount(at)}${seconds(at, milliseconds?.[lane])}`,
      ),
      hovertemplate: "%{customdata}",
      marker: {
        color: steps.map((at) => (at === null ? withAlpha(colour, 0.12) : colour)),
        pattern: { shape: steps.map((at) => (at === null ? "/" : "")), fgcolor: colour, size: 6 },
        line: { color: colour, width: steps.map((at) => (at === null ? 1 : 0)) },
      },
    };
  });
  const top = Math.max(1, ...traces.flatMap(({ y }) => y));
  const layout = {
    barmode: "group",
    margin: { l: 60, r: 12, t: 8, b: 36 },
    bargap: 0.25,
    annotations: places.flatMap((index) => ratioAt(reached, index, 1.2 * top)),
    hovermode: "x unified",
    xaxis: { title: picture.x_label, tickvals: places, ticktext: picture.x.map(formatPlain), showgrid: false },
    yaxis: { title: "steps until it was reached", range: [0, 1.28 * top], tickformat: ",d" },
  };
  return { traces, layout };
}

/**
 * @param {number} steps
 * @param {number | undefined} milliseconds Of one step.
 */
function seconds(steps, milliseconds) {
  return milliseconds !== undefined && Number.isFinite(milliseconds)
    ? `, ${formatOne((steps * milliseconds) / 1000)} s`
    : "";
}

/**
 * Of two networks, how many times as many steps the second took.
 * @param {(number | null)[][]} reached
 * @param {number} index
 * @param {number} y
 */
function ratioAt(reached, index, y) {
  const [one, other] = reached.length === 2 ? reached.map((steps) => steps[index]) : [null, null];
  return one && other
    ? [{ x: index, y, text: `× ${formatTimes(other / one)}`, showarrow: false, font: { size: 12 } }]
    : [];
}
