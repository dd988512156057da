// A small picture of each data set, to choose it by. Drawn, not measured: the data are on the server.

const NAMESPACE = "http://www.w3.org/2000/svg";
const SIDE = 40;

const DIGIT = ["..####..", ".##..##.", ".....##.", "...###..", ".....##.", "......##", ".##..##.", "..####.."];
const LETTER = ["........", "..####..", ".##..##.", ".##..##.", ".######.", ".##..##.", ".##..##.", "........"];

/** Points of the plane: where the `at`-th of class `which` lies, from 0 to 1. @typedef {(at: number, which: number) => [number, number]} Cloud */

/** @type {Record<string, Cloud>} */
const CLOUDS = {
  moons: (at, which) => {
    const angle = Math.PI * (at / 11);
    return which === 0
      ? [0.38 + 0.28 * Math.cos(angle), 0.5 - 0.3 * Math.sin(angle)]
      : [0.62 - 0.28 * Math.cos(angle), 0.48 + 0.3 * Math.sin(angle)];
  },
  circles: (at, which) => around(at / 12, which === 0 ? 0.4 : 0.17),
  spirals: (at, which) => around(at / 11 + which / 2, 0.08 + 0.34 * (at / 11)),
  xor: (at, which) => {
    const [x, y] = [0.27, 0.73];
    const [left, top] = at % 2 === which ? [x, at % 2 === 0 ? x : y] : [y, at % 2 === 0 ? x : y];
    return shifted(which === 0 ? [left, top] : [left, top], at, 0.1);
  },
  gaussians: (at, which) => shifted(which === 0 ? [0.36, 0.38] : [0.64, 0.62], at, 0.2),
};

/** @type {Record<string, (document: Document) => SVGElement[]>} */
const DRAWN = {
  digits: (document) => pixels(document, DIGIT),
  idx: (document) => pixels(document, LETTER),
  breast_cancer: (document) => bars(document, [0.7, 0.35, 0.9, 0.5, 0.25, 0.6]),
  wine: (document) => bars(document, [0.4, 0.8, 0.55, 0.95]),
  csv: table,
};

/**
 * @param {Document} document
 * @param {string} dataset
 * @returns {SVGElement}
 */
export function datasetPicture(document, dataset) {
  const picture = make(document, "svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" });
  const cloud = CLOUDS[dataset];
  picture.append(...(cloud ? points(document, cloud) : (DRAWN[dataset] ?? table)(document)));
  return picture;
}

/**
 * @param {Document} document
 * @param {Cloud} cloud
 */
function points(document, cloud) {
  return Array.from({ length: 24 }, (_, number) => {
    const which = number % 2;
    const [x, y] = cloud(Math.floor(number / 2), which);
    const [cx, cy] = [SIDE * x, SIDE * y];
    return which === 0
      ? make(document, "circle", { cx, cy, r: 2, class: "class-0" })
      : make(document, "path", { d: `M${cx} ${cy - 2.4}l2.3 4.2h-4.6z`, class: "class-1" });
  });
}

/**
 * @param {Document} document
 * @param {string[]} rows
 */
function pixels(document, rows) {
  return rows.flatMap((row, y) =>
    [...row].flatMap((cell, x) =>
      cell === "#" ? [make(document, "rect", { x: 4 + 4 * x, y: 4 + 4 * y, width: 4, height: 4, class: "ink" })] : [],
    ),
  );
}

/**
 * @param {Document} document
 * @param {number[]} heights
 */
function bars(document, heights) {
  const width = 32 / heights.length;
  return heights.map((height, at) =>
    make(document, "rect", {
      ...{ x: 4 + at * width + 1, y: 36 - 32 * height, width: width - 2, height: 32 * height, class: "ink" },
    }),
  );
}

/** @param {Document} document */
function table(document) {
  const lines = "M5 9h30v22H5zM5 16h30M5 23h30M15 9v22M25 9v22";
  return [make(document, "path", { d: lines, class: "lines" })];
}

/**
 * @param {number} turn
 * @param {number} radius
 * @returns {[number, number]}
 */
function around(turn, radius) {
  return [0.5 + radius * Math.cos(2 * Math.PI * turn), 0.5 + radius * Math.sin(2 * Math.PI * turn)];
}

/**
 * @param {[number, number]} middle
 * @param {number} at
 * @param {number} width
 * @returns {[number, number]}
 */
function shifted([x, y], at, width) {
  const [dx, dy] = around(0.38 * at, width * (0.3 + 0.06 * at));
  return [x + dx - 0.5, y + dy - 0.5];
}

/**
 * @param {Document} document
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function make(document, tag, attributes) {
  const made = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, tag));
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, String(value));
  }
  return made;
}
