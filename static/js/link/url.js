// The address holds the run: its knobs where they differ from what is recommended for its network and data set (of an experiment:
// from its configuration), and its changes. One table, made from the schema, both reads and writes it:
//   ?train_size=200&lane=dropout:0.2,0.5,0.5,0.5;name:Dropout&change=301;lane:1;batch_norm:1

/** @import { Change, Config, Exercise, Knob, Lane, Schema } from "../types.js" */

import { EMBED, unknownPanels } from "../model/embed.js";
import { decode, EXERCISE } from "../model/exercise.js";
import { groupedPlaces, networkFor, placesOf } from "../model/kinds.js";
import { differs, valueIn } from "../model/knobs.js";
import { visible } from "../model/printable.js";
import { siteNames } from "../model/sites.js";
import { textual } from "./textual.js";

/** @typedef {{ parameter: string, value: string, text: string }} UrlError `text` says it to the reader. */

/**
 * @typedef {object} Address
 * @property {string | null} run The id of a run to watch.
 * @property {Partial<Config>} config
 * @property {Change[]} changes
 * @property {Exercise | null} exercise
 * @property {UrlError[]} errors What could not be read; the default stands in for it.
 */

/**
 * The longest that is written into an address. Proxies and servers take some 8,190 bytes of request line as they come (nginx
 * 8,192, Apache httpd 8,190); 190 are left for method, version and path. Browsers take far more.
 */
export const MAX_LENGTH = 8000;
const LEAST = "&change=1;l2:0".length; // of a change in an address

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
 * A lane of which nothing is said: the defaults, and no dropout anywhere.
 * @param {Schema} schema
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 * @returns {Lane}
 */
function plainLane(schema, config) {
  const defaults = Object.fromEntries(schema.lane.map((knob) => [knob.name, knob.default]));
  const zeros = (/** @type {number} */ count) => new Array(count).fill(0);
  return /** @type {Lane} */ ({
    ...defaults,
    dropout: zeros(placesOf(schema, config).length),
    spatial_dropout: zeros(groupedPlaces(schema, config).length),
  });
}

/**
 * What the address is relative to: the usual configuration, as long as network and data set are its own; else what is recommended
 * for them, if the one can learn from the other.
 * @param {Schema} schema
 * @param {Partial<Config>} config
 * @param {Config} usual
 */
function baseOf({ recommended, defaults }, config, usual) {
  const { network = usual.network, dataset = usual.dataset } = config;
  const isUsual = network === usual.network && dataset === usual.dataset;
  return isUsual && usual !== defaults ? usual : recommended[network]?.[dataset];
}

/** @typedef {<T>(parameter: string, value: string, reader: (text: string) => T) => T | undefined} Attempt */

/**
 * @param {UrlError[]} errors Where to put what cannot be read.
 * @returns {Attempt}
 */
function attempts(errors) {
  return (parameter, value, reader) => {
    try {
      return reader(value);
    } catch (error) {
      const allowed = /** @type {Error} */ (error).message;
      const text = `${parameter} = “${visible(value)}” in the address is not allowed: it must be ${allowed}. The default is used.`;
      errors.push({ parameter, value, text });
      return undefined;
    }
  };
}

/**
 * @param {Schema} schema
 * @param {URLSearchParams} given
 * @param {Config} usual
 * @param {Attempt} attempt
 * @returns {{ base: Config, knobs: Partial<Config> }} What the address is relative to, and the knobs that it names.
 */
function readRun(schema, given, usual, attempt) {
  /** @type {Record<string, *>} */
  const knobs = {};
  for (const knob of schema.run) {
    const text = given.get(knob.name);
    const value = text === null ? undefined : attempt(knob.name, text, textual(knob).read);
    if (value !== undefined) {
      knobs[knob.name] = value;
    }
  }
  if (!baseOf(schema, knobs, usual)) {
    const dataset = knobs.dataset ?? usual.dataset;
    const network = networkFor(schema, dataset);
    attempt("network", String(knobs.network ?? usual.network), () => {
      throw new RangeError(`${network} for ${dataset}`);
    });
    knobs.network = network;
  }
  return { base: baseOf(schema, knobs, usual) ?? schema.defaults, knobs };
}

/**
 * The lanes that the address names. Without any they are the recommended ones, if these fit, or are left to the server.
 * @param {Schema} schema
 * @param {URLSearchParams} given
 * @param {Config} base
 * @param {Config} config
 * @param {Attempt} attempt
 * @returns {Lane[] | undefined}
 */
function readLanes(schema, given, base, config, attempt) {
  const written = given.getAll("lane").map((text) => attempt("lane", text, (each) => readKnobs(schema.lane, each)));
  if (written.length > 0 && written.every((knobs) => knobs)) {
    const usual = plainLane(schema, config);
    return written.map((knobs, index) => ({ ...usual, name: `Network ${index + 1}`, ...knobs }));
  }
  return differs(siteNames(schema, config), siteNames(schema, base)) ? undefined : base.lanes;
}

/**
 * @param {Schema} schema
 * @param {string} search `location.search`
 * @param {Config} [usual] What it is relative to, of an experiment its configuration.
 * @returns {Address}
 */
export function read(schema, search, usual = schema.defaults) {
  const given = new URLSearchParams(search);
  /** @type {UrlError[]} */
  const errors = [];
  const attempt = attempts(errors);
  const { base, knobs } = readRun(schema, given, usual, attempt);
  const { lanes: _lanes, ...rest } = base;
  const config = /** @type {Partial<Config>} */ ({ ...rest, ...knobs });
  const lanes = readLanes(schema, given, base, { ...base, ...knobs }, attempt);
  if (lanes) {
    config.lanes = lanes;
  }
  const changes = given
    .getAll("change")
    .flatMap((text) => attempt("change", text, (each) => readChange(schema, each)) ?? []);

  errors.push(...unknownPanels(given.get(EMBED), schema.panels));
  const exercise = readExercise(schema, given.get(EXERCISE), errors);

  const known = new Set([...schema.run.map(({ name }) => name), "lane", "change", "run", "room", EMBED, EXERCISE]);
  for (const [parameter, value] of given) {
    if (!known.has(parameter)) {
      const text = `${visible(parameter)} = “${visible(value)}” in the address is no knob and is ignored: there are ${[...known].join(", ")}.`;
      errors.push({ parameter, value, text });
    }
  }
  return { run: given.get("run"), config, changes, exercise, errors };
}

/**
 * @param {Schema} schema
 * @param {string | null} text
 * @param {UrlError[]} errors Where to put why it cannot be read.
 */
function readExercise(schema, text, errors) {
  try {
    return text === null ? null : decode(text, schema);
  } catch (error) {
    const why = /** @type {Error} */ (error).message;
    const told = `The exercise in the address cannot be shown: ${why}. The lab opens without it.`;
    errors.push({ parameter: EXERCISE, value: text ?? "", text: told });
    return null;
  }
}

/**
 * What of an address belongs to the page and not to its run: it stays when the address of the run is written anew.
 * @param {string} search `location.search`
 * @param {readonly string[]} names Of the parameters that stay.
 * @returns {string} Without a `?`; may be empty.
 */
export function keptIn(search, names) {
  const given = new URLSearchParams(search);
  return names
    .filter((name) => given.has(name))
    .map((name) => `${name}=${encode(given.get(name) ?? "")}`)
    .join("&");
}

/**
 * A search with something before it.
 * @param {string} kept Without a `?`; may be empty.
 * @param {string} search With its `?`; may be empty.
 */
export function joined(kept, search) {
  const text = [kept, search.slice(1)].filter(Boolean).join("&");
  return text && `?${text}`;
}

/**
 * @param {Schema} schema
 * @param {Config} config The configuration at step 0.
 * @param {readonly Change[]} changes
 * @param {Config} [usual] What it is relative to, of an experiment its configuration.
 * @returns {string} What stands after the address, with its `?`; empty for the usual run.
 */
export function write(schema, config, changes, usual = schema.defaults) {
  return written(pairsOf(schema, config, merged(changes), usual));
}

/**
 * The same if it is not too long; of a long list of changes no more is written than would fit.
 * @param {Schema} schema
 * @param {Config} config
 * @param {readonly Change[]} changes
 * @param {Config | undefined} usual
 * @param {number} most Characters.
 * @returns {string | null} `null`: it would be longer.
 */
export function writeWithin(schema, config, changes, usual, most) {
  const few = changes.length * LEAST > most ? null : merged(changes);
  const text = few && written(pairsOf(schema, config, few, usual ?? schema.defaults));
  return text !== null && text.length <= most ? text : null;
}

/** @param {string[][]} pairs */
function written(pairs) {
  const text = pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&");
  return text && `?${text}`;
}

/**
 * @param {Schema} schema
 * @param {Config} config
 * @param {readonly Change[]} changes
 * @param {Config} usual
 */
function pairsOf(schema, config, changes, usual) {
  const base = baseOf(schema, config, usual) ?? schema.defaults;
  const reference = (/** @type {string} */ name) => (CHOOSES_BASE.has(name) ? usual : base);
  const pairs = schema.run
    .filter(({ name }) => differs(valueIn(config, name), valueIn(reference(name), name)))
    .map((knob) => [knob.name, textual(knob).write(valueIn(config, knob.name))]);
  if (!same(config.lanes, base.lanes)) {
    const plain = { ...plainLane(schema, config), name: "" };
    for (const lane of config.lanes) {
      const told = Object.entries(lane).filter(([name, value]) => differs(value, valueIn(plain, name)));
      pairs.push(["lane", writeKnobs(schema.lane, Object.fromEntries(told))]);
    }
  }
  return [...pairs, ...changes.map((change) => ["change", writeChange(schema, change)])];
}

/** The knobs that say what is recommended for the others. */
const CHOOSES_BASE = new Set(["network", "dataset"]);

/**
 * Changes that came into force at the same step are one: a slider that was moved while the run was paused.
 * @param {readonly Change[]} changes
 * @returns {Change[]}
 */
export function merged(changes) {
  /** @type {Map<string, Change>} */
  const kept = new Map();
  for (const change of changes) {
    const place = `${change.step}/${change.lane ?? ""}`;
    const earlier = kept.get(place);
    kept.set(place, { ...change, knobs: { ...earlier?.knobs, ...change.knobs } });
  }
  return [...kept.values()];
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
