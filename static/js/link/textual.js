// How a knob's value is read from and written to text, as the address holds it.

/** @import { Knob } from "../types.js" */

import { isPrintable } from "../model/printable.js";

/** @typedef {(text: string) => *} Reader */

/** @type {Record<Knob["type"], (knob: Knob) => Reader>} Reads one value or throws what would be allowed. */
const READERS = {
  number: (knob) => (text) => inRange(knob, text, Number(text), `a number from ${knob.min} to ${knob.max}`),
  integer: (knob) => (text) => {
    const allowed = `a whole number from ${knob.min} to ${knob.max}`;
    return inRange(knob, text, /^\d+$/.test(text) ? Number(text) : Number.NaN, allowed);
  },
  boolean: () => (text) => oneOf(text, { 0: false, 1: true, false: false, true: true }, "0 or 1"),
  choice: (knob) => (text) => {
    const values = (knob.choices ?? []).map(({ value }) => value);
    return oneOf(text, Object.fromEntries(values.map((value) => [value, value])), `one of ${values.join(", ")}`);
  },
  text: (knob) => (text) => {
    const { length } = [...text]; // as the server counts them
    if (length < (knob.min ?? 0) || length > (knob.max ?? Number.POSITIVE_INFINITY) || (text && !isPrintable(text))) {
      throw new RangeError(`a text of ${knob.min} to ${knob.max} characters that can be seen, in one line`);
    }
    return text;
  },
};

/**
 * @param {Knob} knob
 * @param {string} text
 * @param {number} value
 * @param {string} allowed
 */
function inRange(knob, text, value, allowed) {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = knob;
  if (text.trim() === "" || !(value >= min && value <= max)) {
    throw new RangeError(allowed);
  }
  return value;
}

/**
 * @param {string} text
 * @param {Record<string, *>} values
 * @param {string} allowed
 */
function oneOf(text, values, allowed) {
  if (!Object.hasOwn(values, text)) {
    throw new RangeError(allowed);
  }
  return values[text];
}

/** How a knob of a lane is written that is left to the run. */
const AS_RUN = "run";

/**
 * How one knob is read from and written to text.
 * @param {Knob} knob
 * @returns {{ read: Reader, write: (value: *) => string }}
 */
export function textual(knob) {
  const { read, write } = knob.items ? listed(knob) : { read: READERS[knob.type](knob), write: plain };
  if (!knob.optional) {
    return { read, write };
  }
  return {
    read: (text) => (text === AS_RUN ? null : read(text)),
    write: (value) => (value === null ? AS_RUN : write(value)),
  };
}

/** @param {*} value */
const plain = (value) => (typeof value === "boolean" ? String(Number(value)) : String(value));

/**
 * @param {Knob} knob
 * @returns {{ read: Reader, write: (value: *) => string }}
 */
function listed(knob) {
  const one = READERS[knob.type](knob);
  return {
    read(text) {
      const values = text.split(",").map(one);
      const { min_items: least = 1, max_items: most = Number.POSITIVE_INFINITY } = knob;
      if (values.length < least || values.length > most) {
        throw new RangeError(`${least} to ${most} values with commas between them`);
      }
      return values;
    },
    write: (values) => values.map(plain).join(","),
  };
}
