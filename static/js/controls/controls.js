// The run's knobs. One that is live moves at once; the others are set aside in the draft until the reader starts a new run.
// The few that matter first are always in sight; the others stand in groups that fold.

/** @import { Config, Exercise, Knob, Run, Schema, Topic, View, ViewOptions } from "../types.js" */
/** @import { Field } from "./fields.js" */
/** @import { Fold } from "./fold.js" */

import { h, setText } from "../base/dom.js";
import { allows } from "../model/exercise.js";
import { applies, briefly, differs, valueIn } from "../model/knobs.js";
import { draftKnob } from "../state/draft.js";
import { learns } from "../words/lead.js";
import { createDatasets } from "./datasets.js";
import { createField } from "./fields.js";
import { createFold } from "./fold.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "draft", "tables", "exercise"];

const DATA = "dataset"; // chosen by pictures

/** What is always in sight, in this order. */
const FIRST = ["network", "train_size", "label_noise", "data_noise", "learning_rate"];

/** The groups of the schema that fold, with what is left for them. @type {Record<string, string>} */
const TITLES = { data: "Data", network: "Shape of the networks", training: "Batches, masks, seed" };

/** @typedef {{ chooseTable: (table?: import("../types.js").Table) => void }} ControlsOptions Opens the dialog for a table. */

/** @typedef {{ knob: Knob, field: Field }} Control */

/**
 * The knobs that matter first.
 * @param {HTMLElement} element
 * @param {ViewOptions & ControlsOptions} options
 * @returns {View}
 */
export function create(element, options) {
  const { document, store, actions, chooseTable } = options;
  const table = createTableLine(document, chooseTable);
  /** @type {Control[]} */
  const controls = [];
  const heading = h(document, "h3", {}, "Run");
  const now = { data: /** @type {ReturnType<typeof createDatasets> | null} */ (null) };

  /** @param {Schema} schema */
  function build(schema) {
    const dataset = /** @type {Knob} */ (schema.run.find(({ name }) => name === DATA));
    now.data = createDatasets(dataset, { document, store, actions, chooseTable });
    const knobs = FIRST.flatMap((name) => schema.run.find((knob) => knob.name === name) ?? []);
    controls.push(...knobs.map((knob) => control(knob, options)));
    const fields = controls.map(({ field }) => field.element);
    element.replaceChildren(...now.data.elements, table.element, heading, ...fields);
  }

  /** What an exercise leaves of it. */
  function narrow() {
    const { exercise } = store.state;
    for (const part of now.data?.elements ?? []) {
      part.hidden = !allows(exercise, "run", DATA);
    }
    table.element.hidden ||= exercise !== null; // it leads to other tables
    heading.hidden = controls.every(({ field }) => field.element.hidden);
    element.hidden =
      exercise !== null && [...element.children].every((part) => /** @type {HTMLElement} */ (part).hidden);
  }

  return {
    update() {
      const { schema, run, draft, tables } = store.state;
      if (schema && controls.length === 0) {
        build(schema);
      }
      if (schema && run) {
        const wanted = { ...run.config, ...draft.knobs };
        show(controls, run, wanted, store.state.exercise);
        limit(controls, schema, wanted);
        if (wanted.dataset === "csv" && wanted.table && !tables[wanted.table]) {
          actions.table(wanted.table); // the topic `tables` follows
        }
        now.data?.show(run, wanted, learns(run.config, schema));
        table.show(wanted, tables[wanted.table]);
        narrow();
      }
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}

/**
 * The other knobs, in groups that fold.
 * @param {HTMLElement} element
 * @param {ViewOptions & ControlsOptions} options
 * @returns {View}
 */
export function createFolded(element, options) {
  const { store, document } = options;
  /** @type {{ fold: Fold, knobs: Knob[], controls: Control[] }[]} */
  const groups = [];

  /** @param {Schema} schema */
  function build(schema) {
    const rest = schema.run.filter(({ name }) => ![...FIRST, DATA, "table"].includes(name));
    for (const name of new Set(rest.map(({ group }) => group))) {
      const knobs = rest.filter(({ group }) => group === name);
      const controls = /** @type {Control[]} */ ([]);
      const fold = createFold(document, TITLES[name] ?? name, () => {
        controls.push(...knobs.map((knob) => control(knob, options)));
        update();
        return controls.map(({ field }) => field.element);
      });
      groups.push({ fold, knobs, controls });
    }
    element.replaceChildren(...groups.map(({ fold }) => fold.element));
  }

  function update() {
    const { schema, run, draft } = store.state;
    if (schema && groups.length === 0) {
      build(schema);
    }
    if (schema && run) {
      const wanted = { ...run.config, ...draft.knobs };
      const { exercise } = store.state;
      for (const { fold, knobs, controls } of groups) {
        fold.element.hidden = !knobs.some(({ name }) => allows(exercise, "run", name));
        show(controls, run, wanted, exercise);
        fold.say(unusual(knobs, wanted, schema));
      }
    }
  }
  return { update, resize() {}, destroy: () => element.replaceChildren() };
}

/**
 * @param {Knob} knob
 * @param {ViewOptions & ControlsOptions} options
 * @returns {Control}
 */
function control(knob, { document, store, actions }) {
  const change = (/** @type {*} */ value) => {
    const { run, schema, draft } = store.state;
    if (knob.live) {
      return actions.set(null, { [knob.name]: value }).then(() => {});
    }
    if (run && schema) {
      store.update("draft", { draft: draftKnob(draft, knob.name, value, run.config, schema) });
    }
    return undefined;
  };
  const value = valueIn(store.state.run?.config ?? {}, knob.name) ?? knob.default;
  return { knob, field: createField({ document, knob, id: `knob-${knob.name}`, value, change }) };
}

/**
 * @param {readonly Control[]} controls
 * @param {Run} run
 * @param {Config} wanted As the run is now, with what is set aside for a new one.
 * @param {Exercise | null} exercise Which hides what it does not leave to the reader.
 */
function show(controls, run, wanted, exercise) {
  for (const { knob, field } of controls) {
    const value = valueIn(wanted, knob.name);
    field.show(value);
    field.mark(differs(value, valueIn(run.config, knob.name)));
    field.element.hidden = !applies(knob, wanted) || !allows(exercise, "run", knob.name);
  }
}

/**
 * A network that cannot learn from the data is not offered, and says what it would need.
 * @param {readonly Control[]} controls
 * @param {Schema} schema
 * @param {Config} wanted
 */
function limit(controls, schema, wanted) {
  const networks = Object.keys(schema.recommended);
  const missing = networks.filter((network) => !schema.recommended[network][wanted.dataset]);
  const reasons = Object.fromEntries(missing.map((network) => [network, "needs images"]));
  controls.find(({ knob }) => knob.name === "network")?.field.limit(reasons);
}

/**
 * What in a group is otherwise than recommended.
 * @param {readonly Knob[]} knobs
 * @param {Config} wanted
 * @param {Schema} schema
 */
function unusual(knobs, wanted, schema) {
  const usual = schema.recommended[wanted.network]?.[wanted.dataset] ?? schema.defaults;
  return knobs
    .filter((knob) => applies(knob, wanted) && differs(valueIn(wanted, knob.name), valueIn(usual, knob.name)))
    .map((knob) => briefly(knob, valueIn(wanted, knob.name)))
    .join(", ");
}

/**
 * The line below the data: which table it is, and the way to another.
 * @param {Document} document
 * @param {(table?: import("../types.js").Table) => void} chooseTable
 */
function createTableLine(document, chooseTable) {
  const name = h(document, "span", { class: "table-name" });
  const state = { table: /** @type {import("../types.js").Table | undefined} */ (undefined) };
  const how = h(document, "button", { type: "button" }, "How it is read …");
  const other = h(document, "button", { type: "button" }, "Another table …");
  const buttons = h(document, "span", { class: "table-buttons" }, how, other);
  const element = h(document, "p", { class: "table-line", hidden: true }, name, buttons);
  how.addEventListener("click", () => chooseTable(state.table));
  other.addEventListener("click", () => chooseTable());
  return {
    element,
    /**
     * @param {Config} wanted
     * @param {import("../types.js").Table | undefined} table
     */
    show(wanted, table) {
      state.table = table;
      element.hidden = wanted.dataset !== "csv";
      how.hidden = !table;
      setText(name, table ? `${table.name}: ${table.rows.toLocaleString("en")} rows, learns “${table.label}”` : "");
    },
  };
}
