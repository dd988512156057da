// The votes of sub-networks on the followed example: one small mark for each, and the average's probabilities as bars.

/** @import { DropoutKind } from "../paint/sites.js" */
/** @import { Frame, Run } from "../types.js" */

import { formatCount, formatPercent } from "../stats.js";
import { exampleWords, shortNames, votesSentence } from "../words.js";

const FEW = 4; // classes, up to which there is room for their names under the bars
const MANY = 64; // votes, beyond which the marks are smaller

/**
 * The numbers of one crowd.
 * @typedef {object} Votes
 * @property {string} name
 * @property {number} lane
 * @property {DropoutKind} kind Of dropout.
 * @property {string[]} classes
 * @property {number} truth The true class.
 * @property {{ choice: number, sure: number }[]} members The class that each votes for, and the probability it gives to it.
 * @property {number[]} average Probabilities of the average.
 * @property {number[]} scaling Probabilities of weight scaling.
 */

/** @param {Document} document */
export function createBallot(document) {
  const element = document.createElement("div");
  element.className = "ballot";

  return {
    element,
    clear() {
      element.replaceChildren();
    },
    /**
     * @param {Run} run
     * @param {Frame | null} data
     * @param {Frame} ensemble
     * @param {DropoutKind} kind Of dropout that thins.
     */
    show(run, data, ensemble, kind) {
      const example = Number(ensemble.tensors.example.data[0]);
      const [truth, taught] = ["train/true", "train/y"].map((name) => Number(data?.tensors[name]?.data[example] ?? -1));
      if (truth < 0) {
        element.replaceChildren();
        return;
      }
      const crowds = [...ensemble.tensors.lane.data].map((lane, entry) =>
        readVotes(run, ensemble, entry, Number(lane), truth, kind),
      );
      if (element.childElementCount !== crowds.length + 1 || element.dataset.shape !== shapeOf(crowds)) {
        element.dataset.shape = shapeOf(crowds);
        element.replaceChildren(buildHead(document), ...crowds.map((crowd) => buildCrowd(document, crowd)));
      }
      const [head, ...figures] = /** @type {HTMLElement[]} */ ([...element.children]);
      /** @type {HTMLElement} */ (head.firstElementChild).textContent = exampleWords({
        example,
        label: run.classes[taught],
        truth: run.classes[truth],
      });
      crowds.forEach((crowd, index) => {
        fillCrowd(figures[index], crowd);
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
 * @param {DropoutKind} kind
 * @returns {Votes}
 */
export function readVotes(run, frame, entry, lane, truth, kind) {
  const { shape, data } = frame.tensors.vote;
  const [, count, classes] = shape;
  const members = Array.from({ length: count }, (_, member) => {
    const start = (entry * count + member) * classes;
    const votes = Array.from(data.subarray(start, start + classes), Number);
    const sure = Math.max(...votes);
    return { choice: Math.max(votes.indexOf(sure), 0), sure };
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

/** @param {Votes[]} crowds */
function shapeOf(crowds) {
  return crowds.map(({ lane, members, classes }) => `${lane}:${members.length}:${classes}`).join();
}

/** @param {Document} document */
function buildHead(document) {
  const head = make(document, "p", "ballot-head");
  const key = make(document, "span", "ballot-key");
  key.append(
    make(document, "i", "key-average"),
    "average of all ",
    make(document, "i", "key-scaling"),
    "weight scaling",
  );
  head.append(make(document, "span", "ballot-example"), key);
  return head;
}

/**
 * @param {Document} document
 * @param {Votes} votes
 */
function buildCrowd(document, { lane, members, classes }) {
  const figure = make(document, "figure", members.length > MANY ? "crowd crowd-large" : "crowd");
  const marks = make(document, "div", "crowd-marks");
  const bars = make(document, "div", "crowd-bars");
  figure.style.setProperty("--mark", `var(--lane-${lane % 8})`);
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
  figure.append(make(document, "figcaption", ""), marks, bars);
  return figure;
}

/**
 * @param {HTMLElement} figure
 * @param {Votes} votes
 */
function fillCrowd(figure, { name, kind, classes, truth, members, average, scaling }) {
  const [caption, marks, bars] = /** @type {HTMLElement[]} */ ([...figure.children]);
  const counts = classes.map((_, index) => members.filter(({ choice }) => choice === index).length);
  caption.textContent = votesSentence({ name, counts, classes, truth, kind });
  marks.setAttribute("aria-label", `${formatCount(members.length)} votes of ${name}`);
  const short = shortNames(classes);
  members.forEach(({ choice, sure }, index) => {
    const mark = /** @type {HTMLElement} */ (marks.children[index]);
    mark.textContent = short[choice];
    mark.classList.toggle("right", choice === truth);
    mark.style.setProperty("--sure", String(Math.round(20 + 80 * sure)));
    mark.title = `Sub-network ${index + 1}: ${classes[choice]} with ${formatPercent(sure)}`;
  });
  bars.setAttribute("aria-label", `Average: ${top(average, classes)}. Weight scaling: ${top(scaling, classes)}.`);
  classes.forEach((label, index) => {
    const bar = /** @type {HTMLElement} */ (bars.children[index]);
    bar.classList.toggle("truth", index === truth);
    bar.style.setProperty("--average", String(average[index]));
    bar.style.setProperty("--scaling", String(scaling[index]));
    bar.title = `${label}: average ${formatPercent(average[index])}, weight scaling ${formatPercent(scaling[index])}`;
  });
}

/**
 * @param {number[]} probabilities
 * @param {string[]} classes
 */
function top(probabilities, classes) {
  const most = Math.max(...probabilities);
  return `${classes[Math.max(probabilities.indexOf(most), 0)]} with ${formatPercent(most)}`;
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
