// A small form that starts a search from the run that is shown.

/** @import { Search } from "../model/candidates.js" */
/** @import { Config } from "../types.js" */

import { h } from "../base/dom.js";
import { shownRate } from "../words/search.js";

/** What a search tries if nothing is said; learning rates are multiples of the run's. */
export const USUAL = {
  input: [0, 0.1, 0.2, 0.4],
  hidden: [0, 0.25, 0.5, 0.75],
  learning_rate: [0.25, 0.5, 1, 2],
  candidates: 64,
  steps: 1000,
  batch: 32,
};

const SPEED = { least: 1e-5, most: 1 }; // as the learning rate of a network may be

const LISTS = /** @type {const} */ ({
  input: "Input rates",
  hidden: "Hidden rates",
  learning_rate: "Learning rates",
});

const COUNTS = /** @type {const} */ ({
  candidates: { label: "Candidates", min: 1, max: 256, step: 1 },
  steps: { label: "Steps of each", min: 25, max: 5000, step: 25 },
  batch: { label: "Side by side", min: 1, max: 64, step: 1 },
});

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {(search: Record<string, *>) => void} options.start
 */
export function createSearchForm({ document, start }) {
  const method = h(document, "select", { id: "search-method" }, option("grid", "Grid"), option("random", "Random"));
  const lists = inputs(LISTS, (name) => ({ type: "text", inputmode: "decimal", id: `search-${name}` }));
  const counts = inputs(COUNTS, (name, { label: _, ...range }) => ({ type: "number", id: `search-${name}`, ...range }));
  const trouble = h(document, "p", { class: "trouble", role: "alert" });
  const button = h(document, "button", { type: "submit", class: "primary" }, "Start a search");
  const hint = h(document, "p", { class: "quiet" });
  const rows = {
    method: row("Method", method),
    ...Object.fromEntries(Object.entries(LISTS).map(([name, label]) => [name, row(label, lists[name])])),
    ...Object.fromEntries(Object.entries(COUNTS).map(([name, { label }]) => [name, row(label, counts[name])])),
  };
  const form = h(
    document,
    "form",
    { class: "search-form", novalidate: true },
    ...Object.values(rows),
    hint,
    trouble,
    button,
  );
  const shown = { of: "" };

  /**
   * @param {string} value
   * @param {string} text
   */
  function option(value, text) {
    return h(document, "option", { value }, text);
  }

  /**
   * @template T
   * @param {Record<string, T>} names
   * @param {(name: string, about: T) => Record<string, string | number>} attributes
   * @returns {Record<string, HTMLInputElement>}
   */
  function inputs(names, attributes) {
    return Object.fromEntries(
      Object.entries(names).map(([name, about]) => [
        name,
        h(document, "input", { ...attributes(name, about), autocomplete: "off" }),
      ]),
    );
  }

  /**
   * @param {string} label
   * @param {HTMLElement} input
   */
  function row(label, input) {
    return h(document, "p", { class: "search-field" }, h(document, "label", { for: input.id }, label), input);
  }

  function adapt() {
    const isGrid = method.value === "grid";
    /** @type {Record<string, HTMLElement>} */ (rows).candidates.hidden = isGrid;
    const many = Object.values(lists).map(({ value }) => numbers(value).length);
    hint.textContent = isGrid
      ? `Every combination: ${many.join(" × ")} = ${many.reduce((product, size) => product * size, 1)} candidates.`
      : "Drawn between the least and the greatest of each list; learning rates evenly in their logarithm.";
  }

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const wrong = Object.entries(lists).find(
      ([, { value }]) => value.trim() === "" || numbers(value).some(Number.isNaN),
    );
    if (wrong) {
      trouble.textContent = `${LISTS[/** @type {keyof typeof LISTS} */ (wrong[0])]} must be numbers with commas between them.`;
      wrong[1].focus();
      return;
    }
    trouble.textContent = "";
    const given = Object.entries(counts).filter(([name]) => name !== "candidates" || method.value === "random");
    start({
      method: method.value,
      ...Object.fromEntries(Object.entries(lists).map(([name, { value }]) => [name, numbers(value)])),
      ...Object.fromEntries(given.map(([name, input]) => [name, input.valueAsNumber])),
    });
  }

  form.addEventListener("submit", submit);
  form.addEventListener("input", adapt);
  form.addEventListener("keydown", (event) => event.stopPropagation()); // elsewhere on the page keys play and step

  return {
    element: form,
    /**
     * Fill the form with what the run searches, or with what suits it; what the reader has written stays until the run is
     * another.
     * @param {string} run
     * @param {Pick<Config, "learning_rate">} config
     * @param {Search | null} search
     */
    fill(run, config, search) {
      if (shown.of === run) {
        return;
      }
      shown.of = run;
      const given = /** @type {Record<string, *>} */ (search ?? { method: "grid", ...usualFor(config) });
      method.value = given.method;
      for (const [name, input] of Object.entries(lists)) {
        input.value = given[name].map(shownRate).join(", ");
      }
      for (const [name, input] of Object.entries(counts)) {
        input.value = String(given[name]);
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

/** @param {Pick<Config, "learning_rate">} config */
function usualFor({ learning_rate: usual }) {
  const speeds = USUAL.learning_rate.map((times) => Math.min(SPEED.most, Math.max(SPEED.least, times * usual)));
  return { ...USUAL, learning_rate: [...new Set(speeds)] };
}

/** @param {string} text */
function numbers(text) {
  return text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
}
