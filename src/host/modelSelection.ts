import type { ProviderKind } from "../provider/provider.ts";
import { defaultBaseUrl, roles, type ModelSetting, type Role, type Settings } from "./settingsSchema.ts";

/** What a person chose for each role; undefined: no model of this server is asked. */
export type ModelSelection = {
  readonly provider: ProviderKind;
  readonly baseUrl: string;
  readonly models: Readonly<Record<Role, string | undefined>>;
};

// Where a role without a server of its own gets one from.
const inheritsFrom: Readonly<Record<Role, Role | undefined>> = {
  completion: undefined,
  chat: "completion",
  background: "chat",
};

const isSameModel = (a: ModelSetting | undefined, b: ModelSetting | undefined): boolean =>
  a?.provider === b?.provider && a?.baseUrl === b?.baseUrl && a?.model === b?.model;

/**
 * The settings without `hotpath.` that make a selection hold; undefined for those to be taken back. A role that uses
 * the same model as the one before it gets no setting of its own. Further addresses go when they do not serve the model
 * that is chosen; fallbacks stay.
 */
export const settingsOf = (selection: ModelSelection, before: Settings): Readonly<Record<string, unknown>> => {
  const { provider, baseUrl, models } = selection;
  const changes: Record<string, unknown> = {};
  for (const role of roles) {
    const model = models[role];
    const elder = inheritsFrom[role];
    const isSet = model !== undefined && !(elder && models[elder] === model);
    changes[`${role}.provider`] = isSet ? provider : undefined;
    changes[`${role}.baseUrl`] = isSet && baseUrl !== defaultBaseUrl[provider] ? baseUrl : undefined;
    changes[`${role}.model`] = isSet && model !== "" ? model : undefined;
    const old = before[role];
    const isSame = isSameModel(old, { provider, baseUrl, model: model ?? "" });
    // Beside a server that was or will be inherited they serve nobody, and would come to life with the next change.
    const isInherited = elder !== undefined && old !== undefined && isSameModel(old, before[elder]);
    if (!isSet || !isSame || isInherited) changes[`${role}.moreBaseUrls`] = undefined;
  }
  return changes;
};
