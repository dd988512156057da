// The server's REST interface.

/** @import { Change, Config, Run, Schema } from "./types.js" */

/** What the server refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string | null} [knob] The knob whose value was refused.
   */
  constructor(code, message, knob = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.knob = knob;
  }
}

/**
 * Make an error of the server's one shape, `{code, message, knob?}`.
 * @param {*} error
 */
export function apiError(error) {
  return new ApiError(error?.code ?? "internal", error?.message ?? "the server gave no reason", error?.knob ?? null);
}

/**
 * @param {typeof globalThis.fetch} fetch
 */
export function createApi(fetch) {
  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async function call(path, options) {
    const answer = await fetch(path, { headers: { "Content-Type": "application/json" }, ...options });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw apiError(body.error ?? { code: "internal", message: `the server answered ${answer.status}` });
    }
    return body;
  }

  return {
    /** @returns {Promise<Schema>} */
    schema: () => call("/api/schema"),
    /**
     * @param {Partial<Config>} config
     * @param {readonly Change[]} [changes] To be replayed, each at its step.
     * @returns {Promise<{ id: string, token: string, config: Config }>}
     */
    open: (config, changes = []) =>
      call("/api/runs", { method: "POST", body: JSON.stringify(changes.length > 0 ? { ...config, changes } : config) }),
    /**
     * @param {string} id
     * @returns {Promise<Run>}
     */
    run: (id) => call(`/api/runs/${encodeURIComponent(id)}`),
    /**
     * End a run. It must reach the server even when the page is about to go.
     * @param {string} id
     * @param {string} token
     */
    end: (id, token) =>
      fetch(`/api/runs/${encodeURIComponent(id)}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${token}` },
        keepalive: true,
      }),
  };
}
