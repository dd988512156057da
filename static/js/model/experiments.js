// What follows from a run's belonging to an experiment: its address, what it is opened with, whether it still belongs.

/** @import { Extra } from "../link/api.js" */
/** @import { Config, Experiment, Run } from "../types.js" */

import { addressOf, ROOT } from "../base/addresses.js";

const FOLDER = addressOf("experiments/");

/**
 * The id of the experiment whose page an address is.
 * @param {string} path `location.pathname`
 * @returns {string | null}
 */
export function experimentIn(path) {
  return path.startsWith(FOLDER) ? decodeURIComponent(path.slice(FOLDER.length)) : null;
}

/**
 * Where a run stands: on the page of its experiment, or on any page that is none.
 * @param {{ id: string } | null} experiment
 * @param {string} path `location.pathname`
 */
export function pathOf(experiment, path) {
  if (experiment) {
    return FOLDER + encodeURIComponent(experiment.id);
  }
  return path.startsWith(FOLDER) ? ROOT : path;
}

/**
 * What a run of an experiment is opened with beside its knobs. A search stops by itself when it is through.
 * @param {Experiment} experiment
 * @returns {Extra}
 */
export function extraOf({ id, steps, search, follow }) {
  return {
    experiment: id,
    stop_at: search ? null : steps,
    search,
    follow: typeof follow === "number" ? { lane: follow } : null,
  };
}

/**
 * Whether the question of an experiment can be asked of a configuration: its networks learn the same kind of thing.
 * @param {Partial<Config>} config
 * @param {Experiment} experiment
 */
export function belongs({ lanes, network, dataset }, { config }) {
  return network === config.network && dataset === config.dataset && same(lanes, config.lanes);
}

/**
 * Whether a run is its experiment with no more than another seed: a search turns the knobs of its lanes itself.
 * @param {Run} run
 * @param {Experiment} experiment
 */
export function isAsPlanned({ config, changes, search }, experiment) {
  const { seed: _seed, lanes, ...knobs } = config;
  const { seed: _usual, lanes: planned, ...rest } = experiment.config;
  return changes.length === 0 && same(knobs, rest) && (Boolean(search) || same(lanes, planned));
}

/**
 * @param {*} one
 * @param {*} other
 */
function same(one, other) {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/**
 * The same value with the keys of every object in one order.
 * @param {*} value
 * @returns {*}
 */
function sorted(value) {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
