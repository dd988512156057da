// The dialog in which a table of one's own is chosen, looked at, and used.

/** @import { Actions, Column, Store, Table } from "../types.js" */

import { firstRow } from "../csvhead.js";
import { find, h, setText } from "../dom.js";
import { draftTable } from "../draft.js";

const MOST = 5_000_000; // bytes that the server takes
const HEAD = 65_536; // bytes in which the first line of a table is looked for

/** What a column is, in words. @type {Record<Column["kind"], string>} */
const KINDS = { number: "number", category: "category", label: "label", ignored: "left out" };

/**
 * @param {HTMLDialogElement} dialog
 * @param {{ document: Document, store: Store, actions: Actions }} options
 * @returns {() => void} Opens it.
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
  const state = {
    file: /** @type {File | null} */ (null),
    table: /** @type {Table | null} */ (null),
    names: /** @type {string[] | null} */ (null), // of its columns, as the server has them
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
      say(`“${file.name}” has ${size} MB; a table may have at most 5 MB.`);
      return;
    }
    Object.assign(state, { file, table: null, names: null });
    preview.replaceChildren();
    choice.hidden = true;
    use.disabled = true;
    await send(null);
  }

  /**
   * @param {string | null} label The column to be learnt; `null`: the last.
   */
  async function send(label) {
    const { file } = state;
    if (!file) {
      return;
    }
    state.asked += 1;
    const asked = state.asked;
    say("");
    use.disabled = true;
    setText(busy, "Reading the table …");
    const { table, reason } = await actions.upload(file, file.name, label).then(
      (table) => ({ table, reason: "" }),
      (error) => ({ table: null, reason: reasonOf(error) }),
    );
    const names = table?.columns.map(({ name }) => name) ?? state.names ?? (await namesIn(file));
    if (asked !== state.asked) {
      return;
    }
    setText(busy, "");
    say(reason);
    Object.assign(state, { table, names: table ? names : state.names });
    use.disabled = table === null;
    offer(names, table ? table.label : (label ?? names[names.length - 1]));
    preview.replaceChildren(...(table ? tableWords(document, table) : []));
  }

  /**
   * @param {readonly string[]} names
   * @param {string} label
   */
  function offer(names, label) {
    column.replaceChildren(...names.map((name) => h(document, "option", { value: name }, name)));
    column.value = label;
    choice.hidden = names.length < 2;
  }

  function reset() {
    Object.assign(state, { file: null, table: null, names: null, asked: state.asked + 1 });
    input.value = "";
    setText(busy, "");
    say("");
    choice.hidden = true;
    use.disabled = true;
    preview.replaceChildren();
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
  column.addEventListener("change", () => send(column.value));
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

  return () => {
    reset();
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
 * What the server made of a table: its sentences, its classes, its columns.
 * @param {Document} document
 * @param {Table} table
 */
function tableWords(document, { name, rows, features, sentences, classes, class_counts: counts, columns }) {
  const count = (/** @type {number} */ value) => value.toLocaleString("en");
  const cell = (/** @type {string} */ text) => h(document, "td", {}, text);
  const heads = ["Column", "Is a", "Missing", "What is made of it"].map((text) =>
    h(document, "th", { scope: "col" }, text),
  );
  const lines = columns.map((column) =>
    h(
      document,
      "tr",
      { class: `is-${column.kind}` },
      h(document, "th", { scope: "row", title: column.name }, column.name),
      cell(KINDS[column.kind]),
      cell(column.missing === 0 ? "none" : count(column.missing)),
      cell(column.told),
    ),
  );
  const table = h(
    document,
    "table",
    {},
    h(document, "thead", {}, h(document, "tr", {}, ...heads)),
    h(document, "tbody", {}, ...lines),
  );
  const shares = classes.map((each, index) =>
    h(document, "li", {}, `${each} `, h(document, "b", {}, count(counts[index]))),
  );
  const described = `${count(rows)} rows, each described by ${count(features)} numbers, in ${count(classes.length)} classes:`;
  return [
    h(document, "h3", {}, name),
    h(document, "p", {}, described),
    h(document, "ul", { class: "classes" }, ...shares),
    h(document, "ul", { class: "told" }, ...sentences.map((sentence) => h(document, "li", {}, sentence))),
    h(document, "div", { class: "columns", tabindex: 0, role: "region", "aria-label": "Columns of the table" }, table),
  ];
}
