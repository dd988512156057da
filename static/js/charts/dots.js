// A row of dots: one for each seed, this run's among them, and where plain PyTorch has its mean.

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [160, 20, 7]; // of its own units
const MIDDLE = HEIGHT / 2;

/**
 * @param {Document} document
 * @param {object} row
 * @param {number} row.value Of this run.
 * @param {number[]} row.others Of other seeds.
 * @param {number | null} row.reference The mean of plain PyTorch.
 * @param {string} words What it shows.
 */
export function dots(document, { value, others, reference }, words) {
  const picture = document.createElementNS(NAMESPACE, "svg");
  const all = [value, ...others, ...(reference === null ? [] : [reference])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (/** @type {number} */ at) =>
    high > low ? EDGE + ((WIDTH - 2 * EDGE) * (at - low)) / (high - low) : WIDTH / 2;
  const mark = (/** @type {string} */ tag, /** @type {Record<string, number | string>} */ attributes) => {
    const shape = document.createElementNS(NAMESPACE, tag);
    for (const [name, given] of Object.entries(attributes)) {
      shape.setAttribute(name, String(given));
    }
    picture.append(shape);
  };
  for (const [name, given] of Object.entries({
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    width: WIDTH,
    height: HEIGHT,
    role: "img",
    "aria-label": words,
    class: "seen-dots",
  })) {
    picture.setAttribute(name, String(given));
  }
  mark("line", { x1: EDGE, x2: WIDTH - EDGE, y1: MIDDLE, y2: MIDDLE, class: "axis" });
  if (reference !== null) {
    mark("line", { x1: x(reference), x2: x(reference), y1: 2, y2: HEIGHT - 2, class: "reference" });
  }
  for (const other of others) {
    mark("circle", { cx: x(other), cy: MIDDLE, r: 3.5, class: "other" });
  }
  const at = x(value);
  mark("path", { d: `M${at} ${MIDDLE - 6}l6 6-6 6-6-6z`, class: "own" });
  return picture;
}
