import assert from "node:assert/strict";
import * as vscode from "vscode";
import { openBelow, openTabs } from "./editor.ts";
import { press, waitUntil } from "./ui.ts";

/** The rows of the predictor's statistics; its page is closed again. */
export const predictorStatistics = async (): Promise<ReadonlyMap<string, string>> => {
  await vscode.commands.executeCommand("hotpath.showPredictorStatistics");
  const tab = await waitUntil("the statistics", () =>
    openTabs().find(({ label }) => label.includes("Predictor statistics")),
  );
  assert.ok(tab);
  const document = vscode.workspace.textDocuments.findLast(({ uri }) => uri.scheme === "hotpath-answer");
  const rows = document?.getText().matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm) ?? [];
  await vscode.window.tabGroups.close(tab);
  return new Map([...rows].map(([, name, value]) => [name!, value!]));
};

/** The same once it has read everything and has this many files, if told. */
export const settledPredictor = (files?: string): Promise<ReadonlyMap<string, string>> =>
  waitUntil(`the predictor to have read ${files ?? "all"} files`, async () => {
    const facts = await predictorStatistics();
    const now = facts.get("Files");
    return facts.get("State") === "up to date" && now !== "0" && (files ?? now) === now ? facts : undefined;
  });

/** A sign of a person, which starts the predictor: the cursor moves by the keyboard. */
export const wakePredictor = async (): Promise<void> => {
  await openBelow("src/products.ts", 1);
  await press("ArrowUp");
};
