// The form that makes a link with a question about this run, its choices, and the knobs that stay.

/** @import { Exercise, Schema, Store } from "../types.js" */
/** @import { Links } from "../link/session.js" */

import { copy } from "../base/clipboard.js";
import { find, h, setText } from "../base/dom.js";
import { checked, EXERCISE, encode, LIMITS, offered } from "../model/exercise.js";
import { panelGroups, picked, pickGroups } from "./pick.js";

const LONGEST = 8000; // characters behind the address, as in link/url.js: what servers and proxies take
const FIRST_KNOBS = ["lane.dropout"]; // what an exercise is about, most often

/** @type {Record<string, string>} What the groups of the schema are called. */
const GROUPS = {
  "run.data": "Data",
  "run.network": "Network",
  "run.training": "Training",
  "lane.main": "Each network",
  "lane.dropout": "Kind of dropout",
  "lane.regularisers": "Regularisers",
  "lane.own": "For one network only",
};

/**
 * @param {HTMLDialogElement} dialog
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {ReturnType<typeof import("../shell/panels.js").createPanels>} options.panels
 * @param {() => Links | null} options.links
 * @returns {() => void} Opens it.
 */
export function createExercise(dialog, { document, store, panels, links }) {
  const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(dialog, `#exercise-${id}`));
  const show = (/** @type {string} */ name) => find(dialog, `[data-show=${name}]`);
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (find(dialog, `[data-do=${name}]`));
  const rows = show("rows");
  const knobs = show("knob-list");
  const views = show("panel-list");
  const state = { run: "" }; // for which it was filled in

  for (const [id, most] of Object.entries({ name: LIMITS.title, ask: LIMITS.question, after: LIMITS.after })) {
    field(id).maxLength = most;
  }
  dialog.addEventListener("input", write);
  find(dialog, "form").addEventListener("submit", (event) => {
    const { submitter } = /** @type {SubmitEvent} */ (event);
    if (
      /** @type {HTMLButtonElement | null} */ (submitter)?.value !== "close" ||
      document.activeElement !== submitter
    ) {
      event.preventDefault(); // the Enter key in a line is no end
    }
  });
  button("more").addEventListener("click", () => {
    addRow().focus();
    write();
  });
  button("copy").addEventListener("click", async () => {
    setText(show("exercise-told"), (await copy(document, field("link"))) ? "Copied." : "Press Ctrl+C to copy it.");
  });

  /** Another choice, behind those that are there. */
  function addRow() {
    const input = h(document, "input", { type: "text", autocomplete: "off", maxlength: LIMITS.choice });
    const right = h(document, "input", { type: "radio", name: "exercise-right" });
    const away = h(document, "button", { type: "button", class: "square" }, "×");
    const row = h(document, "div", { class: "exercise-row" }, right, input, away);
    away.addEventListener("click", () => {
      row.remove();
      number();
      write();
    });
    rows.append(row);
    number();
    return input;
  }

  /** Say of each choice which it is, and whether there can be one more or one less. */
  function number() {
    const all = [...rows.children];
    for (const [index, row] of all.entries()) {
      const [right, input] = row.querySelectorAll("input");
      const away = /** @type {HTMLButtonElement} */ (find(row, "button"));
      right.value = String(index);
      right.setAttribute("aria-label", `Choice ${index + 1} is right`);
      input.setAttribute("aria-label", `Choice ${index + 1}`);
      input.placeholder = `Choice ${index + 1}`;
      away.setAttribute("aria-label", `Remove choice ${index + 1}`);
      away.disabled = all.length <= LIMITS.leastChoices;
    }
    button("more").disabled = all.length >= LIMITS.mostChoices;
  }

  /** @param {Schema} schema */
  function fill(schema) {
    const groups = Object.entries(GROUPS).map(([place, title]) => {
      const [side, group] = /** @type {["run" | "lane", string]} */ (place.split("."));
      const own = offered(schema, side).filter((knob) => knob.group === group);
      return {
        title,
        picks: own.map(({ name, label }) => {
          const value = `${side}.${name}`;
          return { value, title: label, checked: FIRST_KNOBS.includes(value) };
        }),
      };
    });
    knobs.replaceChildren(...pickGroups(document, groups));
    views.replaceChildren(...pickGroups(document, panelGroups(panels)));
    while (rows.children.length < LIMITS.leastChoices) {
      addRow();
    }
  }

  /** @returns {*} What was written so far. */
  function given() {
    const chosen = picked(knobs).map((value) => value.split("."));
    const of = (/** @type {string} */ side) => chosen.filter(([own]) => own === side).map(([, name]) => name);
    const texts = [...rows.querySelectorAll("input[type=text]")].map(
      (input) => /** @type {HTMLInputElement} */ (input).value,
    );
    const right =
      /** @type {HTMLInputElement | null} */ (dialog.querySelector("[name=exercise-right]:checked"))?.value ?? "";
    return {
      title: oneLine(field("name").value),
      question: oneLine(field("ask").value),
      choices: texts.map(oneLine),
      right: right === "" ? null : Number(right),
      after: oneLine(field("after").value),
      first: field("first").checked,
      knobs: { run: of("run"), lane: of("lane") },
      panels: picked(views),
    };
  }

  function write() {
    const { schema } = store.state;
    const found = links();
    if (!schema || !found) {
      return;
    }
    setText(show("exercise-knobs"), titlesOf(knobs) || "none");
    setText(show("exercise-panels"), titlesOf(views) || "those that the page opens by itself");
    const { link, told } = linkTo(given(), found.afresh, schema);
    field("link").value = link;
    setText(show("exercise-told"), told);
    button("copy").disabled = link === "";
  }

  return () => {
    const { schema, run } = store.state;
    if (schema && run) {
      if (state.run !== run.id) {
        state.run = run.id;
        fill(schema);
      }
      write();
      dialog.showModal();
    }
  };
}

/**
 * @param {*} given
 * @param {string} address Of a page that opens such a run.
 * @param {Schema} schema
 * @returns {{ link: string, told: string }} The link, or what is still missing.
 */
function linkTo(given, address, schema) {
  try {
    const exercise = /** @type {Exercise} */ (checked(given, schema));
    const [page, query = ""] = address.split("?");
    const search = [`${EXERCISE}=${encode(exercise)}`, query].filter(Boolean).join("&");
    if (search.length > LONGEST) {
      const over = `The link would have ${search.length} characters, and servers take some ${LONGEST}`;
      return { link: "", told: `${over}: write less, or start from fewer networks.` };
    }
    return { link: `${page}?${search}`, told: "" };
  } catch (error) {
    return { link: "", told: `Not yet a link: ${/** @type {Error} */ (error).message}.` };
  }
}

/**
 * The titles of what is ticked.
 * @param {HTMLElement} list
 */
function titlesOf(list) {
  const lines = [...list.querySelectorAll(".view-entry:has(:checked)")];
  return lines.map((line) => line.textContent?.trim() ?? "").join(", ");
}

/**
 * A text as one line.
 * @param {string} text
 */
function oneLine(text) {
  return text.replace(/\s+/g, " ").trim();
}
