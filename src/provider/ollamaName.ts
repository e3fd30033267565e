/** `Qwen:7b` and `registry.ollama.ai/library/qwen:7b` are one model, and so are `qwen` and `qwen:latest`. */
export const normalizeName = (name: string): string => {
  const short = name.toLowerCase().replace(/^(?:registry\.ollama\.ai\/)?(?:library\/)?/, "");
  return (short.split("/").at(-1) ?? "").includes(":") ? short : `${short}:latest`;
};
