// The groups of a lane's knobs that fold away in its card.

/** @import { Knob, Lane, Place, Schema } from "../types.js" */
/** @import { CardOptions, Marks } from "./lanecard.js" */
/** @import { Field } from "./fields.js" */

/** @typedef {{ element: HTMLElement, show: (lane: Lane, marks: Marks) => void }} Group */

import { h } from "../base/dom.js";
import { groupedPlaces, placesOf } from "../model/kinds.js";
import { applies, briefly, differs, valueIn } from "../model/knobs.js";
import { createField } from "./fields.js";
import { createFold } from "./fold.js";
import { createRates, unequal } from "./rates.js";

/**
 * A lane's knob that every schema has.
 * @param {Schema} schema
 * @param {string} name
 */
export function knobNamed(schema, name) {
  return /** @type {Knob} */ (schema.lane.find((knob) => knob.name === name));
}

/**
 * The control of one knob.
 * @param {Knob} knob
 * @param {CardOptions} options
 * @returns {Field}
 */
export function createControl(knob, { document, id, lane, config, configNow, set }) {
  const { length } = config.hidden;
  const fixed = { min_items: length, max_items: length, max: Math.max(...config.hidden) }; // no wider than the run's
  return createField({
    document,
    knob: knob.name === "hidden" ? { ...knob, ...fixed } : knob,
    id: `${id}-${knob.name}`,
    label: knob.label.replace(/^own /, ""), // the group says so
    context: lane.name,
    value: valueIn(lane, knob.name),
    ofRun: () => valueIn(configNow(), knob.name),
    change: (value) => set({ [knob.name]: value }, knob),
  });
}

/**
 * A group that folds. Knobs of rates (lists that are live) have sliders of their own.
 * @param {CardOptions} options
 * @param {string} group
 * @param {string} title
 * @param {() => HTMLElement[]} makeFirst What stands before its knobs.
 * @returns {Group}
 */
export function createGroup(options, group, title, makeFirst) {
  const { document, schema, config, id, lane, set, allows } = options;
  const own = schema.lane.filter((knob) => knob.group === group && applies(knob, config));
  const knobs = own.filter((knob) => allows(knob.name));
  const spatial = knobs.find(({ name }) => name === "spatial_dropout");
  const grouped = groupedPlaces(schema, config);
  const name = knobNamed(schema, "name");
  const state = { lane, marks: /** @type {Marks | null} */ (null) };
  const parts = /** @type {((now: Lane, marks: Marks) => void)[]} */ ([]);

  /** @param {Knob} knob */
  function plain(knob) {
    const field = createControl(knob, options);
    parts.push((now, { waiting }) => {
      field.show(valueIn({ ...now, ...waiting }, knob.name));
      field.mark(knob.name in waiting);
      field.element.hidden = knob.name === "schedule_steps" && now.schedule === "constant";
    });
    return field.element;
  }

  /** @param {Knob} knob */
  function perMap(knob) {
    const rates = createRates({
      ...{ document, knob, id: `${id}-${knob.name}`, context: `${knob.label} of ${lane.name}`, places: grouped },
      set: (values) => set({ [knob.name]: values }, knob),
    });
    parts.push((now) => rates.show(valueIn(now, knob.name)));
    const caption = h(document, "p", { class: "caption" }, "Whole feature maps");
    return [caption, ...rates.together.values(), ...rates.makeEach()];
  }

  const fold = createFold(document, title, () => {
    const first = [...(group === "own" && allows("name") ? [plain(name)] : []), ...makeFirst()];
    const made = [...first, ...knobs.flatMap((knob) => (knob === spatial ? perMap(knob) : [plain(knob)]))];
    update();
    return made;
  });

  fold.element.dataset.knobs = knobs.map((knob) => knob.name).join(" ");

  const extra = { own: "name", dropout: "dropout" }[group]; // what stands here and is of another group
  fold.element.hidden = knobs.length === 0 && !(extra && allows(extra));

  function update() {
    const { lane: now, marks } = state;
    if (marks) {
      for (const show of parts) {
        show(now, marks);
      }
      const rates = group === "dropout" ? unusualRates(now.dropout, placesOf(schema, config)) : [];
      fold.say([...unusual(knobs, { ...now, ...marks.waiting }), ...rates].join(", "));
    }
  }

  return {
    element: fold.element,
    show(now, marks) {
      Object.assign(state, { lane: now, marks });
      update();
    },
  };
}

/**
 * What of a group's knobs is otherwise than usual, in words.
 * @param {readonly Knob[]} knobs
 * @param {Lane} lane
 */
function unusual(knobs, lane) {
  return knobs
    .filter((knob) => knob.name !== "schedule_steps" && differs(valueIn(lane, knob.name), knob.default))
    .map((knob) => wordsOf(knob, lane));
}

/**
 * The rates that the sliders in sight of the card do not tell.
 * @param {readonly number[]} rates
 * @param {Place[]} places
 */
function unusualRates(rates, places) {
  const aside = places.flatMap(({ name, aside }, at) =>
    aside && rates[at] > 0 ? [`${name} ${rates[at].toFixed(2)}`] : [],
  );
  return [
    ...aside,
    ...unequal(
      rates,
      places.map(({ name }) => name),
    ),
  ];
}

/**
 * @param {Knob} knob
 * @param {Lane} lane
 */
function wordsOf(knob, lane) {
  const until = lane.schedule === "late" ? "from" : "to";
  return knob.name === "schedule"
    ? `${briefly(knob, lane.schedule)} ${until} step ${lane.schedule_steps.toLocaleString("en")}`
    : briefly(knob, valueIn(lane, knob.name));
}
