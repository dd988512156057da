// The way of working, and the run that belongs to it.

/** @import { OfferedTopic, RoomTopic } from "../../types.js" */
/** @import { Say } from "./ask.js" */

import { ROOT } from "../../base/addresses.js";
import { find, h, setText } from "../../base/dom.js";
import { OWN } from "../../link/owned.js";
import { LOOKS, placesWords, runOf, runWords, SPEEDS, speedWords, WAYS } from "./words.js";

/**
 * @param {HTMLElement} main
 * @param {object} options
 * @param {Say} options.say
 * @param {(title: string, about: string, deed: string) => Promise<boolean>} options.sure
 * @param {(run: string) => void} options.own Keep the token of a run, for the lab's page.
 */
export function createRunControls(main, { say, sure, own }) {
  const document = main.ownerDocument;
  const ways = find(main, ".ways");
  const section = find(main, "#run");
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (find(section, `[data-do=${name}]`));
  const speed = /** @type {HTMLSelectElement} */ (find(section, "#speed"));
  const experiment = /** @type {HTMLSelectElement} */ (find(section, "#experiment"));
  const places = /** @type {HTMLInputElement} */ (find(section, "#places"));
  const known = /** @type {HTMLInputElement} */ (find(section, "#known"));
  const look = /** @type {HTMLSelectElement} */ (find(section, "#look"));
  const lab = /** @type {HTMLAnchorElement} */ (find(section, "[data-show=lab]"));
  const back = find(section, "[data-show=lent]");
  const state = { room: /** @type {RoomTopic | null} */ (null), looks: "" };

  const choices = WAYS.map(({ way, title, about }) => {
    const element = h(
      document,
      "button",
      { type: "button", class: "way", "data-way": way, "aria-pressed": "false" },
      h(document, "b", {}, title),
      h(document, "span", {}, about),
    );
    element.addEventListener("click", () => say("way", { to: way }));
    return element;
  });
  ways.append(...choices);

  button("play").addEventListener("click", () => say("play"));
  button("pause").addEventListener("click", () => say("pause"));
  button("step").addEventListener("click", () => say("step", { count: 1 }));
  speed.append(...SPEEDS.map((each) => h(document, "option", { value: String(each) }, speedWords(each))));
  speed.addEventListener("change", () =>
    again(say("speed", { steps_per_second: speed.value === "null" ? null : Number(speed.value) })),
  );
  known.addEventListener("change", () => again(say("known", { on: known.checked })));
  look.addEventListener("change", () => again(say("look", { panel: look.value || null, step: null })));
  button("experiment").addEventListener("click", async () => {
    const title = experiment.selectedOptions[0]?.textContent ?? "";
    if (
      await sure(
        `Open “${title}”?`,
        "The runs of the experiment before it end, yours and those of the students.",
        "Open it",
      )
    ) {
      await say("experiment", { name: experiment.value });
    }
  });
  find(section, "#begin").addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = places.value === "" ? {} : { places: Number(places.value) };
    const isRunning = (state.room?.class_run?.step ?? 0) > 0;
    if (
      !isRunning ||
      (await sure(
        "Begin the class run anew?",
        "The class run that is there ends, with all its networks.",
        "Begin anew",
      ))
    ) {
      await say("begin", wanted);
    }
  });
  lab.addEventListener("click", () => own(lab.dataset.run ?? ""));
  button("back").addEventListener("click", () => say("lend", { student: null }));

  /**
   * Show what the room says again where what was chosen was refused.
   * @param {Promise<boolean>} said
   */
  async function again(said) {
    if (!(await said)) {
      tell();
    }
  }

  function tell() {
    const { room } = state;
    if (!room) {
      return;
    }
    for (const element of choices) {
      element.setAttribute("aria-pressed", String(element.dataset.way === room.way));
    }
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[data-ways]"))) {
      part.hidden = !part.dataset.ways?.split(" ").includes(room.way);
    }
    const run = runOf(room);
    const isOwn = room.way === "own";
    const can = isOwn || (run !== null && run.state !== "ended");
    setText(find(section, "[data-show=state]"), runWords(room));
    button("play").disabled = !can || (!isOwn && run?.state === "playing");
    button("pause").disabled = !can || (!isOwn && run?.state === "paused");
    button("step").disabled = !can || run?.state === "playing";
    setText(button("play"), isOwn ? "Play all" : "Play");
    setText(button("pause"), isOwn ? "Pause all" : "Pause");
    tellSpeed(run?.speed ?? null);
    known.checked = room.known !== null;
    setText(find(section, "[data-show=places]"), placesWords(room));
    setText(button("begin"), room.class_run ? "Begin anew" : "Begin the class run");
    tellLook(room);
    setText(
      find(section, "[data-show=experiment]"),
      room.experiment ? `Now: ${room.experiment.title}` : "None is open.",
    );
    lab.hidden = !run;
    if (run) {
      lab.dataset.run = run.id;
      const address = new URLSearchParams({ run: run.id, ...(room.way === "follow" ? { room: room.code } : {}) });
      lab.href = `${ROOT}?${address}${OWN}`;
    }
    back.hidden = room.knobs_of === null || room.way !== "follow";
    setText(find(back, "span"), `${room.knobs_of?.name ?? ""} turns the knobs of your run.`);
  }

  /** @param {number | null} now */
  function tellSpeed(now) {
    const value = String(now);
    if (![...speed.options].some((option) => option.value === value)) {
      speed.append(h(document, "option", { value }, speedWords(now)));
    }
    if (document.activeElement !== speed) {
      speed.value = value;
    }
  }

  /** @param {RoomTopic} room */
  function tellLook({ way, look: now }) {
    const looks = LOOKS[way];
    if (state.looks !== way) {
      state.looks = way;
      look.replaceChildren(...looks.map(({ panel, title }) => h(document, "option", { value: panel ?? "" }, title)));
    }
    if (document.activeElement !== look) {
      look.value = looks.some(({ panel }) => panel === now?.panel) ? (now?.panel ?? "") : "";
    }
  }

  return {
    /** @param {RoomTopic} room */
    update(room) {
      state.room = room;
      tell();
    },
    /** @param {OfferedTopic["experiments"]} experiments */
    offer(experiments) {
      const groups = new Map(experiments.map(({ group }) => [group, /** @type {HTMLElement[]} */ ([])]));
      for (const { id, title, group } of experiments) {
        groups.get(group)?.push(h(document, "option", { value: id }, title));
      }
      experiment.replaceChildren(
        ...[...groups].map(([label, options]) => h(document, "optgroup", { label }, ...options)),
      );
      experiment.value = state.room?.experiment?.id ?? experiment.value;
    },
  };
}
