// What else comes out of a run: the steps to a loss, the rates that are compared, and what networks of one kind are called. Pure: no
// DOM.

/** @import { Lane } from "../types.js" */

const FEWEST = 3; // networks that make a curve

/**
 * The steps at which a falling loss first reached some levels: between two evaluations it is taken to fall by the same factor at
 * each step.
 * @param {{ length: number, step: ArrayLike<number> }} scores
 * @param {ArrayLike<number>} losses
 * @param {readonly number[]} levels
 * @returns {(number | null)[]} `null`: not reached.
 */
export function crossings({ length, step }, losses, levels) {
  return levels.map((level) => {
    for (let row = 0; row < length; row += 1) {
      if (losses[row] <= level) {
        const before = losses[row - 1];
        if (row === 0 || !(before > level) || losses[row] <= 0) {
          return step[row];
        }
        const part = Math.log(before / level) / Math.log(before / losses[row]);
        return step[row - 1] + part * (step[row] - step[row - 1]);
      }
    }
    return null;
  });
}

/**
 * The dropout rate of each network, where it rises from one to the next and nothing else tells them apart; else nothing. Where they
 * drop at several places at different rates, each must have one rate for all of these.
 * @param {Lane[]} lanes
 * @returns {number[]}
 */
export function risingRates(lanes) {
  const moved = [...(lanes[0]?.dropout ?? []).keys()].filter((place) =>
    lanes.some(({ dropout }) => dropout[place] !== lanes[0].dropout[place]),
  );
  const rates = lanes.map(({ dropout }) => dropout[moved[0]]);
  const others = new Set(lanes.map(({ name: _name, dropout: _dropout, ...rest }) => JSON.stringify(rest)));
  const rises =
    others.size === 1 &&
    lanes.every(({ dropout }, lane) => moved.every((place) => dropout[place] === rates[lane])) &&
    rates.every((rate, lane) => lane === 0 || rate > rates[lane - 1]);
  return lanes.length >= FEWEST && moved.length > 0 && rises ? rates : [];
}

/**
 * What the names of some lanes end in alike, behind a comma: “dropout” of “100 images, dropout” and “200 images, dropout”.
 * @param {string[]} names
 */
export function commonEnd(names) {
  const ends = new Set(names.map((name) => name.slice(name.lastIndexOf(", ") + 2)));
  return ends.size === 1 && names.every((name) => name.includes(", ")) ? [...ends][0] : "";
}
