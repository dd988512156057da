// The panels there are, as the server lists them in its schema (trainer/settings/panels.py).

/** @import { Schema } from "../types.js" */

/**
 * The panel of that name; `undefined` where there is none, or the schema is not there yet.
 * @param {Schema | null} schema
 * @param {string} id
 */
export function panelOf(schema, id) {
  return schema?.panels.find((panel) => panel.id === id);
}

/**
 * Whether a panel, or a kind of frame, is one that is made while its panel is open.
 * @param {Schema | null} schema
 * @param {string} id
 */
export function isInsight(schema, id) {
  return panelOf(schema, id)?.insight ?? false;
}

/**
 * The groups of the Views menu, each with its panels.
 * @param {Schema | null} schema
 * @returns {{ title: string, panels: string[] }[]}
 */
export function groupsOf(schema) {
  const panels = schema?.panels ?? [];
  const titles = [...new Set(panels.map(({ group }) => group))];
  return titles.map((title) => ({
    title,
    panels: panels.filter(({ group }) => group === title).map(({ id }) => id),
  }));
}
