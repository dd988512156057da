// Runs before everything else and watches the page start: whatever keeps its modules from running is said on the page, with what to
// do. It is no module and depends on none, and is written in the JavaScript of 2009: every browser that comes here can run it.
// biome-ignore-all lint/suspicious/noVar: an old browser has nothing else
// biome-ignore-all lint/complexity/useArrowFunction: an old browser has none
// biome-ignore-all lint/style/useTemplate: an old browser has none
// biome-ignore-all lint/complexity/useOptionalChain: an old browser has none
// biome-ignore-all lint/style/useConst: an old browser has none
(function () {
  var PATIENCE = 5000; // ms
  var root = document.documentElement;
  var missing = /** @type {string[]} */ ([]); // addresses of scripts that did not arrive
  var broken = ""; // what a script stopped with

  function hasStarted() {
    return root.getAttribute("data-started") === "true";
  }

  function isOld() {
    return !("noModule" in document.createElement("script"));
  }

  /** Whether the browser takes the page for one of no site at all, as it does in a sandboxed frame. */
  function isCutOff() {
    return window.origin === "null";
  }

  /** @returns {string[]} A heading and a sentence. */
  function reason() {
    var host = location.host;
    if (isOld()) {
      return [
        "This browser is too old",
        "The lab is written in the JavaScript of 2023, which this browser does not know. Open it in a newer one: Chrome or Edge 115, Firefox 115, Safari 17, or later.",
      ];
    }
    if (isCutOff()) {
      return [
        "This frame is cut off from the lab",
        'The page is shown in a sandbox without allow-same-origin. In there a browser keeps the lab from its own scripts and data, so that nothing can start. Open the address below in a tab of its own, or ask whoever made the page around this frame to write sandbox="allow-scripts allow-same-origin allow-downloads allow-popups".',
      ];
    }
    if (broken) {
      return [
        "A script of this page stopped",
        "It said: " +
          broken +
          ". Reload the page. If that does not help, try a newer browser, or one without extensions; else tell whoever runs " +
          host +
          " what it said.",
      ];
    }
    if (missing.length > 0) {
      return [
        "A part of this page did not arrive",
        "The browser did not get " +
          missing[0] +
          (missing.length > 1 ? " and " + (missing.length - 1) + " more" : "") +
          ". Reload the page. If that does not help, an extension that blocks scripts, the network or a proxy holds it back: ask whoever runs it, or " +
          host +
          ", to let it through.",
      ];
    }
    return [
      "The page’s scripts have not arrived yet",
      "They come from " +
        host +
        ", and the connection to it is slow or broken. The page starts as soon as they are here; reload it if nothing happens.",
    ];
  }

  function say() {
    var place = document.getElementById("starting");
    if (!place || hasStarted()) {
      return;
    }
    var words = reason();
    var address = /** @type {HTMLAnchorElement} */ (place.getElementsByTagName("a")[0]);
    place.getElementsByTagName("h2")[0].textContent = words[0];
    place.getElementsByTagName("p")[0].textContent = words[1];
    /** @type {HTMLElement} */ (address.parentNode).hidden = isOld() || !isCutOff();
    address.href = location.href;
    address.textContent = location.href;
    place.hidden = false;
    if (document.body) {
      document.body.setAttribute("data-stopped", "true");
    }
  }

  /** @param {*} event Of a script, which carries a message, or of an element whose file did not come. */
  function receive(event) {
    var element = event.target;
    var isFirst = element && element.type === "module"; // which stops for whatever it imports, too: that is named before it
    if (hasStarted()) {
      window.removeEventListener("error", receive, true);
    } else if (element && element.tagName) {
      if (element.tagName === "SCRIPT" || element.rel === "modulepreload") {
        missing[isFirst ? "push" : "unshift"](
          String(element.src || element.href).replace(location.protocol + "//" + location.host, ""),
        );
        setTimeout(say, isFirst ? 0 : PATIENCE);
      }
    } else {
      broken = broken || String(event.message);
      setTimeout(say, 0);
    }
  }

  window.addEventListener("error", receive, true);
  document.addEventListener("DOMContentLoaded", function () {
    if (isOld()) {
      say();
    }
  });
  setTimeout(say, PATIENCE);
})();
