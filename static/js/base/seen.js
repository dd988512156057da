// When something comes into sight, also of a frame in a page that is scrolled.

/**
 * @param {Window & typeof globalThis} window
 * @param {Element} element
 * @returns {Promise<void>} Kept once all of it is in sight.
 */
export function inSight(window, element) {
  return new Promise((resolve) => {
    if (!window.IntersectionObserver) {
      resolve();
      return;
    }
    const observer = new window.IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) {
          observer.disconnect();
          resolve();
        }
      },
      { threshold: 0.9 },
    );
    observer.observe(element);
  });
}
