// The columns of an uploaded table, as they were understood, with what a reader can decide of each; and its first rows, as they
// came and as they were understood.

/** @import { Column, Decision, Reading } from "../types.js" */

import { h, setText } from "../base/dom.js";

/** What a column is, in words. @type {Record<Column["kind"], string>} */
const KINDS = { number: "number", category: "category", label: "label", ignored: "left out" };
const HEADS = ["Column", "Is a", "Missing", "What is made of it"];

/**
 * @param {Document} document
 * @param {(name: string, decision: Decision) => void} decide What was decided of a column, in addition to what was before.
 */
export function createColumnEditor(document, decide) {
  const body = h(document, "tbody");
  const heads = HEADS.map((text) => h(document, "th", { scope: "col" }, text));
  const table = h(document, "table", {}, h(document, "thead", {}, h(document, "tr", {}, ...heads)), body);
  const element = h(
    document,
    "div",
    { class: "columns", tabindex: 0, role: "region", "aria-label": "Columns of the table" },
    table,
  );
  /** @type {{ name: string, row: ReturnType<typeof createRow> }[]} */
  let rows = [];

  return {
    element,
    /**
     * Show what is known of the columns. Rows of columns that were there before stay, with what is open or focused in them.
     * @param {Column[]} columns
     */
    show(columns) {
      if (columns.map(({ name }) => name).join("\n") !== rows.map(({ name }) => name).join("\n")) {
        rows = columns.map(({ name }, index) => ({ name, row: createRow(document, name, index, decide) }));
        body.replaceChildren(...rows.map(({ row }) => row.element));
      }
      for (const [index, column] of columns.entries()) {
        rows[index].row.show(column);
      }
    },
  };
}

/**
 * One column: its kind, what stands for no value in it, and what was made of it.
 * @param {Document} document
 * @param {string} name
 * @param {number} index
 * @param {(name: string, decision: Decision) => void} decide
 */
function createRow(document, name, index, decide) {
  const kind = h(
    document,
    "select",
    { id: `upload-kind-${index}`, "aria-label": `${name} is a` },
    ...Object.entries(KINDS).map(([value, words]) => h(document, "option", { value }, words)),
  );
  const marks = createMarks(document, name, index, (missing) => decide(name, { missing }));
  const merge = createTick(document, "Capitals do not matter", (merge_case) => decide(name, { merge_case }));
  const numbers = createTick(document, "Labels are numbers: 01 is 1", (value) => decide(name, { numbers: value }));
  const summary = h(document, "summary");
  const more = h(document, "details", {}, summary, marks.element, merge.element, numbers.element);
  const told = h(document, "td", { class: "what" });
  const element = h(
    document,
    "tr",
    {},
    h(document, "th", { scope: "row", title: name }, name),
    h(document, "td", {}, kind),
    h(document, "td", {}, more),
    told,
  );
  kind.addEventListener("change", () => decide(name, { kind: /** @type {Column["kind"]} */ (kind.value) }));
  return {
    element,
    /** @param {Column} column */
    show(column) {
      element.className = `is-${column.kind}`;
      kind.value = column.kind;
      setText(summary, column.missing === 0 ? "none" : column.missing.toLocaleString("en"));
      summary.setAttribute("aria-label", `Missing in ${name}: ${summary.textContent}. What stands for no value`);
      setText(told, column.reason);
      marks.show(column);
      const { decided } = column;
      merge.show(decided?.merge_case ?? false, column.kind === "label" || column.kind === "category");
      const digits = column.numbers || column.codes || decided?.numbers !== undefined;
      numbers.show(column.numbers ?? false, column.kind === "label" && Boolean(digits));
    },
  };
}

/**
 * The texts that stand for no value, to be ticked, and a place for one more.
 * @param {Document} document
 * @param {string} name
 * @param {number} index
 * @param {(missing: string[]) => void} decide
 */
function createMarks(document, name, index, decide) {
  const list = h(document, "div", { class: "marks" });
  const input = h(document, "input", {
    ...{ id: `upload-mark-${index}`, type: "text", maxlength: 100, autocomplete: "off", spellcheck: "false" },
    "aria-label": `Another text that stands for no value in ${name}`,
    placeholder: "another text",
  });
  const add = h(document, "button", { type: "button" }, "Add");
  const empty = h(document, "p", { class: "hint" });
  const element = h(
    document,
    "fieldset",
    {},
    h(document, "legend", {}, "Stands for no value"),
    empty,
    list,
    h(document, "div", { class: "add-mark" }, input, add),
  );
  const state = { texts: /** @type {string[]} */ ([]) };

  function submit() {
    const text = input.value.trim();
    if (text !== "") {
      input.value = "";
      decide([...new Set([...state.texts, text])]);
    }
  }
  add.addEventListener("click", submit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      submit();
    }
  });
  list.addEventListener("change", () => {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input"));
    decide([...boxes].filter(({ checked }) => checked).map(({ value }) => value));
  });

  return {
    element,
    /** @param {Column} column */
    show({ missing_texts: missing = [], marks = [], decided }) {
      const counts = new Map([...missing, ...marks]);
      const given = [...(decided?.missing ?? []), ...missing.map(([text]) => text), ...marks.map(([text]) => text)];
      const texts = [...new Set(given)].filter(Boolean);
      const ticked = new Set([...(decided?.missing ?? []), ...missing.map(([text]) => text)].filter(Boolean));
      state.texts = [...ticked];
      const blank = counts.get("");
      setText(empty, blank ? `Empty cells, ${blank.toLocaleString("en")}×` : "Empty cells, of which there are none");
      const known = [...list.querySelectorAll("input")].map(({ value }) => value);
      if (texts.join("\n") !== known.join("\n")) {
        list.replaceChildren(...texts.map((text) => tick(document, text)));
      }
      for (const [at, label] of [...list.querySelectorAll("label")].entries()) {
        const box = /** @type {HTMLInputElement} */ (label.querySelector("input"));
        box.checked = ticked.has(texts[at]);
        const count = counts.get(texts[at]) ?? 0;
        setText(/** @type {Element} */ (label.querySelector("span")), `“${texts[at]}” ${count.toLocaleString("en")}×`);
      }
    },
  };
}

/**
 * @param {Document} document
 * @param {string} text
 */
function tick(document, text) {
  return h(document, "label", {}, h(document, "input", { type: "checkbox", value: text }), h(document, "span"));
}

/**
 * @param {Document} document
 * @param {string} words
 * @param {(value: boolean) => void} decide
 */
function createTick(document, words, decide) {
  const box = h(document, "input", { type: "checkbox" });
  const element = h(document, "label", {}, box, h(document, "span", {}, words));
  box.addEventListener("change", () => decide(box.checked));
  return {
    element,
    /**
     * @param {boolean} value
     * @param {boolean} means Whether it means anything here.
     */
    show(value, means) {
      box.checked = value;
      element.hidden = !means;
    },
  };
}

/**
 * The first rows: in each cell what came, and below what was understood.
 * @param {Document} document
 * @param {Reading} reading
 */
export function previewRows(document, { columns, preview = [] }) {
  const heads = columns.map(({ name, kind }) =>
    h(
      document,
      "th",
      { scope: "col", class: `is-${kind}` },
      h(document, "span", {}, name),
      h(document, "small", {}, KINDS[kind]),
    ),
  );
  const rows = preview.map(({ line, cells, read }) =>
    h(
      document,
      "tr",
      {},
      h(document, "th", { scope: "row" }, line.toLocaleString("en")),
      ...cells.map((cell, at) =>
        h(
          document,
          "td",
          { class: `is-${columns[at].kind}` },
          h(document, "span", { class: "came" }, cell || " "),
          h(document, "span", { class: "read" }, understood(columns[at], read[at])),
        ),
      ),
    ),
  );
  const table = h(
    document,
    "table",
    {},
    h(document, "thead", {}, h(document, "tr", {}, h(document, "th", { scope: "col" }, "Line"), ...heads)),
    h(document, "tbody", {}, ...rows),
  );
  return h(
    document,
    "div",
    {
      class: "first-rows",
      tabindex: 0,
      role: "region",
      "aria-label": "First rows, as they came and as they were understood",
    },
    table,
  );
}

/**
 * @param {Column} column
 * @param {string | null} text
 */
function understood({ kind, trouble }, text) {
  if (trouble) {
    return "cannot be read so";
  }
  const nothing = { number: "missing: median", category: "missing", label: "no label: left out", ignored: "left out" };
  return text === null ? nothing[kind] : `→ ${text}`;
}
