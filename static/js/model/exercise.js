// A teacher’s exercise: a question about a run, its choices, and which knobs may be moved. All of it is in the address. What stands
// there is a stranger’s: it is looked at before anything of it is shown, and shown as text.

/** @import { Config, Exercise, Knob, Schema } from "../types.js" */

import { isPrintable, visible } from "./printable.js";

/** The parameter of the address: JSON in base64url. exercise-boot.js reads it, too. */
export const EXERCISE = "exercise";

/** Characters at most, and how many choices. */
export const LIMITS = { title: 80, question: 300, choice: 80, after: 300, leastChoices: 2, mostChoices: 6 };

const FIELDS = ["title", "question", "choices", "right", "after", "first", "knobs", "panels"];
const SIDES = /** @type {const} */ (["run", "lane"]);
const QUOTED = 24; // characters of what cannot be read

/**
 * @param {Exercise} exercise
 * @returns {string} As it stands in an address.
 */
export function encode({ title, question, choices, right, after, first, knobs, panels }) {
  const sides = SIDES.filter((side) => knobs[side].length > 0).map((side) => [side, knobs[side]]);
  const plain = {
    ...{ title, question, choices },
    ...(right === null ? {} : { right }),
    ...(after === "" ? {} : { after }),
    ...(first ? { first } : {}),
    ...(sides.length > 0 ? { knobs: Object.fromEntries(sides) } : {}),
    ...(panels.length > 0 ? { panels } : {}),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(plain));
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * @param {string} text As it stands in an address.
 * @param {Schema} schema
 * @returns {Exercise}
 * @throws {RangeError} It is none; the message says why, as the end of a sentence.
 */
export function decode(text, schema) {
  return checked(parsed(text), schema);
}

/** @param {string} text */
function parsed(text) {
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    const start = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
    throw new RangeError(`“${visible(start)}” is not JSON in base64url: the link is cut off or was changed`);
  }
}

/**
 * @param {*} given
 * @param {Schema} schema
 * @returns {Exercise}
 * @throws {RangeError} It is no exercise of this lab.
 */
export function checked(given, schema) {
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    throw new RangeError("it is no object");
  }
  const strange = Object.keys(given).find((name) => !FIELDS.includes(name));
  if (strange !== undefined) {
    throw new RangeError(`it has “${visible(strange)}”, and may have ${FIELDS.join(", ")}`);
  }
  const title = line(given.title, "its title", LIMITS.title);
  const question = line(given.question, "its question", LIMITS.question);
  const choices = choicesOf(given.choices);
  return {
    ...{ title, question, choices },
    right: rightOf(given.right ?? null, choices.length),
    after: (given.after ?? "") === "" ? "" : line(given.after, "the text shown afterwards", LIMITS.after),
    first: flag(given.first ?? false),
    knobs: knobsOf(given.knobs ?? {}, schema),
    panels: names(
      given.panels ?? [],
      schema.panels.map(({ id }) => id),
      "panel",
    ),
  };
}

/**
 * @param {*} text
 * @param {string} what
 * @param {number} most Characters.
 */
function line(text, what, most) {
  if (typeof text !== "string" || text.trim() === "") {
    throw new RangeError(`${what} is missing: it must be a line of 1 to ${most} characters`);
  }
  const length = [...text].length;
  if (length > most) {
    throw new RangeError(`${what} has ${length} characters, and may have ${most}`);
  }
  if (!isPrintable(text)) {
    throw new RangeError(`${what} has characters that cannot be seen: “${visible(text)}”`);
  }
  return text.trim();
}

/** @param {*} given */
function choicesOf(given) {
  const { leastChoices, mostChoices } = LIMITS;
  if (!Array.isArray(given) || given.length < leastChoices || given.length > mostChoices) {
    const count = Array.isArray(given) ? given.length : 0;
    throw new RangeError(`it has ${count} choices: there must be ${leastChoices} to ${mostChoices}`);
  }
  const choices = given.map((text, index) => line(text, `its choice ${index + 1}`, LIMITS.choice));
  const twice = choices.findIndex((text, index) => choices.indexOf(text) !== index);
  if (twice >= 0) {
    throw new RangeError(`its choices ${choices.indexOf(choices[twice]) + 1} and ${twice + 1} are the same`);
  }
  return choices;
}

/**
 * @param {*} given
 * @param {number} count Of choices.
 */
function rightOf(given, count) {
  if (given !== null && !(Number.isInteger(given) && given >= 0 && given < count)) {
    throw new RangeError(
      `its right answer is “${visible(String(given))}”: it must be a whole number from 0 to ${count - 1}`,
    );
  }
  return given;
}

/** @param {*} given */
function flag(given) {
  if (typeof given !== "boolean") {
    throw new RangeError(`first is “${visible(String(given))}”: it must be true or false`);
  }
  return given;
}

/**
 * @param {*} given
 * @param {Schema} schema
 */
function knobsOf(given, schema) {
  const isObject = given !== null && typeof given === "object" && !Array.isArray(given);
  if (!isObject || Object.keys(given).some((side) => side !== "run" && side !== "lane")) {
    throw new RangeError("its knobs must be an object of run and lane, each a list of names");
  }
  const [run, lane] = SIDES.map((side) => {
    const known = offered(schema, side).map(({ name }) => name);
    return names(given[side] ?? [], known, `knob of a ${side === "run" ? "run" : "network"}`);
  });
  return { run, lane };
}

/**
 * @param {*} given
 * @param {readonly string[]} known
 * @param {string} what
 * @returns {string[]}
 */
function names(given, known, what) {
  if (!Array.isArray(given)) {
    throw new RangeError(`“${visible(String(given))}” is no list of names of a ${what}`);
  }
  const strange = given.find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new RangeError(`“${visible(String(strange))}” is no ${what}: there are ${known.join(", ")}`);
  }
  return [...new Set(given)];
}

/**
 * The knobs that an exercise may leave to its readers: those that have a control of their own.
 * @param {Schema} schema
 * @param {"run" | "lane"} side
 * @returns {Knob[]}
 */
export function offered(schema, side) {
  return side === "run"
    ? schema.run.filter(({ name }) => name !== "table")
    : schema.lane.filter(({ group }) => group !== "class");
}

/**
 * Whether a knob may be moved.
 * @param {Exercise | null} exercise `null`: there is none, and all may be.
 * @param {"run" | "lane"} side
 * @param {string} name
 */
export function allows(exercise, side, name) {
  return exercise === null || exercise.knobs[side].includes(name);
}

/**
 * The knobs that a change would move and that may not be.
 * @param {Exercise} exercise
 * @param {number | null} lane `null`: it is a change of the run.
 * @param {Record<string, *>} knobs
 */
export function refusedOf(exercise, lane, knobs) {
  return Object.keys(knobs).filter((name) => !allows(exercise, lane === null ? "run" : "lane", name));
}

/**
 * The knobs in which another run would differ from this one, and that may not be moved. Other data, or another network, bring what
 * goes with them.
 * @param {Exercise} exercise
 * @param {Config} now
 * @param {Partial<Config>} wanted
 * @returns {string[]}
 */
export function refusedRun(exercise, now, { lanes, ...knobs }) {
  const differs = (/** @type {*} */ one, /** @type {*} */ other) => JSON.stringify(one) !== JSON.stringify(other);
  const plain = /** @type {Record<string, *>} */ (now);
  const moved = Object.entries(knobs)
    .filter(([name, value]) => differs(value, plain[name]))
    .map(([name]) => name);
  if (moved.some((name) => ["dataset", "network"].includes(name) && allows(exercise, "run", name))) {
    return [];
  }
  const refused = refusedOf(exercise, null, Object.fromEntries(moved.map((name) => [name, true])));
  if (lanes && lanes.length !== now.lanes.length) {
    return [...refused, "networks"];
  }
  const own = (lanes ?? []).flatMap((lane, index) => {
    const before = /** @type {Record<string, *>} */ (now.lanes[index]);
    return Object.entries(lane)
      .filter(([name, value]) => differs(value, before[name]) && !allows(exercise, "lane", name))
      .map(([name]) => name);
  });
  return [...new Set([...refused, ...own])];
}
