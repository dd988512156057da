// The rates of one lane: a slider for each kind of place that can drop, and one for each place.

/** @import { Knob, Place } from "../types.js" */
/** @import { Field } from "./fields.js" */

import { family } from "../model/sites.js";
import { layerLabel } from "../words/index.js";
import { createField } from "./fields.js";

/**
 * @typedef {object} RatesOptions
 * @property {Document} document
 * @property {Knob} knob Whose value is a list with a rate for each place.
 * @property {string} id Unique in the page.
 * @property {string} context
 * @property {Place[]} places
 * @property {(together: string) => string} [labelOf] What the slider of a kind of place is called, if not as the places are.
 * @property {(rates: number[]) => Promise<*>} set
 */

/**
 * @param {RatesOptions} options
 */
export function createRates({ document, knob, id, context, places, labelOf = (name) => name, set }) {
  const one = { ...knob, items: false };
  const sites = places.map(({ name }) => name);
  const own = { rates: sites.map(() => 0), onTheWay: 0 };
  const change = (/** @type {number[]} */ rates) => {
    own.rates = rates;
    own.onTheWay += 1;
    return set(rates).finally(() => {
      own.onTheWay -= 1;
    });
  };

  /**
   * @param {string} name
   * @param {string} label
   * @param {(site: string) => boolean} mine Which places it moves.
   */
  function field(name, label, mine) {
    const made = createField({
      ...{ document, knob: one, id: `${id}-${name}`, label, context, value: 0 },
      change: (rate) => change(own.rates.map((old, place) => (mine(sites[place]) ? rate : old))),
    });
    return { name, field: made, mine };
  }

  const families = [...new Set(places.map((place) => place.family))];
  const together = families.map((kind) => {
    const label = places.find((place) => place.family === kind)?.together ?? kind;
    return field(kind, labelOf(label), (site) => family(site) === kind);
  });
  const alone = families.filter((kind) => sites.filter((site) => family(site) === kind).length === 1);
  const each = /** @type {typeof together} */ ([]);

  return {
    /** A slider for each kind of place, by its name. */
    together: new Map(together.map((part) => [part.name, part.field.element])),
    /** Makes a slider for each place that is not the only one of its kind. */
    makeEach() {
      const several = sites.filter((site) => !alone.includes(family(site)));
      each.push(...several.map((name) => field(name, layerLabel(name), (site) => site === name)));
      this.show(own.rates);
      return each.map((part) => part.field.element);
    },
    /** @param {readonly number[]} rates */
    show(rates) {
      own.rates = own.onTheWay > 0 ? own.rates : [...rates];
      for (const part of [...together, ...each]) {
        const mine = rates.filter((_, place) => part.mine(sites[place]));
        part.field.show(mine.reduce((sum, rate) => sum + rate, 0) / Math.max(mine.length, 1));
        part.field.element.classList.toggle(
          "mixed",
          mine.some((rate) => rate !== mine[0]),
        );
      }
    },
  };
}

/**
 * The places whose rate is another than that of the first of their kind, in words.
 * @param {readonly number[]} rates
 * @param {readonly string[]} sites
 */
export function unequal(rates, sites) {
  return sites
    .filter((site, place) => {
      const first = sites.findIndex((each) => family(each) === family(site));
      return rates[place] !== rates[first];
    })
    .map((site) => `${layerLabel(site)} ${rates[sites.indexOf(site)].toFixed(2)}`);
}
