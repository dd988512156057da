// What a new run would have otherwise: knobs that cannot move while a run trains are collected here until the reader says go.

/** @import { Config, Lane, Schema, Table } from "../types.js" */

import { networkFor, networkNamed } from "../model/kinds.js";
import { valueIn, valueWords, words } from "../model/knobs.js";
import { fitLane } from "../model/sites.js";

/**
 * A lane of the new run: the number of one of this run, which goes along as it is by then, or one that is new.
 * @typedef {number | Lane} DraftLane
 */

/**
 * @typedef {object} Draft
 * @property {Partial<Config>} knobs Knobs of the run, other than those it has.
 * @property {DraftLane[] | "recommended" | null} lanes Those of the new run: its own, the ones recommended for its network
 *   and data set, or (`null`) those of this run.
 * @property {Record<number, Partial<Lane>>} own By the number of a lane of this run: knobs that it has otherwise.
 */

/** @returns {Draft} */
export function emptyDraft() {
  return { knobs: {}, lanes: null, own: {} };
}

/** @param {Draft} draft */
export function isEmpty({ knobs, lanes, own }) {
  return lanes === null && Object.keys(knobs).length === 0 && Object.keys(own).length === 0;
}

/**
 * Set one knob of the run aside. Choosing another network or data set brings the knobs that are recommended for the two, and
 * the lanes too, unless the reader made lanes of their own.
 * @param {Draft} draft
 * @param {string} name
 * @param {*} value
 * @param {Config} config As the run is now.
 * @param {Schema} schema
 * @returns {Draft}
 */
export function draftKnob(draft, name, value, config, schema) {
  if (name !== "dataset" && name !== "network") {
    return { ...draft, knobs: without({ ...draft.knobs, [name]: value }, config) };
  }
  const wanted = { ...config, ...draft.knobs, [name]: value };
  const network = schema.recommended[wanted.network]?.[wanted.dataset]
    ? wanted.network
    : networkFor(schema, wanted.dataset);
  if (network === config.network && wanted.dataset === config.dataset) {
    return { knobs: {}, lanes: draft.lanes === "recommended" ? null : draft.lanes, own: draft.own };
  }
  return replaced(draft, schema.recommended[network][wanted.dataset], wanted.table, config, schema);
}

/**
 * Learn from an uploaded table: with the configuration that the server made for it.
 * @param {Draft} draft
 * @param {Table} table
 * @param {Config} config
 * @param {Schema} schema
 * @returns {Draft}
 */
export function draftTable(draft, table, config, schema) {
  const network = networkFor(schema, "csv");
  const whole = { ...schema.recommended[network].csv, ...table.config, dataset: "csv", network };
  return replaced(draft, whole, table.id, config, schema);
}

/**
 * @param {Draft} draft
 * @param {Config} recommended
 * @param {string} table
 * @param {Config} config
 * @param {Schema} schema
 * @returns {Draft}
 */
function replaced(draft, { lanes: _lanes, seed: _seed, ...recommended }, table, config, schema) {
  const untouched =
    same(config.lanes, schema.recommended[config.network]?.[config.dataset]?.lanes) &&
    Object.keys(draft.own).length === 0 &&
    !Array.isArray(draft.lanes);
  return {
    knobs: without({ ...recommended, table: recommended.dataset === "csv" ? table : "" }, config),
    lanes: untouched ? "recommended" : draft.lanes,
    own: draft.own,
  };
}

/**
 * Set a knob of one of this run's lanes aside that cannot move while it trains.
 * @param {Draft} draft
 * @param {number} lane
 * @param {Partial<Lane>} knobs
 * @param {Config} config
 * @returns {Draft}
 */
export function draftOwn(draft, lane, knobs, config) {
  const { [lane]: before, ...others } = draft.own;
  const own = without({ ...before, ...knobs }, config.lanes[lane]);
  return { ...draft, own: Object.keys(own).length > 0 ? { ...others, [lane]: own } : others };
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
  if (draft.lanes === "recommended") {
    const model = schema.recommended[knobs.network][knobs.dataset];
    const lanes = model.lanes.map((lane, index) => ({ ...lane, ...draft.own[index] }));
    return { ...knobs, lanes: lanes.map((lane) => fitLane(lane, model, knobs, schema)) };
  }
  const lanes = laneList(draft, config).map((lane) =>
    typeof lane === "number" ? { ...config.lanes[lane], ...draft.own[lane] } : lane,
  );
  return { ...knobs, lanes: lanes.map((lane) => fitLane(lane, config, knobs, schema)) };
}

/**
 * Why there will be a new run, as a heading.
 * @param {Draft} draft
 * @param {Schema} schema
 * @returns {string}
 */
export function draftTitle({ knobs: { network, dataset, table } }, schema) {
  const { article, title } = networkNamed(schema, network ?? "");
  const other = network && `${article} ${title}`;
  const data = dataset ? words(dataset) : table && "another table";
  if (other || data) {
    return `Switching to ${[other, data].filter(Boolean).join(" on ")} starts a new run`;
  }
  return "These changes start a new run";
}

/**
 * What the draft changes, in words.
 * @param {Draft} draft
 * @param {Config} config
 * @param {Schema} schema
 * @returns {string[]}
 */
export function differences(draft, config, schema) {
  const told = schema.run
    .filter(({ name }) => name in draft.knobs && name !== "table")
    .map((knob) => `${knob.label} ${valueWords(knob, valueIn(draft.knobs, knob.name))}`);
  if (draft.lanes === "recommended") {
    told.push("networks as recommended");
  } else if (draft.lanes) {
    const added = draft.lanes.filter((lane) => typeof lane !== "number").length;
    const removed = config.lanes.length - (draft.lanes.length - added);
    told.push(...count(added, "added"), ...count(removed, "left out"));
  }
  for (const [lane, own] of Object.entries(draft.own)) {
    const knobs = schema.lane.filter(({ name }) => name in own);
    const each = knobs.map((knob) => `${knob.label} ${valueWords(knob, valueIn(own, knob.name))}`);
    told.push(`“${config.lanes[Number(lane)]?.name}”: ${each.join(", ")}`);
  }
  return told;
}

/**
 * @param {number} networks
 * @param {string} what
 */
function count(networks, what) {
  return networks > 0 ? [`${networks} network${networks > 1 ? "s" : ""} ${what}`] : [];
}

/**
 * @template {object} T
 * @param {T} knobs
 * @param {object} now
 * @returns {Partial<T>}
 */
function without(knobs, now) {
  const others = Object.entries(knobs).filter(([name, value]) => !same(value, valueIn(now, name)));
  return /** @type {Partial<T>} */ (Object.fromEntries(others));
}

/**
 * @param {*} a
 * @param {*} b
 */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
