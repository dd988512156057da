// A chart away from the page: on a slide with its title and its legend, or live in a report.

/** @import { Palette } from "../base/theme.js" */

/** @typedef {{ data: *[], layout: * }} Figure What Plotly draws. */

const WIDTH = 960; // CSS pixels of a picture
const HEIGHT = 500; // without its legend
const ROW = 20; // of a legend
const GLYPH = 6.2; // about the width of a letter of a legend
const SAMPLE = 58; // what stands beside the letters of a legend's entry
const HEAD = 46; // what a title takes
const FOOT = 58; // what an axis takes below: its numbers and its title

/**
 * A figure with a legend of its own, below the axis.
 * @param {Figure} figure
 * @param {number} width
 * @param {number} height Without the legend.
 * @returns {Figure}
 */
export function withLegend({ data, layout }, width, height) {
  const names = data.filter((trace) => trace.name && trace.showlegend !== false).map(({ name }) => String(name));
  const across = Math.max(
    1,
    Math.floor((width - 80) / (Math.max(0, ...names.map((name) => name.length)) * GLYPH + SAMPLE)),
  );
  const rows = Math.ceil(names.length / across);
  const top = layout.margin?.t ?? 8;
  return {
    data: data.map((trace) => ({ ...trace, showlegend: Boolean(trace.name) && trace.showlegend !== false })),
    layout: {
      ...layout,
      width,
      height: height + rows * ROW,
      margin: { l: 64, r: 24, t: top, b: FOOT + rows * ROW },
      showlegend: names.length > 0,
      legend: {
        ...{ orientation: "h", x: 0, xanchor: "left", y: -(FOOT - 6) / (height - top - FOOT), yanchor: "top" },
        ...{
          entrywidth: 0,
          traceorder: "normal",
          bgcolor: "rgba(0,0,0,0)",
          font: { size: 12 },
          itemsizing: "constant",
        },
      },
    },
  };
}

/**
 * A figure to be pasted on a slide: with a title, a legend and a ground.
 * @param {Figure} figure
 * @param {{ title: string, palette: Palette }} options
 * @returns {Figure}
 */
export function onSlide(figure, { title, palette }) {
  const { margin } = figure.layout;
  const placed = { ...figure, layout: { ...figure.layout, margin: { ...margin, t: (margin?.t ?? 8) + HEAD } } };
  const { data, layout } = withLegend(placed, WIDTH, HEIGHT + HEAD);
  return {
    data,
    layout: {
      ...layout,
      title: {
        ...{ text: title, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "container", yanchor: "top" },
        ...{ pad: { t: 16, l: 0 }, font: { size: 18, color: palette.ink } },
      },
      paper_bgcolor: palette.panel,
      plot_bgcolor: palette.panel,
    },
  };
}
