// The tree of a model: which modules are shown, and which are folded because nothing in them drops. Pure.

/** @import { WatchedModule } from "../types.js" */

const ALL = 24; // modules up to which none is folded

/**
 * A module that is shown.
 * @typedef {object} Row
 * @property {WatchedModule} module
 * @property {number} indent
 * @property {string} name The last part of its path.
 */

/**
 * @param {readonly WatchedModule[]} tree
 * @param {boolean} isWhole Whether those without sites shall be shown as well.
 * @returns {{ rows: Row[], folded: number }}
 */
export function rowsOf(tree, isWhole) {
  const leading = new Set();
  for (const { path, sites } of tree) {
    if (sites.length > 0) {
      const parts = path === "" ? [] : path.split(".");
      for (let length = 0; length <= parts.length; length += 1) {
        leading.add(parts.slice(0, length).join("."));
      }
    }
  }
  const shown =
    isWhole || tree.length <= ALL || leading.size === 0 ? tree : tree.filter(({ path }) => leading.has(path));
  return {
    rows: shown.map((module) => ({
      ...{ module, indent: module.depth },
      name: module.path === "" ? "" : (module.path.split(".").pop() ?? module.path),
    })),
    folded: tree.length <= ALL || leading.size === 0 ? 0 : tree.filter(({ path }) => !leading.has(path)).length,
  };
}

/** How many sites are shown before anybody chose some. */
export const FIRST_SITES = 3;

/**
 * The sites that are shown at once: the first that can be seen.
 * @param {readonly { index: number, available: boolean }[]} sites
 */
export function firstSites(sites) {
  const seen = sites.filter(({ available }) => available);
  return [...seen, ...sites.filter(({ available }) => !available)].slice(0, FIRST_SITES).map(({ index }) => index);
}
