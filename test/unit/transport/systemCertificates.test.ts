import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer } from "node:tls";
import { silentLog } from "../../../src/base/log.ts";
import { createConnector } from "../../../src/transport/connector.ts";
import { createSystemTrust } from "../../../src/transport/systemCertificates.ts";
import { testAuthority, testCertificate } from "../../fake/tls.ts";

test("what the store holds is trusted, and is read once", async (context) => {
  const server = createServer(testCertificate("localhost"), (socket) => {
    socket.on("error", () => {});
    socket.end("hello");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  context.after(() => server.close());
  let reads = 0;
  const system = createSystemTrust({
    log: silentLog,
    read: async () => {
      reads++;
      return [testAuthority()];
    },
  });
  assert.equal(reads, 0);
  const { port } = server.address() as AddressInfo;
  for (let time = 0; time < 2; time++) {
    const text = await new Promise<string>((resolve, reject) => {
      const target = { protocol: "https:", hostname: "localhost", port, alpn: ["http/1.1"] } as const;
      createConnector({ trust: { system } })(target, (error, socket) => {
        if (socket) socket.once("data", (data) => resolve(String(data)));
        else reject(error ?? new Error("nothing"));
      });
    });
    assert.equal(text, "hello");
  }
  assert.equal(reads, 1);
});

test("a store that holds nothing more, or cannot be read, changes nothing", async () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) };
  assert.equal(await createSystemTrust({ log, read: async () => [] })(), undefined);
  assert.deepEqual(warnings, []);
  assert.equal(await createSystemTrust({ log, read: () => Promise.reject(new Error("locked")) })(), undefined);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /locked/);
});

test("the worker reads this machine's store", async () => {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  await createSystemTrust({ log: { ...silentLog, debug: note, warn: note } })();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^The system's store holds \d+ certificates/);
});
