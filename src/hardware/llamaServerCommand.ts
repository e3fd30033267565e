import type { Advice } from "./advice.ts";
import type { DeviceFacts } from "./speed.ts";

/** Whose rules for quoting hold: a POSIX shell's, or PowerShell's. */
export type Shell = "posix" | "powershell";

/** Where the model is: a file here, or a repository on huggingface.co with the quantisation to take, if it has several. */
export type ModelSource = { readonly file: string } | Repository;

type Repository = { readonly repository: string; readonly quantisation?: string };

/** What needs no quotes. A comma makes a list in PowerShell, and a backslash escapes in the other. */
const plain = { posix: /^[\w@%+=:,./-]+$/, powershell: /^[\w+=:./\\-]+$/ } as const;

/** One argument, so that the shell hands it on as it is. In single quotes both shells replace nothing. */
export const quote = (argument: string, shell: Shell): string => {
  if (plain[shell].test(argument)) return argument;
  if (shell === "posix") return `'${argument.replaceAll("'", `'\\''`)}'`;
  // PowerShell takes typographic quotes for its own, too.
  return `'${argument.replaceAll(/['‘’‚‛]/g, "$&$&")}'`;
};

const repositoryName = ({ repository, quantisation }: Repository): string =>
  quantisation === undefined ? repository : `${repository}:${quantisation}`;

/**
 * The exact command that starts llama-server for a model as advised: the context for one request after the other, the
 * cache's type, all layers on the graphics processor. It listens on this machine only.
 */
export const llamaServerCommand = (
  source: ModelSource,
  advice: Advice & { readonly fits: true },
  device: DeviceFacts,
  { shell, port = 8080 }: { readonly shell: Shell; readonly port?: number },
): string => {
  const { context, keyValueType } = advice;
  const model = "file" in source ? ["-m", source.file] : ["-hf", repositoryName(source)];
  const args = [
    ...model,
    "-c",
    String(context.recommendedTokens),
    "-np",
    "1",
    ...(device.vendor === "cpu" ? [] : ["-ngl", "99"]),
    // A cache in fewer bits needs flash attention for its values.
    ...(keyValueType === "f16" ? [] : ["-fa", "on", "-ctk", keyValueType, "-ctv", keyValueType]),
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
  ];
  return ["llama-server", ...args.map((argument) => quote(argument, shell))].join(" ");
};
