// How a lesson writes a number. Pure: no DOM.

import { formatCount, formatLoss, formatOne, formatPercent } from "../model/stats.js";

/** @type {Record<string, (value: number) => string>} */
const FORMATS = {
  count: (value) => formatCount(value),
  number: (value) => String(Number(value.toFixed(1))).replace("-", "−"),
  loss: formatLoss,
  percent: formatPercent,
  points: (value) => `${formatOne(Math.abs(100 * value))} points`,
  factor: (value) => String(Number(value.toFixed(2))),
  rate: (value) => String(Number(value.toFixed(2))),
  seconds: (value) => `${formatOne(value)} s`,
  significant: (value) => String(Number(value.toPrecision(2))),
};

/**
 * @param {number} value
 * @param {string} format One of `FORMATS` in app/lessons/facts.py.
 */
export function written(value, format) {
  return Number.isFinite(value) ? FORMATS[format](value) : "…";
}
