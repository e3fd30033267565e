// undici has no types for its inner modules; these are the ones that undici.ts takes.

declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici";
  export default Client;
}

declare module "undici/lib/core/socks5-client.js" {
  import type { EventEmitter } from "node:events";
  import type { Socket } from "node:net";

  /**
   * Speaks SOCKS 5 over an open socket. Emits "authenticated" after `handshake` and "connected" after `connect`; "error"
   * when the proxy refuses or the socket breaks, which it then destroys; "close" with the socket, also later.
   */
  export class Socks5Client extends EventEmitter {
    constructor(socket: Socket, options: { username?: string; password?: string });
    handshake(): void;
    connect(address: string, port: number): void;
  }
}
