// The run's knobs. One that is live moves at once; the others are set aside in the draft until the reader starts a new run.

/** @import { Knob, Topic, View, ViewOptions } from "../types.js" */
/** @import { Field } from "./fields.js" */

import { h } from "../dom.js";
import { draftKnob } from "../draft.js";
import { createField } from "./fields.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "draft"];

/** What comes first, and under which heading; every other knob of the schema follows under the last. */
const GROUPS = [
  { title: "Data", names: ["dataset", "train_size", "label_noise", "data_noise"], open: true },
  { title: "Training", names: ["learning_rate"], open: true },
  { title: "More: shape, batches, seed", names: [], open: false },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  /** @type {Map<string, { knob: Knob, field: Field }>} */
  const fields = new Map();

  /**
   * @param {Knob} knob
   * @param {*} value
   */
  function change(knob, value) {
    const { run, schema, draft } = store.state;
    if (knob.live) {
      return actions.set(null, { [knob.name]: value }).then(() => {});
    }
    if (run && schema) {
      store.update("draft", { draft: draftKnob(draft, knob.name, value, run.config, schema) });
    }
    return undefined;
  }

  /** @param {readonly Knob[]} knobs */
  function build(knobs) {
    for (const knob of knobs) {
      const id = `knob-${knob.name}`;
      const field = createField({ document, knob, id, value: knob.default, change: (value) => change(knob, value) });
      fields.set(knob.name, { knob, field });
    }
    element.replaceChildren(...grouped(knobs).map(({ title, names, open }) => group(title, names, open)));
  }

  /**
   * @param {string} title
   * @param {readonly string[]} names
   * @param {boolean} open
   */
  function group(title, names, open) {
    const body = names.map((name) => /** @type {{ field: Field }} */ (fields.get(name)).field.element);
    if (open) {
      return h(document, "section", { class: "group" }, h(document, "h3", {}, title), ...body);
    }
    return h(document, "details", { class: "group" }, h(document, "summary", {}, title), ...body);
  }

  return {
    update() {
      const { schema, run, draft } = store.state;
      if (schema && fields.size === 0) {
        build(schema.run);
      }
      if (!run) {
        return;
      }
      const now = /** @type {Record<string, *>} */ (run.config);
      const wanted = /** @type {Record<string, *>} */ ({ ...run.config, ...draft.knobs });
      for (const [name, { knob, field }] of fields) {
        field.show(wanted[name]);
        field.mark(JSON.stringify(wanted[name]) !== JSON.stringify(now[name]));
        field.element.hidden = knob.only_for !== undefined && !knob.only_for.includes(wanted.dataset);
      }
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}

/**
 * The groups with the names of their knobs; those that no group names go to the last.
 * @param {readonly Knob[]} knobs
 */
function grouped(knobs) {
  const there = new Set(knobs.map(({ name }) => name));
  const named = new Set(GROUPS.flatMap(({ names }) => names));
  const rest = knobs.map(({ name }) => name).filter((name) => !named.has(name));
  return GROUPS.map(({ title, names, open }, index) => ({
    title,
    open,
    names: [...names.filter((name) => there.has(name)), ...(index === GROUPS.length - 1 ? rest : [])],
  }));
}
