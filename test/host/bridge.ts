import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { FrameLocator, Page } from "playwright-core";

/** What a test asks of the window: each verb's request and answer. `ui.ts` is the other end. */
export interface BridgeVerbs {
  /** A key or a chord, as in Playwright: "Tab", "ControlOrMeta+S". */
  press: { request: { key: string }; answer: void };
  /** Key by key, as a person does. */
  type: { request: { text: string; delayMs?: number }; answer: void };
  /** What an input method shows while it is composed; `isChosen`: it is taken as it is. */
  compose: { request: { text: string; isChosen?: boolean }; answer: void };
  wait: { request: { selector: string; timeoutMs?: number; state?: ElementState }; answer: void };
  /** An expression evaluated in the page; a promise is awaited. */
  eval: { request: { js: string }; answer: unknown };
  texts: { request: { selector: string; webview?: boolean }; answer: string[] };
  screenshot: { request: { path: string }; answer: void };
  click: { request: { selector: string; webview?: boolean }; answer: void };
}

export type ElementState = "attached" | "detached" | "visible" | "hidden";

/** What the bridge sends back. */
export type BridgeAnswer<Verb extends keyof BridgeVerbs = keyof BridgeVerbs> =
  | { ok: true; r: BridgeVerbs[Verb]["answer"] }
  | { ok: false; error: string };

const defaultTimeoutMs = 60_000;

const handlers = {
  press: handle<"press">((page, { key }) => page.keyboard.press(key)),
  type: handle<"type">((page, { text, delayMs }) => page.keyboard.type(text, { delay: delayMs ?? 0 })),
  compose: handle<"compose">(async (page, { text, isChosen }) => {
    const session = await page.context().newCDPSession(page);
    if (isChosen) await session.send("Input.insertText", { text });
    else
      await session.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
    await session.detach();
  }),
  wait: handle<"wait">((page, { selector, timeoutMs, state }) =>
    page
      .locator(selector)
      .first()
      .waitFor({ state: state ?? "visible", timeout: timeoutMs ?? defaultTimeoutMs }),
  ),
  eval: handle<"eval">((page, { js }) => page.evaluate(js)),
  texts: handle<"texts">(async (page, { selector, webview }) => {
    try {
      return await within(page, webview).locator(selector).allInnerTexts();
    } catch (error) {
      // A webview that is drawing itself anew shows nothing.
      if (webview && String(error).includes("Frame was detached")) return [];
      throw error;
    }
  }),
  screenshot: handle<"screenshot">(async (page, request) => {
    await page.screenshot({ path: request.path });
  }),
  click: handle<"click">(async (page, { selector, webview }) => {
    // Where the mouse was left, VS Code may be showing a hover, over what is to be clicked.
    await page.mouse.move(1, 1);
    await within(page, webview).locator(selector).first().click({ timeout: defaultTimeoutMs });
  }),
} satisfies Record<keyof BridgeVerbs, unknown>;

/** The document inside the webview that is shown; VS Code wraps it in two frames. */
export function webviewOf(page: Page): FrameLocator {
  return page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
}

/**
 * Serves the window to tests over HTTP on this machine only, under an address nobody can guess, so that no web page in
 * the user's own browser can drive it. Requests made before the page exists wait for it.
 */
export async function serveBridge(page: Promise<Page>): Promise<{ url: string; close(): void }> {
  const prefix = `/${randomUUID()}/`;
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const result = await answer(request);
    response.writeHead(result.ok ? 200 : 500, { "content-type": "application/json" });
    response.end(JSON.stringify(result));
  }
  async function answer(request: IncomingMessage): Promise<BridgeAnswer> {
    try {
      const verb = request.url?.startsWith(prefix) ? request.url.slice(prefix.length) : "";
      if (request.method !== "POST" || !isVerb(verb)) return { ok: false, error: `no such verb: ${verb}` };
      return { ok: true, r: (await handlers[verb](await page, await readText(request))) ?? null };
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function within(page: Page, webview: boolean | undefined): Page | FrameLocator {
  return webview ? webviewOf(page) : page;
}

function isVerb(verb: string): verb is keyof BridgeVerbs {
  return Object.hasOwn(handlers, verb);
}

function handle<Verb extends keyof BridgeVerbs>(
  perform: (page: Page, request: BridgeVerbs[Verb]["request"]) => Promise<BridgeVerbs[Verb]["answer"]>,
): (page: Page, body: string) => Promise<unknown> {
  return (page, body) => {
    const request: BridgeVerbs[Verb]["request"] = JSON.parse(body);
    return perform(page, request);
  };
}
