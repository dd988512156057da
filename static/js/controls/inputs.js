// The native input for a knob: slider, number, list of numbers, choice, switch or text.

/** @import { Knob } from "../types.js" */
/** @import { FieldOptions } from "./fields.js" */

import { h, setText } from "../base/dom.js";
import { choiceWords, shownNumber, valueWords } from "../model/knobs.js";

/**
 * @typedef {object} Input
 * @property {HTMLElement} element
 * @property {(value: *) => void} write
 * @property {(reasons: Record<string, string>) => void} [limit] Of a choice: which values cannot be chosen now, and why.
 */

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
  return options.knob.optional ? optional(options, emit) : MAKERS[kind(options.knob)](options, emit);
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
 * How a knob's values lie on a slider: as they are, or as their logarithm to base 10. Where that scale has a smallest value,
 * the place to the left of it is 0.
 * @param {Knob} knob
 */
export function scale({ scale, smallest, min = 0, max = 1, step = 0.01 }) {
  if (scale !== "log") {
    const decimals = Math.max(0, -Math.floor(Math.log10(step)) + 1);
    return {
      min,
      max,
      step,
      toRange: (/** @type {number} */ value) => value,
      fromRange: (/** @type {number} */ value) => Number(value.toFixed(decimals)),
    };
  }
  const least = smallest ?? min;
  const first = Math.log10(least);
  const off = smallest === undefined ? first : first - step;
  return {
    min: off,
    max: Math.log10(max),
    step,
    toRange: (/** @type {number} */ value) => (value < least ? off : Math.log10(value)),
    fromRange(/** @type {number} */ place) {
      const value = Math.min(max, Math.max(least, Number((10 ** place).toPrecision(2))));
      return place < first - step / 2 ? 0 : value;
    },
  };
}

/** @type {Maker} */
function integer(options, emit) {
  const { document, knob } = options;
  const { min, max } = knob; // the knob's step is for sliders: any whole number may be typed
  const input = h(document, "input", { type: "number", inputmode: "numeric", min, max, step: 1, ...common(options) });
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
    h(document, "option", { value, title: help }, choiceWords(knob, value)),
  );
  const select = h(document, "select", common(options), ...choices);
  select.addEventListener("change", () => emit(select.value));
  return {
    element: select,
    write: valueInto(select),
    limit(reasons) {
      for (const option of choices) {
        const reason = reasons[option.value];
        option.disabled = reason !== undefined;
        setText(option, choiceWords(knob, option.value) + (reason ? ` (${reason})` : ""));
      }
    },
  };
}

/**
 * A knob that may be left to the run: a switch, and beside it the run's value or one of its own.
 * @param {FieldOptions} options
 * @param {(value: *) => void} emit
 * @returns {Input}
 */
function optional(options, emit) {
  const { document, knob, id, context } = options;
  const label = options.label ?? knob.label;
  const own = h(document, "input", { type: "checkbox", role: "switch", ...common(options) });
  const inner = { ...options, knob: { ...knob, optional: false }, id: `${id}-value`, context: context ?? "" };
  const input = createInput({ ...inner, label: `${label}, its value` }, emit);
  const asRun = h(document, "span", { class: "unit" });
  const element = h(document, "span", { class: "optional" }, own, asRun, input.element);
  own.addEventListener("change", () => emit(own.checked ? (options.ofRun?.() ?? knob.min) : null));
  return {
    element,
    write(value) {
      own.checked = value !== null;
      asRun.hidden = own.checked;
      input.element.hidden = !own.checked;
      setText(asRun, `as the run: ${valueWords(knob, options.ofRun?.() ?? null)}`);
      if (own.checked) {
        input.write(value);
      }
    },
  };
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
  const { document, knob, id, context } = options;
  const called = [options.label ?? knob.label, context].filter(Boolean).join(", ");
  const inputs = h(document, "span", { class: "list-items", role: "group", "aria-label": called });
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
    const label = `${called}, ${index + 1} of ${state.values.length}`;
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
