// The data, chosen by small pictures. A click starts a new run with them at once; “Undo” takes it back.

/** @import { Change, Config, Knob, Run, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { choiceWords } from "../model/knobs.js";
import { datasetPicture } from "../paint/datasets.js";
import { draftKnob, proposed } from "../state/draft.js";

/** @typedef {{ id: string, config: Config, changes: Change[], experiment: string | null }} Before */

/**
 * @param {Knob} knob
 * @param {ViewOptions & { chooseTable: () => void }} options
 */
export function createDatasets(knob, { document, store, actions, chooseTable }) {
  const buttons = (knob.choices ?? []).map(({ value, help }) => {
    const button = h(
      document,
      "button",
      { type: "button", class: "dataset", "data-choice": value, title: help, "aria-pressed": "false" },
      datasetPicture(document, value),
      h(document, "span", {}, choiceWords(knob, value)),
    );
    button.addEventListener("click", () => void choose(value));
    return button;
  });
  const undo = h(document, "button", { type: "button", class: "datasets-undo", hidden: true }, "Undo");
  undo.title = "Back to the run before, from step 0";
  /** What is undone: the run before, and the run that took its place. */
  const now = { back: /** @type {Before | null} */ (null), taken: "" };
  const learns = h(document, "p", { class: "quiet" });
  const list = h(document, "div", { class: "datasets", role: "group", "aria-label": "Data" }, ...buttons);

  /** @param {string} value */
  async function choose(value) {
    const { run, schema, draft } = store.state;
    if (value === "csv") {
      chooseTable();
      return;
    }
    if (!run || !schema || (value === run.config.dataset && !draft.knobs.dataset)) {
      return;
    }
    const wanted = proposed(draftKnob(draft, knob.name, value, run.config, schema), run.config, schema);
    now.back = { id: run.id, config: run.first_config, changes: run.changes, experiment: run.experiment };
    now.taken = "";
    await actions.newRun(wanted);
  }

  undo.addEventListener("click", () => {
    const { back } = now;
    if (back) {
      const { config, changes, experiment } = back;
      now.back = null;
      void actions.newRun(config, { changes, experiment });
    }
  });

  return {
    elements: [h(document, "div", { class: "datasets-head" }, h(document, "h3", {}, "Data"), undo), list, learns],
    /**
     * @param {Run} run
     * @param {Config} wanted
     * @param {string} text What the run learns.
     */
    show(run, wanted, text) {
      if (now.back && now.taken === "" && run.id !== now.back.id) {
        now.taken = run.id;
      }
      undo.hidden = !now.back || now.taken !== run.id;
      for (const button of buttons) {
        const { choice } = button.dataset;
        button.setAttribute("aria-pressed", String(choice === run.config.dataset));
        button.classList.toggle("drafted", choice === wanted.dataset && choice !== run.config.dataset); // its run is not started yet
      }
      setText(learns, text);
    },
  };
}
