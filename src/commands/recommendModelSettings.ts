import { defaultBaseUrl, type ModelSetting, type Role, type Settings } from "../host/settingsSchema.ts";

const followerOf = { completion: "chat", chat: "background" } as const;

const isSame = (a: ModelSetting | undefined, b: ModelSetting | undefined): boolean =>
  a !== undefined && b !== undefined && a.provider === b.provider && a.baseUrl === b.baseUrl && a.model === b.model;

const written = (role: Role, { provider, baseUrl, model }: ModelSetting): Record<string, unknown> => ({
  [`${role}.provider`]: provider,
  [`${role}.baseUrl`]: baseUrl === defaultBaseUrl[provider] ? undefined : baseUrl,
  [`${role}.model`]: model === "" ? undefined : model,
  // They served the model before.
  [`${role}.moreBaseUrls`]: undefined,
});

/**
 * The settings without `hotpath.` that make one role use a model. A role that had no server of its own, and followed
 * this one, keeps the model that it had.
 */
export const settingsForRole = (
  role: "completion" | "chat",
  chosen: ModelSetting,
  before: Settings,
): Readonly<Record<string, unknown>> => {
  const follower = followerOf[role];
  const kept = before[follower];
  const follows = isSame(kept, before[role]) && !isSame(kept, chosen);
  return { ...(follows && kept ? written(follower, kept) : {}), ...written(role, chosen) };
};
