// The changes made to a run: told as what is new, found by lane, knob and step, however many there are. Pure: no DOM.

/** @import { Change } from "../types.js" */

/**
 * The values of one knob of one lane, each with the step from which it is in force, in the order of these steps.
 * @typedef {{ steps: number[], values: any[], dropped: boolean }} Series `dropped`: one of them is a rate above 0.
 */

/**
 * What is known of a list of changes: the values of each lane's knobs, by lane and name; those of the run are of lane `null`.
 * @typedef {{ length: number, lanes: Map<number | null, Map<string, Series>> }} Index
 */

/** @type {WeakMap<readonly Change[], Index>} */
const indices = new WeakMap();

/**
 * Take in what is new. A change of the same lane at the same step becomes a part of the one that is there.
 * @param {Change[]} changes In the order of their steps; they are changed in place, for a copy each time would cost all of them.
 * @param {readonly Change[]} news
 */
export function addChanges(changes, news) {
  const index = indexOf(changes);
  for (const change of news) {
    put(changes, change);
    learn(index, change);
  }
  index.length = changes.length;
  return changes;
}

/**
 * A lane's knobs as they were at a step, as far as they were changed.
 * @param {readonly Change[]} changes
 * @param {number} lane
 * @param {number} step
 * @returns {Record<string, *>}
 */
export function changedAt(changes, lane, step) {
  /** @type {Record<string, *>} */
  const knobs = {};
  for (const [name, { steps, values }] of indexOf(changes).lanes.get(lane) ?? []) {
    const count = behind(steps, step);
    if (count > 0) {
      knobs[name] = values[count - 1];
    }
  }
  return knobs;
}

/**
 * The step after which the network of a lane began that makes a step: 0, or where it began anew.
 * @param {readonly Change[]} changes
 * @param {number} lane
 * @param {number} [step] By default the last of all.
 * @param {number} [first] How often it had begun anew in the first configuration.
 */
export function beganAt(changes, lane, step = Number.POSITIVE_INFINITY, first = 0) {
  const { steps = [], values = [] } = indexOf(changes).lanes.get(lane)?.get("restarts") ?? {};
  for (let at = behind(steps, step) - 1; at >= 0; at -= 1) {
    if (values[at] !== (at > 0 ? values[at - 1] : first)) {
      return steps[at] - 1;
    }
  }
  return 0;
}

/**
 * Whether a lane was ever given a dropout rate above 0.
 * @param {readonly Change[]} changes
 * @param {number} lane
 */
export function everDropped(changes, lane) {
  const knobs = indexOf(changes).lanes.get(lane);
  return ["dropout", "spatial_dropout"].some((name) => knobs?.get(name)?.dropped ?? false);
}

/** @param {readonly Change[]} changes */
function indexOf(changes) {
  const known = indices.get(changes);
  if (known && known.length === changes.length) {
    return known;
  }
  /** @type {Index} */
  const index = { length: changes.length, lanes: new Map() };
  for (const change of changes) {
    learn(index, change);
  }
  indices.set(changes, index);
  return index;
}

/**
 * @param {Index} index
 * @param {Change} change
 */
function learn({ lanes }, { step, lane: of, knobs }) {
  const lane = of ?? null;
  /** @type {Map<string, Series>} */
  const own = lanes.get(lane) ?? new Map();
  lanes.set(lane, own);
  for (const [name, value] of Object.entries(knobs)) {
    const series = own.get(name) ?? { steps: [], values: [], dropped: false };
    own.set(name, series);
    const at = behind(series.steps, step);
    if (series.steps[at - 1] === step) {
      series.values[at - 1] = value;
    } else {
      series.steps.splice(at, 0, step);
      series.values.splice(at, 0, value);
    }
    series.dropped ||= Array.isArray(value) && value.some((rate) => rate > 0);
  }
}

/**
 * @param {Change[]} changes
 * @param {Change} change
 */
function put(changes, change) {
  const last = changes[changes.length - 1];
  const at = last && last.step > change.step ? behind(changes, change.step, (each) => each.step) : changes.length;
  const lane = change.lane ?? null;
  for (let each = at - 1; each >= 0 && changes[each].step === change.step; each -= 1) {
    if ((changes[each].lane ?? null) === lane) {
      changes[each] = { ...changes[each], knobs: { ...changes[each].knobs, ...change.knobs } };
      return;
    }
  }
  changes.splice(at, 0, change);
}

/**
 * How many of a list in rising order are up to a step.
 * @template T
 * @param {readonly T[]} list
 * @param {number} step
 * @param {(each: T) => number} [stepOf]
 */
function behind(list, step, stepOf = (each) => /** @type {number} */ (/** @type {*} */ (each))) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stepOf(list[middle]) <= step) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
