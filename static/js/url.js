// The address holds the run: its knobs where they differ from what is recommended for its data set, and its changes.
// One table, made from the schema, both reads and writes it:
//   ?train_size=200&lane=dropout:0.2,0.5,0.5,0.5;name:Dropout&change=301;lane:1;batch_norm:1

/** @import { Change, Config, Knob, Schema } from "./types.js" */

/** @typedef {{ parameter: string, value: string, text: string }} UrlError `text` says it to the reader. */

/**
 * @typedef {object} Address
 * @property {string | null} run The id of a run to watch.
 * @property {Partial<Config>} config
 * @property {Change[]} changes
 * @property {UrlError[]} errors What could not be read; the default stands in for it.
 */

/** A link longer than this is cut by some chat programs and mail readers. */
export const MAX_LENGTH = 6000;

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
    if (text.length < (knob.min ?? 0) || text.length > (knob.max ?? Number.POSITIVE_INFINITY)) {
      throw new RangeError(`a text of ${knob.min} to ${knob.max} characters`);
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

/**
 * How one knob is read from and written to text.
 * @param {Knob} knob
 * @returns {{ read: Reader, write: (value: *) => string }}
 */
export function textual(knob) {
  const one = READERS[knob.type](knob);
  const write = (/** @type {*} */ value) => (typeof value === "boolean" ? String(Number(value)) : String(value));
  if (!knob.items) {
    return { read: one, write };
  }
  return {
    read(text) {
      const values = text.split(",").map(one);
      const { min_items: least = 1, max_items: most = Number.POSITIVE_INFINITY } = knob;
      if (values.length < least || values.length > most) {
        throw new RangeError(`${least} to ${most} values with commas between them`);
      }
      return values;
    },
    write: (values) => values.map(write).join(","),
  };
}

/**
 * Read `name:value;name:value`. A text knob takes all that is left, so it may hold any character.
 * @param {readonly Knob[]} knobs
 * @param {string} text
 */
function readKnobs(knobs, text) {
  /** @type {Record<string, *>} */
  const values = {};
  let rest = text;
  while (rest !== "") {
    const [, name, tail] = rest.match(/^([a-z0-9_]+):(.*)$/s) ?? [];
    const knob = knobs.find((each) => each.name === name);
    if (!knob) {
      throw new RangeError(
        `knobs such as ${knobs.map((each) => each.name).join(", ")}, as name:value with ; between them`,
      );
    }
    const end = knob.type === "text" || !tail.includes(";") ? tail.length : tail.indexOf(";");
    values[knob.name] = textual(knob).read(tail.slice(0, end));
    rest = tail.slice(end + 1);
  }
  return values;
}

/**
 * @param {readonly Knob[]} knobs
 * @param {Record<string, *>} values
 */
function writeKnobs(knobs, values) {
  const textLast = [...knobs].sort((a, b) => Number(a.type === "text") - Number(b.type === "text"));
  return textLast
    .filter(({ name }) => name in values)
    .map((knob) => `${knob.name}:${textual(knob).write(values[knob.name])}`)
    .join(";");
}

/**
 * @param {Schema} schema
 * @param {string} text `301;lane:1;batch_norm:1`
 * @returns {Change}
 */
function readChange(schema, text) {
  const [, step, , lane, knobs] = text.match(/^(\d+)(;lane:(\d+))?;(.*)$/s) ?? [];
  if (knobs === undefined || knobs === "" || Number(step) < 1) {
    throw new RangeError("a step from 1, then lane:number for a lane’s knob, then knobs, with ; between them");
  }
  if (lane === undefined) {
    return {
      step: Number(step),
      knobs: readKnobs(
        schema.run.filter(({ live }) => live),
        knobs,
      ),
    };
  }
  return { step: Number(step), lane: Number(lane), knobs: readKnobs(schema.lane, knobs) };
}

/**
 * @param {Schema} schema
 * @param {Change} change
 */
function writeChange(schema, { step, lane, knobs }) {
  const isRun = lane === undefined || lane === null;
  const head = isRun ? `${step}` : `${step};lane:${lane}`;
  return `${head};${writeKnobs(isRun ? schema.run : schema.lane, knobs)}`;
}

/**
 * Fill a lane that names only some knobs.
 * @param {Schema} schema
 * @param {Record<string, *>} knobs
 * @param {number} index
 * @param {readonly number[]} hidden
 */
function wholeLane(schema, knobs, index, hidden) {
  const defaults = Object.fromEntries(schema.lane.map((knob) => [knob.name, knob.default]));
  const zeros = new Array(hidden.length + 1).fill(0);
  return /** @type {import("./types.js").Lane} */ ({
    ...defaults,
    name: `Network ${index + 1}`,
    dropout: zeros,
    ...knobs,
  });
}

/**
 * @param {Schema} schema
 * @param {string} search `location.search`
 * @returns {Address}
 */
export function read(schema, search) {
  const given = new URLSearchParams(search);
  /** @type {UrlError[]} */
  const errors = [];
  /** @template T @param {string} parameter @param {string} value @param {(text: string) => T} reader */
  const attempt = (parameter, value, reader) => {
    try {
      return reader(value);
    } catch (error) {
      const allowed = /** @type {Error} */ (error).message;
      const text = `${parameter} = “${value}” in the address is not allowed: it must be ${allowed}. The default is used.`;
      errors.push({ parameter, value, text });
      return undefined;
    }
  };

  /** @type {Record<string, *>} */
  const knobs = {};
  for (const knob of schema.run) {
    const text = given.get(knob.name);
    const value = text === null ? undefined : attempt(knob.name, text, textual(knob).read);
    if (value !== undefined) {
      knobs[knob.name] = value;
    }
  }
  const { lanes, ...base } = schema.recommended[knobs.dataset ?? schema.defaults.dataset] ?? schema.defaults;
  const config = /** @type {Partial<Config>} */ ({ ...base, ...knobs });
  const hidden = config.hidden ?? schema.defaults.hidden;
  const written = given
    .getAll("lane")
    .map((text, index) => ({ index, knobs: attempt("lane", text, (each) => readKnobs(schema.lane, each)) }));
  if (written.length > 0 && written.every((lane) => lane.knobs)) {
    config.lanes = written.map((lane) => wholeLane(schema, lane.knobs ?? {}, lane.index, hidden));
  } else if (hidden.length === base.hidden.length) {
    config.lanes = lanes;
  }
  const changes = given
    .getAll("change")
    .flatMap((text) => attempt("change", text, (each) => readChange(schema, each)) ?? []);

  const known = new Set([...schema.run.map(({ name }) => name), "lane", "change", "run"]);
  for (const [parameter, value] of given) {
    if (!known.has(parameter)) {
      const text = `${parameter} = “${value}” in the address is no knob and is ignored: there are ${[...known].join(", ")}.`;
      errors.push({ parameter, value, text });
    }
  }
  return { run: given.get("run"), config, changes, errors };
}

/**
 * @param {Schema} schema
 * @param {Config} config The configuration at step 0.
 * @param {readonly Change[]} changes
 * @returns {string} What stands after the address, with its `?`; empty for the default run.
 */
export function write(schema, config, changes) {
  const base = schema.recommended[config.dataset] ?? schema.defaults;
  const pairs = schema.run
    .filter(({ name }) => name === "dataset" || !same(knobOf(config, name), knobOf(base, name)))
    .filter(({ name }) => name !== "dataset" || config.dataset !== schema.defaults.dataset)
    .map((knob) => [knob.name, textual(knob).write(knobOf(config, knob.name))]);
  if (!same(config.lanes, base.lanes)) {
    const zeros = new Array(config.hidden.length + 1).fill(0);
    const defaults = Object.fromEntries(schema.lane.map((knob) => [knob.name, knob.default]));
    for (const lane of config.lanes) {
      const told = Object.entries(lane).filter(
        ([name, value]) => !same(value, { ...defaults, name: "", dropout: zeros }[name]),
      );
      pairs.push(["lane", writeKnobs(schema.lane, Object.fromEntries(told))]);
    }
  }
  pairs.push(...merged(changes).map((change) => ["change", writeChange(schema, change)]));
  const text = pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&");
  return text && `?${text}`;
}

/**
 * Changes that came into force at the same step are one: a slider that was moved while the run was paused.
 * @param {readonly Change[]} changes
 * @returns {Change[]}
 */
export function merged(changes) {
  /** @type {Change[]} */
  const kept = [];
  for (const change of changes) {
    const earlier = kept.find(({ step, lane }) => step === change.step && (lane ?? null) === (change.lane ?? null));
    if (earlier) {
      earlier.knobs = { ...earlier.knobs, ...change.knobs };
    } else {
      kept.push({ ...change });
    }
  }
  return kept;
}

/**
 * @param {Partial<Config>} config
 * @param {string} name
 */
function knobOf(config, name) {
  return /** @type {Record<string, *>} */ (config)[name];
}

/**
 * @param {*} a
 * @param {*} b
 */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Percent-encode, but leave what a query may hold as it is, for people read these links.
 * @param {string} text
 */
function encode(text) {
  return encodeURIComponent(text)
    .replace(/%(2C|3A|3B|2F|40)/g, decodeURIComponent)
    .replaceAll("%20", "+");
}
