// What a new run would have otherwise: knobs that cannot move while a run trains are collected here until the reader says go.

/** @import { Config, Lane, Schema } from "./types.js" */

/**
 * A lane of the new run: the number of one of this run, which goes along as it is by then, or one that is new.
 * @typedef {number | Lane} DraftLane
 */

/**
 * @typedef {object} Draft
 * @property {Partial<Config>} knobs Knobs of the run, other than those it has.
 * @property {DraftLane[] | "recommended" | null} lanes Those of the new run: its own, the ones recommended for its data
 *   set, or (`null`) those of this run.
 */

/** @returns {Draft} */
export function emptyDraft() {
  return { knobs: {}, lanes: null };
}

/** @param {Draft} draft */
export function isEmpty({ knobs, lanes }) {
  return lanes === null && Object.keys(knobs).length === 0;
}

/**
 * Set one knob of the run aside. Choosing another data set brings the knobs that are recommended for it, and its lanes
 * too, unless the reader made lanes of their own.
 * @param {Draft} draft
 * @param {string} name
 * @param {*} value
 * @param {Config} config As the run is now.
 * @param {Schema} schema
 * @returns {Draft}
 */
export function draftKnob(draft, name, value, config, schema) {
  if (name !== "dataset") {
    return { ...draft, knobs: without({ ...draft.knobs, [name]: value }, config) };
  }
  if (value === config.dataset) {
    return emptyDraft();
  }
  const { lanes: _lanes, seed: _seed, ...recommended } = schema.recommended[value] ?? schema.defaults;
  const untouched = same(config.lanes, schema.recommended[config.dataset]?.lanes);
  return { knobs: without(recommended, config), lanes: untouched ? "recommended" : draft.lanes };
}

/**
 * Add a lane to the new run.
 * @param {Draft} draft
 * @param {Lane} lane
 * @param {Config} config
 * @returns {Draft}
 */
export function addLane(draft, lane, config) {
  return { ...draft, lanes: [...laneList(draft, config), lane] };
}

/**
 * Leave the lane at `index` of the draft's list out, or take a lane of this run that was left out back in.
 * @param {Draft} draft
 * @param {DraftLane} which A lane of this run by its number, or a new one itself.
 * @param {Config} config
 * @returns {Draft}
 */
export function toggleLane(draft, which, config) {
  const list = laneList(draft, config);
  const changed = list.includes(which) ? list.filter((each) => each !== which) : [...list, which];
  const numbers = changed.filter((each) => typeof each === "number").sort((a, b) => a - b);
  const lanes = [...numbers, ...changed.filter((each) => typeof each !== "number")];
  return { ...draft, lanes: same(lanes, [...config.lanes.keys()]) ? null : lanes };
}

/**
 * Give a new lane of the draft other knobs.
 * @param {Draft} draft
 * @param {Lane} lane The very object in the draft.
 * @param {Lane} changed What takes its place.
 * @returns {Draft}
 */
export function changeLane(draft, lane, changed) {
  const { lanes } = draft;
  return Array.isArray(lanes) ? { ...draft, lanes: lanes.map((each) => (each === lane ? changed : each)) } : draft;
}

/**
 * @param {Draft} draft
 * @param {Config} config
 * @returns {DraftLane[]}
 */
export function laneList({ lanes }, config) {
  return Array.isArray(lanes) ? lanes : [...config.lanes.keys()];
}

/**
 * The configuration of the new run.
 * @param {Draft} draft
 * @param {Config} config As the run is now.
 * @param {Schema} schema
 * @returns {Config}
 */
export function proposed(draft, config, schema) {
  const knobs = { ...config, ...draft.knobs };
  const lanes =
    draft.lanes === "recommended"
      ? schema.recommended[knobs.dataset].lanes
      : laneList(draft, config).map((lane) => (typeof lane === "number" ? config.lanes[lane] : lane));
  return { ...knobs, lanes: lanes.map((lane) => ({ ...lane, dropout: fitRates(lane.dropout, knobs.hidden.length) })) };
}

/**
 * One rate for the input and one for each hidden layer: further layers get the rate of the last.
 * @param {readonly number[]} rates
 * @param {number} layers How many hidden layers there are.
 */
export function fitRates(rates, layers) {
  const last = rates.length > 1 ? rates[rates.length - 1] : 0;
  return Array.from({ length: layers + 1 }, (_, index) => rates[index] ?? last);
}

/**
 * What the draft changes, in words.
 * @param {Draft} draft
 * @param {Config} config
 * @param {Schema} schema
 * @returns {string[]}
 */
export function differences(draft, config, schema) {
  const words = schema.run
    .filter(({ name }) => name in draft.knobs)
    .map(({ name, label }) => `${label} ${/** @type {Record<string, *>} */ (draft.knobs)[name]}`.replaceAll(",", ", "));
  if (draft.lanes === "recommended") {
    words.push("networks as recommended");
  } else if (draft.lanes) {
    const added = draft.lanes.filter((lane) => typeof lane !== "number").length;
    const removed = config.lanes.length - (draft.lanes.length - added);
    words.push(...count(added, "added"), ...count(removed, "left out"));
  }
  return words;
}

/**
 * @param {number} networks
 * @param {string} what
 */
function count(networks, what) {
  return networks > 0 ? [`${networks} network${networks > 1 ? "s" : ""} ${what}`] : [];
}

/**
 * @param {Partial<Config>} knobs
 * @param {Config} config
 */
function without(knobs, config) {
  const now = /** @type {Record<string, *>} */ (config);
  return Object.fromEntries(Object.entries(knobs).filter(([name, value]) => !same(value, now[name])));
}

/**
 * @param {*} a
 * @param {*} b
 */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
