// Source text that is evaluated in the workbench's page, where none of this program's own functions exist.

/**
 * The ghost text on the screen, "" when there is none. Its first line consists of decorated spans in the line itself, all
 * further lines stand below it as lines of their own; blanks are drawn as no-break spaces.
 */
export const ghostTextExpression = `(() => {
  const editor = ".part.editor .monaco-editor ";
  const partsOf = (root, selector) => Array.from(root.querySelectorAll(selector));
  const textOf = (parts) => parts.map((part) => part.textContent).join("");
  const first = textOf(partsOf(document, editor + ".ghost-text-decoration, " + editor + ".ghost-text-decoration-preview"));
  // What stood behind the cursor is drawn at the end of the last line too, without the mark.
  const further = partsOf(document, editor + ".suggest-preview-text .view-line").map((line) =>
    textOf(partsOf(line, ".ghost-text")),
  );
  return (further.length > 0 ? [first, ...further].join("\\n") : first).replaceAll("\\u00a0", " ");
})()`;

/**
 * Records when keys go down and when ghost text is drawn, on the page's own clock, as `hotpathGhostText`: `result()` is
 * undefined until ghost text was drawn behind all of `typed`, `isQuiet()` says that it has not changed since. What is still
 * on the screen from an earlier key does not count: the line must show the last character too.
 */
export function recordGhostTextScript(typed: string): string {
  return `(() => {
  const read = () => ${ghostTextExpression};
  const typed = ${JSON.stringify(typed)};
  const isTyped = () =>
    Array.from(document.querySelectorAll(".part.editor .monaco-editor .view-lines > .view-line")).some((line) =>
      line.textContent.replaceAll("\\u00a0", " ").includes(typed),
    );
  const quietMs = 150;
  let keyAtMs = performance.now();
  let text = read();
  let changedAtMs = keyAtMs;
  let shownAtMs;
  addEventListener("keydown", (event) => {
    if (!event.isTrusted || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    keyAtMs = performance.now();
    shownAtMs = undefined;
  }, true);
  new MutationObserver(() => {
    const now = read();
    if (now !== text) changedAtMs = performance.now();
    text = now;
    if (shownAtMs === undefined && now !== "" && isTyped()) shownAtMs = performance.now();
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class"] });
  globalThis.hotpathGhostText = {
    result: () => (text !== "" && shownAtMs !== undefined ? { keyToGhostTextMs: shownAtMs - keyAtMs } : undefined),
    isQuiet: () => performance.now() - changedAtMs > quietMs,
  };
})()`;
}

/** A promise of a window that has drawn every frame in time for a second; fulfilled after 20 s even if it has not. */
export const waitUntilCalmExpression = `new Promise((resolve) => {
  const calmMs = 1000, slowFrameMs = 60, patienceMs = 20000;
  const startMs = performance.now();
  let lastMs = startMs, calmSinceMs = startMs;
  const frame = () => {
    const now = performance.now();
    if (now - lastMs > slowFrameMs) calmSinceMs = now;
    lastMs = now;
    if (now - calmSinceMs > calmMs || now - startMs > patienceMs) resolve();
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})`;
