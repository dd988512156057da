// Puts the page of a watched model together: what it knows, what is drawn of it, and what may be said to it.

/** @import { WatchLinkState } from "./types.js" */

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { save } from "./base/download.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createStorage } from "./base/storage.js";
import { createThemeButton } from "./base/themebutton.js";
import { takeToken } from "./rooms/host/token.js";
import { createWatchApi } from "./watching/api.js";
import { createChangesPanel } from "./watching/changespanel.js";
import { createCompare } from "./watching/compare.js";
import { createKnown } from "./watching/known.js";
import { createLinesPanel } from "./watching/linespanel.js";
import { createWatchLink } from "./watching/link.js";
import { accuracyText, accuracyWords, lastNumber, linesOf, lossWords } from "./watching/lossreading.js";
import { createMasthead } from "./watching/masthead.js";
import { idOfPage } from "./watching/places.js";
import { createRecent } from "./watching/recent.js";
import { reportOf } from "./watching/report.js";
import { createSites } from "./watching/sites.js";
import { createTree } from "./watching/treeview.js";
import { createVotesPanel } from "./watching/votespanel.js";
import { createWarnings } from "./watching/warnings.js";
import { signed, standingOf, UNKNOWN } from "./watching/words.js";

const EVERY = 150; // ms between two pictures: the figures of a training loop cannot be read faster
const ACCURACY = "accuracy"; // of the choice of series

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const notes = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, notes.say);
  document.body.classList.toggle("is-embed", new URLSearchParams(window.location.search).get("embed") === "1");
  const tree = /** @type {HTMLDetailsElement} */ (find(document, ".tree"));
  tree.open = window.matchMedia("(min-width: 1000px)").matches;
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  const page = createPage(document, notes.say);
  createThemeButton(document, page.recolour);
  Object.assign(window, { dropoutLab: { faults, known: page.known, link: page.link } });
}

/**
 * @param {Document} document
 * @param {ReturnType<typeof createNotes>["say"]} note
 */
function createPage(document, note) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const id = idOfPage(window.location.pathname);
  const token = tokenOf(window, id);
  const api = createWatchApi(window.fetch.bind(window));
  const recent = createRecent(() => window.localStorage);
  const known = createKnown();
  const now = {
    link: /** @type {WatchLinkState} */ ({ status: "connecting", message: "", code: null }),
    token,
    isDue: false,
    paintedAt: 0,
    noted: "", // the name under which this watch is remembered
    other: /** @type {ReturnType<typeof watchOther> | null} */ (null),
  };
  const onTrouble = (/** @type {string} */ text) => note("error", text);
  const say = (/** @type {string} */ op, fields = {}) => link.say(op, fields);

  const panel = (/** @type {string} */ name) => find(document, `[data-panel=${name}]`);
  const masthead = createMasthead(find(document, ".watch-head"), { say, onTrouble });
  const warnings = createWarnings(find(document, ".warnings"));
  const sites = createSites(find(document, ".sites"), { say, onTrouble, onChoice: () => tree.refresh() });
  const tree = createTree(find(document, ".tree-inside"), sites);
  const losses = createLinesPanel(find(panel("loss"), ".lines-place"));
  const others = createLinesPanel(find(panel("other"), ".lines-place"));
  const votes = createVotesPanel(panel("votes"), { say, onTrouble });
  const changes = createChangesPanel(find(panel("changes"), ".changes-place"));
  const log = /** @type {HTMLInputElement} */ (find(document, "[data-do=log]"));
  const series = /** @type {HTMLSelectElement} */ (find(document, "[data-do=series]"));

  /** Draw what has come, once for all of it, and not too often. */
  function drawSoon() {
    if (!now.isDue) {
      now.isDue = true;
      const wait = Math.max(0, EVERY - (window.performance.now() - now.paintedAt));
      window.setTimeout(() => (document.hidden ? draw() : window.requestAnimationFrame(draw)), wait);
    }
  }

  function draw() {
    now.isDue = false;
    now.paintedAt = window.performance.now();
    const isNowhere = !known.isGreeted && now.link.code === UNKNOWN;
    find(document, "#nowhere").hidden = !isNowhere;
    find(document, "#main").hidden = isNowhere;
    masthead.update(known, now.link);
    warnings.update(known.watch.warnings);
    setText(find(document, "[data-show=tree]"), treeWords());
    sites.update(known, now.link.status === "open" && known.watch.fed);
    tree.update(known);
    drawLines();
    votes.update(known, now.token !== null && known.watch.fed);
    changes.update(known);
    remember();
  }

  function treeWords() {
    const { model } = known.watch;
    return model ? `${model.tree.length + model.cut} modules` : "";
  }

  function drawLines() {
    const { watch } = known;
    const told = watch.model?.series ?? [];
    const other = now.other?.known;
    const all = [
      ...linesOf(told, known.series),
      ...(other ? linesOf(other.watch.model?.series ?? [], other.series, true) : []),
    ];
    const ofRole = (/** @type {string} */ end) => all.filter(({ role }) => role.endsWith(end));
    const [loss, accuracy] = [ofRole("_loss"), ofRole("_accuracy")];
    losses.update({
      ...{ lines: loss, changes: watch.changes, isLog: log.checked, name: "loss" },
      words: lossWords(loss, other?.isGreeted ? other.watch.name || "The other one" : ""),
      empty: "The losses will be here: pass one to lab.step(loss=…).",
    });
    offerSeries(told.filter(({ role }) => role === "other").map(({ name }) => name));
    const chosen = series.value === ACCURACY ? null : series.selectedOptions[0]?.textContent;
    if (chosen) {
      const lines = all.filter(({ role, name }) => role === "other" && name === chosen);
      const last = lines[0] && lastNumber(lines[0]);
      others.update({
        ...{ lines, changes: watch.changes, isLog: false, name: chosen, empty: "Nothing of it has come yet." },
        words: last ? `${chosen} is ${signed(last.value)} at step ${last.step.toLocaleString("en")}.` : "",
      });
    } else {
      others.update({
        ...{ lines: accuracy, changes: watch.changes, isLog: false, name: "accuracy", write: accuracyText },
        words: accuracyWords(accuracy),
        empty: "No accuracy has come. lab.log(val_accuracy=…) brings one here.",
      });
    }
  }

  /** @param {string[]} names */
  function offerSeries(names) {
    const said = JSON.stringify(names);
    if (series.dataset.said !== said) {
      series.dataset.said = said;
      const before = series.selectedOptions[0]?.textContent;
      for (const option of [...series.options].slice(1)) {
        option.remove();
      }
      names.forEach((name, index) => {
        series.add(new window.Option(name, String(index), false, name === before));
      });
    }
    /** @type {HTMLElement} */ (series.parentElement).hidden = names.length === 0;
    setText(find(document, "#other-title"), series.value === ACCURACY ? "Accuracy" : "Other series");
  }

  function remember() {
    const { name, model } = known.watch;
    if (known.isGreeted && model && now.noted !== name) {
      now.noted = name;
      recent.add({ id, name: name || model.name, at: Date.now() });
    }
  }

  const link = createWatchLink({
    window,
    id,
    token,
    onMessage(message) {
      known.hear(message);
      drawSoon();
    },
    onFrame(frame, isFirst) {
      known.take(frame, isFirst);
      drawSoon();
    },
    onState(state) {
      now.link = state;
      drawSoon();
    },
    onStranger() {
      now.token = null;
      note("error", "The token of this address is not that of this watch: you can look, and change nothing.");
    },
  });

  log.addEventListener("change", drawSoon);
  series.addEventListener("change", drawSoon);
  /** @type {HTMLAnchorElement} */ (find(document, "[data-do=file]")).href = api.file(id);
  find(document, "[data-do=report]").addEventListener("click", () => {
    const standing = standingOf(known.watch, now.link, known.isGreeted);
    const text = reportOf(document, known, { date: new Date(), standing });
    const plain = (known.watch.name || "model").replace(/[^\w-]+/g, "-");
    save(
      document,
      new Blob([text], { type: "text/html" }),
      `dropout-lab-${plain}-step-${known.watch.state?.step ?? 0}.html`,
    );
  });
  const compare = createCompare(/** @type {HTMLFormElement} */ (find(document, ".compare-form")), {
    own: id,
    openFile: api.open,
    onChoice(other) {
      now.other?.link.close();
      now.other = other === null ? null : watchOther(window, other, drawSoon, (text) => compare.say(text));
      drawSoon();
    },
  });

  return { known, link, recolour: sites.recolour };
}

/**
 * Look at another watch, too, of which the losses are drawn.
 * @param {Window & typeof globalThis} window
 * @param {string} id
 * @param {() => void} onNews
 * @param {(text: string) => void} onTrouble
 */
function watchOther(window, id, onNews, onTrouble) {
  const known = createKnown();
  const link = createWatchLink({
    window,
    id,
    onMessage(message) {
      known.hear(message);
      onNews();
    },
    onFrame(frame, isFirst) {
      if (frame.kind === "metrics") {
        known.take(frame, isFirst);
        onNews();
      }
    },
    onState({ status, code }) {
      const isNowhere = !known.isGreeted && code === UNKNOWN;
      window.queueMicrotask(() =>
        onTrouble(isNowhere && status === "waiting" ? "The lab knows no watch with that address now." : ""),
      );
    },
  });
  return { known, link };
}

/**
 * The token that came in the address, or with an earlier visit in this tab.
 * @param {Window & typeof globalThis} window
 * @param {string} id
 */
function tokenOf(window, id) {
  const storage = createStorage(() => window.sessionStorage);
  const key = `dropout-lab-watch:${id}`;
  const brought = takeToken(window.location, window.history);
  if (brought !== null) {
    storage.set(key, brought);
  }
  return brought ?? storage.get(key);
}

start(document);
