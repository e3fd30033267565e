import type { BridgeAnswer, BridgeVerbs, ElementState } from "./bridge.ts";
import { ghostTextExpression } from "./pageScripts.ts";

const bridgeUrl = process.env["VSCODE_UI_BRIDGE"];

/**
 * Whether a test can use real keys and see the rendered window. False on a desktop VS Code, where such tests skip
 * themselves: `test("…", { skip: !hasUi }, …)`.
 */
export const hasUi = bridgeUrl !== undefined;

/** Presses a key or chord in the window, as in Playwright: "Tab", "F1", "ControlOrMeta+S". */
export async function press(key: string): Promise<void> {
  await ask("press", { key });
}

/** Types into whatever has the focus, one trusted key event a character. */
export async function type(text: string, options: { delayMs?: number } = {}): Promise<void> {
  await ask("type", { text, ...options });
}

/** Composes text as an input method does: each call replaces what the last one showed, until one `isChosen`. */
export async function compose(text: string, options: { isChosen?: boolean } = {}): Promise<void> {
  await ask("compose", { text, ...options });
}

/** Waits until the first element that matches is in `state` (visible, within a minute, unless told otherwise). */
export async function waitFor(
  selector: string,
  options: { timeoutMs?: number; state?: ElementState } = {},
): Promise<void> {
  await ask("wait", { selector, ...options });
}

/** Evaluates an expression in the window's page; its value must survive JSON. */
export async function evaluate(js: string): Promise<unknown> {
  return ask("eval", { js });
}

/** The visible texts of all elements that match, now; with `webview`, inside the webview that is shown. */
export async function texts(selector: string, options: { webview?: boolean } = {}): Promise<string[]> {
  return ask("texts", { selector, ...options });
}

/** Clicks the first element that matches. */
export async function click(selector: string, options: { webview?: boolean } = {}): Promise<void> {
  await ask("click", { selector, ...options });
}

/** Writes a PNG of the whole window. */
export async function screenshot(path: string): Promise<void> {
  await ask("screenshot", { path });
}

/** Opens the command palette, types `title` and runs the first match. */
export async function runFromPalette(title: string): Promise<void> {
  await press("F1");
  await waitFor(".quick-input-widget .quick-input-box input");
  await type(title);
  await waitFor(`.quick-input-list .monaco-list-row.focused`);
  await press("Enter");
}

/** The ghost text on the screen, lines joined by "\n"; "" when there is none. */
export async function ghostText(): Promise<string> {
  return String(await evaluate(ghostTextExpression));
}

// A machine that has too much to do may stand still for a minute: what was asked once then was not waited for.
const leastTries = 20;

/**
 * Resolves to the first value of `read` that is neither undefined, false nor "", asking every 50 ms. Gives up after
 * `timeoutMs` (a minute unless told), but not before it has asked twenty times.
 */
export async function waitUntil<T>(
  what: string,
  read: () => Promise<T> | T,
  options: { timeoutMs?: number } = {},
): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const startMs = performance.now();
  for (let tries = 1; ; tries++) {
    const value = await read();
    if (value !== undefined && value !== null && value !== false && value !== "") return value;
    const waitedMs = performance.now() - startMs;
    if (tries >= leastTries && waitedMs > timeoutMs)
      throw new Error(`Waited ${Math.round(waitedMs)} ms in vain for ${what}, asking ${tries} times`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

/**
 * Resolves to the visible texts of all elements that match, once every one of `wanted` is among them: VS Code draws a list
 * anew while it is open, and shows nothing at that moment.
 */
export const shownText = (selector: string, ...wanted: readonly RegExp[]): Promise<string> =>
  waitUntil(wanted.join(" and "), async () => {
    const shown = (await texts(selector)).join("\n");
    return wanted.every((text) => text.test(shown)) ? shown : undefined;
  });

async function ask<Verb extends keyof BridgeVerbs>(
  verb: Verb,
  request: BridgeVerbs[Verb]["request"],
): Promise<BridgeVerbs[Verb]["answer"]> {
  if (bridgeUrl === undefined) throw new Error("This VS Code has no UI bridge; skip the test unless hasUi");
  const response = await fetch(bridgeUrl + verb, { method: "POST", body: JSON.stringify(request) });
  const answer: BridgeAnswer<Verb> = JSON.parse(await response.text());
  if (!answer.ok) throw new Error(`${verb} ${JSON.stringify(request)}: ${answer.error}`);
  return answer.r;
}
