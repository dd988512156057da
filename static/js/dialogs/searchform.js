// A small form that starts a search from the run that is shown.

/** @import { Search } from "../model/candidates.js" */
/** @import { Knob } from "../types.js" */

import { h } from "../base/dom.js";
import { applies, choiceWords, valueIn } from "../model/knobs.js";
import { capital } from "../words/common.js";
import { shownRate } from "../words/search.js";

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {Knob[]} options.knobs Those of a search, as the schema has them.
 * @param {(search: Record<string, *>) => void} options.start
 */
export function createSearchForm({ document, knobs, start }) {
  const fields = knobs.map((knob) => {
    const input = inputFor(document, knob);
    const label = h(document, "label", { for: input.id }, capital(knob.label));
    return { knob, input, row: h(document, "p", { class: "search-field" }, label, input) };
  });
  const lists = fields.filter(({ knob }) => knob.items);
  const methods = fields.filter(({ knob }) => knob.type === "choice");
  const trouble = h(document, "p", { class: "trouble", role: "alert" });
  const button = h(document, "button", { type: "submit", class: "primary" }, "Start a search");
  const hint = h(document, "p", { class: "quiet" });
  const rows = fields.map(({ row }) => row);
  const form = h(document, "form", { class: "search-form", novalidate: true }, ...rows, hint, trouble, button);
  const shown = { of: "" };

  /** Knobs that mean something with the method that is chosen. */
  function needed() {
    const chosen = /** @type {*} */ (Object.fromEntries(methods.map(({ knob, input }) => [knob.name, input.value])));
    return fields.filter(({ knob }) => applies(knob, chosen));
  }

  function adapt() {
    const shownNow = needed();
    for (const { row } of fields) {
      row.hidden = shownNow.every((field) => field.row !== row);
    }
    const many = lists.map(({ input }) => numbers(input.value).length);
    const product = many.reduce((all, size) => all * size, 1);
    const isGrid = shownNow.every(({ knob }) => knob.name !== "candidates");
    hint.textContent = methods
      .flatMap(({ knob, input }) => knob.choices?.filter(({ value }) => value === input.value) ?? [])
      .map(({ help }) => `${capital(help)}${isGrid ? `: ${many.join(" × ")} = ${product} candidates` : ""}.`)
      .join(" ");
  }

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const wrong = lists.find(({ input }) => input.value.trim() === "" || numbers(input.value).some(Number.isNaN));
    if (wrong) {
      trouble.textContent = `${capital(wrong.knob.label)} must be numbers with commas between them.`;
      wrong.input.focus();
      return;
    }
    trouble.textContent = "";
    start(Object.fromEntries(needed().map(({ knob, input }) => [knob.name, readAs(knob, input.value)])));
  }

  form.addEventListener("submit", submit);
  form.addEventListener("input", adapt);
  form.addEventListener("keydown", (event) => event.stopPropagation()); // elsewhere on the page keys play and step

  return {
    element: form,
    /**
     * Fill the form with what the run searches; what the reader has written stays until the run is another.
     * @param {string} run
     * @param {Search} search
     */
    fill(run, search) {
      if (shown.of === run) {
        return;
      }
      shown.of = run;
      for (const { knob, input } of fields) {
        const value = valueIn(search, knob.name);
        input.value = knob.items ? value.map(shownRate).join(", ") : String(value);
      }
      adapt();
    },
    /** @param {boolean} mayStart */
    allow(mayStart) {
      button.disabled = !mayStart;
      button.title = mayStart ? "" : "Only the owner of the run can start a search.";
    },
  };
}

/**
 * @param {Document} document
 * @param {Knob} knob
 */
function inputFor(document, knob) {
  const about = { id: `search-${knob.name}`, title: knob.help, autocomplete: "off" };
  if (knob.type === "choice") {
    const options = (knob.choices ?? []).map(({ value }) =>
      h(document, "option", { value }, capital(choiceWords(knob, value))),
    );
    return h(document, "select", about, ...options);
  }
  const { min, max, step } = knob;
  return knob.items
    ? h(document, "input", { ...about, type: "text", inputmode: "decimal" })
    : h(document, "input", { ...about, type: "number", min, max, step });
}

/**
 * @param {Knob} knob
 * @param {string} text
 */
function readAs(knob, text) {
  return knob.items ? numbers(text) : knob.type === "choice" ? text : text === "" ? null : Number(text);
}

/** @param {string} text */
function numbers(text) {
  return text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
}
