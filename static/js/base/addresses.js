// Where the lab is: at the root of a host or, behind a proxy, below a path of it. Every address that a script uses comes from here.

const FILES = "static";
const HERE = import.meta.url; // below the lab’s folder `static`, bundled or not, of whichever version
const BASE = new URL("./", HERE.slice(0, HERE.lastIndexOf(`/${FILES}/`) + 1));

/** The path of the lab, with a slash at its end. */
export const ROOT = BASE.pathname;

/**
 * The address of something that the server has.
 * @param {string} path From the lab on, without a slash in front: `api/runs`.
 */
export function addressOf(path) {
  const { pathname, search, hash } = new URL(path, BASE);
  return pathname + search + hash;
}

/**
 * Make the page's own links, and its icon, independent of where the page is: the server writes them relative to it, and later the page
 * rewrites its own address.
 * @param {Document} document
 */
export function settleLinks(document) {
  const links = document.querySelectorAll("a[href^='.'], link[rel=icon][href^='.']");
  for (const link of /** @type {NodeListOf<HTMLAnchorElement | HTMLLinkElement>} */ (links)) {
    const { pathname, hash } = new URL(link.href);
    link.setAttribute("href", pathname + hash);
  }
}
