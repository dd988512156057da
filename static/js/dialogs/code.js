// The dialog with the script that trains a network as it is configured now, to be taken away.

/** @import { Actions, Store } from "../types.js" */

import { copy } from "../base/clipboard.js";
import { find, h, setText } from "../base/dom.js";

/**
 * @param {HTMLDialogElement} dialog
 * @param {{ document: Document, store: Store, actions: Actions }} options
 * @returns {() => void} Opens it.
 */
export function createCode(dialog, { document, store, actions }) {
  const lane = /** @type {HTMLSelectElement} */ (find(dialog, "#code-lane"));
  const script = find(dialog, "pre");
  const told = find(dialog, "[data-show=code-told]");
  const download = /** @type {HTMLAnchorElement} */ (find(dialog, "a[download]"));
  const button = /** @type {HTMLButtonElement} */ (find(dialog, "[data-do=copy]"));
  const tabs = [.../** @type {NodeListOf<HTMLButtonElement>} */ (dialog.querySelectorAll("[role=tab]"))];
  const state = { tab: tabs[0], asked: 0 };

  async function load() {
    const framework = state.tab.dataset.framework ?? "";
    state.asked += 1;
    const asked = state.asked;
    setText(told, "Writing the script …");
    button.disabled = true;
    download.hidden = true;
    const { code, reason } = await actions.code(Number(lane.value), framework).then(
      (code) => ({ code, reason: "" }),
      (error) => ({ code: null, reason: /** @type {Error} */ (error).message }),
    );
    if (asked !== state.asked) {
      return;
    }
    setText(script, code?.text ?? "");
    setText(told, reason);
    script.scrollTo(0, 0);
    button.disabled = code === null;
    download.hidden = code === null;
    download.href = code?.download ?? "";
    download.download = `dropout_lab_${framework}.py`;
  }

  /** @param {HTMLButtonElement} tab */
  function choose(tab) {
    state.tab = tab;
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    script.setAttribute("aria-labelledby", tab.id);
    load();
  }

  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) {
        const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
        next.focus();
        choose(next);
      }
    });
  }
  lane.addEventListener("change", load);
  button.addEventListener("click", async () => {
    setText(told, (await copy(document, script)) ? "Copied." : "Press Ctrl+C to copy it.");
  });

  return () => {
    const { run } = store.state;
    if (run) {
      const names = run.config.lanes.map(({ name }, index) => h(document, "option", { value: index }, name));
      lane.replaceChildren(...names);
      lane.value = String(run.follow.lane);
      setText(script, "");
      dialog.showModal();
      choose(state.tab);
    }
  };
}
