// One control for one knob, made from its description in the schema: label, help, unit, value, range, keyboard.

/** @import { Knob } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { markIn } from "../base/glossary.js";
import { choiceWords } from "../model/knobs.js";
import { createInput, kind } from "./inputs.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {(value: *) => void} show Show a value, unless one of the reader's own is on its way.
 * @property {(changed: boolean) => void} mark Mark it as waiting for a new run.
 * @property {(reasons: Record<string, string>) => void} limit Of a choice: which values cannot be chosen now, and why.
 */

/**
 * @typedef {object} FieldOptions
 * @property {Document} document
 * @property {Knob} knob
 * @property {string} id Unique in the page.
 * @property {string} [label] In place of the knob's own.
 * @property {string} [context] For those who hear the page: which network or layer this is.
 * @property {() => *} [ofRun] Of a knob that may be left to the run: the run's value.
 * @property {*} value
 * @property {(value: *) => *} change Take a new value, at once or in the end; `false`: it was not taken, and where it was
 *   refused, it rejects with the reason.
 */

/**
 * @param {FieldOptions} options
 * @returns {Field}
 */
export function createField(options) {
  const { document, knob, id, change } = options;
  const label = options.label ?? knob.label;
  const state = { shown: options.value, onTheWay: 0 };
  const trouble = h(document, "p", { class: "trouble", id: `${id}-trouble`, hidden: true });

  /** @param {*} value */
  async function emit(value) {
    state.onTheWay += 1;
    say("");
    try {
      const taken = await change(value);
      state.shown = taken === false ? state.shown : value;
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
    state.onTheWay -= 1;
    if (state.onTheWay === 0) {
      input.write(state.shown);
    }
  }

  /** @param {string} text */
  function say(text) {
    setText(trouble, text);
    trouble.hidden = text === "";
  }

  const input = createInput(options, emit);
  const { tip, help } = toggletip(document, id, label, knob);
  const caption = h(document, "label", { for: id, title: knob.help }, label);
  const element = h(
    document,
    "div",
    { class: `field field-${kind(knob)}` },
    caption,
    tip,
    input.element,
    help,
    trouble,
  );
  input.write(options.value);
  return {
    element,
    show(value) {
      state.shown = value;
      if (state.onTheWay === 0) {
        input.write(value);
      }
    },
    mark: (changed) => void element.classList.toggle("changed", changed),
    limit: (reasons) => input.limit?.(reasons),
  };
}

/**
 * A “?” that opens the help below the control.
 * @param {Document} document
 * @param {string} id
 * @param {string} label
 * @param {Knob} knob
 */
function toggletip(document, id, label, knob) {
  const help = h(document, "div", { class: "help", id: `${id}-about`, hidden: true }, ...helpOf(document, id, knob));
  const tip = h(
    document,
    "button",
    {
      type: "button",
      class: "helptip",
      "aria-label": `About ${label}`,
      "aria-expanded": "false",
      "aria-controls": help.id,
    },
    "?",
  );
  tip.addEventListener("click", () => {
    help.hidden = !help.hidden;
    tip.setAttribute("aria-expanded", String(!help.hidden));
    if (!help.hidden) {
      markIn(help);
    }
  });
  return { tip, help };
}

/**
 * What a knob does, what its choices mean, its formula, and how PyTorch and Keras write it.
 * @param {Document} document
 * @param {string} id
 * @param {Knob} knob
 */
function helpOf(document, id, knob) {
  const unit = knob.unit ? ` Unit: ${knob.unit}.` : "";
  const entry = (/** @type {string} */ term, /** @type {Node | string} */ told) =>
    h(document, "div", {}, h(document, "dt", {}, term), h(document, "dd", {}, told));
  const code = (/** @type {string} */ term, /** @type {string | undefined} */ text) =>
    text ? [entry(term, h(document, "code", {}, text))] : [];
  const entries = [
    ...(knob.choices ?? []).map(({ value, help }) => entry(choiceWords(knob, value), help)),
    ...code("Formula", knob.formula),
    ...code("PyTorch", knob.pytorch),
    ...code("Keras", knob.keras),
  ];
  const text = h(document, "p", { id: `${id}-help` }, `${knob.help}${unit}`);
  return entries.length > 0 ? [text, h(document, "dl", {}, ...entries)] : [text];
}
