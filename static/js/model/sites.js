// Where the networks of a configuration can drop, in forward order, and how rates go from one network to another.

/** @import { Config, Lane, Schema } from "../types.js" */

import { groupedPlaces, placesOf } from "./kinds.js";

/**
 * Names of the places where a network can drop, in forward order.
 * @param {Pick<Schema, "networks">} schema
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 * @returns {string[]}
 */
export const siteNames = (schema, config) => placesOf(schema, config).map(({ name }) => name);

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
  const [old, sites] = [siteNames(schema, from), siteNames(schema, to)];
  const model = schema.recommended[to.network]?.[to.dataset];
  const given = model?.lanes.find(({ dropout }) => dropout.some((rate) => rate > 0))?.dropout ?? [];
  const named = model ? siteNames(schema, model) : [];
  const recommended = (/** @type {string} */ site) => given[named.findLastIndex((each) => alike(each, site))] ?? 0;
  const grouped = groupedPlaces(schema, to);
  const spatial = lane.spatial_dropout ?? [];
  const { hidden, train_size: size } = lane;
  const fits = hidden?.length === to.hidden.length && hidden.every((width, place) => width <= to.hidden[place]);
  return {
    ...lane,
    dropout: fitRates(lane.dropout, old, sites, recommended),
    spatial_dropout: grouped.map((_, place) => spatial[place] ?? spatial.at(-1) ?? 0),
    hidden: fits ? hidden : null,
    train_size: typeof size === "number" && size < to.train_size ? size : null,
  };
}

/**
 * @param {string} one
 * @param {string} other
 */
const alike = (one, other) => family(one) === family(other);
