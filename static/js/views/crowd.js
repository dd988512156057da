// How many sub-networks vote, and whether each has one mask or a fresh one for every example. Who only watches reads it.

/** @import { Frame, Run, State, ViewOptions } from "../types.js" */

import { h, setText } from "../dom.js";
import { formatCount } from "../stats.js";

const MEMBERS = [16, 64, 256];
const MASKS = { per_member: "one per sub-network", per_example: "fresh per example" };

/** @typedef {Run["crowd"]} Crowd */

/** @type {Crowd} What a run asks for that says nothing of it. */
const USUAL = { members: 64, masks: "per_member" };

/** @param {ViewOptions} options */
export function createCrowd({ document, store, actions }) {
  const members = h(document, "select", { name: "members" });
  const masks = h(document, "select", { name: "masks" }, ...Object.entries(MASKS).map(option));
  const named = (/** @type {string} */ text, /** @type {HTMLElement} */ control) =>
    h(document, "label", {}, text, control);
  const knobs = h(document, "span", { class: "crowd-knobs" }, named("Sub-networks", members), named("Masks", masks));
  const told = h(document, "span", { class: "crowd-told" });
  const waiting = h(document, "span", { class: "crowd-waiting", role: "status" });
  const element = h(document, "div", { class: "crowd-bar" }, knobs, told, waiting);

  const shown = { crowd: "" }; // what the controls were last set to: what the reader has chosen since stays
  members.addEventListener("change", () => void ask({ members: Number(members.value) }));
  masks.addEventListener("change", () => void ask({ masks: masks.value }));

  /** @param {{ members?: number, masks?: string }} crowd */
  async function ask(crowd) {
    if ((await actions.crowd(crowd)) === null && store.state.run) {
      set(store.state.run.crowd ?? USUAL); // it was refused
    }
  }

  /** @param {Crowd} wanted */
  function set(wanted) {
    const choices = [...new Set([...MEMBERS, wanted.members])].sort((one, other) => one - other);
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
      element.hidden = run === null;
      if (!run) {
        return;
      }
      const wanted = run.crowd ?? USUAL;
      if (JSON.stringify(wanted) !== shown.crowd) {
        shown.crowd = JSON.stringify(wanted);
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
 * Whether a frame is of the crowd that is wanted.
 * @param {Frame} ensemble
 * @param {Crowd} wanted
 */
function answers(ensemble, { members, masks }) {
  const count = ensemble.tensors["accuracy/member"].shape[1];
  return count === members && isFresh(ensemble) === (masks === "per_example");
}
