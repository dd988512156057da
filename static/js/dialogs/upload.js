// The dialog in which a table of one's own is chosen, looked at, corrected, and used.

/** @import { Actions, Column, Decision, Decisions, Reading, Store, Table } from "../types.js" */

import { find, h, setText } from "../base/dom.js";
import { firstRow } from "../model/csvhead.js";
import { visible } from "../model/printable.js";
import { draftTable } from "../state/draft.js";
import { createColumnEditor, previewRows } from "./columneditor.js";

const MOST = 5_000_000; // bytes that the server takes
const HEAD = 65_536; // bytes in which the first line of a table is looked for

/**
 * @param {HTMLDialogElement} dialog
 * @param {{ document: Document, store: Store, actions: Actions }} options
 * @returns {(table?: Table) => void} Opens it, empty or with a table that the server has.
 */
export function createUpload(dialog, { document, store, actions }) {
  const input = /** @type {HTMLInputElement} */ (find(dialog, "input[type=file]"));
  const drop = find(dialog, ".dropzone");
  const trouble = find(dialog, ".trouble");
  const busy = find(dialog, "[data-show=busy]");
  const column = /** @type {HTMLSelectElement} */ (find(dialog, "#upload-label"));
  const choice = find(dialog, ".label-choice");
  const preview = find(dialog, ".preview");
  const use = /** @type {HTMLButtonElement} */ (find(dialog, "[data-do=use]"));
  const undo = /** @type {HTMLButtonElement} */ (find(dialog, "[data-do=as-found]"));
  const editor = createColumnEditor(document, decide);
  const summary = h(document, "div", { class: "about" });
  const first = h(document, "div");
  const state = {
    file: /** @type {File | null} */ (null),
    table: /** @type {Table | null} */ (null), // as it was understood last
    known: /** @type {string | null} */ (null), // id of a table of the same file that the server has
    reading: /** @type {Reading | null} */ (null), // of the table, or of what was refused
    decisions: /** @type {Decisions} */ ({}),
    asked: 0, // uploads so far: only the answer to the last counts
  };

  /** @param {string} text */
  function say(text) {
    setText(trouble, text);
    trouble.hidden = text === "";
  }

  /** @param {File} file */
  async function take(file) {
    state.asked += 1;
    say("");
    if (file.size > MOST) {
      const size = (file.size / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
      say(`“${visible(file.name)}” has ${size} MB; a table may have at most 5 MB.`);
      return;
    }
    Object.assign(state, { file, table: null, known: null, reading: null, decisions: {} });
    preview.replaceChildren();
    choice.hidden = true;
    undo.hidden = true;
    await send();
  }

  /** Have the file read with what is decided so far. */
  async function send() {
    const { file, known, decisions } = state;
    if (!file && !known) {
      return;
    }
    state.asked += 1;
    const asked = state.asked;
    use.disabled = true;
    undo.hidden = Object.keys(decisions).length === 0;
    setText(busy, "Reading the table …");
    const { table, error } = await ask(file, known, decisions).then(
      (table) => ({ table, error: null }),
      (error) => ({ table: null, error }),
    );
    const reading = table ?? error?.reading ?? null;
    const names = reading || state.reading || !file ? [] : await namesIn(file);
    if (asked !== state.asked) {
      return;
    }
    setText(busy, table ? `Read: ${table.rows.toLocaleString("en")} rows in ${table.classes.length} classes.` : "");
    say(error ? reasonOf(error) : "");
    use.disabled = table === null;
    Object.assign(state, { table, known: table?.id ?? known, reading: reading ?? state.reading });
    show(names);
  }

  /**
   * A table that the server has is read again there; it is sent again where the server has forgotten it.
   * @param {File | null} file
   * @param {string | null} known
   * @param {Decisions} decisions
   * @returns {Promise<Table>}
   */
  function ask(file, known, decisions) {
    const upload = () => actions.upload(/** @type {File} */ (file), file?.name ?? "", decisions);
    if (!known) {
      return upload();
    }
    return actions.readAgain(known, decisions).catch((error) => {
      if (error.code === "not_found" && file) {
        return upload();
      }
      throw error;
    });
  }

  /**
   * @param {string} name
   * @param {Decision} decision
   */
  function decide(name, decision) {
    const decisions = { ...state.decisions, [name]: { ...state.decisions[name], ...decision } };
    if (decision.kind === "label") {
      for (const [other, { kind, ...rest }] of Object.entries(state.decisions)) {
        if (other !== name && kind === "label") {
          decisions[other] = rest; // there is one label
        }
      }
    }
    state.decisions = Object.fromEntries(Object.entries(decisions).filter(([, each]) => Object.keys(each).length > 0));
    send();
  }

  /**
   * Show what is known of the table.
   * @param {string[]} names Of its columns, as the file has them: for the time before anything else is known.
   */
  function show(names) {
    const { table, reading, decisions } = state;
    const columns = reading?.columns ?? [];
    const offered = reading ? columns.map(({ name }) => name) : names;
    const decided = Object.entries(decisions).find(([, { kind }]) => kind === "label")?.[0];
    offer(offered, decided ?? reading?.label ?? offered[offered.length - 1]);
    if (!reading) {
      preview.replaceChildren();
      return;
    }
    if (editor.element.parentNode !== preview) {
      const heading = h(document, "h3", {}, "The first rows, and what was understood of them");
      summary.replaceChildren();
      preview.replaceChildren(summary, h(document, "h3", {}, "Columns"), editor.element, heading, first);
    }
    const before = editor.element.getBoundingClientRect().top;
    summary.classList.toggle("past", table === null); // its place is kept
    if (table) {
      summary.replaceChildren(...tableWords(document, table));
    }
    editor.show(columns);
    const place = first.querySelector("div")?.scrollLeft ?? 0;
    first.replaceChildren(previewRows(document, reading));
    /** @type {HTMLElement} */ (first.firstElementChild).scrollLeft = place;
    dialog.scrollTop += editor.element.getBoundingClientRect().top - before; // what is worked at stays where it is
  }

  /**
   * @param {readonly string[]} names
   * @param {string} label
   */
  function offer(names, label) {
    if (names.join("\n") !== [...column.options].map(({ value }) => value).join("\n")) {
      column.replaceChildren(...names.map((name) => h(document, "option", { value: name }, name)));
    }
    column.value = label;
    choice.hidden = names.length < 2;
  }

  /** @param {Table} [table] */
  function reset(table) {
    const decisions = { ...table?.decisions };
    Object.assign(state, { file: null, table: table ?? null, known: table?.id ?? null, reading: table ?? null });
    Object.assign(state, { decisions, asked: state.asked + 1 });
    input.value = "";
    setText(busy, "");
    say("");
    use.disabled = true;
    undo.hidden = Object.keys(decisions).length === 0;
    preview.replaceChildren();
    show([]);
  }

  input.addEventListener("click", () => {
    input.value = ""; // so that the same file can be chosen again after it was changed
  });
  input.addEventListener("cancel", () => {
    const before = new DataTransfer();
    if (state.file) {
      before.items.add(state.file);
    }
    input.files = before.files;
  });
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) {
      take(file);
    }
  });
  column.addEventListener("change", () => decide(column.value, { kind: "label" }));
  preview.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault(); // or the dialog would close as by its first button
    }
  });
  undo.addEventListener("click", () => {
    state.decisions = {};
    send();
  });
  for (const [name, over] of /** @type {const} */ ([
    ["dragenter", true],
    ["dragover", true],
    ["dragleave", false],
    ["drop", false],
  ])) {
    dialog.addEventListener(name, (event) => {
      event.preventDefault(); // or the browser would open the file in place of the page
      drop.classList.toggle("over", over);
    });
  }
  dialog.addEventListener("drop", (event) => {
    const files = event.dataTransfer?.files;
    if (files?.length) {
      input.files = files;
      take(files[0]);
    }
  });
  use.addEventListener("click", () => {
    const { run, schema, draft } = store.state;
    if (state.table && run && schema) {
      store.update("draft", { draft: draftTable(draft, state.table, run.config, schema) });
      dialog.close();
    }
  });

  return (table) => {
    reset(table);
    dialog.showModal();
  };
}

/**
 * What went wrong: in the server's words, if it said any.
 * @param {*} error
 */
function reasonOf(error) {
  const silent = "The server does not answer, or the file has changed since it was chosen: choose it again.";
  return error instanceof TypeError ? silent : error.message;
}

/** @param {File} file */
async function namesIn(file) {
  const head = await file
    .slice(0, HEAD)
    .arrayBuffer()
    .catch(() => new ArrayBuffer(0));
  return firstRow(new Uint8Array(head));
}

/**
 * What the server made of a table: its sentences and its classes.
 * @param {Document} document
 * @param {Table} table
 */
function tableWords(document, { name, rows, features, sentences, classes, class_counts: counts }) {
  const count = (/** @type {number} */ value) => value.toLocaleString("en");
  const shares = classes.map((each, index) =>
    h(document, "li", {}, `${each} `, h(document, "b", {}, count(counts[index]))),
  );
  const described = `${count(rows)} rows, each described by ${count(features)} numbers, in ${count(classes.length)} classes:`;
  return [
    h(document, "h3", {}, name),
    h(document, "p", {}, described),
    h(document, "ul", { class: "classes" }, ...shares),
    h(document, "ul", { class: "told" }, ...sentences.map((sentence) => h(document, "li", {}, sentence))),
  ];
}
