import * as vscode from "vscode";
import type { Clock } from "../base/clock.ts";
import { createDisposableList, type Disposable } from "../base/disposable.ts";
import type { HardwareFacts } from "../hardware/probe.ts";
import { formatBytes } from "../memory/format.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import type { Ledger } from "../metrics/ledger.ts";
import type { FromPage, ToPage } from "./messages.ts";
import type { MemoryReport } from "./memoryView.ts";
import { buildReport, type MachineTables, type ReportInput } from "./model.ts";

export type ReportPanelOptions = {
  readonly extensionUri: vscode.Uri;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly monitor: MemoryMonitor;
  readonly readMemory: () => MemoryReport;
  readonly readHardware: () => Promise<HardwareFacts>;
  readonly readConnections: () => ReportInput["connections"];
  readonly readPredictor: () => Promise<ReportInput["predictor"]>;
  /** Looks at the machine and its servers; only when somebody asks. Rejects when that fails. */
  readonly readMachine: (signal: AbortSignal) => Promise<MachineTables>;
};

// Often enough to feel live, seldom enough to cost nothing while typing.
const redrawMs = 500;
const copiedMs = 3000;

type Updates = Disposable & { showMachine(): void };

let open: { readonly panel: vscode.WebviewPanel; readonly updates: Updates } | undefined;

/**
 * Shows the performance report, or brings the one that is open to the front. `withMachine`: as if somebody had asked
 * there what fits this machine.
 */
export const openReportPanel = (options: ReportPanelOptions, withMachine = false): void => {
  if (open) {
    open.panel.reveal();
    if (withMachine) open.updates.showMachine();
    return;
  }
  const mediaUri = vscode.Uri.joinPath(options.extensionUri, "media");
  const scriptUri = vscode.Uri.joinPath(options.extensionUri, "dist", "webview");
  const panel = vscode.window.createWebviewPanel(
    "hotpath.report",
    vscode.l10n.t("Hotpath performance report"),
    vscode.ViewColumn.Active,
    { enableScripts: true, localResourceRoots: [mediaUri, scriptUri] },
  );
  panel.iconPath = vscode.Uri.joinPath(mediaUri, "icon.png");
  const updates = keepUpToDate(panel, options);
  open = { panel, updates };
  if (withMachine) updates.showMachine();
  panel.onDidDispose(() => {
    open = undefined;
    updates.dispose();
  });
  panel.webview.html = pageHtml(panel.webview, mediaUri, scriptUri);
};

/** Sends the report when the page is ready, and again after changes while it is visible. */
const keepUpToDate = (panel: vscode.WebviewPanel, options: ReportPanelOptions): Updates => {
  const { clock, ledger, monitor } = options;
  const disposables = createDisposableList();
  let hardware: ReportInput["hardware"];
  let predictor: ReportInput["predictor"];
  let machine: ReportInput["machine"];
  let isRevealed = true;
  const closing = new AbortController();
  let isReady = false;
  let pending: Disposable | undefined;

  const send = async () => {
    pending = undefined;
    // The predictor's worker is not woken for a page that nobody sees.
    if (!isReady || !panel.visible) return;
    predictor = await options.readPredictor().catch(() => undefined);
    if (!isReady || !panel.visible) return;
    const view = buildReport({
      ledger: ledger.snapshot(),
      memory: monitor.latest(),
      memoryReport: options.readMemory(),
      hardware,
      predictor,
      connections: options.readConnections(),
      ...(machine === undefined ? {} : { machine }),
      nowMs: clock.nowMs(),
      formatBytes,
      t: vscode.l10n.t,
    });
    const message: ToPage = { type: "report", view, ...(isRevealed ? {} : { reveal: "machine" }) };
    // While it is looked at there is little to see yet.
    isRevealed ||= machine !== "reading";
    await panel.webview.postMessage(message);
  };
  const sendSoon = () => {
    pending ??= clock.after(redrawMs, () => void send());
  };
  const readHardware = async () => {
    hardware = await options.readHardware().catch(() => vscode.l10n.t("this machine's facts could not be read"));
    await send();
  };

  const readMachine = async () => {
    if (machine === "reading") return;
    machine = "reading";
    void send();
    try {
      machine = await options.readMachine(closing.signal);
    } catch {
      machine = { problem: vscode.l10n.t("This machine's facts could not be read.") };
    }
    await send();
  };
  const copyMachine = async () => {
    if (typeof machine !== "object" || !("markdown" in machine)) return;
    await vscode.env.clipboard.writeText(machine.markdown);
    void vscode.window.setStatusBarMessage(vscode.l10n.t("Copied as Markdown"), copiedMs);
  };

  disposables.add(
    panel.webview.onDidReceiveMessage((message: FromPage) => {
      switch (message.type) {
        case "ready":
          isReady = true;
          void send();
          void readHardware();
          break;
        case "machine":
          void readMachine();
          break;
        case "copyMachine":
          void copyMachine();
      }
    }),
  );
  disposables.add(panel.onDidChangeViewState(() => sendSoon()));
  disposables.add(ledger.onDidChange(sendSoon));
  disposables.add(monitor.onSample(sendSoon));
  disposables.add({
    dispose() {
      isReady = false;
      closing.abort();
      pending?.dispose();
    },
  });
  const showMachine = () => {
    isRevealed = false;
    void readMachine();
  };
  return { showMachine, dispose: () => disposables.dispose() };
};

const pageHtml = (webview: vscode.Webview, mediaUri: vscode.Uri, scriptUri: vscode.Uri): string => {
  const nonce = crypto.randomUUID();
  const styles = webview.asWebviewUri(vscode.Uri.joinPath(mediaUri, "report.css")).toString();
  const script = webview.asWebviewUri(vscode.Uri.joinPath(scriptUri, "report.js")).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
  <meta charset="UTF-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <link rel="stylesheet" href="${styles}">
</head>
<body>
  <div id="report"></div>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
};
