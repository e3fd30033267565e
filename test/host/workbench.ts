import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { webviewOf } from "./bridge.ts";
import { ghostTextExpression, recordGhostTextScript, waitUntilCalmExpression } from "./pageScripts.ts";
import { PlainError } from "./program.ts";

/** A ghost text, and how long after the last key it was first drawn. */
export interface ShownGhostText {
  ghostText: string;
  keyToGhostTextMs: number;
}

/** VS Code's window, driven as a person would: by keys, and by looking at it. */
export interface Workbench {
  press(key: string): Promise<void>;
  /** Opens a file of the workspace by its name and puts the cursor into a line, counted from 1. */
  openFile(file: string, line: number): Promise<void>;
  /** Waits until the window draws without hitches, as it does once everything is loaded. */
  waitUntilCalm(): Promise<void>;
  /** Types at the pace of a person and waits until ghost text is drawn behind the last key. */
  typeUntilGhostText(text: string, timeoutMs: number): Promise<ShownGhostText>;
  waitForNoGhostTextOf(text: string): Promise<void>;
  /** Waits until a file on disk is no longer `before`, and returns what it is then. */
  waitForSave(file: string, before: string): Promise<string>;
  runFromPalette(title: string): Promise<void>;
  statusBarText(extensionId: string): Promise<string>;
  waitInWebview(selector: string): Promise<void>;
  /** What VS Code itself says in "Show Running Extensions". */
  activationMs(displayName: string, extensionId: string): Promise<number>;
  screenshot(file: string): Promise<string>;
}

const startTimeoutMs = 120_000;
const actionTimeoutMs = 30_000;
const choiceTimeoutMs = 5000;
const choiceAttempts = 8;
const keyIntervalMs = 90;
const listPages = 20;

/** Waits until the workbench stands and wraps it. */
export async function createWorkbench(page: Page): Promise<Workbench> {
  page.setDefaultTimeout(actionTimeoutMs);
  await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: startTimeoutMs });
  const quickInput = page.locator(".quick-input-widget .quick-input-box input");

  async function choose(opener: string, text: string, row: string): Promise<void> {
    const chosen = page.locator(".quick-input-list .monaco-list-row.focused", { hasText: row }).first();
    for (let attempt = 1; ; attempt++) {
      await page.keyboard.press(opener);
      await quickInput.waitFor();
      await page.keyboard.type(text);
      try {
        await chosen.waitFor({ timeout: choiceTimeoutMs });
        break;
      } catch {
        // Asked before the extension host was there to search files, the list stays empty.
        if (attempt === choiceAttempts) throw new PlainError(`Nothing to choose for "${text}" after ${opener}.`);
        await page.keyboard.press("Escape");
        await quickInput.waitFor({ state: "hidden" });
      }
    }
    await page.keyboard.press("Enter");
    await quickInput.waitFor({ state: "hidden" });
  }

  return {
    press: (key) => page.keyboard.press(key),

    async openFile(file, line) {
      const name = path.basename(file);
      await choose("ControlOrMeta+P", file, name);
      await page.locator(".part.editor .tab.active", { hasText: name }).waitFor();
      await page.locator(".part.editor .monaco-editor.focused .view-line").first().waitFor();
      await choose("Control+G", String(line), "line");
      await page.locator(".part.statusbar", { hasText: `Ln ${line},` }).waitFor();
    },

    async waitUntilCalm() {
      await page.evaluate(waitUntilCalmExpression);
    },

    async typeUntilGhostText(text, timeoutMs) {
      await page.evaluate(recordGhostTextScript(text));
      await page.keyboard.type(text, { delay: keyIntervalMs });
      try {
        await page.waitForFunction("globalThis.hotpathGhostText.result()", undefined, { timeout: timeoutMs });
      } catch {
        throw new PlainError(`No ghost text appeared within ${timeoutMs / 1000} s after "${text}".`);
      }
      // All of it: further lines may be drawn a frame after the first.
      await page.waitForFunction("globalThis.hotpathGhostText.isQuiet()");
      const keyToGhostTextMs = Number(await page.evaluate("globalThis.hotpathGhostText.result().keyToGhostTextMs"));
      const ghostText = String(await page.evaluate(ghostTextExpression));
      return { ghostText, keyToGhostTextMs: Math.round(keyToGhostTextMs * 10) / 10 };
    },

    async waitForNoGhostTextOf(text) {
      await page.waitForFunction(`${ghostTextExpression} !== ${JSON.stringify(text)}`);
    },

    async waitForSave(file, before) {
      const endMs = performance.now() + actionTimeoutMs;
      while (performance.now() < endMs) {
        const text = await readFile(file, "utf8");
        if (text !== before && text !== "") return text;
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      }
      throw new PlainError(`Ctrl+S did not change ${path.basename(file)} on disk.`);
    },

    runFromPalette: (title) => choose("F1", title, title),

    async statusBarText(extensionId) {
      const item = page.locator(`.part.statusbar [id^="${extensionId}"]`).first();
      try {
        await item.waitFor();
      } catch {
        throw new PlainError(`No status bar item of ${extensionId}.`);
      }
      const text = (await item.innerText()).trim();
      if (text === "") throw new PlainError(`The status bar item of ${extensionId} has no text.`);
      return text;
    },

    async waitInWebview(selector) {
      try {
        await webviewOf(page).locator(selector).first().waitFor();
      } catch {
        throw new PlainError(`The webview shows no ${selector}.`);
      }
    },

    async activationMs(displayName, extensionId) {
      const title = "Developer: Show Running Extensions";
      await choose("F1", title, title);
      const rows = page.locator(".runtime-extensions-editor .monaco-list-row");
      const row = rows.filter({ has: page.locator(".name", { hasText: displayName }) }).first();
      await rows.first().click();
      // Slowest first, and only what is in view is drawn.
      for (let listPage = 0; listPage < listPages && !(await row.isVisible()); listPage++)
        await page.keyboard.press("PageDown");
      try {
        await row.locator(".activation-time", { hasText: /\d/ }).waitFor();
      } catch {
        throw new PlainError(`"Show Running Extensions" has no activation time for ${extensionId}.`);
      }
      return Number(/(\d+)\s*ms/.exec(await row.innerText())?.[1]);
    },

    async screenshot(file) {
      await page.screenshot({ path: file });
      return file;
    },
  };
}
