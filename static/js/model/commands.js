// What may be said to a run, as the schema has it: the page offers nothing beyond. Pure: no DOM.

/** @import { Argument, Schema } from "../types.js" */

/**
 * The limits of one argument of a command.
 * @param {Schema | null} schema
 * @param {string} command
 * @param {string} name
 * @returns {Argument | null} `null` while they are not known.
 */
export function argumentOf(schema, command, name) {
  const found = schema?.commands?.find((each) => each.name === command);
  return found?.arguments.find((each) => each.name === name) ?? null;
}

/**
 * Those of some values that an argument takes: all of them while its limits are not known.
 * @template T
 * @param {readonly T[]} values
 * @param {Argument | null} argument
 */
export function taken(values, argument) {
  if (!argument) {
    return [...values];
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, choices } = argument;
  return values.filter((value) => {
    if (value === null) {
      return argument.null !== undefined;
    }
    return choices ? choices.includes(/** @type {*} */ (value)) : Number(value) >= min && Number(value) <= max;
  });
}
