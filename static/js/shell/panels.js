// Every picture is a panel that can be opened, closed and enlarged. Which ones are open is remembered for each experiment, unless the
// address says it: those of a page in somebody else’s, or of an exercise, are nobody’s choice.

/** @import { Actions, Store } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { createStorage } from "../base/storage.js";
import { groupsOf, isInsight } from "../model/catalogue.js";

/** @typedef {{ id: string, title: string, about: string, open: boolean, obstacle: string }} Entry A line of the menu. */

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {Actions} options.actions
 * @param {(panel: string, format: string) => void} options.take Downloads what a panel shows.
 */
export function createPanels({ document, store, actions, take }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const root = document.documentElement;
  const sections = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-panel]"))];
  const byId = new Map(sections.map((section) => [section.dataset.panel ?? "", section]));
  const standard = sections
    .filter((section) => "standard" in section.dataset)
    .map((section) => section.dataset.panel ?? "");
  const storage =
    document.body.dataset.lesson === undefined
      ? createStorage(() => window.localStorage)
      : { get: () => null, set() {} };
  const key = `dropout-lab-panels-${document.body.dataset.experiment ?? ""}`; // panels-boot.js reads it, too
  const closed = find(document, "#closed"); // says so where no panel is open
  const menu = find(document, "[data-do=views]");
  /** The panels that the address names, alone or for an exercise; panels-boot.js has found them. */
  const named = () => {
    const text = root.dataset.embed ?? root.dataset.exercisePanels ?? "";
    return text === "" ? null : text.split(" ");
  };
  const current = {
    wanted: new Set(standard),
    isRead: false, // an exercise of which nothing can be made is none: that is known once there is a run
    told: "",
    large: /** @type {{ section: HTMLElement, hole: HTMLElement, inert: HTMLElement[], top: number } | null} */ (null),
  };

  const blocked = (/** @type {string} */ id) => store.state.run?.obstacles[id] ?? "";
  const isOpen = (/** @type {string} */ id) => current.wanted.has(id) && blocked(id) === "";

  /** Find out which panels are wanted, once. */
  function read() {
    if (!current.isRead) {
      current.isRead = true;
      current.wanted = new Set(named() ?? storage.get(key)?.split(" ") ?? standard);
      for (const text of silent()) {
        actions.notify("error", text);
      }
    }
  }

  /** What is said of panels that the address names and that show nothing of this run. */
  function silent() {
    return (named() ?? [])
      .filter((id) => byId.has(id) && blocked(id) !== "")
      .map((id) => `“${titleOf(id)}” shows nothing of this run: it ${blocked(id)}.`);
  }

  /** Where nothing can be shown of what the address names, say so; there is no menu to open something else with. */
  function tellNothing() {
    const texts = silent();
    if (!closed.hidden && texts.length > 0) {
      setText(find(closed, "h2"), "Nothing to show");
      setText(find(closed, ".sentence"), texts.join(" "));
      find(closed, ".buttons").hidden = true;
    }
  }

  const titleOf = (/** @type {string} */ id) => byId.get(id)?.querySelector("h2")?.textContent?.trim() ?? "";

  /** @param {Iterable<string>} panels */
  function remember(panels) {
    if (named() === null) {
      storage.set(key, [...panels].join(" "));
    }
  }

  /** Show the panels that are wanted and mean something; until the run is known, those that the page began with. */
  function apply() {
    if (!store.state.run) {
      return;
    }
    read();
    const open = [...byId.keys()].filter(isOpen);
    for (const [id, section] of byId) {
      section.hidden = !open.includes(id);
    }
    closed.hidden = open.length > 0;
    tellNothing();
    delete root.dataset.panels;
    if (current.large?.section.hidden) {
      restore();
    }
    const views = open.filter((id) => isInsight(store.state.schema, id));
    if (open.join() !== store.state.open.join()) {
      store.update("open", { open });
    }
    if (views.join() !== current.told) {
      current.told = views.join();
      actions.views(views);
    }
  }

  /**
   * @param {string} id
   * @param {boolean} wanted
   */
  function set(id, wanted) {
    read();
    current.wanted[wanted ? "add" : "delete"](id);
    remember(current.wanted);
    apply();
  }

  function reset() {
    read();
    current.wanted = new Set(standard);
    remember(standard);
    apply();
  }

  /** @param {HTMLElement} section */
  function enlarge(section) {
    restore();
    const hole = document.createElement("div"); // keeps the place, so that the page behind stands still
    hole.className = "panel-hole";
    hole.style.height = `${section.offsetHeight}px`;
    current.large = { section, hole, inert: outside(section), top: window.scrollY };
    for (const element of current.large.inert) {
      element.inert = true;
    }
    section.before(hole);
    root.style.setProperty("--toolbar", `${find(document, "#toolbar").getBoundingClientRect().height}px`);
    show(section, true);
    if (root.dataset.embed !== undefined) {
      root.requestFullscreen?.().catch(() => {}); // a frame is small; where it may not, all of the frame has to do
    }
  }

  function restore() {
    const { large } = current;
    if (large) {
      current.large = null;
      for (const element of large.inert) {
        element.inert = false;
      }
      large.hole.remove();
      show(large.section, false);
      if (document.fullscreenElement) {
        document.exitFullscreen().catch(() => {});
      }
      window.scrollTo({ top: large.top, behavior: "instant" });
    }
  }

  /**
   * @param {HTMLElement} section
   * @param {boolean} isLarge
   */
  function show(section, isLarge) {
    root.classList.toggle("has-large", isLarge);
    section.classList.toggle("is-large", isLarge);
    const button = find(section, "[data-panel-do=enlarge]");
    button.setAttribute("aria-pressed", String(isLarge));
    button.title = isLarge ? "Back to the page (Esc)" : "Enlarge";
    window.dispatchEvent(new Event("resize")); // every picture finds its new size
  }

  /** @param {HTMLElement} section */
  function close(section) {
    restore();
    set(section.dataset.panel ?? "", false);
    menu.focus({ preventScroll: true }); // where it is opened again
  }

  document.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("[data-panel-do]");
    const section = /** @type {HTMLElement | null} */ (button?.closest("[data-panel]") ?? null);
    const what = button?.getAttribute("data-panel-do") ?? "";
    if (!section) {
      return;
    }
    if (what === "close") {
      close(section);
    } else if (what === "enlarge") {
      current.large ? restore() : enlarge(section);
    } else {
      take(button?.getAttribute("data-of") ?? section.dataset.panel ?? "", what);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current.large && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      restore();
    }
  });
  document.addEventListener("fullscreenchange", () => {
    if (root.dataset.embed !== undefined && !document.fullscreenElement) {
      restore();
    }
  });
  window.addEventListener("resize", () => {
    if (current.large) {
      root.style.setProperty("--toolbar", `${find(document, "#toolbar").getBoundingClientRect().height}px`);
    }
  });
  find(closed, ".primary").addEventListener("click", () => menu.click());
  find(closed, "[data-do=standard]").addEventListener("click", reset);
  store.subscribe(["run"], apply);

  for (const id of root.dataset.embed?.split(" ") ?? []) {
    find(document, "#pictures").append(...[byId.get(id) ?? []].flat()); // read in the order in which they are seen
  }

  return {
    set,
    reset,
    groups: () => groupsOf(store.state.schema),
    /** Every panel, as the menu lists it. @returns {Map<string, Entry>} */
    entries: () =>
      new Map(
        [...byId].map(([id, section]) => {
          const text = (/** @type {string} */ selector) => section.querySelector(selector)?.textContent?.trim() ?? "";
          const entry = { id, title: text("h2"), about: text(".about"), open: isOpen(id), obstacle: blocked(id) };
          return [id, entry];
        }),
      ),
    /** @param {string} id */
    reveal(id) {
      byId.get(id)?.scrollIntoView({ block: "start" });
    },
  };
}

/**
 * Everything beside a section that a reader of it alone shall not reach: not the toolbar, notices or dialogs.
 * @param {HTMLElement} section
 */
function outside(section) {
  const found = [];
  for (let at = section; at.parentElement && at !== section.ownerDocument.body; at = at.parentElement) {
    const beside = [...at.parentElement.children].filter((each) => each !== at);
    found.push(
      .../** @type {HTMLElement[]} */ (beside.filter((each) => !each.matches("#toolbar, #notice, dialog, script"))),
    );
  }
  return found.filter((element) => !element.inert);
}
