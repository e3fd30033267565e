import { isPrivateHost } from "../transport/route.ts";

/**
 * What a person typed, with a scheme: "gpu-box:8000" is asked by http, a bare name on the public internet by https,
 * since nothing there is meant without it.
 */
export const withScheme = (text: string): string => {
  const address = text.trim();
  if (address.includes("://")) return address;
  const hostname = URL.parse(`http://${address}`)?.hostname ?? "";
  const hasPort = /^[^/]*:\d+(?:\/|$)/.test(address);
  return `${hasPort || isPrivateHost(hostname) ? "http" : "https"}://${address}`;
};
