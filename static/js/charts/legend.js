// A chart's legend: a small table of toggles, one row for each network and one column for each kind of line. It stands outside
// the picture, so that it wraps on a narrow page and works with the keyboard.

import { laneShape, markLane } from "../base/theme.js";

/** @typedef {{ key: string, name: string, lane: number, note?: string }} LegendRow `note` stands small under the name. */

/**
 * @typedef {object} LegendColumn
 * @property {string} key
 * @property {string} label
 * @property {keyof typeof MARKS} mark
 * @property {boolean} [ink] Whether it is drawn in the colour of the text, whichever the lane.
 */

const NAMESPACE = "http://www.w3.org/2000/svg";
const SYMBOLS = ["M14 2.5a3.5 3.5 0 1 0 .01 0z", "M11 3h6v6h-6z", "M14 1.5 18.5 6 14 10.5 9.5 6z", "M14 2l4.5 7.5h-9z"]; // of charts.js
const MARKS = {
  line: '<path class="mark-line" d="M1 6H27"/>',
  dash: '<path class="mark-line mark-dash" d="M1 6H27"/>',
  thin: '<path class="mark-line mark-thin" d="M1 6H27"/>',
  dotted: '<path class="mark-line mark-dotted" d="M2 10C9 10 10 2 14 2s5 8 12 8"/>',
  dots: '<path class="mark-fill" d="M4 7h3v3H4zM12 3h3v3h-3zM20 6h3v3h-3z"/>',
  bars: '<path class="mark-fill" d="M4 12V7h6V2h8v5h6v5z"/>',
  best: '<path class="mark-line" d="M1 6H27"/>',
  pointer: '<path class="mark-fill" d="M14 2l5 8H9z"/>',
};

/**
 * @param {HTMLElement} place
 * @param {{ document: Document, changed: () => void }} options `changed` is called when something was toggled.
 */
export function createLegend(place, { document, changed }) {
  const current = { built: "", keys: "", hidden: /** @type {Set<string>} */ (new Set()) };
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();

  function build(/** @type {LegendRow[]} */ rows, /** @type {LegendColumn[]} */ columns) {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    head.insertCell();
    buttons.clear();
    head.append(...columns.map((column) => columnHeading(rows, column)));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      const name = heading("row", row.name);
      if (row.note) {
        const note = document.createElement("small");
        note.textContent = row.note;
        name.append(note);
      }
      line.append(name);
      for (const column of columns) {
        line.insertCell().append(toggle(row, column));
      }
    }
    place.replaceChildren(table);
  }

  function columnHeading(/** @type {LegendRow[]} */ rows, /** @type {LegendColumn} */ column) {
    if (rows.length < 2) {
      return heading("col", column.label);
    }
    const cell = heading("col", "");
    const button = document.createElement("button");
    const keys = rows.map((row) => keyOf(row, column));
    button.type = "button";
    button.className = "legend-all";
    button.textContent = column.label;
    button.title = "Show or hide all of these";
    button.addEventListener("click", () =>
      hide(
        keys,
        keys.some((key) => !current.hidden.has(key)),
      ),
    );
    cell.append(button);
    return cell;
  }

  function heading(/** @type {string} */ scope, /** @type {string} */ text) {
    const cell = document.createElement("th");
    cell.scope = scope;
    cell.textContent = text;
    return cell;
  }

  function toggle(/** @type {LegendRow} */ row, /** @type {LegendColumn} */ column) {
    const key = keyOf(row, column);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "legend-toggle";
    if (column.ink) {
      button.style.setProperty("--mark", "var(--ink)");
    } else {
      markLane(button, row.lane);
    }
    button.setAttribute("aria-label", `${row.name}, ${column.label}`);
    button.setAttribute("aria-pressed", String(!current.hidden.has(key)));
    button.append(sample(row.lane, column.mark));
    button.addEventListener("click", () => hide([key], !current.hidden.has(key)));
    buttons.set(key, button);
    return button;
  }

  function hide(/** @type {string[]} */ keys, /** @type {boolean} */ wanted) {
    for (const key of keys) {
      current.hidden[wanted ? "add" : "delete"](key);
      buttons.get(key)?.setAttribute("aria-pressed", String(!wanted));
    }
    changed();
  }

  function sample(/** @type {number} */ lane, /** @type {keyof typeof MARKS} */ mark) {
    const picture = document.createElementNS(NAMESPACE, "svg");
    picture.setAttribute("viewBox", "0 0 28 12");
    picture.setAttribute("aria-hidden", "true");
    const symbol = mark === "best" ? `<path class="mark-fill" d="${SYMBOLS[laneShape(lane, SYMBOLS.length)]}"/>` : "";
    picture.innerHTML = MARKS[mark] + symbol;
    picture.classList.toggle("is-second", lane >= 8 && (mark === "best" || mark === "line"));
    return picture;
  }

  return {
    /**
     * Show these rows and columns. Where there are other lines than before, all are drawn but the `hidden` ones.
     * @param {LegendRow[]} rows
     * @param {LegendColumn[]} columns
     * @param {(row: LegendRow, column: LegendColumn) => boolean} [hidden] What is hidden at first.
     */
    update(rows, columns, hidden = () => false) {
      const pairs = rows.flatMap((row) => columns.map((column) => ({ row, column })));
      const keys = pairs.map(({ row, column }) => keyOf(row, column)).join();
      if (keys !== current.keys) {
        current.keys = keys;
        current.hidden = new Set(
          pairs.filter(({ row, column }) => hidden(row, column)).map(({ row, column }) => keyOf(row, column)),
        );
      }
      const wanted = JSON.stringify([rows, columns]);
      if (wanted !== current.built) {
        current.built = wanted;
        build(rows, columns);
      }
    },
    /**
     * Whether a line is to be drawn.
     * @param {string} row
     * @param {string} column
     */
    shows(row, column) {
      return !current.hidden.has(`${row}/${column}`);
    },
  };
}

/**
 * @param {LegendRow} row
 * @param {LegendColumn} column
 */
function keyOf(row, column) {
  return `${row.key}/${column.key}`;
}
