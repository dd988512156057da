// A card for each network. Most of what it holds moves while the network trains; the rest waits for a new run.

/** @import { Config, Exercise, Knob, Lane, Run, Schema, Topic, View, ViewOptions } from "../types.js" */
/** @import { DraftLane } from "../state/draft.js" */
/** @import { Card } from "./lanecard.js" */

import { h } from "../base/dom.js";
import { causeWords, divergenceOf, lowerRate } from "../model/diverged.js";
import { allows } from "../model/exercise.js";
import { addLane, changeLane, draftOwn, laneList, toggleLane } from "../state/draft.js";
import { createCard } from "./lanecard.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "draft", "exercise"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const state = { shape: "", cards: /** @type {Card[]} */ ([]) };

  /** @param {DraftLane} which */
  function toggle(which) {
    const { draft, run } = store.state;
    if (run) {
      store.update("draft", { draft: toggleLane(draft, which, run.config) });
    }
  }

  function add() {
    const { draft, run, schema } = store.state;
    if (run && schema) {
      store.update("draft", {
        draft: addLane(draft, anotherLane(run.config, laneList(draft, run.config).length), run.config),
      });
    }
  }

  /**
   * @param {number} index
   * @param {Partial<Lane>} knobs
   * @param {Knob} knob Of which these are values.
   */
  async function change(index, knobs, { live }) {
    const { draft, run } = store.state;
    if (live) {
      await actions.set(index, knobs);
    } else if (run) {
      store.update("draft", { draft: draftOwn(draft, index, knobs, run.config) });
    }
  }

  /**
   * Begin again, with another learning rate of the lane if it has one of its own, else of the run.
   * @param {number} index
   * @param {number | null} rate
   */
  async function retry(index, rate) {
    const { run } = store.state;
    try {
      if (run && rate !== null) {
        await actions.set(run.config.lanes[index].learning_rate === null ? null : index, { learning_rate: rate });
      }
      await actions.reset();
    } catch {} // it was told; nothing is reset with a rate that was not wanted
  }

  /**
   * A card of this run's lane: what is live in it is in force at once.
   * @param {Schema} schema
   * @param {Config} config
   * @param {number} index
   */
  function running(schema, config, index) {
    const before = state.cards[index]?.element.querySelector("details");
    return createCard({
      document,
      schema,
      config,
      configNow: () => store.state.run?.config ?? config,
      id: `lane-${index}`,
      index,
      lane: config.lanes[index],
      isNew: false,
      isOpen: before?.open ?? false, // the large slider is at hand; what the reader opened stays open
      set: (knobs, knob) => change(index, knobs, knob),
      allows: (name) => allows(store.state.exercise, "lane", name),
      follow: () => void actions.follow({ lane: index }),
      retry: (rate) => void retry(index, rate),
      remove: store.state.exercise ? null : () => toggle(index),
    });
  }

  /**
   * A card of a lane that the new run will have: what it changes is set aside.
   * @param {Schema} schema
   * @param {Config} config
   * @param {Lane} lane
   * @param {number} place
   */
  function planned(schema, config, lane, place) {
    const own = { lane };
    return createCard({
      document,
      schema,
      config,
      configNow: () => store.state.run?.config ?? config,
      id: `new-lane-${place}`,
      index: config.lanes.length + place,
      lane,
      isNew: true,
      isOpen: true,
      async set(knobs) {
        const changed = { ...own.lane, ...knobs };
        const draft = changeLane(store.state.draft, own.lane, changed);
        own.lane = changed;
        store.update("draft", { draft });
      },
      allows: () => true,
      follow: null,
      retry: null,
      remove: () => toggle(own.lane),
    });
  }

  /**
   * @param {Schema} schema
   * @param {Config} config
   * @param {readonly Lane[]} added
   */
  function build(schema, config, added) {
    const cards = config.lanes.map((_, index) => running(schema, config, index));
    cards.push(...added.map((lane, place) => planned(schema, config, lane, place)));
    const more = h(document, "button", { type: "button", class: "add" }, "+ Add a network");
    more.hidden = cards.length >= schema.max_lanes || store.state.exercise !== null;
    more.addEventListener("click", add);
    element.replaceChildren(h(document, "h3", {}, "Networks"), ...cards.map((card) => card.element), more);
    return cards;
  }

  return {
    update() {
      const { schema, run, draft } = store.state;
      if (!schema || !run) {
        return;
      }
      const list = laneList(draft, run.config);
      const added = list.filter((lane) => typeof lane !== "number");
      const { exercise } = store.state;
      element.hidden = exercise !== null && exercise.knobs.lane.length === 0;
      const shape = [run.id, run.config.lanes.length, added.length, exercise !== null].join();
      if (shape !== state.shape) {
        state.shape = shape;
        state.cards = build(schema, run.config, added);
      }
      state.cards.forEach((card, index) => {
        const isNew = index >= run.config.lanes.length;
        const lane = isNew ? added[index - run.config.lanes.length] : run.config.lanes[index];
        card.show(lane, {
          followed: run.follow.lane === index,
          leaving: !isNew && !list.includes(index),
          stopped: run.stopped?.[index] ?? null,
          diverged: isNew ? null : divergedMark(run, schema, index, exercise),
          waiting: isNew ? {} : (draft.own[index] ?? {}),
        });
      });
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}

/**
 * What the card of a lane says of its having diverged. Of a search no knob can be turned: there is no rate to try.
 * @param {Run} run
 * @param {Schema} schema
 * @param {number} lane
 * @param {Exercise | null} exercise
 */
function divergedMark(run, schema, lane, exercise) {
  const gone = divergenceOf(run, lane);
  const side = run.config.lanes[lane].learning_rate === null ? "run" : "lane";
  const rate = run.search || !allows(exercise, side, "learning_rate") ? null : lowerRate(run.config, lane);
  return gone && { step: gone.step, cause: causeWords(run, schema, lane), rate };
}

/**
 * What “add a network” adds: another like the last, under a name of its own.
 * @param {Config} config
 * @param {number} count How many networks there are.
 * @returns {Lane}
 */
function anotherLane(config, count) {
  const last = config.lanes[config.lanes.length - 1];
  return { ...last, name: `Network ${count + 1}` };
}
