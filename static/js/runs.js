// Puts the page of one's own runs together: what this browser has opened, and what can be done with it.

/** @import { ListedRun, RunList } from "./types.js" */

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createThemeButton } from "./base/themebutton.js";
import { createApi } from "./link/api.js";
import { createOwned } from "./link/owned.js";
import { experimentIn } from "./model/experiments.js";
import { isPrintable, visible } from "./model/printable.js";
import { createCard } from "./runs/card.js";
import { createCompare, MOST } from "./runs/compare.js";
import { createRename, createSure } from "./runs/dialogs.js";
import { createDrop } from "./runs/drop.js";
import { expiresSoon, numbered, titleOf } from "./runs/words.js";

const SOON = 3000; // ms until the list is asked for again while a run trains,
const LATER = 30_000; // and while none does

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const { say } = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, say);
  createThemeButton(document);
  const api = createApi(window.fetch.bind(window));
  const owned = createOwned(() => window.localStorage);
  const list = find(document, "#runs");
  const experiments = titlesIn(find(document, "#experiments-list"));
  const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (find(document, `dialog#${id}`));
  const show = createCompare(dialog("compare"));
  const rename = createRename(dialog("rename"));
  const sure = createSure(dialog("sure"));
  /** @type {Map<string, ReturnType<typeof createCard>>} */
  const cards = new Map();
  const state = {
    told: /** @type {RunList | null} */ (null),
    chosen: /** @type {string[]} */ ([]),
    timer: 0,
    asked: 0,
  };

  const asks = {
    /** @param {ListedRun} run */
    async rename(run) {
      await rename(run.title, run.name ?? "", (name) => change(run, { name }));
    },
    /** @param {ListedRun} run */
    async pin(run) {
      const pinned = !run.pinned;
      await attempt(`“${run.title}” could not be ${pinned ? "pinned" : "unpinned"}`, async () => {
        await change(run, { pinned });
        say("info", pinned ? `“${run.title}” is kept until you delete it.` : `“${run.title}” is not pinned any more.`);
      });
    },
    /** @param {ListedRun} run */
    async remove(run) {
      if (await sure(run.title)) {
        await attempt(`“${run.title}” could not be deleted`, async () => {
          await api.remove(run.id, owned.tokenOf(run.id) ?? "");
          forget([run.id]);
          say("info", `“${run.title}” was deleted.`);
          find(document, "#runs-title").focus();
        });
      }
    },
    /**
     * @param {ListedRun} run
     * @param {boolean} on
     */
    choose(run, on) {
      state.chosen = on ? [...state.chosen, run.id] : state.chosen.filter((id) => id !== run.id);
      tell();
    },
  };

  /**
   * @param {string} what
   * @param {() => Promise<void>} act
   */
  async function attempt(what, act) {
    try {
      await act();
    } catch (error) {
      say("error", `${what}: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * @param {ListedRun} run
   * @param {{ name?: string | null, pinned?: boolean }} values
   */
  async function change(run, values) {
    await api.change(run.id, owned.tokenOf(run.id) ?? "", values);
    await load();
  }

  /**
   * Number a run whose title another one has, such as that of the same file before.
   * @param {string} id
   */
  async function tellApart(id) {
    const runs = state.told?.runs ?? [];
    const run = runs.find((each) => each.id === id);
    if (run) {
      const others = runs.filter((each) => each !== run).map(({ title }) => title);
      const name = numbered(run.title, others);
      if (name !== run.title) {
        await attempt(`“${run.title}” could not be renamed`, () => change(run, { name }));
      }
    }
  }

  /** @param {readonly string[]} ids */
  function forget(ids) {
    owned.forget(ids);
    for (const id of ids) {
      cards.get(id)?.element.remove();
      cards.delete(id);
    }
    state.chosen = state.chosen.filter((id) => !ids.includes(id));
    if (state.told) {
      state.told.runs = state.told.runs.filter(({ id }) => !ids.includes(id));
    }
    tell();
  }

  /** Ask the server how the runs are. */
  async function load() {
    window.clearTimeout(state.timer);
    const asked = ++state.asked;
    try {
      const told = await api.mine(owned.all());
      if (asked === state.asked) {
        take(told);
      }
    } catch (error) {
      const message = /** @type {Error} */ (error).message;
      setBanner("#unreached", `The list could not be fetched: ${message} It is tried again.`);
    }
    find(document, "#runs-waiting").hidden = true;
    document.documentElement.dataset.ready = "true";
    if (asked === state.asked) {
      const isLively = state.told?.runs.some((run) => run.state === "playing") ?? false;
      state.timer = window.setTimeout(look, isLively ? SOON : LATER);
    }
  }

  /** Ask again, unless nobody sees it. */
  function look() {
    if (document.visibilityState === "visible") {
      load();
    }
  }
  document.addEventListener("visibilitychange", look);

  /** @param {RunList} told */
  function take(told) {
    state.told = told;
    for (const run of told.runs) {
      run.title = titleOf(run, experiments);
    }
    setBanner("#unreached", "");
    if (told.gone.length > 0) {
      const some = told.gone.length === 1 ? "A run is" : `${told.gone.length} runs are`;
      say("info", `${some} not there any more, and not listed: ended, expired, or made on a server that kept nothing.`);
      forget(told.gone);
    }
    for (const run of told.runs) {
      if (!cards.has(run.id)) {
        const card = createCard(document, run, asks);
        cards.set(run.id, card);
        const after = told.runs.slice(told.runs.indexOf(run) + 1).find(({ id }) => cards.get(id)?.element.isConnected);
        list.insertBefore(card.element, after ? (cards.get(after.id)?.element ?? null) : null);
      }
    }
    tell();
  }

  /**
   * @param {string} place
   * @param {string} text
   */
  function setBanner(place, text) {
    const banner = find(document, place);
    banner.hidden = text === "";
    setText(find(banner, "p"), text);
  }

  /** Show what is known. */
  function tell() {
    const { told, chosen } = state;
    if (!told) {
      return;
    }
    const { runs, now, keep_days: keepDays, store, unread } = told;
    for (const run of runs) {
      cards.get(run.id)?.update(run, { now, keepDays, full: chosen.length >= MOST });
    }
    const off =
      "This server keeps no runs: each ends some time after nobody watches it. Download what you want to keep.";
    const lost =
      unread.length > 0 ? ` ${unread.length} of your runs cannot be read meanwhile, and are not in the list.` : "";
    const failing = `Runs cannot be kept right now, and what is new would be lost with the server: ${store.problem}.${lost}`;
    setBanner("#unkept", store.status === "off" ? off : store.problem ? failing : "");
    const soon = runs.filter((run) => expiresSoon(run, now, keepDays));
    const some = soon.length === 1 ? "One run expires" : `${soon.length} runs expire`;
    setBanner("#expiring", soon.length > 0 ? `${some} within a day. What is pinned stays.` : "");
    find(document, "#empty").hidden = runs.length > 0 || unread.length > 0;
    find(document, "#choice").hidden = runs.length < 2;
    setText(find(document, "[data-show=chosen]"), chosenWords(chosen.length));
    /** @type {HTMLButtonElement} */ (find(document, "[data-do=compare]")).disabled = chosen.length < 1;
    /** @type {HTMLButtonElement} */ (find(document, "[data-do=clear]")).disabled = chosen.length < 1;
  }

  find(document, "[data-do=pin-all]").addEventListener("click", async () => {
    const { runs, now, keep_days: keepDays } = /** @type {RunList} */ (state.told);
    for (const run of runs.filter((each) => expiresSoon(each, now, keepDays))) {
      await asks.pin(run);
    }
    find(document, "#runs-title").focus();
  });
  find(document, "[data-do=compare]").addEventListener("click", () => {
    const runs = state.told?.runs ?? [];
    show(state.chosen.flatMap((id) => runs.find((run) => run.id === id) ?? []));
  });
  find(document, "[data-do=clear]").addEventListener("click", () => {
    for (const card of cards.values()) {
      card.clear();
    }
    state.chosen = [];
    tell();
  });
  createDrop(find(document, "#bring"), async (file) => {
    const named = isPrintable(file.name) ? file.name : visible(file.name);
    try {
      const { id, token, step } = await api.bring(file);
      owned.add(id, token);
      await load();
      await tellApart(id);
      const card = cards.get(id);
      card?.name.focus();
      return `${named} was opened as a run that stands at step ${step.toLocaleString("en")}.`;
    } catch (error) {
      return `${named} could not be opened: ${/** @type {Error} */ (error).message}`;
    }
  });

  const closed =
    "This browser lets the page remember nothing, as in some frames and with some settings, so runs that are opened here cannot be listed.";
  setBanner("#forgetful", owned.works ? "" : closed);
  Object.assign(window, { dropoutLab: { faults } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  find(document, "#starting").hidden = true;
  delete document.body.dataset.stopped;
  load();
}

/**
 * The titles of the experiments, by id, as the menu has them.
 * @param {HTMLElement} menu
 */
function titlesIn(menu) {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (menu.querySelectorAll("a[href]"));
  return new Map([...links].map((link) => [experimentIn(link.pathname) ?? "", find(link, "b").textContent ?? ""]));
}

/** @param {number} count */
function chosenWords(count) {
  if (count === 0) {
    return `Tick up to ${MOST} runs to lay their validation losses over each other.`;
  }
  return count < MOST ? `${count} of at most ${MOST} runs chosen.` : `${MOST} runs chosen, as many as fit.`;
}

start(document);
