// What was seen: one paragraph from the run’s own numbers, those of other seeds beside it, and what it does not show.

/** @import { Experiment, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { dots } from "../charts/dots.js";
import { readSeen } from "../model/findings.js";
import { formatCount } from "../model/stats.js";
import { guessesOf } from "../state/guesses.js";
import { agreementWords, besideOthers, besideWords, seenWords } from "../words/seen/index.js";

/** @type {Topic[]} */
export const topics = ["run", "scores", "insights", "ensemble", "experiment"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const words = h(document, "p", { class: "seen-words", role: "status" });
  const summary = h(document, "summary");
  const table = h(document, "table", { class: "seen-table" });
  const key = h(document, "p", { class: "seen-key" });
  const agreement = h(document, "p", { class: "seen-agreement" });
  const scroll = h(document, "div", { class: "seen-scroll" }, table);
  const beside = h(document, "details", { class: "seen-beside", hidden: true }, summary, key, scroll, agreement);
  const admits = h(document, "p");
  const aside = h(document, "details", { class: "seen-admits" }, h(document, "summary", {}, "Limits"), admits);
  const heading = h(document, "h2", { id: "seen-title" }, "Result");
  element.append(h(document, "div", { class: "seen-what" }, heading, words, beside), aside);
  element.setAttribute("aria-labelledby", "seen-title");
  const guesses = guessesOf(document);
  const current = { run: "", step: -1, rows: "" };

  /** @param {State & { run: Run, experiment: Experiment }} state */
  function write(state) {
    const { experiment, run } = state;
    const reading = readSeen(state, guesses.get(run.id));
    const rows = besideOthers(reading, experiment.expected ?? []);
    Object.assign(current, { run: run.id, step: run.step });
    setText(words, seenWords(reading));
    setText(summary, besideWords(rows));
    setText(key, keyWords(rows));
    setText(agreement, agreementWords(experiment.expected ?? []));
    beside.hidden = rows.length === 0;
    if (JSON.stringify(rows) !== current.rows) {
      current.rows = JSON.stringify(rows);
      table.replaceChildren(...tableRows(document, rows));
    }
  }

  /** @param {Experiment} experiment */
  function wait({ steps, search }) {
    const when = search ? "When candidates have been tried" : `When the ${formatCount(steps)} steps are done`;
    setText(words, `${when}, the result of this run will appear here.`);
    beside.hidden = true;
    Object.assign(current, { run: "", step: -1 });
  }

  return {
    update() {
      const { run, experiment } = store.state;
      element.hidden = experiment === null;
      if (!experiment) {
        return;
      }
      setText(admits, experiment.admits);
      aside.hidden = experiment.admits === "";
      if (run && isDue(store.state, run, experiment)) {
        write({ ...store.state, run, experiment });
      } else if (!run || run.id !== current.run || store.state.steps.last < current.step) {
        wait(experiment);
      }
      element.toggleAttribute("data-due", current.run !== ""); // it has its place once it has something to say
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}

/**
 * Whether it is time to say what was seen: the run stands still, more than half of the way, and was evaluated there.
 * @param {State} state
 * @param {Run} run
 * @param {Experiment} experiment
 */
function isDue({ scores, revealed }, run, experiment) {
  if (run.state !== "paused" || !revealed || scores.length === 0 || scores.step[scores.length - 1] !== run.step) {
    return false;
  }
  return run.search ? run.search.results?.length > 0 : run.step > (run.stop_at ?? experiment.steps) / 2;
}

/** @param {ReturnType<typeof besideOthers>} rows */
function keyWords(rows) {
  const line = rows.some(({ reference }) => reference !== null)
    ? " The line is the mean of plain PyTorch on the same data."
    : "";
  return `Each dot is the value of one seed; the diamond is this run.${line}`;
}

/**
 * @param {Document} document
 * @param {ReturnType<typeof besideOthers>} rows
 */
function tableRows(document, rows) {
  const head = ["", "this run", "other seeds", "from least to greatest"].map((text) =>
    h(document, "th", { scope: "col" }, text),
  );
  const body = rows.map((row) => {
    const { label, here, elsewhere, isUsual, seeds } = row;
    const picture = dots(document, row, `${here} in this run, ${elsewhere} with ${formatCount(seeds)} other seeds`);
    const cells = [`${here}${isUsual ? "" : " ✕"}`, picture, elsewhere].map((content) =>
      h(document, "td", {}, content),
    );
    return h(
      document,
      "tr",
      { class: isUsual ? null : "is-odd" },
      h(document, "th", { scope: "row" }, label),
      ...cells,
    );
  });
  return [h(document, "thead", {}, h(document, "tr", {}, ...head)), h(document, "tbody", {}, ...body)];
}
