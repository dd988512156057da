// The ensemble of the class against its single networks: accuracy and loss, as bars, and what the numbers say. Pure.

/** @import { AverageTopic, RoomScore } from "../../types.js" */
/** @import { Chart, Mark, Size } from "./painter.js" */

import { formatCount, formatLoss, formatPercent } from "../../model/stats.js";
import { steadyTop } from "./axes.js";
import { short } from "./labels.js";
import { mark } from "./painter.js";

const GAP = 28; // between the two columns of bars
const LARGE = 420; // units of height from which on the letters are larger

/** What was drawn before. @typedef {{ loss: number | null }} TogetherLimits */
/** @typedef {RoomScore & { key: string, name: string }} Row */

/**
 * The rows that there is something to tell of.
 * @param {AverageTopic} topic
 * @returns {Row[]}
 */
export function rowsOf({ networks, average, best, mean, dropout }) {
  const all = networks === 2 ? "Both networks, averaged" : `All ${formatCount(networks)} networks, averaged`;
  return [
    ...(average ? [{ ...average, key: "average", name: all }] : []),
    ...(best ? [{ ...best, key: "best", name: `Best single network: ${short(best.name, 14)}` }] : []),
    ...(mean ? [{ ...mean, key: "mean", name: "Mean of the single ones" }] : []),
    ...(dropout ? [{ ...dropout, key: "dropout", name: "Sub-networks of the best" }] : []),
  ];
}

/**
 * @param {AverageTopic} topic
 * @param {Size} size
 * @param {TogetherLimits} before
 * @returns {Chart & { limits: TogetherLimits }}
 */
export function togetherChart(topic, size, before) {
  const rows = rowsOf(topic);
  const top = rows.length > 0 ? steadyTop(before.loss, Math.max(...rows.map(({ loss }) => loss))) : before.loss;
  const letter = size.height > LARGE ? 34 : 24;
  const names = Math.min(letter * 16, size.width * 0.42);
  const number = letter * 4.4;
  const bar = Math.max(20, (size.width - names - GAP) / 2 - number);
  const [first, second] = [names, names + bar + number + GAP];
  const head = letter * 1.7;
  const high = Math.min(letter * 4, (size.height - head) / Math.max(3, rows.length));
  const style = `font-size: ${letter}px`;
  const marks = rows.flatMap(({ key, name, accuracy, loss }, index) => {
    const y = head + index * high;
    const place = { y, high, bar, style };
    return [
      mark(`${key} name`, "text", { class: "bar-name", x: 0, y: y + high * 0.5 + letter * 0.35, style }, name),
      ...barMarks(`${key} accuracy`, key, { ...place, x: first, share: accuracy }, formatPercent(accuracy)),
      ...barMarks(`${key} loss`, key, { ...place, x: second, share: loss / (top ?? 1) }, formatLoss(loss)),
    ];
  });
  return {
    ...size,
    marks: [
      mark("accuracy head", "text", { class: "axis-name", x: first, y: letter, style }, "accuracy"),
      mark("loss head", "text", { class: "axis-name", x: second, y: letter, style }, "loss, lower is better"),
      ...marks,
    ],
    words: rows.length > 0 ? rows.map(rowWords).join(" ") : "Nothing has been evaluated yet.",
    limits: { loss: top },
  };
}

/**
 * @param {string} key
 * @param {string} row
 * @param {{ x: number, y: number, high: number, bar: number, share: number, style: string }} place
 * @param {string} text
 * @returns {Mark[]}
 */
function barMarks(key, row, { x, y, high, bar, share, style }, text) {
  const width = bar * Math.min(1, Math.max(0, share));
  const box = { y: y + high * 0.22, height: high * 0.56 };
  return [
    mark(`${key} ground`, "rect", { class: "bar-ground", x, width: bar, ...box }),
    mark(`${key} bar`, "rect", { class: `bar is-${row}`, x, width, ...box }),
    mark(`${key} number`, "text", { class: "bar-number", x: x + bar + 12, y: y + high * 0.5 + 9, style }, text),
  ];
}

/** @param {Row} row */
function rowWords({ name, accuracy, loss }) {
  return `${name}: accuracy ${formatPercent(accuracy)}, loss ${formatLoss(loss)}.`;
}

/**
 * What the numbers say, as they are written: two that are written alike are called equal.
 * @param {AverageTopic | null} topic
 */
export function togetherSentence(topic) {
  const { average, best, mean, networks = 0 } = topic ?? {};
  if (!average || !mean) {
    return "The networks of the class have not been averaged yet.";
  }
  if (networks < 2) {
    return "With one network there is nothing to average yet.";
  }
  const [ours, single] = [formatLoss(average.loss), formatLoss(mean.loss)];
  const many = networks === 2 ? "both networks" : `all ${formatCount(networks)} networks`;
  const start = `The average of ${many} has a loss of ${ours}`;
  const verdict = average.loss < mean.loss ? "better" : "worse";
  const first =
    ours === single
      ? `${start}, the same as a single one has in the mean.`
      : `${start}. A single one has ${single} in the mean: the average is ${verdict}.`;
  if (!best) {
    return first;
  }
  const most = formatLoss(best.loss);
  const second =
    most === ours
      ? `The best single network, ${best.name}, has the same.`
      : average.loss < best.loss
        ? `Even the best single network, ${best.name}, has more: ${most}.`
        : `The best single network, ${best.name}, has less: ${most}.`;
  return `${first} ${second}`;
}
