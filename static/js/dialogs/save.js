// The dialog that saves the whole run, as a report to read or as numbers to work with, and opens one that was saved.

/** @import { Takeable } from "../base/taking.js" */
/** @import { Actions, Store, View } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { find, setText } from "../base/dom.js";
import { dataUrlOf, fileName, save } from "../base/download.js";
import { visible } from "../model/printable.js";
import { reportOf } from "../shell/report.js";

/**
 * @typedef {object} SaveOptions
 * @property {Document} document
 * @property {Store} store
 * @property {Pick<Actions, "openRecord">} actions
 * @property {Map<string, Takeable>} views By panel.
 * @property {() => ({ reproduce: string, complete: boolean } | null)} links
 */

/**
 * @param {HTMLDialogElement} dialog
 * @param {SaveOptions} options
 * @returns {() => void} Opens it.
 */
export function createSave(dialog, options) {
  const { document, store, actions } = options;
  const button = /** @type {HTMLButtonElement} */ (find(dialog, "[data-do=report]"));
  const record = /** @type {HTMLAnchorElement} */ (find(dialog, "a[download]"));
  const told = find(dialog, "[data-show=saved]");

  button.addEventListener("click", async () => {
    button.disabled = true;
    setText(told, "Writing the report …");
    try {
      const text = await writeReport(options);
      const name = fileName(store.state, "report", "html");
      save(document, new Blob([text], { type: "text/html" }), name);
      setText(told, `Saved as ${name}.`);
    } catch (error) {
      setText(told, `The report could not be written: ${/** @type {Error} */ (error).message}.`);
    }
    button.disabled = false;
  });

  const saved = /** @type {HTMLInputElement} */ (find(dialog, "#open-record"));
  saved.addEventListener("change", async () => {
    const [file] = saved.files ?? [];
    if (!file) {
      return;
    }
    saved.disabled = true;
    setText(told, `Opening ${visible(file.name)} …`);
    try {
      await actions.openRecord(file);
      dialog.close();
    } catch (error) {
      setText(told, `${visible(file.name)} could not be opened: ${/** @type {Error} */ (error).message}`);
    }
    Object.assign(saved, { disabled: false, value: "" }); // so that the same file can be chosen again
  });

  return () => {
    const { run } = store.state;
    if (run) {
      record.href = addressOf(`api/runs/${encodeURIComponent(run.id)}/record?download=1`);
      record.download = fileName(store.state, "run", "json");
      setText(told, "");
      dialog.showModal();
    }
  };
}

/**
 * The report of the run as the page shows it now.
 * @param {Omit<SaveOptions, "actions">} options
 * @returns {Promise<string>}
 * @throws {Error} There is no run, or Plotly cannot be had.
 */
export async function writeReport({ document, store, views, links }) {
  const { run, schema, experiment, open, steps, cursor } = store.state;
  if (!run || !schema) {
    throw new Error("there is no run");
  }
  const text = (/** @type {string} */ selector) => document.querySelector(selector)?.textContent?.trim() ?? "";
  const panels = [];
  for (const id of open) {
    panels.push(await takeOf(document, views.get(id), id));
  }
  const story = {
    title: experiment?.title ?? "Free exploration",
    question: experiment?.question ?? "",
    guess: text("#experiment [data-show=guessed]"),
    seen: [...document.querySelectorAll("#seen:not([hidden]) :is(.seen-words, .seen-admits p)")]
      .map((each) => each.textContent?.trim() ?? "")
      .filter(Boolean),
    step: cursor ?? Math.max(steps.last, run.step),
    version: document.body.dataset.version ?? "",
    date: new Date(),
    link: links()?.reproduce ?? document.location.href,
    complete: links()?.complete ?? true,
    ...{ run, schema, panels },
  };
  return reportOf(story, panels.some(({ figure }) => figure) ? await libraryOf(document) : "");
}

/**
 * What a report has of a panel: its figure, else its picture, in light colours whatever the page's; and what is said of it.
 * @param {Document} document
 * @param {Takeable | undefined} view
 * @param {string} id
 */
async function takeOf(document, view, id) {
  const text = (/** @type {string} */ selector) => document.querySelector(selector)?.textContent?.trim() ?? "";
  const taken = inLight(document, view, () => ({
    figure: view?.figure?.() ?? null,
    picture: view?.figure ? null : view?.picture?.(),
    title: text(`#${id}-title`),
    about: text(`.panel-${id} .about`),
    sentence: text(`#${id}-sentence`), // at the same moment: a picture and its words are of one step
  }));
  const blob = await taken.picture;
  return { ...taken, image: blob ? await dataUrlOf(blob) : "" };
}

/**
 * Do something in the page's light colours, and be back in its own before anything is painted.
 * @template T
 * @param {Document} document
 * @param {View | undefined} view
 * @param {() => T} act
 */
function inLight(document, view, act) {
  const { dataset } = document.documentElement;
  const theme = dataset.theme;
  const topics = new Set(/** @type {import("../types.js").Topic[]} */ (["theme"]));
  try {
    dataset.theme = "light";
    view?.update(topics);
    return act();
  } finally {
    dataset.theme = theme;
    view?.update(topics);
  }
}

/** @param {Document} document */
async function libraryOf(document) {
  const answer = await fetch(addressOf(document.body.dataset.plotlyUrl ?? ""));
  if (!answer.ok) {
    throw new Error(`the server answered ${answer.status} for Plotly`);
  }
  return answer.text();
}
