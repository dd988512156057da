// Puts the page together.

/** @import { Takeable } from "./base/taking.js" */
/** @import { ViewModule } from "./shell/mount.js" */
/** @import { Actions, Store } from "./types.js" */

import { settleLinks } from "./base/addresses.js";
import { find } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { givenIn } from "./base/given.js";
import { loadGlossary } from "./base/glossary.js";
import { keepSteady } from "./base/steady.js";
import { createTaking } from "./base/taking.js";
import { createTerms } from "./base/terms.js";
import { createTheme } from "./base/theme.js";
import * as controls from "./controls/controls.js";
import * as draftbar from "./controls/draftbar.js";
import * as hero from "./controls/hero.js";
import * as lanes from "./controls/lanes.js";
import * as rights from "./controls/rights.js";
import { createCode } from "./dialogs/code.js";
import { createEmbed } from "./dialogs/embed.js";
import { createExercise } from "./dialogs/exercise.js";
import { createSave } from "./dialogs/save.js";
import { createShare } from "./dialogs/share.js";
import { createUpload } from "./dialogs/upload.js";
import { createViewMenu } from "./dialogs/viewmenu.js";
import { createActions } from "./link/actions.js";
import { createApi } from "./link/api.js";
import { createPast } from "./link/past.js";
import { createSession } from "./link/session.js";
import { togetherIn } from "./rooms/togetherin.js";
import * as connection from "./shell/connection.js";
import * as embed from "./shell/embed.js";
import * as exercise from "./shell/exercise.js";
import * as experiment from "./shell/experiment.js";
import { createKeyboard } from "./shell/keyboard.js";
import * as lead from "./shell/lead.js";
import { mount } from "./shell/mount.js";
import * as nothing from "./shell/nothing.js";
import * as notice from "./shell/notice.js";
import { createPanels } from "./shell/panels.js";
import * as toolbar from "./shell/toolbar.js";
import { tellUnmade } from "./shell/unmade.js";
import { createStore } from "./state/store.js";
import { moduleOf } from "./views/index.js";
import * as picker from "./views/picker.js";
import * as scrubber from "./views/scrubber.js";
import * as seen from "./views/seen.js";

/** What draws into which element, beside the panels. @type {[string, ViewModule][]} */
const VIEWS = [
  ["lead", lead],
  ["hero", hero],
  ["lanes", lanes],
  ["draft", draftbar],
  ["side", rights],
  ["notice", notice],
  ["nothing", nothing],
  ["connection", connection],
  ["scrub", scrubber],
  ["picker", picker],
  ["experiment", experiment],
  ["exercise", exercise],
  ["seen", seen],
];

const AHEAD_MS = 3000; // after the first scores: by then the first charts are drawn
const NARROW = "(max-width: 1199px)"; // as in layout.css

/** Of each panel the module that draws it. @typedef {Map<string, ViewModule>} PanelViews */

/**
 * @param {string} panel
 * @returns {Promise<ViewModule>} Of a module that does not come, what says so: that view is lost alone.
 */
function load(panel) {
  return /** @type {Promise<ViewModule>} */ (moduleOf(panel)).catch(missing);
}

/**
 * The views of the panels that the page begins with; panels-boot.js has found out which.
 * @param {Document} document
 * @returns {Promise<PanelViews>}
 */
async function loadFirst(document) {
  const open = (document.documentElement.dataset.panels ?? "").split(" ");
  const first = panelsOf(document).filter((panel) => open.includes(panel));
  return new Map(await Promise.all(first.map(async (panel) => /** @type {const} */ ([panel, await load(panel)]))));
}

/** @param {Document} document */
function panelsOf(document) {
  const sections = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-panel]"))];
  return sections.map(({ dataset }) => dataset.panel ?? "");
}

/**
 * In the place of a view whose module could not be loaded.
 * @param {Error} error
 * @returns {ViewModule}
 */
function missing(error) {
  return {
    topics: [],
    create() {
      throw error;
    },
  };
}

/**
 * @param {Document} document
 * @param {PanelViews} first
 */
function start(document, first) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const store = createStore();
  const theme = createTheme({ document, store });
  /** @type {Actions["notify"]} */
  const notify = (kind, text) => {
    const notice = { kind, text };
    store.update("notice", { notice, unread: [...store.state.unread, notice] });
  };
  const faults = catchFaults(window, notify); // before anything that may fail
  const api = createApi(window.fetch.bind(window));
  const session = createSession({ window, store, api, notify });
  const actions = createActions({ store, session, api, notify });
  createPast({ window, store, api });
  createTerms(document);
  const options = { document, store, actions };

  const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (find(document, `dialog#${id}`));
  const code = createCode(dialog("code"), options);
  const chooseTable = createUpload(dialog("upload"), options);
  const help = () => dialog("help").showModal();
  /** @type {Map<string, Takeable>} */
  const views = new Map();
  const panels = createPanels({ document, store, actions, take: createTaking({ document, store, actions, views }) });
  const menu = createViewMenu(dialog("views"), { document, panels });
  const share = createShare(dialog("share"), {
    document,
    links: session.links,
    embed: createEmbed(dialog("share"), { document, store, panels }),
    exercise: createExercise(dialog("make-exercise"), { document, store, panels, links: session.links }),
  });
  const saving = createSave(dialog("save"), { document, store, actions, views, links: session.links });
  /** Views that may open dialogs. @type {[string, ViewModule][]} */
  const opening = [
    [
      "toolbar",
      {
        ...toolbar,
        create: (element) =>
          toolbar.create(element, { ...options, theme, views: menu, save: saving, share, code, help }),
      },
    ],
    ["controls", { ...controls, create: (element) => controls.create(element, { ...options, chooseTable }) }],
    ["embed", { ...embed, create: (element) => embed.create(element, { ...options, links: session.links }) }],
    ["groups", { ...controls, create: (element) => controls.createFolded(element, { ...options, chooseTable }) }],
  ];
  const add = (/** @type {string} */ id, /** @type {ViewModule} */ module) =>
    void views.set(id, mount(find(document, `#${id}`), module, options));
  for (const [id, module] of [...opening, ...VIEWS, ...first]) {
    add(id, module);
  }
  mountOpened({ document, store, known: [...first.keys()], add });
  tellUnmade({ document, store });

  const drawer = /** @type {HTMLDetailsElement} */ (find(document, "#drawer"));
  const narrow = window.matchMedia(NARROW);
  const { lesson } = givenIn(document);
  const fold = () => {
    drawer.open = !narrow.matches && lesson === null;
  };
  narrow.addEventListener("change", fold);
  fold();
  document.documentElement.dataset.settled = "true"; // what the style sheet supposed until now is known
  keepSteady(document.querySelectorAll(".sentence"), window.ResizeObserver);

  const state = { resizing: false };
  window.addEventListener("resize", () => {
    if (!state.resizing) {
      state.resizing = true;
      window.requestAnimationFrame(() => {
        state.resizing = false;
        for (const view of views.values()) {
          view.resize();
        }
      });
    }
  });
  createKeyboard({
    document,
    toggle: () => void (store.state.run?.state === "playing" ? actions.pause() : actions.play()),
    step: () => void actions.step(1),
    reset: () => void actions.reset(),
    undo: () => void actions.undo(),
    help,
  });
  Object.assign(window, { dropoutLab: { store, actions, panels, faults } }); // for tests, and for the curious at the console
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  find(document, "#starting").hidden = true;
  delete document.body.dataset.stopped;
  const together = togetherIn(window);
  session.boot();
  if (lesson) {
    import("./lessons/coach.js").then(
      ({ createCoach }) => createCoach({ window, element: find(document, "#lesson"), store, actions, panels, lesson }),
      window.reportError,
    );
  }
  if (together) {
    import("./rooms/together.js").then(
      ({ createTogether }) =>
        createTogether({
          ...{ window, store, actions, together },
          element: find(document, "#together"),
          reveal: panels.reveal,
        }),
      window.reportError,
    );
  }
}

/**
 * Make the view of every other panel when it is opened first. What draws it is fetched before, once the page has nothing else to do.
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {string[]} options.known Panels whose views are made.
 * @param {(panel: string, module: ViewModule) => void} options.add
 */
function mountOpened({ document, store, known, add }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const made = new Set(known);
  store.subscribe(["open"], () => {
    for (const panel of store.state.open.filter((id) => !made.has(id))) {
      made.add(panel);
      load(panel).then((module) => add(panel, module), window.reportError);
    }
  });
  const forget = store.subscribe(["scores"], () => {
    if (store.state.scores.length > 0) {
      forget();
      if (document.documentElement.dataset.embed !== undefined) {
        return; // there is no menu to open another with
      }
      window.setTimeout(() => {
        for (const panel of panelsOf(document).filter((id) => !made.has(id))) {
          moduleOf(panel).catch(() => {}); // tried again, and said, when it is opened
        }
        loadGlossary(document).catch(() => {}); // likewise, when a term is
      }, AHEAD_MS);
    }
  });
}

start(document, await loadFirst(document));
