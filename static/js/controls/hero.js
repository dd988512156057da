// What is always in sight: the dropout rate of the followed network as a large slider, and how many new examples are right.

/** @import { Run, Schema, State, Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { markLane } from "../base/theme.js";
import { withContrast } from "../model/contrast.js";
import { mainPlaces, placesOf } from "../model/kinds.js";
import { formatCount } from "../model/stats.js";
import { knobNamed } from "./lanegroup.js";
import { createRates } from "./rates.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "scores", "cursor", "connection", "experiment"];

const NOT_YET = "not measured yet";

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const who = h(document, "select", {
    "aria-label": "Network",
    title: "The network that the slider and the pictures show",
  });
  const swatch = h(document, "i", { class: "mark", "aria-hidden": "true" });
  const network = h(document, "div", { class: "hero-network" }, swatch, who);
  const rate = h(document, "div", { class: "hero-rate" });
  const when = h(document, "small", {}, NOT_YET);
  const numbers = h(document, "ul", { "aria-labelledby": "hero-title" });
  const title = h(document, "p", { id: "hero-title" }, h(document, "span", {}, "New examples right"), when);
  element.replaceChildren(network, rate, h(document, "div", { class: "hero-score" }, title, numbers));
  const now = { shape: "", rates: /** @type {ReturnType<typeof createRates> | null} */ (null), names: "", shown: "" };
  who.addEventListener("change", () => void actions.follow({ lane: Number(who.value) }));

  /**
   * @param {Run} run
   * @param {Schema} schema
   */
  function build(run, schema) {
    const { lane } = run.follow;
    const { family } = mainPlaces(schema, run.config);
    const knob = knobNamed(schema, "dropout");
    now.rates = createRates({
      ...{ document, knob, id: "hero", context: "", places: placesOf(schema, run.config) },
      labelOf: (together) => `Dropout rate (${together})`,
      set: (dropout) => actions.set(lane, { dropout }),
    });
    rate.replaceChildren(/** @type {HTMLElement} */ (now.rates.together.get(family)));
  }

  /**
   * @param {State} state
   * @param {Run} run
   */
  function showRate({ schema, role, connection }, run) {
    const { lane } = run.follow;
    const shape = JSON.stringify([run.id, lane, run.config.network, run.config.hidden, run.config.channels]);
    if (schema && shape !== now.shape) {
      now.shape = shape;
      build(run, schema);
    }
    const names = JSON.stringify(run.config.lanes.map(({ name }) => name));
    if (names !== now.names) {
      now.names = names;
      who.replaceChildren(...run.config.lanes.map(({ name }, value) => h(document, "option", { value }, name)));
    }
    who.value = String(lane);
    markLane(element, lane);
    now.rates?.show(run.config.lanes[lane].dropout);
    const isMine = role === "owner" && connection.status === "live";
    who.disabled = !isMine || run.config.lanes.length < 2;
    for (const input of rate.querySelectorAll("input")) {
      input.disabled = !isMine || Boolean(run.search);
    }
  }

  /**
   * @param {State} state
   * @param {Run} run
   */
  function showScores({ scores, cursor, experiment, revealed }, run) {
    const isDue = experiment !== null && !revealed; // a guess, which they would answer
    const row = isDue ? -1 : rowAt(scores, cursor);
    const lanes = comparedLanes(run);
    const shown = JSON.stringify([lanes, run.config.lanes.map(({ name }) => name)]);
    if (shown !== now.shown) {
      now.shown = shown;
      numbers.replaceChildren(...lanes.map((lane) => scoreOf(document, lane, run.config.lanes[lane].name)));
    }
    lanes.forEach((lane, index) => {
      const share = row < 0 ? Number.NaN : (scores.val_accuracy[lane]?.[row] ?? Number.NaN);
      const text = Number.isFinite(share) ? `${(100 * share).toFixed(1)}%` : "–";
      setText(/** @type {Element} */ (numbers.children[index].querySelector("strong")), text);
    });
    setText(when, isDue ? "after your guess" : row < 0 ? NOT_YET : `step ${formatCount(scores.step[row])}`);
  }

  return {
    update() {
      const { run } = store.state;
      if (run && run.layers.length > 0) {
        showRate(store.state, run);
        showScores(store.state, run);
      }
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}

/**
 * The networks whose numbers are shown: the followed one and its contrast, or both of two.
 * @param {Run} run
 */
function comparedLanes(run) {
  const lanes = run.contrast === null && run.config.lanes.length === 2 ? [0, 1] : withContrast(run);
  return [...lanes].sort((one, other) => one - other);
}

/**
 * The newest evaluation or, of a reader who looks back, the last one up to that step; -1 without one.
 * @param {State["scores"]} scores
 * @param {number | null} cursor
 */
function rowAt(scores, cursor) {
  let row = scores.length - 1;
  while (cursor !== null && row >= 0 && scores.step[row] > cursor) {
    row -= 1;
  }
  return row;
}

/**
 * @param {Document} document
 * @param {number} lane
 * @param {string} name
 */
function scoreOf(document, lane, name) {
  const item = h(
    document,
    "li",
    {},
    h(
      document,
      "span",
      { class: "hero-name", title: name },
      h(document, "i", { class: "mark", "aria-hidden": "true" }),
      h(document, "span", {}, name),
    ),
    h(document, "strong", {}, "–"),
  );
  markLane(item, lane);
  return item;
}
