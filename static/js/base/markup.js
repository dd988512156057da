// Plotly reads its texts as a small HTML: `<b>`, `<br>` and links in them work, `&lt;` is a “<”, and `%{…}` is filled in. The
// figures of this page are plain text with “\n” between lines, for people name networks, columns and classes; this is the one
// place where a figure becomes what Plotly reads. A name stands in a hover template by reference only, `%{meta}` or `%{text}`.

/** @import { Figure } from "../charts/figures.js" */

const TEXTS = ["name", "text", "hovertext", "customdata", "meta", "legendgroup", "labels", "x", "y"]; // of a trace
const AXIS = /^([xyz]axis\d*|coloraxis\d*|colorbar|scene|legend\d*)$/;

/**
 * A text as Plotly shows it as it is.
 * @param {string} text
 */
export function marked(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("%{", "%&#123;")
    .replaceAll("\n", "<br>");
}

/**
 * The same figure for Plotly.
 * @param {Figure} figure
 * @returns {Figure}
 */
export function forPlotly({ data, layout }) {
  return { data: data.map(traceFor), layout: layoutFor(layout) };
}

/** @param {*} trace */
function traceFor(trace) {
  const texts = TEXTS.filter((key) => trace[key] !== undefined).map((key) => [key, deeply(trace[key])]);
  return { ...trace, ...Object.fromEntries(texts) };
}

/** @param {*} layout */
function layoutFor(layout) {
  const axes = Object.keys(layout).filter((key) => AXIS.test(key));
  return {
    ...layout,
    ...(layout.title === undefined ? {} : { title: titleFor(layout.title) }),
    ...(layout.annotations
      ? { annotations: layout.annotations.map((/** @type {*} */ each) => ({ ...each, text: deeply(each.text) })) }
      : {}),
    ...Object.fromEntries(axes.map((key) => [key, axisFor(layout[key])])),
  };
}

/** @param {*} axis */
function axisFor(axis) {
  const texts = ["ticktext", "categoryarray", "ticksuffix", "tickprefix"].filter((key) => axis[key] !== undefined);
  return {
    ...axis,
    ...Object.fromEntries(texts.map((key) => [key, deeply(axis[key])])),
    ...(axis.title === undefined ? {} : { title: titleFor(axis.title) }),
  };
}

/** @param {*} title A text, or an object with one. */
function titleFor(title) {
  return typeof title === "object" && title !== null ? { ...title, text: deeply(title.text) } : deeply(title);
}

/**
 * Texts as Plotly shows them as they are, however deep in lists they stand; all else is left as it is.
 * @param {*} value
 * @returns {*}
 */
function deeply(value) {
  if (typeof value === "string") {
    return marked(value);
  }
  const isList = Array.isArray(value) && value.some((each) => typeof each === "string" || Array.isArray(each));
  return isList ? value.map(deeply) : value;
}
