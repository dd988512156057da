// Things to be ticked, in their groups, as the Views menu has them.

import { h } from "../base/dom.js";

/** @typedef {{ value: string, title: string, checked: boolean, disabled?: boolean }} Pick */
/** @typedef {{ title: string, picks: Pick[] }} PickGroup */

/**
 * @param {Document} document
 * @param {readonly PickGroup[]} groups
 * @returns {HTMLElement[]}
 */
export function pickGroups(document, groups) {
  return groups
    .filter(({ picks }) => picks.length > 0)
    .map(({ title, picks }) =>
      h(document, "fieldset", {}, h(document, "legend", {}, title), ...picks.map((pick) => pickLine(document, pick))),
    );
}

/**
 * @param {Document} document
 * @param {Pick} pick
 */
function pickLine(document, { value, title, checked, disabled = false }) {
  const box = h(document, "input", { type: "checkbox", value, checked, disabled });
  return h(document, "label", { class: "view-entry" }, box, h(document, "span", { class: "view-title" }, title));
}

/**
 * What is ticked, in the order in which it stands there.
 * @param {HTMLElement} list
 * @returns {string[]}
 */
export function picked(list) {
  const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input[type=checkbox]:checked"));
  return [...boxes].map(({ value }) => value);
}

/**
 * The panels to be ticked, those that are open first of all.
 * @param {ReturnType<typeof import("../shell/panels.js").createPanels>} panels
 * @returns {PickGroup[]}
 */
export function panelGroups(panels) {
  const entries = panels.entries();
  return panels.groups().map(({ title, panels: ids }) => ({
    title,
    picks: ids.flatMap((id) => {
      const entry = entries.get(id);
      const { open = false, obstacle = "" } = entry ?? {};
      return entry ? [{ value: id, title: entry.title, checked: open, disabled: obstacle !== "" }] : [];
    }),
  }));
}
