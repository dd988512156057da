// The native input for a knob: slider, number, list of numbers, choice, switch or text.

/** @import { Knob } from "../types.js" */
/** @import { FieldOptions } from "./fields.js" */

import { h, setText } from "../dom.js";

/** @typedef {{ element: HTMLElement, write: (value: *) => void }} Input */
/** @typedef {(options: FieldOptions, emit: (value: *) => void) => Input} Maker */

/**
 * Which input suits a knob.
 * @param {Knob} knob
 */
export function kind(knob) {
  if (knob.items && knob.type === "integer") {
    return "list";
  }
  return knob.type === "number" || (knob.type === "integer" && (knob.max ?? 0) <= 1000 && knob.step !== 1)
    ? "slider"
    : knob.type;
}

/**
 * @param {FieldOptions} options
 * @param {(value: *) => void} emit Takes what the reader chose.
 * @returns {Input}
 */
export function createInput(options, emit) {
  return MAKERS[kind(options.knob)](options, emit);
}

/** @type {Record<string, Maker>} */
const MAKERS = { slider, integer, list, choice, boolean: toggle, text };

/**
 * What every input has.
 * @param {FieldOptions} options
 */
function common({ knob, id, context, label }) {
  return {
    id,
    title: knob.help,
    "aria-describedby": `${id}-help ${id}-trouble`,
    "aria-label": context ? `${label ?? knob.label}, ${context}` : null,
  };
}

/**
 * Writes values into an input as they are.
 * @param {HTMLInputElement | HTMLSelectElement} input
 */
function valueInto(input) {
  return (/** @type {*} */ value) => {
    input.value = String(value);
  };
}

/** @type {Maker} */
function slider(options, emit) {
  const { document, knob, id } = options;
  const { toRange, fromRange, min, max, step } = scale(knob);
  const range = h(document, "input", { type: "range", min, max, step, ...common(options) });
  const output = h(document, "output", { for: id });
  const tell = (/** @type {number} */ value) => {
    setText(output, shownNumber(knob, value));
    range.setAttribute("aria-valuetext", `${shownNumber(knob, value)} ${knob.unit}`.trim());
  };
  range.addEventListener("input", () => {
    const value = fromRange(range.valueAsNumber);
    tell(value);
    emit(value);
  });
  return {
    element: h(document, "span", { class: "slide" }, range, output),
    write(value) {
      range.value = String(toRange(value));
      tell(value);
    },
  };
}

/**
 * How a knob's values lie on a slider: as they are, or as their logarithm to base 10.
 * @param {Knob} knob
 */
export function scale({ scale, min = 0, max = 1, step = 0.01 }) {
  const decimals = Math.max(0, -Math.floor(Math.log10(step)) + 1);
  if (scale === "log") {
    return {
      min: Math.log10(min),
      max: Math.log10(max),
      step,
      toRange: (/** @type {number} */ value) => Math.log10(value),
      fromRange: (/** @type {number} */ value) => Math.min(max, Math.max(min, Number((10 ** value).toPrecision(2)))),
    };
  }
  return {
    min,
    max,
    step,
    toRange: (/** @type {number} */ value) => value,
    fromRange: (/** @type {number} */ value) => Number(value.toFixed(decimals)),
  };
}

/**
 * @param {Knob} knob
 * @param {number} value
 */
export function shownNumber(knob, value) {
  if (knob.scale === "log" || knob.type === "integer") {
    return value >= 0.001 || value === 0
      ? value.toLocaleString("en", { maximumSignificantDigits: 3 })
      : value.toExponential(1);
  }
  return value.toFixed(Math.max(2, Math.ceil(-Math.log10(knob.step ?? 0.01))));
}

/** @type {Maker} */
function integer(options, emit) {
  const { document, knob } = options;
  const { min, max, step } = knob;
  const input = h(document, "input", { type: "number", inputmode: "numeric", min, max, step, ...common(options) });
  input.addEventListener("change", () => {
    if (input.reportValidity() && input.value !== "") {
      emit(input.valueAsNumber);
    }
  });
  return {
    element: h(document, "span", { class: "entry" }, input, h(document, "span", { class: "unit" }, knob.unit)),
    write: valueInto(input),
  };
}

/** @type {Maker} */
function choice(options, emit) {
  const { document, knob } = options;
  const choices = (knob.choices ?? []).map(({ value, help }) =>
    h(document, "option", { value, title: help }, words(value)),
  );
  const select = h(document, "select", common(options), ...choices);
  select.addEventListener("change", () => emit(select.value));
  return { element: select, write: valueInto(select) };
}

/** @type {Maker} */
function toggle(options, emit) {
  const input = h(options.document, "input", { type: "checkbox", role: "switch", ...common(options) });
  input.addEventListener("change", () => emit(input.checked));
  return {
    element: input,
    write(value) {
      input.checked = value;
    },
  };
}

/** @type {Maker} */
function text(options, emit) {
  const { document, knob } = options;
  const limits = { minlength: knob.min, maxlength: knob.max, required: true };
  const input = h(document, "input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    ...limits,
    ...common(options),
  });
  input.addEventListener("change", () => {
    if (input.reportValidity()) {
      emit(input.value);
    }
  });
  return { element: input, write: valueInto(input) };
}

/**
 * A list of numbers, such as the widths of the hidden layers: it grows and shrinks at its end.
 * @type {Maker}
 */
function list(options, emit) {
  const { document, knob, id } = options;
  const inputs = h(document, "span", { class: "list-items", role: "group", "aria-label": knob.label });
  const state = { values: /** @type {number[]} */ ([]) };
  const more = h(document, "button", { type: "button", title: "One layer more", "aria-label": "Add a layer" }, "+");
  const less = h(
    document,
    "button",
    { type: "button", title: "One layer less", "aria-label": "Remove the last layer" },
    "−",
  );
  more.addEventListener("click", () => emit([...state.values, state.values[state.values.length - 1]]));
  less.addEventListener("click", () => emit(state.values.slice(0, -1)));

  /**
   * @param {number} value
   * @param {number} index
   */
  function item(value, index) {
    const name = index === 0 ? common(options) : { title: knob.help };
    const limits = { min: knob.min, max: knob.max, step: knob.step, required: true };
    const label = `${knob.label}, ${index + 1} of ${state.values.length}`;
    const input = h(document, "input", { type: "number", ...limits, ...name, "aria-label": label, value });
    input.addEventListener("change", () => {
      if (input.reportValidity()) {
        emit(state.values.with(index, input.valueAsNumber));
      }
    });
    return input;
  }

  return {
    element: h(document, "span", { class: "list" }, inputs, less, more),
    write(values) {
      if (JSON.stringify(values) !== JSON.stringify(state.values)) {
        state.values = [...values];
        inputs.replaceChildren(...state.values.map(item));
        more.hidden = values.length >= (knob.max_items ?? Number.POSITIVE_INFINITY);
        less.hidden = values.length <= (knob.min_items ?? 1);
        inputs.dataset.for = id;
      }
    },
  };
}

/**
 * A value of a choice as words.
 * @param {string} value
 */
export function words(value) {
  return value.replaceAll("_", " ");
}
