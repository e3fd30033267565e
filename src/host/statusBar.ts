import * as vscode from "vscode";
import type { Disposable } from "../base/disposable.ts";
import type { Clock } from "../base/clock.ts";
import { createDisposableList } from "../base/disposable.ts";
import { formatBytes, formatShare } from "../memory/format.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import type { MemorySample } from "../memory/sample.ts";

/** The memory indicator. */
export type StatusBar = Disposable & {
  /** Shows that something needs the user, with a sentence in the tooltip; undefined: all is well. */
  setProblem(sentence: string | undefined): void;
  /** What {@link setProblem} was told last. */
  problem(): string | undefined;
  /** Says in the tooltip what is waited for; undefined: nothing. */
  setWaiting(sentence: string | undefined): void;
  /** Says in the tooltip how far the predictor is, 0 to 1; undefined: it is not reading. */
  setLearning(share: number | undefined): void;
};

/** Shows memory now; a click opens the performance report. Samples only while the window is focused. */
export const createStatusBar = (monitor: MemoryMonitor, clock: Clock): StatusBar => {
  const { l10n } = vscode;
  const disposables = createDisposableList();
  const item = disposables.add(vscode.window.createStatusBarItem("memory", vscode.StatusBarAlignment.Right, 90));
  let problem: string | undefined;
  let waiting: string | undefined;
  let learning: string | undefined;
  item.name = l10n.t("Hotpath memory");
  item.command = "hotpath.openReport";

  const draw = (sample: MemorySample) => {
    const usedBytes = sample.machineTotalBytes - sample.machineAvailableBytes;
    const share = formatShare(usedBytes / sample.machineTotalBytes);
    item.text = `${problem ? "$(warning)" : "$(pulse)"} ${formatBytes(sample.hostRssBytes)} · ${share}`;
    item.tooltip = [
      ...(problem ? [problem] : []),
      ...(waiting ? [waiting] : []),
      ...(learning ? [learning] : []),
      l10n.t("Extension host: {0} (all extensions together)", formatBytes(sample.hostRssBytes)),
      l10n.t("Machine: {0} of {1} in use ({2})", formatBytes(usedBytes), formatBytes(sample.machineTotalBytes), share),
      l10n.t("Click to open the performance report"),
    ].join("\n");
    item.accessibilityInformation = {
      label: l10n.t("Memory: extension host {0}, machine {1} in use", formatBytes(sample.hostRssBytes), share),
    };
  };
  disposables.add(monitor.onSample(draw));
  disposables.add(vscode.window.onDidChangeWindowState(({ focused }) => monitor.setActive(focused)));
  // In a turn of its own: the first sample reads files, and start-up must not hold other extensions.
  disposables.add(
    clock.after(0, () => {
      draw(monitor.latest());
      item.show();
      monitor.setActive(vscode.window.state.focused);
    }),
  );
  return {
    setProblem(sentence) {
      if (problem === sentence) return;
      problem = sentence;
      draw(monitor.latest());
    },
    problem: () => problem,
    setWaiting(sentence) {
      if (waiting === sentence) return;
      waiting = sentence;
      draw(monitor.latest());
    },
    setLearning(share) {
      const sentence =
        share === undefined ? undefined : l10n.t("Hotpath: learning this workspace, {0}", formatShare(share));
      if (learning === sentence) return;
      learning = sentence;
      draw(monitor.latest());
    },
    dispose: () => disposables.dispose(),
  };
};
