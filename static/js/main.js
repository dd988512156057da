// Puts the page together.

/** @import { Takeable } from "./taking.js" */
/** @import { Actions, Topic, View, ViewOptions } from "./types.js" */

import { createActions } from "./actions.js";
import { createApi } from "./api.js";
import { find } from "./dom.js";
import { createKeyboard } from "./keyboard.js";
import { createPanels } from "./panels.js";
import { createSession } from "./session.js";
import { keepSteady } from "./steady.js";
import { createStore } from "./store.js";
import { createTaking } from "./taking.js";
import { createTheme } from "./theme.js";
import * as accuracy from "./views/accuracy.js";
import * as activity from "./views/activity.js";
import * as boundary from "./views/boundary.js";
import { createCode } from "./views/code.js";
import * as committee from "./views/committee.js";
import * as controls from "./views/controls.js";
import * as correlation from "./views/correlation.js";
import * as cost from "./views/cost.js";
import * as damage from "./views/damage.js";
import * as draftbar from "./views/draftbar.js";
import * as draw from "./views/draw.js";
import * as ensemble from "./views/ensemble.js";
import * as experiment from "./views/experiment.js";
import * as features from "./views/features.js";
import * as forgotten from "./views/forgotten.js";
import * as gradient from "./views/gradient.js";
import * as kept from "./views/kept.js";
import * as lanes from "./views/lanes.js";
import * as lead from "./views/lead.js";
import * as loss from "./views/loss.js";
import * as network from "./views/network.js";
import * as nothing from "./views/nothing.js";
import * as notice from "./views/notice.js";
import * as picker from "./views/picker.js";
import * as raster from "./views/raster.js";
import * as result from "./views/result.js";
import * as rights from "./views/rights.js";
import { createSave } from "./views/save.js";
import * as search from "./views/search.js";
import * as seen from "./views/seen.js";
import { createShare } from "./views/share.js";
import * as subnetworks from "./views/subnetworks.js";
import * as toolbar from "./views/toolbar.js";
import { createUpload } from "./views/upload.js";
import * as variance from "./views/variance.js";
import { createViewMenu } from "./views/viewmenu.js";
import * as visits from "./views/visits.js";

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
  ["activity", activity],
  ["correlation", correlation],
  ["damage", damage],
  ["visits", visits],
  ["gradient", gradient],
  ["features", features],
  ["variance", variance],
  ["forgotten", forgotten],
  ["committee", committee],
  ["cost", cost],
  ["subnetworks", subnetworks],
  ["draw", draw],
  ["search", search],
  ["result", result],
  ["experiment", experiment],
  ["seen", seen],
];

const NARROW = "(max-width: 1199px)"; // as in layout.css

/**
 * Make one view and keep it up to date, unless its panel is closed: then it is brought up to date when that opens. A view that
 * fails says so and stops none of the others.
 * @param {HTMLElement} element
 * @param {ViewModule} module
 * @param {ViewOptions} options
 */
function mount(element, module, options) {
  const view = module.create(element, options);
  const panel = /** @type {HTMLElement | null} */ (element.closest("[data-panel]"));
  /** @type {Set<Topic>} */
  const missed = new Set();
  const update = (/** @type {Iterable<Topic>} */ changed) => {
    const wasClosed = missed.size > 0;
    for (const topic of changed) {
      missed.add(topic);
    }
    if (panel?.hidden) {
      return;
    }
    const topics = new Set([...missed].filter((topic) => module.topics.includes(topic)));
    missed.clear();
    try {
      view.update(topics);
      if (wasClosed) {
        view.resize();
      }
    } catch (error) {
      reportError(error);
    }
  };
  options.store.subscribe(panel ? [...module.topics, "open"] : module.topics, update);
  update(module.topics);
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
  /** @type {Map<string, Takeable>} */
  const views = new Map();
  const panels = createPanels({ document, store, actions, take: createTaking({ document, store, actions, views }) });
  const menu = createViewMenu(dialog("views"), { document, panels });
  const saving = createSave(dialog("save"), { document, store, views, links: session.links });
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
    ["groups", { ...controls, create: (element) => controls.createFolded(element, { ...options, chooseTable }) }],
  ];
  const mounted = [...opening, ...VIEWS].map(([id, module]) => {
    const view = mount(find(document, `#${id}`), module, options);
    views.set(id, view);
    return view;
  });

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
          view.resize(); // of a closed panel it finds no room, and does nothing
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
  Object.assign(window, { dropoutLab: { store, actions, panels } }); // for tests, and for the curious at the console
  session.boot();
}

start(document);
