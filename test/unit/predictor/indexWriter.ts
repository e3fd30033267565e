// Saves one index after the other to the file named on the command line until it is killed, and says when one begins.
import { writeIndexFile } from "../../../src/predictor/indexFile.ts";

/** What the save of this number holds: enough that writing it takes several steps. */
export const contentOf = (generation: number, writer: string) => ({
  head: { generation, writer },
  blobs: Array.from({ length: 12 }, (_, i) => Buffer.alloc(100_000 + i, generation % 251)),
});

if (import.meta.main) {
  const [file, writer] = process.argv.slice(2);
  for (let generation = 1; ; generation++) {
    process.stdout.write(`${generation}\n`);
    await writeIndexFile(file!, contentOf(generation, writer!));
  }
}
