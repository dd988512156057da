// A text whose numbers change must not push what is below it to and fro.

/**
 * Let elements grow with their text and never shrink again, until their width changes.
 * @param {Iterable<HTMLElement>} elements
 * @param {typeof ResizeObserver} Observer
 * @returns {() => void} Stops it.
 */
export function keepSteady(elements, Observer) {
  /** @type {WeakMap<Element, number>} */
  const widths = new WeakMap();
  const observer = new Observer((entries) => {
    for (const { target, borderBoxSize } of entries) {
      const element = /** @type {HTMLElement} */ (target);
      const [{ inlineSize, blockSize }] = borderBoxSize;
      const isNew = widths.get(element) !== inlineSize;
      widths.set(element, inlineSize);
      element.style.minHeight = isNew && element.style.minHeight ? "" : `${blockSize}px`;
    }
  });
  for (const element of elements) {
    observer.observe(element);
  }
  return () => observer.disconnect();
}
