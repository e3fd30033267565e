/** What a made-up header holds: numbers as 32 bits, lists of them, texts, and how many words the vocabulary has. */
export type HeaderValue = number | string | boolean | readonly number[] | { readonly words: number };

export type HeaderTensor = { readonly name: string; readonly shape: readonly number[]; readonly type?: number };

const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};
const u64 = (value: number | bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

const encoded = (value: HeaderValue): Buffer => {
  if (typeof value === "number") return Buffer.concat([u32(4), u32(value)]);
  if (typeof value === "boolean") return Buffer.concat([u32(7), Buffer.from([value ? 1 : 0])]);
  if (typeof value === "string") return Buffer.concat([u32(8), text(value)]);
  if ("words" in value) {
    const words = Array.from({ length: value.words }, (_, index) => text(`word ${index}`));
    return Buffer.concat([u32(9), u32(8), u64(value.words), ...words]);
  }
  return Buffer.concat([u32(9), u32(4), u64(value.length), ...value.map(u32)]);
};

/** The bytes of a GGUF file, version 3, that ends after its header. */
export const ggufHeader = (
  values: Readonly<Record<string, HeaderValue>>,
  tensors: readonly HeaderTensor[] = [],
): Buffer =>
  Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(Object.keys(values).length),
    ...Object.entries(values).flatMap(([key, value]) => [text(key), encoded(value)]),
    ...tensors.flatMap(({ name, shape, type = 0 }, index) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(index * 4096),
    ]),
  ]);

/** Pieces to build a damaged header from. */
export const ggufPieces = { u32, u64, text };
