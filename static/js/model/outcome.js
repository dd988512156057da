// What else comes out of a run: the steps to a loss, and what networks of one kind are called. Pure: no DOM.

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
 * What the names of some lanes end in alike, behind a comma: “dropout” of “100 images, dropout” and “200 images, dropout”.
 * @param {string[]} names
 */
export function commonEnd(names) {
  const ends = new Set(names.map((name) => name.slice(name.lastIndexOf(", ") + 2)));
  return ends.size === 1 && names.every((name) => name.includes(", ")) ? [...ends][0] : "";
}
