import * as vscode from "vscode";
import { memoryBudget } from "../hardware/advice.ts";
import {
  adviceCells,
  adviceMarkdown,
  adviceRows,
  publishedCandidates,
  type Candidate,
} from "../hardware/adviceTables.ts";
import { gigabytes } from "../hardware/adviceTexts.ts";
import type { MachineTables } from "../report/model.ts";
import type { MachineView } from "./machine.ts";

/** The tables of batch tips for this machine: what its servers have, and the models that are always shown. */
export const machineTables = (view: MachineView): MachineTables => {
  const { l10n, env } = vscode;
  const { device, models, hostName } = view;
  const installed = models.flatMap(({ id, facts, measured }): Candidate[] =>
    facts ? [{ label: id, facts, measured }] : [],
  );
  const rows = adviceRows([...installed, ...publishedCandidates], device);
  const { batch, context } = adviceCells(rows, l10n.t);
  const where = env.remoteName === undefined ? "" : l10n.t("On the remote machine {0}: ", hostName);
  return {
    sentences: [
      where +
        l10n.t(
          "{0}, {1}, of which models can have {2}.",
          device.name,
          gigabytes(device.memoryBytes),
          gigabytes(memoryBudget(device)),
        ),
      l10n.t(
        "Batch: requests at the same time with 4,096 tokens each, and what they get together. Context: of one request alone. Estimates are ranges; what was measured in this window says so.",
      ),
    ],
    tables: [batch, context],
    markdown: adviceMarkdown(rows, device, l10n.t),
  };
};
