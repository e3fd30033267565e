import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLedger } from "../../../src/metrics/ledger.ts";
import type { FromPage } from "../../../src/report/messages.ts";
import { createFakeClock } from "../../fake/clock.ts";
import * as vscode from "../../fake/vscode.ts";

const { openReportPanel } = await import("../../../src/report/panel.ts");

const none = () => ({ dispose() {} });

test("a page that nobody sees asks the predictor nothing", async () => {
  const clock = createFakeClock();
  let asked = 0;
  const listeners: ((message: FromPage) => void)[] = [];
  const panel = {
    visible: false,
    webview: {
      asWebviewUri: String,
      onDidReceiveMessage(listener: (message: FromPage) => void) {
        listeners.push(listener);
        return none();
      },
    },
    onDidDispose: none,
    onDidChangeViewState: none,
  };
  Object.assign(vscode.window, { createWebviewPanel: () => panel });
  Object.assign(vscode.Uri, { joinPath: () => "" });
  openReportPanel({
    extensionUri: "" as never,
    clock,
    ledger: createLedger({ clock }),
    monitor: { onSample: none } as never,
    readMemory: () => assert.fail("nobody looks"),
    readHardware: () => Promise.reject(new Error("none")),
    readConnections: () => assert.fail("nobody looks"),
    readPredictor() {
      asked++;
      return Promise.reject(new Error("none"));
    },
    readMachine: () => Promise.reject(new Error("none")),
  });
  for (const say of listeners) say({ type: "ready" });
  for (let turn = 0; turn < 3; turn++) await setImmediate();
  assert.equal(asked, 0);
});
