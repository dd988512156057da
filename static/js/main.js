// Puts the page together.

/** @import { Actions, Topic, View, ViewOptions } from "./types.js" */

import { createActions } from "./actions.js";
import { createApi } from "./api.js";
import { find } from "./dom.js";
import { createKeyboard } from "./keyboard.js";
import { createSession } from "./session.js";
import { keepSteady } from "./steady.js";
import { createStore } from "./store.js";
import { createTheme } from "./theme.js";
import * as accuracy from "./views/accuracy.js";
import * as boundary from "./views/boundary.js";
import { createCode } from "./views/code.js";
import * as controls from "./views/controls.js";
import * as draftbar from "./views/draftbar.js";
import * as ensemble from "./views/ensemble.js";
import * as kept from "./views/kept.js";
import * as lanes from "./views/lanes.js";
import * as lead from "./views/lead.js";
import * as loss from "./views/loss.js";
import * as network from "./views/network.js";
import * as nothing from "./views/nothing.js";
import * as notice from "./views/notice.js";
import * as picker from "./views/picker.js";
import * as raster from "./views/raster.js";
import * as rights from "./views/rights.js";
import { createShare } from "./views/share.js";
import * as toolbar from "./views/toolbar.js";
import { createUpload } from "./views/upload.js";

/**
 * @typedef {object} ViewModule
 * @property {Topic[]} topics
 * @property {(element: HTMLElement, options: ViewOptions) => View} create
 */

/** Which view draws into which element. @type {[string, ViewModule][]} */
const VIEWS = [
  ["lead", lead],
  ["lanes", lanes],
  ["draft", draftbar],
  ["side", rights],
  ["notice", notice],
  ["nothing", nothing],
  ["network", network],
  ["picker", picker],
  ["boundary", boundary],
  ["masks", raster],
  ["kept", kept],
  ["loss", loss],
  ["accuracy", accuracy],
  ["ensemble", ensemble],
];

const NARROW = "(max-width: 1199px)"; // as in layout.css

/**
 * Make one view and keep it up to date. A view that fails says so and stops none of the others.
 * @param {HTMLElement} element
 * @param {ViewModule} module
 * @param {ViewOptions} options
 */
function mount(element, module, options) {
  const view = module.create(element, options);
  const update = (/** @type {Set<Topic>} */ changed) => {
    try {
      view.update(changed);
    } catch (error) {
      reportError(error);
    }
  };
  options.store.subscribe(module.topics, update);
  update(new Set(module.topics));
  return view;
}

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const store = createStore();
  const theme = createTheme({ document, store });
  /** @type {Actions["notify"]} */
  const notify = (kind, text) => {
    const notice = { kind, text };
    store.update("notice", { notice, unread: [...store.state.unread, notice] });
  };
  const api = createApi(window.fetch.bind(window));
  const session = createSession({ window, store, api, notify });
  const actions = createActions({ store, session, api, notify });
  const options = { document, store, actions };

  const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (find(document, `dialog#${id}`));
  const share = createShare(dialog("share"), { document, links: session.links });
  const code = createCode(dialog("code"), options);
  const chooseTable = createUpload(dialog("upload"), options);
  const help = () => dialog("help").showModal();
  /** Views that may open dialogs. @type {[string, ViewModule][]} */
  const opening = [
    ["toolbar", { ...toolbar, create: (element) => toolbar.create(element, { ...options, theme, share, code, help }) }],
    ["controls", { ...controls, create: (element) => controls.create(element, { ...options, chooseTable }) }],
    ["groups", { ...controls, create: (element) => controls.createFolded(element, { ...options, chooseTable }) }],
  ];
  const mounted = [...opening, ...VIEWS].map(([id, module]) => mount(find(document, `#${id}`), module, options));

  const drawer = /** @type {HTMLDetailsElement} */ (find(document, "#drawer"));
  const narrow = window.matchMedia(NARROW);
  const fold = () => {
    drawer.open = !narrow.matches;
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
        for (const view of mounted) {
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
    help,
  });
  Object.assign(window, { dropoutLab: { store, actions } }); // for tests, and for the curious at the console
  session.boot();
}

start(document);
