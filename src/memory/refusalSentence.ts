import { inNotice } from "../base/notice.ts";
import type { Translate } from "../base/translate.ts";
import { formatBytes } from "./format.ts";
import type { ResidencyError } from "./modelServer.ts";

/** One or two sentences for a model that was not loaded: why, and what to do. */
export const refusalSentence = ({ kind, details }: ResidencyError, name: string, t: Translate): string => {
  const { neededBytes, limitBytes = 0, models = [] } = details;
  const model = inNotice(name);
  const names = models.map(inNotice).join(", ");
  switch (kind) {
    case "too-large":
      return t(
        "{0} is not loaded: it needs about {1}, and one model may take {2} of this machine's memory. Choose a smaller one, or raise 'hotpath.memory.modelLimitShare'.",
        model,
        formatBytes(neededBytes),
        formatBytes(limitBytes),
      );
    case "in-use":
      return t("{0} is not loaded: there is no room while {1} is in use. It is tried again.", model, names);
    case "not-ours":
      return t(
        "{0} is not loaded: there is no room beside {1}, which another program has loaded. Unload it first.",
        model,
        names,
      );
    case "not-freed":
      return t("{0} is not loaded: the memory of {1} did not come back in time. It is tried again.", model, names);
  }
};
