// One control for one knob, made from its description in the schema: label, help, unit, value, range, keyboard.

/** @import { Knob } from "../types.js" */

import { h, setText } from "../dom.js";
import { createInput, kind, words } from "./inputs.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {(value: *) => void} show Show a value, unless one of the reader's own is on its way.
 * @property {(changed: boolean) => void} mark Mark it as waiting for a new run.
 */

/**
 * @typedef {object} FieldOptions
 * @property {Document} document
 * @property {Knob} knob
 * @property {string} id Unique in the page.
 * @property {string} [label] In place of the knob's own.
 * @property {string} [context] For those who hear the page: which network or layer this is.
 * @property {*} value
 * @property {(value: *) => (Promise<*> | void)} change Take a new value; where it is refused, rejects with the reason.
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
      await change(value);
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
  const { tip, help } = toggletip(document, id, label, helpOf(knob));
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
  };
}

/** @param {Knob} knob */
function helpOf(knob) {
  const unit = knob.unit ? ` Unit: ${knob.unit}.` : "";
  const choices = (knob.choices ?? []).map(({ value, help }) => ` ${words(value)}: ${help}.`).join("");
  return `${knob.help}${unit}${choices}`;
}

/**
 * A “?” that opens the help below the control.
 * @param {Document} document
 * @param {string} id
 * @param {string} label
 * @param {string} text
 */
export function toggletip(document, id, label, text) {
  const help = h(document, "p", { class: "help", id: `${id}-help`, hidden: true }, text);
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
  });
  return { tip, help };
}
