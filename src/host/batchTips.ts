import { advise } from "../hardware/advice.ts";
import { batchTip } from "../hardware/adviceTexts.ts";
import type { Translate } from "../base/translate.ts";
import { normalizeName } from "../provider/ollamaName.ts";
import type { MachineView } from "./machine.ts";

/** What to set for each model that this machine's servers have, in one line, by the model's normalized name. */
export const batchTips = (
  { device, models }: Pick<MachineView, "device" | "models">,
  t: Translate,
): ReadonlyMap<string, string> =>
  new Map(
    models.flatMap(({ id, facts }) =>
      facts ? [[normalizeName(id), batchTip(advise(facts, device), t)] as const] : [],
    ),
  );
