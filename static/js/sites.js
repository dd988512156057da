// Where the networks of a configuration can drop, in forward order, and how rates go from one network to another.

/** @import { Config, Lane, Schema } from "./types.js" */

/**
 * Names of the places where a network can drop: `input`, then `conv1` …, `hidden1` …, or an LSTM's `recurrent`, `output`.
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 * @returns {string[]}
 */
export function siteNames({ network, channels, hidden }) {
  if (network === "lstm") {
    return ["input", "recurrent", "output"];
  }
  const convolutions = network === "cnn" ? channels.map((_, place) => `conv${place + 1}`) : [];
  return ["input", ...convolutions, ...hidden.map((_, place) => `hidden${place + 1}`)];
}

/**
 * The kind of a place: `hidden` of `hidden2`.
 * @param {string} site
 */
export const family = (site) => site.replace(/\d+$/, "");

/**
 * Rates for the places of another network. A place that both have keeps its rate, a further layer of a kind gets the rate of the
 * last one, and a kind that is new gets what is recommended for it, in a lane that drops anything at all.
 * @param {readonly number[]} rates
 * @param {readonly string[]} from The places that they belong to.
 * @param {readonly string[]} to
 * @param {(site: string) => number} recommended
 * @returns {number[]}
 */
export function fitRates(rates, from, to, recommended) {
  const drops = rates.some((rate) => rate > 0);
  return to.map((site) => {
    const last = from.findLastIndex((each) => family(each) === family(site));
    const place = from.includes(site) ? from.indexOf(site) : last;
    return place < 0 ? (drops ? recommended(site) : 0) : (rates[place] ?? 0);
  });
}

/**
 * A lane that goes along into a run of another shape.
 * @param {Lane} lane
 * @param {Config} from The run that it fits.
 * @param {Config} to
 * @param {Schema} schema
 * @returns {Lane}
 */
export function fitLane(lane, from, to, schema) {
  const [old, sites] = [siteNames(from), siteNames(to)];
  const model = schema.recommended[to.network]?.[to.dataset];
  const given = model?.lanes.find(({ dropout }) => dropout.some((rate) => rate > 0))?.dropout ?? [];
  const named = model ? siteNames(model) : [];
  const recommended = (/** @type {string} */ site) => given[named.findLastIndex((each) => alike(each, site))] ?? 0;
  const maps = to.network === "cnn" ? to.channels.length : 0;
  const spatial = lane.spatial_dropout ?? [];
  const { hidden, train_size: size } = lane;
  const fits = hidden?.length === to.hidden.length && hidden.every((width, place) => width <= to.hidden[place]);
  return {
    ...lane,
    dropout: fitRates(lane.dropout, old, sites, recommended),
    spatial_dropout: Array.from({ length: maps }, (_, place) => spatial[place] ?? spatial.at(-1) ?? 0),
    hidden: fits ? hidden : null,
    train_size: typeof size === "number" && size < to.train_size ? size : null,
  };
}

/**
 * @param {string} one
 * @param {string} other
 */
const alike = (one, other) => family(one) === family(other);
