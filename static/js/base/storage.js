// What the browser remembers. Inside another site's frame it may remember nothing: then these forget, and throw nothing.

/**
 * @param {() => Storage} open `localStorage` or `sessionStorage`: the very access may be refused.
 */
export function createStorage(open) {
  return {
    /**
     * @param {string} key
     * @returns {string | null}
     */
    get(key) {
      try {
        return open().getItem(key);
      } catch {
        return null;
      }
    },
    /**
     * @param {string} key
     * @param {string} value
     */
    set(key, value) {
      try {
        open().setItem(key, value);
      } catch {
        // Nothing depends on it.
      }
    },
  };
}
