// The list of people. Rows stay, are written where they differ, and keep their order while somebody reaches for one.

/** @import { CurvesTopic, RoomMember, RoomTopic } from "../../types.js" */
/** @import { SortKey } from "./order.js" */

import { find, h, setText } from "../../base/dom.js";
import { formatCount, formatLoss, formatPlain } from "../../model/stats.js";
import { createPainter } from "../charts/painter.js";
import { sparkOf } from "../charts/spark.js";
import { ordered, SORTS } from "./order.js";

/** What the columns are called, in their order. */
const COLUMNS = /** @type {const} */ ([
  ["name", "Name"],
  ["here", "Here"],
  ["hidden", "Dropout rate"],
  ["loss", "Validation loss"],
  ["step", "Step"],
  ["curve", "Curve"],
  ["latency", "Latency"],
  ["age", "Behind"],
  ["more", "More"],
]);

/**
 * @param {HTMLElement} section
 * @param {(person: RoomMember) => void} choose Somebody wants to do something with a person.
 */
export function createPeople(section, choose) {
  const document = section.ownerDocument;
  const body = find(section, "tbody");
  const select = /** @type {HTMLSelectElement} */ (find(section, "select"));
  const empty = find(section, "[data-show=nobody]");
  const table = find(section, "table");
  const region = find(section, "[data-show=somebody]");
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();
  const state = {
    people: /** @type {readonly RoomMember[]} */ ([]),
    key: /** @type {SortKey} */ ("name"),
    isFalling: false,
    isHeld: false,
  };

  /** @param {RoomMember} first */
  function createRow(first) {
    const now = { person: first };
    const name = h(document, "span", { class: "person-name" });
    const marks = h(document, "span", { class: "person-marks" });
    const button = h(document, "button", { type: "button", class: "square" }, "⋯");
    button.addEventListener("click", () => choose(now.person));
    const cells = COLUMNS.map(([id, title]) => {
      const isName = id === "name";
      const attributes = { class: `cell-${id}`, "data-title": title, role: isName ? "rowheader" : "cell" };
      return isName ? h(document, "th", { scope: "row", ...attributes }, name, marks) : h(document, "td", attributes);
    });
    const [, here, hidden, loss, step, curve, latency, age, more] = cells;
    more.append(button);
    /** @type {ReturnType<typeof createPainter> | null} */
    let painter = null;

    return {
      element: h(document, "tr", { role: "row", "data-person": first.id }, ...cells),
      /** @param {RoomMember} person */
      update(person) {
        now.person = person;
        setText(name, person.name);
        setText(marks, marksOf(person).join(", "));
        marks.classList.toggle("is-warning", Boolean(person.gone) || (person.here && !person.reads));
        setText(here, person.here ? "here" : "away");
        here.classList.toggle("is-away", !person.here);
        setText(hidden, person.hidden === null ? "–" : formatPlain(person.hidden));
        setText(loss, person.loss === null ? "–" : formatLoss(person.loss));
        setText(step, person.step === null ? "–" : formatCount(person.step));
        setText(latency, person.latency_ms === null ? "–" : `${formatCount(person.latency_ms)} ms`);
        setText(age, person.age_s === null ? "–" : `${person.age_s.toFixed(1)} s`);
        button.setAttribute("aria-label", `More for ${person.name}`);
      },
      /** @param {CurvesTopic["of"][string] | undefined} line */
      draw(line) {
        if (line) {
          painter ??= createPainter(document, curve);
          painter.paint(sparkOf(line, `Losses of ${now.person.name}`));
        } else if (painter) {
          painter.element.remove();
          painter = null;
        }
      },
    };
  }

  /** Put the rows in order, and move only those that are not where they belong. */
  function arrange() {
    let next = body.firstElementChild;
    for (const { id } of ordered(state.people, state.key, state.isFalling)) {
      const element = /** @type {ReturnType<typeof createRow>} */ (rows.get(id)).element;
      if (element === next) {
        next = element.nextElementSibling;
      } else {
        body.insertBefore(element, next);
      }
    }
  }

  /**
   * @param {SortKey} key
   * @param {boolean} isFalling
   */
  function sort(key, isFalling) {
    state.key = key;
    state.isFalling = isFalling;
    select.value = `${key}${isFalling ? " falling" : ""}`;
    for (const head of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("th[data-sort]"))) {
      if (head.dataset.sort === key) {
        head.setAttribute("aria-sort", isFalling ? "descending" : "ascending");
      } else {
        head.removeAttribute("aria-sort");
      }
    }
    arrange();
  }

  for (const [key, turns] of Object.entries(SORTS)) {
    for (const [index, words] of turns.entries()) {
      select.append(h(document, "option", { value: index === 0 ? key : `${key} falling` }, words));
    }
  }
  select.addEventListener("change", () => {
    const [key, falling] = select.value.split(" ");
    sort(/** @type {SortKey} */ (key), falling === "falling");
  });
  for (const head of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("th[data-sort]"))) {
    find(head, "button").addEventListener("click", () => {
      const key = /** @type {SortKey} */ (head.dataset.sort);
      sort(key, state.key === key ? !state.isFalling : false);
    });
  }
  /** @param {boolean} isHeld Whether somebody reaches for a row: then they keep their order. */
  function hold(isHeld) {
    state.isHeld = isHeld;
    if (!isHeld) {
      arrange();
    }
  }
  body.addEventListener("pointerenter", () => hold(true));
  body.addEventListener("pointerleave", () => hold(body.matches(":focus-within")));
  body.addEventListener("focusin", () => hold(true));
  body.addEventListener("focusout", ({ relatedTarget }) => {
    hold(body.matches(":hover") || (relatedTarget instanceof Element && body.contains(relatedTarget)));
  });
  sort("name", false);

  return {
    /**
     * @param {readonly RoomMember[]} people
     * @param {RoomTopic["way"]} way
     */
    update(people, way) {
      state.people = people.filter(({ role }) => role === "student");
      const ids = new Set(state.people.map(({ id }) => id));
      for (const [id, { element }] of rows) {
        if (!ids.has(id)) {
          element.remove();
          rows.delete(id);
        }
      }
      const before = rows.size;
      for (const person of state.people) {
        const row = rows.get(person.id) ?? createRow(person);
        rows.set(person.id, row);
        row.update(person);
      }
      table.dataset.way = way;
      empty.hidden = state.people.length > 0;
      region.hidden = state.people.length === 0;
      if (!state.isHeld || rows.size > before) {
        arrange();
      }
    },
    /** @param {CurvesTopic["of"]} of */
    draw(of) {
      for (const [id, row] of rows) {
        row.draw(of[id]);
      }
    },
  };
}

/** @param {RoomMember} person */
function marksOf({ simulated, gone, here, reads, lessons }) {
  const done = lessons.map(([number, right, of]) => `lesson ${number}: ${right} of ${of}`);
  return [simulated ? "simulated" : "", gone ?? "", here && !reads ? "does not read" : "", ...done].filter(Boolean);
}
