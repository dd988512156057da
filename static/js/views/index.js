// Which module draws a panel: the one of its name. The bundle has another module in the place of this one (scripts/bundle.mjs).

/**
 * @param {string} panel
 * @returns {Promise<object>}
 */
export function moduleOf(panel) {
  return import(`./${panel}.js`);
}
