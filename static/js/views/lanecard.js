// The card of one network.

/** @import { Knob, Lane, Schema } from "../types.js" */
/** @import { Field } from "./fields.js" */

import { h, setText } from "../dom.js";
import { createField } from "./fields.js";

/**
 * @typedef {object} CardOptions
 * @property {Document} document
 * @property {Schema} schema
 * @property {string} id Unique in the page.
 * @property {number} index Which colour it has.
 * @property {Lane} lane
 * @property {boolean} isNew Whether only the new run will have it.
 * @property {boolean} isOpen
 * @property {(knobs: Partial<Lane>) => Promise<*>} set
 * @property {(() => void) | null} follow
 * @property {() => void} remove
 */

/**
 * @typedef {object} Card
 * @property {HTMLElement} element
 * @property {(lane: Lane, marks: { followed: boolean, leaving: boolean }) => void} show
 */

/** Knobs of a lane that are always in sight, beside its dropout rates; the others are tucked away. */
const IN_SIGHT = new Set(["batch_norm"]);

/**
 * @param {CardOptions} options
 * @returns {Card}
 */
export function createCard(options) {
  const { document, schema, lane, index, id, isNew, isOpen, set } = options;
  const head = createHead(options);
  const rates = createRates(options);
  const others = schema.lane
    .filter(({ name }) => name !== "dropout")
    .map((knob) => {
      const change = (/** @type {*} */ value) => set({ [knob.name]: value });
      const value = knobOf(lane, knob);
      const field = createField({ document, knob, id: `${id}-${knob.name}`, context: lane.name, value, change });
      return { knob, field };
    });
  const [shown, tucked] = [true, false].map((first) =>
    others.filter(({ knob }) => IN_SIGHT.has(knob.name) === first).map(({ field }) => field.element),
  );
  const more = h(
    document,
    "details",
    { class: "more" },
    h(document, "summary", {}, "Each layer, name, L2"),
    ...rates.each,
    ...tucked,
  );
  const body = h(
    document,
    "details",
    { class: "card-body", open: isOpen },
    head.summary,
    ...rates.main,
    ...shown,
    more,
  );
  const element = h(
    document,
    "article",
    { class: `card${isNew ? " new" : ""}`, "data-lane": index % 8, "aria-label": `Network ${index + 1}` },
    body,
    head.buttons,
  );
  return {
    element,
    show(now, { followed, leaving }) {
      head.show(now, followed, leaving);
      rates.show(now.dropout);
      for (const { knob, field } of others) {
        field.show(knobOf(now, knob));
      }
      element.classList.toggle("followed", followed);
      element.classList.toggle("leaving", leaving);
    },
  };
}

/**
 * @param {Lane} lane
 * @param {Knob} knob
 */
function knobOf(lane, knob) {
  return /** @type {Record<string, *>} */ (lane)[knob.name];
}

/** @param {CardOptions} options */
function createHead({ document, lane, isNew, follow, remove }) {
  const name = h(document, "span", { class: "lane-name" }, lane.name);
  const summary = h(document, "summary", {}, h(document, "span", { class: "swatch", "aria-hidden": "true" }), name);
  const show = h(document, "button", { type: "button", class: "follow", "aria-pressed": "false" });
  const away = h(document, "button", { type: "button", class: "remove" });
  const note = h(document, "span", { class: "note", hidden: !isNew }, "new");
  show.hidden = follow === null;
  show.addEventListener("click", () => follow?.());
  away.addEventListener("click", remove);
  return {
    summary,
    buttons: h(document, "div", { class: "card-buttons" }, note, show, away),
    /**
     * @param {Lane} now
     * @param {boolean} followed
     * @param {boolean} leaving
     */
    show(now, followed, leaving) {
      setText(name, now.name);
      setText(show, followed ? "shown" : "show");
      show.setAttribute("aria-pressed", String(followed));
      show.setAttribute("aria-label", `Show the masks of ${now.name}`);
      show.title = followed ? "The pictures show this network" : "Show this network in the pictures";
      setText(away, leaving ? "↩" : "×");
      away.title = leaving ? "Keep this network" : "Leave this network out of a new run";
      away.setAttribute("aria-label", `${leaving ? "Keep" : "Remove"} ${now.name}`);
    },
  };
}

/**
 * The dropout rates: the input, all hidden layers together, and each of them.
 * @param {CardOptions} options
 */
function createRates({ document, schema, id, lane, set }) {
  const knob = /** @type {Knob} */ (schema.lane.find(({ name }) => name === "dropout"));
  const one = { ...knob, items: false };
  const own = { rates: lane.dropout, onTheWay: 0 };
  const change = (/** @type {number[]} */ rates) => {
    own.rates = rates;
    own.onTheWay += 1;
    return set({ dropout: rates }).finally(() => {
      own.onTheWay -= 1;
    });
  };
  const field = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {(rate: number) => number[]} */ rates,
  ) =>
    createField({
      document,
      knob: one,
      id: `${id}-dropout-${name}`,
      label,
      context: `dropout of ${lane.name}`,
      value: 0,
      change: (rate) => change(rates(rate)),
    });
  const input = field("input", "input", (rate) => own.rates.with(0, rate));
  const all = field("hidden", "hidden", (rate) => own.rates.map((old, layer) => (layer === 0 ? old : rate)));
  const layers = lane.dropout
    .slice(1)
    .map((_, place) => field(`hidden${place + 1}`, `hidden ${place + 1}`, (rate) => own.rates.with(place + 1, rate)));
  const title = h(document, "p", { class: "caption" }, "Dropout rate");
  return {
    main: [title, input.element, all.element],
    each: layers.length > 1 ? layers.map((layer) => layer.element) : [],
    /** @param {readonly number[]} rates */
    show(rates) {
      own.rates = own.onTheWay > 0 ? own.rates : [...rates];
      input.show(rates[0]);
      const hidden = rates.slice(1);
      all.show(hidden.reduce((sum, rate) => sum + rate, 0) / Math.max(hidden.length, 1));
      all.element.classList.toggle(
        "mixed",
        hidden.some((rate) => rate !== hidden[0]),
      );
      layers.forEach((layer, place) => {
        layer.show(rates[place + 1]);
      });
    },
  };
}
