// The votes of sub-networks on the followed example: one small mark for each, and the average's probabilities as bars.

/** @import { Dropout, Frame, Run } from "../types.js" */

import { markLane } from "../base/theme.js";
import { formatCount, formatPercent } from "../model/stats.js";
import { exampleWords, shortNames, votesSentence } from "../words/index.js";

const FEW = 4; // classes, up to which there is room for their names under the bars
const MANY = 64; // votes, beyond which the marks are smaller

/**
 * What the sub-networks of one lane say.
 * @typedef {object} Votes
 * @property {string} name
 * @property {number} lane
 * @property {Dropout} kind Of dropout.
 * @property {string[]} classes
 * @property {number} truth The true class.
 * @property {{ choice: number, sure: number }[]} members The class that each votes for, and the probability it gives to it.
 * @property {number[]} average Probabilities of the average.
 * @property {number[]} scaling Probabilities of weight scaling.
 */

/** @param {Document} document */
export function createVotes(document) {
  const element = document.createElement("div");
  element.className = "votes";

  return {
    element,
    clear() {
      element.replaceChildren();
    },
    /**
     * @param {Run} run
     * @param {Frame | null} data
     * @param {Frame} ensemble
     * @param {Dropout} kind Of dropout that thins.
     */
    show(run, data, ensemble, kind) {
      const example = Number(ensemble.tensors.example.data[0]);
      const [truth, taught] = ["train/true", "train/y"].map((name) => Number(data?.tensors[name]?.data[example] ?? -1));
      if (truth < 0) {
        element.replaceChildren();
        return;
      }
      const lanes = [...ensemble.tensors.lane.data].map((lane, entry) =>
        readVotes(run, ensemble, entry, Number(lane), truth, kind),
      );
      if (element.childElementCount !== lanes.length + 1 || element.dataset.shape !== shapeOf(lanes)) {
        element.dataset.shape = shapeOf(lanes);
        element.replaceChildren(buildHead(document), ...lanes.map((lane) => buildFigure(document, lane)));
      }
      const [head, ...figures] = /** @type {HTMLElement[]} */ ([...element.children]);
      /** @type {HTMLElement} */ (head.firstElementChild).textContent = exampleWords({
        example,
        label: run.classes[taught],
        truth: run.classes[truth],
      });
      lanes.forEach((lane, index) => {
        fillFigure(figures[index], lane);
      });
    },
  };
}

/**
 * @param {Run} run
 * @param {Frame} frame
 * @param {number} entry
 * @param {number} lane
 * @param {number} truth
 * @param {Dropout} kind
 * @returns {Votes}
 */
export function readVotes(run, frame, entry, lane, truth, kind) {
  const { shape, data } = frame.tensors.vote;
  const [, count, classes] = shape;
  const members = Array.from({ length: count }, (_, member) => {
    const start = (entry * count + member) * classes;
    const votes = Array.from(data.subarray(start, start + classes), Number);
    const sure = Math.max(...votes);
    return { choice: votes.indexOf(sure), sure }; // of a network that has diverged: no choice, -1
  });
  const row = (/** @type {string} */ name) =>
    Array.from(frame.tensors[name].data.subarray(entry * classes, (entry + 1) * classes), Number);
  return {
    name: run.config.lanes[lane].name,
    ...{ lane, kind, truth, members },
    classes: run.classes,
    average: row("vote/average"),
    scaling: row("vote/scaling"),
  };
}

/** @param {Votes[]} lanes */
function shapeOf(lanes) {
  return lanes.map(({ lane, members, classes }) => `${lane}:${members.length}:${classes}`).join();
}

/** @param {Document} document */
function buildHead(document) {
  const head = make(document, "p", "votes-head");
  const key = make(document, "span", "votes-key");
  key.append(
    make(document, "i", "key-average"),
    "average of all ",
    make(document, "i", "key-scaling"),
    "weight scaling",
  );
  head.append(make(document, "span", "votes-example"), key);
  return head;
}

/**
 * @param {Document} document
 * @param {Votes} votes
 */
function buildFigure(document, { lane, members, classes }) {
  const figure = make(document, "figure", members.length > MANY ? "votes-figure votes-large" : "votes-figure");
  const marks = make(document, "div", "votes-marks");
  const bars = make(document, "div", "votes-bars");
  markLane(figure, lane);
  for (const picture of [marks, bars]) {
    picture.setAttribute("role", "img");
  }
  marks.append(...members.map(() => make(document, "i", "vote")));
  bars.append(
    ...classes.map((name) => {
      const bar = make(document, "span", "bar");
      const label = make(document, "b", "");
      label.textContent = classes.length > FEW ? shortNames(classes)[classes.indexOf(name)] : name;
      bar.append(make(document, "i", "bar-average"), make(document, "i", "bar-scaling"), label);
      return bar;
    }),
  );
  const caption = make(document, "figcaption", "");
  const mark = make(document, "i", "mark");
  mark.setAttribute("aria-hidden", "true");
  caption.append(mark, make(document, "span", ""));
  figure.append(caption, marks, bars);
  return figure;
}

/**
 * @param {HTMLElement} figure
 * @param {Votes} votes
 */
function fillFigure(figure, { name, kind, classes, truth, members, average, scaling }) {
  const [caption, marks, bars] = /** @type {HTMLElement[]} */ ([...figure.children]);
  const counts = classes.map((_, index) => members.filter(({ choice }) => choice === index).length);
  /** @type {HTMLElement} */ (caption.lastElementChild).textContent = votesSentence({
    name,
    counts,
    classes,
    truth,
    kind,
  });
  marks.setAttribute("aria-label", `${formatCount(members.length)} votes of ${name}`);
  const short = shortNames(classes);
  members.forEach(({ choice, sure }, index) => {
    const mark = /** @type {HTMLElement} */ (marks.children[index]);
    mark.textContent = short[choice] ?? "–";
    mark.classList.toggle("right", choice === truth);
    mark.style.setProperty("--sure", String(choice < 0 ? 0 : Math.round(20 + 80 * sure)));
    const says = choice < 0 ? "no answer" : `${classes[choice]} with ${formatPercent(sure)}`;
    mark.title = `Sub-network ${index + 1}: ${says}`;
  });
  bars.setAttribute("aria-label", `Average: ${top(average, classes)}. Weight scaling: ${top(scaling, classes)}.`);
  classes.forEach((label, index) => {
    const bar = /** @type {HTMLElement} */ (bars.children[index]);
    bar.classList.toggle("truth", index === truth);
    bar.style.setProperty("--average", String(average[index] || 0));
    bar.style.setProperty("--scaling", String(scaling[index] || 0));
    bar.title = `${label}: average ${shareWords(average[index])}, weight scaling ${shareWords(scaling[index])}`;
  });
}

/**
 * @param {number[]} probabilities
 * @param {string[]} classes
 */
function top(probabilities, classes) {
  const most = Math.max(...probabilities);
  return Number.isFinite(most) ? `${classes[probabilities.indexOf(most)]} with ${formatPercent(most)}` : "no answer";
}

/** @param {number} share NaN of a network that has diverged. */
function shareWords(share) {
  return Number.isFinite(share) ? formatPercent(share) : "none";
}

/**
 * @param {Document} document
 * @param {string} tag
 * @param {string} name
 */
function make(document, tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
