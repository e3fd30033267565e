import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from "node:zlib";
import type { Flow } from "./connection.ts";

/** Undoes the compression of an answer as it comes. */
export type Decoder = {
  /** `flow` is the compressed bytes' own: held back while decoding is behind. */
  write(bytes: Uint8Array, flow: Flow): void;
  /** No more compressed bytes come. */
  end(): void;
  destroy(): void;
};

/** What a decoder tells. After `ended` or `failed` nothing more comes. */
export type DecoderEvents = {
  readonly chunk: (bytes: Uint8Array, flow: Flow) => void;
  readonly ended: () => void;
  readonly failed: (error: Error) => void;
};

/** What {@link createDecoder} takes, in the order of preference. */
export const decodableEncodings = "zstd, br, gzip, deflate";

// Each hands out at once what it can decode, so that a token need not wait for the next.
const createTransform = (encoding: string, first: Uint8Array) => {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      // RFC 9110 means zlib's format; some servers send the bare one, whose first byte is not a zlib header's.
      return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return undefined;
  }
};

/** Takes the value of `content-encoding`. What it holds in memory is limited: a slow reader holds the server back. */
export const createDecoder = (encoding: string, { chunk, ended, failed }: DecoderEvents): Decoder => {
  let transform: ReturnType<typeof createTransform>;
  let isOver = false;

  const start = (first: Uint8Array) => {
    const made = createTransform(encoding.trim().toLowerCase(), first);
    if (!made) {
      isOver = true;
      failed(new Error("Unknown content encoding"));
      return undefined;
    }
    made.on("data", (bytes: Buffer) => {
      if (!isOver) chunk(bytes, made);
    });
    made.once("end", () => {
      if (isOver) return;
      isOver = true;
      ended();
    });
    made.on("error", (error) => {
      if (isOver) return;
      isOver = true;
      failed(error);
    });
    return made;
  };

  return {
    write(bytes, flow) {
      if (isOver) return;
      transform ??= start(bytes);
      if (!transform || transform.write(bytes)) return;
      flow.pause();
      transform.once("drain", () => flow.resume());
    },
    end() {
      if (isOver) return;
      // An answer without a body has nothing to undo.
      if (transform) transform.end();
      else {
        isOver = true;
        ended();
      }
    },
    destroy() {
      isOver = true;
      transform?.destroy();
    },
  };
};
