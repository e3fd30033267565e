import { advise } from "../hardware/advice.ts";
import { batchTip } from "../hardware/adviceTexts.ts";
import type { Translate } from "../base/translate.ts";
import { normalizeName } from "../provider/ollamaName.ts";
import type { MachineView } from "./machine.ts";

/** A model's name without folders, which one list has and another has not. */
const nameOf = (id: string): string => normalizeName(id.split(/[/\\]/).at(-1) ?? id);

/**
 * What to set for each model that this machine's servers have, in one line, by the model's normalized name without
 * folders.
 */
export const batchTips = (
  { device, models }: Pick<MachineView, "device" | "models">,
  t: Translate,
): ReadonlyMap<string, string> =>
  new Map(
    models.flatMap(({ id, facts }) => (facts ? [[nameOf(id), batchTip(advise(facts, device), t)] as const] : [])),
  );
