// The token that came in the address: it is kept by this browser, and no longer stands where somebody could read it.

const NAME = "token";

/**
 * @param {Pick<Location, "hash" | "pathname" | "search">} location
 * @param {Pick<History, "replaceState">} history
 * @returns {string | null}
 */
export function takeToken({ hash, pathname, search }, history) {
  const token = new URLSearchParams(hash.slice(1)).get(NAME);
  if (token === null) {
    return null;
  }
  history.replaceState(null, "", `${pathname}${search}`);
  return token === "" ? null : token;
}
