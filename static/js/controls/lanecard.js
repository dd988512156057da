// The card of one network: its rates and batch norm; folded away, all else in which networks may differ.

/** @import { Config, Knob, Lane, Schema, Stop } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { markLane } from "../base/theme.js";
import { placesOf } from "../model/kinds.js";
import { createControl, createGroup, knobNamed } from "./lanegroup.js";
import { createRates } from "./rates.js";

/**
 * @typedef {object} CardOptions
 * @property {Document} document
 * @property {Schema} schema
 * @property {Config} config Of the run whose places the lane's rates belong to.
 * @property {() => Config} configNow The same run's as it is by then.
 * @property {string} id Unique in the page.
 * @property {number} index Which colour it has.
 * @property {Lane} lane
 * @property {boolean} isNew Whether only the new run will have it.
 * @property {boolean} isOpen
 * @property {(knobs: Partial<Lane>, knob: Knob) => Promise<*>} set
 * @property {(name: string) => boolean} allows Whether a knob of a lane may be moved; the others are not there.
 * @property {(() => void) | null} follow
 * @property {((rate: number | null) => void) | null} retry Begins again with another learning rate of the lane, or with the same.
 * @property {(() => void) | null} remove
 */

/**
 * @typedef {object} Marks
 * @property {boolean} followed
 * @property {boolean} leaving Whether the new run will be without it.
 * @property {Stop | null} stopped
 * @property {{ step: number, cause: string, rate: number | null } | null} diverged When, after which change, and the learning rate to
 *   try instead.
 * @property {Partial<Lane>} waiting Its knobs that wait for a new run.
 */

/** @typedef {{ element: HTMLElement, show: (lane: Lane, marks: Marks) => void }} Card */

/** The groups of the schema that fold, in their order. */
const FOLDS = [
  { group: "dropout", title: "Kind of dropout, each layer" },
  { group: "regularisers", title: "Regularisers" },
  { group: "own", title: "Settings for this network only" },
];

/**
 * @param {CardOptions} options
 * @returns {Card}
 */
export function createCard(options) {
  const { document, schema, config, index, id, isNew, isOpen, set, allows } = options;
  const head = createHead(options);
  const rest = createRest(options);
  const gone = createDiverged(options);
  const knob = knobNamed(schema, "dropout");
  const places = placesOf(schema, config);
  const rates = createRates({
    ...{ document, knob, id: `${id}-dropout`, context: `dropout of ${options.lane.name}`, places },
    set: (dropout) => set({ dropout }, knob),
  });
  const norm = createControl(knobNamed(schema, "batch_norm"), options);
  norm.element.hidden = !allows("batch_norm");
  const seldom = new Set(places.filter(({ aside }) => aside).map(({ family }) => family)); // theirs stand among those of each
  const sliders = allows("dropout") ? [...rates.together] : [];
  const inSight = sliders.filter(([family]) => !seldom.has(family)).map(([, slider]) => slider);
  const aside = sliders.filter(([family]) => seldom.has(family)).map(([, slider]) => slider);
  const folds = FOLDS.map(({ group, title }) =>
    createGroup(options, group, title, () =>
      group === "dropout" && allows("dropout") ? [...aside, ...rates.makeEach()] : [],
    ),
  );
  const body = h(
    document,
    "details",
    { class: "card-body", open: isOpen },
    head.summary,
    h(document, "p", { class: "caption", hidden: !allows("dropout") }, "Dropout rate"),
    ...inSight,
    norm.element,
    ...folds.map(({ element }) => element),
  );
  const element = h(
    document,
    "article",
    {
      class: `card${isNew ? " new" : ""}`,
      "aria-label": `Network ${index + 1}`,
      ...(isNew ? {} : { "data-place": String(index) }),
    },
    body,
    head.buttons,
    rest.element, // in sight of a folded card, too
    gone.element,
  );
  markLane(element, index);
  return {
    element,
    show(now, marks) {
      head.show(now, marks);
      rest.show(now, marks);
      gone.show(marks);
      rates.show(now.dropout);
      norm.show(now.batch_norm);
      for (const fold of folds) {
        fold.show(now, marks);
      }
      element.classList.toggle("followed", marks.followed);
      element.classList.toggle("leaving", marks.leaving);
      element.classList.toggle("resting", marks.stopped !== null || marks.diverged !== null);
    },
  };
}

/** @param {CardOptions} options */
function createHead({ document, lane, isNew, follow, remove }) {
  const name = h(document, "span", { class: "lane-name" }, lane.name);
  const summary = h(document, "summary", {}, h(document, "i", { class: "mark", "aria-hidden": "true" }), name);
  const show = h(document, "button", { type: "button", class: "follow", "aria-pressed": "false" });
  const away = h(document, "button", { type: "button", class: "remove" });
  const note = h(document, "span", { class: "note", hidden: !isNew }, "new");
  show.hidden = follow === null;
  away.hidden = remove === null;
  show.addEventListener("click", () => follow?.());
  away.addEventListener("click", () => remove?.());
  return {
    summary,
    buttons: h(document, "div", { class: "card-buttons" }, note, show, away),
    /**
     * @param {Lane} now
     * @param {Marks} marks
     */
    show(now, { followed, leaving }) {
      setText(name, now.name);
      name.title = now.name;
      setText(show, followed ? "Viewing" : "View");
      show.setAttribute("aria-pressed", String(followed));
      show.setAttribute("aria-label", `View the masks of ${now.name}`);
      show.title = followed ? "The pictures show this network" : "View this network in the pictures";
      setText(away, leaving ? "↩" : "×");
      away.title = leaving ? "Keep this network" : "Leave this network out of a new run";
      away.setAttribute("aria-label", `${leaving ? "Keep" : "Remove"} ${now.name}`);
    },
  };
}

/**
 * That early stopping froze the lane, and the way on.
 * @param {CardOptions} options
 */
function createRest({ document, schema, set, allows }) {
  const told = h(document, "span", { role: "status" });
  const goOn = h(document, "button", { type: "button", title: "Switches early stopping off" }, "Go on");
  goOn.hidden = !allows("patience");
  const element = h(document, "p", { class: "rest", hidden: true }, told, goOn);
  goOn.addEventListener("click", () => void set({ patience: 0 }, knobNamed(schema, "patience")).catch(() => {}));
  return {
    element,
    /**
     * @param {Lane} _now
     * @param {Marks} marks
     */
    show(_now, { stopped }) {
      element.hidden = stopped === null;
      const [step, best] = [stopped?.step ?? 0, stopped?.best_step ?? 0].map((each) => each.toLocaleString("en"));
      setText(told, stopped ? `Stopped at step ${step}, weights of step ${best}.` : "");
    },
  };
}

/**
 * That the lane diverged, at which step and after which change, and the way on.
 * @param {CardOptions} options
 */
function createDiverged({ document, retry }) {
  const told = h(document, "span", { role: "status" });
  const again = h(document, "button", { type: "button", title: "All networks of this run begin again at step 0" });
  const element = h(document, "p", { class: "rest gone", hidden: true }, told, again);
  const state = { rate: /** @type {number | null} */ (null) };
  again.addEventListener("click", () => retry?.(state.rate));
  return {
    element,
    /** @param {Marks} marks */
    show({ diverged }) {
      element.hidden = diverged === null;
      again.hidden = retry === null;
      state.rate = diverged?.rate ?? null;
      const step = (diverged?.step ?? 0).toLocaleString("en");
      setText(told, diverged ? `Diverged at step ${step}, ${diverged.cause}. It learns no more.` : "");
      const rate = state.rate?.toLocaleString("en", { maximumSignificantDigits: 3 });
      setText(again, rate ? `Reset with learning rate ${rate}` : "Reset");
    },
  };
}
