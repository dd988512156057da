// What views may ask for.

/** @import { Actions, Run, Store, Table } from "../types.js" */

import { coalesce } from "../base/coalesce.js";
import { emptyDraft } from "../state/draft.js";
import { turnsOf } from "../words/changes.js";

/**
 * @param {object} options
 * @param {Store} options.store
 * @param {ReturnType<typeof import("./session.js").createSession>} options.session
 * @param {ReturnType<typeof import("./api.js").createApi>} options.api
 * @param {Actions["notify"]} options.notify
 * @returns {Actions}
 */
export function createActions({ store, session, api, notify }) {
  const { live } = session;
  const looking = { back: false }; // whether the run was paused for looking back

  /** @param {Record<string, *>} command */
  const command = (command) =>
    live.send(command).catch((error) => {
      notify("error", error.message);
      return null;
    });
  const setSoon = coalesce((_key, { lane, knobs }) =>
    live.send({ op: "set", ...(lane === null ? {} : { lane }), knobs }),
  );

  /** @param {Table} table */
  const know = (table) => store.update("tables", { tables: { ...store.state.tables, [table.id]: table } });

  /** Leave the past, without going on. */
  function present() {
    looking.back = false;
    store.update("cursor", { cursor: null });
  }

  /**
   * Go over to another run.
   * @param {() => Promise<void>} open
   */
  async function leaveFor(open) {
    try {
      await open();
      present();
      store.update("draft", { draft: emptyDraft() });
    } catch (error) {
      notify("error", /** @type {Error} */ (error).message);
    }
  }

  return {
    play() {
      present();
      return command({ op: "play" });
    },
    pause: () => command({ op: "pause" }),
    step(count = 1) {
      present();
      return command({ op: "step", count });
    },
    speed: (stepsPerSecond) => command({ op: "speed", steps_per_second: stepsPerSecond }),
    async set(lane, knobs) {
      try {
        const step = await setSoon(`${lane}/${Object.keys(knobs).sort().join()}`, { lane, knobs });
        assume(store, lane, knobs);
        return step;
      } catch (error) {
        notify("error", /** @type {Error} */ (error).message);
        throw error;
      }
    },
    follow: (follow) => command({ op: "follow", ...follow }),
    reset() {
      present();
      return command({ op: "reset" });
    },
    async newRun(config, extra = {}) {
      present();
      try {
        await session.newRun(config, extra);
        store.update("draft", { draft: emptyDraft() });
      } catch (error) {
        notify("error", /** @type {Error} */ (error).message);
      }
    },
    views: (open) => session.views(open),
    ensemble: (ensemble) => command({ op: "ensemble", ...ensemble }),
    ask: (x, lane) => live.ask({ op: "ask", x, ...(lane === undefined ? {} : { lane }) }),
    scrub(step) {
      const { run, role } = store.state;
      if (step !== null && run?.state === "playing" && role === "owner" && !looking.back) {
        looking.back = true;
        command({ op: "pause" });
      } else if (step === null && looking.back) {
        looking.back = false;
        command({ op: "play" });
      }
      store.update("cursor", { cursor: step });
    },
    async fork(step) {
      const { run } = store.state;
      const play = looking.back || run?.state === "playing";
      await leaveFor(() => session.fork(step, { play }));
    },
    async undo() {
      const { run, schema, steps } = store.state;
      const turn = run && schema ? turnsOf(run, schema, steps.last).at(-1) : null;
      if (run && turn) {
        const step = turn.first - 1;
        const play = looking.back || run.state === "playing";
        await leaveFor(() => session.fork(step, { changesUntil: step, play }));
      }
    },
    async upload(file, name, decisions) {
      const table = await api.upload(file, name, decisions);
      know(table);
      return table;
    },
    async readAgain(id, decisions) {
      const table = await api.readAgain(id, decisions);
      know(table);
      return table;
    },
    async table(id) {
      if (!store.state.tables[id]) {
        await api.table(id).then(know, () => {});
      }
      return store.state.tables[id] ?? null;
    },
    async openRecord(file) {
      present();
      await session.openRecord(file);
      store.update("draft", { draft: emptyDraft() });
    },
    code: (lane, framework) => api.code(store.state.run?.id ?? "", lane, framework),
    notify,
  };
}

/**
 * Show what was acknowledged before the server's `changed` comes; that one is the truth.
 * @param {Store} store
 * @param {number | null} lane
 * @param {Record<string, *>} knobs
 */
function assume(store, lane, knobs) {
  const run = /** @type {Run | null} */ (store.state.run);
  if (!run) {
    return;
  }
  const { config } = run;
  const lanes = config.lanes.map((each, index) => (index === lane ? { ...each, ...knobs } : each));
  store.update("run", { run: { ...run, config: lane === null ? { ...config, ...knobs } : { ...config, lanes } } });
}
