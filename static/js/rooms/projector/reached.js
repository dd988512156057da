// How far the projector has shown the class run. After a restart the server may know it some steps less far: these everybody
// has seen, and none is shown twice. Pure.

export function createReached() {
  const state = { run: /** @type {string | null | undefined} */ (null), step: 0 };
  return {
    /**
     * Whether a step of a run was not passed before; the same again may be drawn again.
     * @param {string | null | undefined} run
     * @param {number | undefined} step `undefined`: nothing has come yet.
     */
    isNew(run, step) {
      if (run && run !== state.run) {
        state.run = run;
        state.step = 0;
      }
      if (step !== undefined && step < state.step) {
        return false;
      }
      state.step = step ?? state.step;
      return true;
    },
  };
}
