import { evaluate, waitUntil } from "./ui.ts";

/** What is written into the editor's lines beside their text: an offered edit and its hint. */
export const annotations = async (): Promise<string> => {
  const shown = await evaluate(`[...document.querySelectorAll('.monaco-editor .view-line span[class*="ced-"]')]
    .map((span) => getComputedStyle(span, "::after").content).filter((text) => text !== "none").join(" ")`);
  return String(shown).replaceAll("\u00a0", " ");
};

/** Waits for a hint that matches and gives all that is written beside the lines then. */
export const nextEditHint = (pattern: RegExp): Promise<string> =>
  waitUntil(`a hint like ${pattern}`, async () => {
    const shown = await annotations();
    return pattern.test(shown) ? shown : "";
  });

/** Waits until no offer is on the screen. */
export const noNextEditHint = () => waitUntil("no hint", async () => !(await annotations()).includes("Tab") && "gone");
