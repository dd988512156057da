// How many sub-networks vote, and whether each has one mask or a fresh one for every example. Who only watches reads it.

/** @import { Frame, Run, State, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { argumentOf, taken } from "../model/commands.js";
import { formatCount } from "../model/stats.js";

const MEMBERS = [16, 64, 256]; // that are offered, as far as a run takes them
/** @type {Record<string, string>} */
const MASKS = { per_member: "one per sub-network", per_example: "fresh per example" };

/** @typedef {Run["ensemble"]} Ensemble */

/** @type {Ensemble} What a run asks for that says nothing of it. */
const USUAL = { members: 64, masks: "per_member" };

/** @param {ViewOptions} options */
export function createMembers({ document, store, actions }) {
  const members = h(document, "select", { name: "members" });
  const masks = h(document, "select", { name: "masks" });
  const named = (/** @type {string} */ text, /** @type {HTMLElement} */ control) =>
    h(document, "label", {}, text, control);
  const knobs = h(document, "span", { class: "members-knobs" }, named("Sub-networks", members), named("Masks", masks));
  const told = h(document, "span", { class: "members-told" });
  const waiting = h(document, "span", { class: "members-waiting", role: "status" });
  const element = h(document, "div", { class: "members-bar" }, knobs, told, waiting); // empty at first, and as high
  knobs.hidden = true;

  const shown = { ensemble: "" }; // what the controls were last set to: what the reader has chosen since stays
  members.addEventListener("change", () => void ask({ members: Number(members.value) }));
  masks.addEventListener("change", () => void ask({ masks: masks.value }));

  /** @param {{ members?: number, masks?: string }} ensemble */
  async function ask(ensemble) {
    if ((await actions.ensemble(ensemble)) === null && store.state.run) {
      set(store.state.run.ensemble ?? USUAL); // it was refused
    }
  }

  /** @param {Ensemble} wanted */
  function set(wanted) {
    const { schema } = store.state;
    const offered = taken(MEMBERS, argumentOf(schema, "ensemble", "members"));
    const choices = [...new Set([...offered, wanted.members])].sort((one, other) => one - other);
    const ways = argumentOf(schema, "ensemble", "masks")?.choices ?? Object.keys(MASKS);
    masks.replaceChildren(...ways.map((way) => option([way, MASKS[way] ?? way])));
    members.replaceChildren(...choices.map((count) => option([count, formatCount(count)])));
    members.value = String(wanted.members);
    masks.value = wanted.masks;
  }

  /** @param {[string | number, string]} choice */
  function option([value, text]) {
    return h(document, "option", { value }, text);
  }

  return {
    element,
    /** @param {State} state */
    update({ run, role, ensemble }) {
      if (!run) {
        return;
      }
      const wanted = run.ensemble ?? USUAL;
      if (JSON.stringify(wanted) !== shown.ensemble) {
        shown.ensemble = JSON.stringify(wanted);
        set(wanted);
      }
      knobs.hidden = role !== "owner";
      told.hidden = !knobs.hidden;
      setText(told, `${formatCount(wanted.members)} sub-networks; masks: ${MASKS[wanted.masks]}.`);
      setText(waiting, ensemble && !answers(ensemble, wanted) ? "asking them …" : "");
    },
  };
}

/** @param {Frame} ensemble */
export const isFresh = ({ tensors }) => Number(tensors.fresh?.data[0] ?? 0) === 1;

/**
 * Whether a frame is of the sub-networks that are wanted.
 * @param {Frame} ensemble
 * @param {Ensemble} wanted
 */
function answers(ensemble, { members, masks }) {
  const count = ensemble.tensors["accuracy/member"].shape[1];
  return count === members && isFresh(ensemble) === (masks === "per_example");
}
