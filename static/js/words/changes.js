// What was changed in a run while it trained: one entry for each turn of a knob, however many values it passed on its way.

/** @import { Change, Config, Lane, Run, Schema } from "../types.js" */

import { changedAt } from "../model/changes.js";
import { placesOf } from "../model/kinds.js";
import { differs, valueIn, valueWords } from "../model/knobs.js";
import { formatCount } from "../model/stats.js";

/**
 * One turn of a knob: from the step `first` to the step `step` its values changed, and the last one is in force since.
 * @typedef {{ lane: number | null, knob: string, first: number, step: number, words: string }} Turn
 */

const APART = 25; // steps, at least: changes that are closer are one turn of the knob
const SHARE = 0.02; // of the run, at least
const MOST = 400; // changes that are looked at, the newest: a knob may be turned all day

/**
 * The turns of knobs in a run, the oldest first.
 * @param {Run} run
 * @param {Schema} schema
 * @param {number} last The newest step.
 * @returns {Turn[]}
 */
export function turnsOf(run, schema, last) {
  const gap = Math.max(APART, SHARE * last);
  /** @type {Turn[]} */
  const turns = [];
  /** @type {Map<string, Turn>} */
  const newest = new Map();
  for (const change of run.changes.slice(-MOST)) {
    for (const knob of Object.keys(change.knobs)) {
      const lane = change.lane ?? null;
      const before = newest.get(`${lane}/${knob}`);
      if (before && change.step - before.step <= gap) {
        before.step = change.step;
      } else {
        const turn = { lane, knob, first: change.step, step: change.step, words: "" };
        newest.set(`${lane}/${knob}`, turn);
        turns.push(turn);
      }
    }
  }
  return turns.flatMap((turn) => {
    const words = turnWords(run, schema, turn);
    return words ? [{ ...turn, words }] : [];
  });
}

/**
 * @param {Run} run
 * @param {Schema} schema
 * @param {Turn} turn
 */
function turnWords(run, schema, { lane, knob, first, step }) {
  const known = (lane === null ? schema.run : schema.lane).find(({ name }) => name === knob);
  const [from, to] = [valueAt(run, lane, knob, first - 1), valueAt(run, lane, knob, step)];
  if (!known || !differs(from, to)) {
    return "";
  }
  if (knob === "restarts") {
    return to - from > 1 ? `began anew ${formatCount(to - from)} times` : "began anew";
  }
  if (knob === "dropout") {
    return ratesWords(from, to, placesOf(schema, run.config));
  }
  return `${known.label} ${valueWords(known, from)} → ${valueWords(known, to)}`;
}

/**
 * @param {Run} run
 * @param {number | null} lane
 * @param {string} knob
 * @param {number} step
 */
function valueAt({ first_config: config, changes }, lane, knob, step) {
  /** @type {Record<string, *>} */
  const changed = changedAt(changes, /** @type {number} */ (lane), step); // those of the run are of lane null
  return knob in changed ? changed[knob] : valueIn(lane === null ? config : (config.lanes[lane] ?? {}), knob);
}

/**
 * The families of places whose rates changed: “hidden 0.5 → 0.8”.
 * @param {readonly number[]} from
 * @param {readonly number[]} to
 * @param {ReturnType<typeof placesOf>} places
 */
function ratesWords(from, to, places) {
  const moved = places.flatMap((place, at) => (from[at] === to[at] ? [] : [{ ...place, from: from[at], to: to[at] }]));
  const families = [...new Set(moved.map(({ family }) => family))].map((family) => {
    const own = moved.filter((place) => place.family === family);
    const all = places.filter((place) => place.family === family);
    const isOne =
      own.every((place) => place.from === own[0].from && place.to === own[0].to) && own.length === all.length;
    return isOne || own.length === 1
      ? `${isOne ? own[0].together : own[0].name} ${rate(own[0].from)} → ${rate(own[0].to)}`
      : `${own[0].together} rates`;
  });
  return families.join(", ");
}

/** @param {number | undefined} value */
const rate = (value) => String(Math.round(1000 * (value ?? 0)) / 1000);

/**
 * What stands in a run’s lane since a turn, to be read after “Since”.
 * @param {Turn} turn
 * @param {readonly Pick<Lane, "name">[]} lanes
 */
export function turnOf({ lane, words }, lanes) {
  return lane === null ? words : `“${lanes[lane]?.name}”: ${words}`;
}
