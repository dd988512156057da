// What was seen: one paragraph from the run’s own numbers, those of other seeds beside it, and what it does not show.

/** @import { Experiment, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../dom.js";
import { guessesOf } from "../guesses.js";
import { readSeen } from "../sightings.js";
import { formatCount } from "../stats.js";
import { besideOthers, besideWords, seenWords } from "../words/seen/index.js";

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
  const beside = h(document, "details", { class: "seen-beside", hidden: true }, summary, table);
  const admits = h(document, "p");
  const aside = h(document, "div", { class: "seen-admits" }, h(document, "h3", {}, "What this does not show"), admits);
  const heading = h(document, "h2", { id: "seen-title" }, "What was seen");
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
    beside.hidden = rows.length === 0;
    if (JSON.stringify(rows) !== current.rows) {
      current.rows = JSON.stringify(rows);
      table.replaceChildren(...tableRows(document, rows));
    }
  }

  /** @param {Experiment} experiment */
  function wait({ steps, search }) {
    const when = search ? "When candidates have been tried" : `When the ${formatCount(steps)} steps are done`;
    setText(words, `${when}, it is said here what was seen, from this run’s own numbers.`);
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

/**
 * @param {Document} document
 * @param {ReturnType<typeof besideOthers>} rows
 */
function tableRows(document, rows) {
  const head = ["", "this run", "other seeds"].map((text) => h(document, "th", { scope: "col" }, text));
  const body = rows.map(({ label, here, elsewhere, isUsual }) => {
    const cells = [here, `${elsewhere}${isUsual ? "" : " ✕"}`].map((text) => h(document, "td", {}, text));
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
