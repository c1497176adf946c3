import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { openBus, type Bus } from "@parley/bus";
import type { FileRecord } from "@parley/protocol";
import { createLogger, sleep } from "@parley/runtime";
import { freePort, startNats, startProcess, type Broker, type ProcessUnderTest } from "@parley/testkit";
import { S3mini } from "s3mini";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../../..");
const server = path.join(root, ".tools/gofakes3");
const isThere = existsSync(server);
if (!isThere) {
  process.stdout.write(
    "The store at S3 is not tried: there is no S3 server. GOBIN=$PWD/.tools go install github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0 makes one.\n",
  );
}
const log = createLogger({ service: "test", level: "silent", format: "pretty" });
const keys = { accessKeyId: "key", secretAccessKey: "secret" };

describe.skipIf(!isThere)("files at a server that speaks S3", () => {
  let nats: Broker;
  let s3: ProcessUnderTest;
  let bus: Bus;
  let direct: S3mini;
  beforeAll(async () => {
    nats = await startNats();
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}/parley`;
    s3 = await startProcess({
      ...{ name: "gofakes3", command: server, env: {}, cwd: root },
      args: ["-backend", "memory", "-host", `127.0.0.1:${port}`, "-initialbucket", "parley"],
      isReady: async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
    });
    direct = new S3mini({ endpoint, region: "auto", ...keys });
    const store = { kind: "s3", endpoint, region: "auto", prefix: "files/", ...keys } as const;
    bus = await openBus({ servers: nats.url, name: "test", log, files: { store } });
  });
  afterAll(async () => {
    await bus.close();
    await s3.stop();
    await nats[Symbol.asyncDispose]();
  });

  const owner = { user: "alice" };
  const text = (size: number): Buffer => Buffer.from(randomBytes(size / 2).toString("hex"));
  async function upload(bytes: Buffer): Promise<FileRecord> {
    const begun = await bus.files.begin({ owner, name: "a.txt", mediaType: "", bytes: bytes.length });
    let at = 0;
    for (const size of [100_000, 1_200_000, bytes.length])
      at = (await bus.files.append(begun.file_id, at, bytes.subarray(at, at + size))).offset;
    return bus.files.finish(begun.file_id);
  }
  const kept = async (): Promise<string[]> => ((await direct.listObjects("/", "files/")) ?? []).map(({ Key }) => Key);

  test("are whole, read by ranges, and gone when they are removed", async () => {
    const bytes = text(3_000_000);
    const record = await upload(bytes);
    expect(record.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect((await kept()).toSorted()).toEqual(record.parts.map(({ key }) => `files/${key}`).toSorted());
    const pieces: Uint8Array[] = [];
    for await (const piece of bus.files.bytesOf(record, { from: 99_990, to: 1_400_000 })) pieces.push(piece);
    expect(Buffer.compare(Buffer.concat(pieces), bytes.subarray(99_990, 1_400_001))).toBe(0);
    await bus.files.attach(record.file_id, "c1");
    await bus.conversations.purge("c1");
    expect(await kept()).toEqual([]);
  });

  test("leave nothing of processes that died, however many parts there are, and nothing of others is touched", async () => {
    const record = await upload(text(400_000));
    for (let nth = 0; nth < 12; nth++) await direct.putObject(`files/file_uAAAAAAAAAAAAAAAAAAAAA/${nth}-x`, "left");
    await direct.putObject("elsewhere/file_uAAAAAAAAAAAAAAAAAAAAA/0-x", "not ours");
    await sleep(1_100);
    const { signal } = new AbortController();
    const { orphans } = await bus.files.care.round({ keepUnattachedMs: 60_000, orphanMs: 1, signal });
    expect(orphans).toBe(12);
    expect((await kept()).length).toBe(record.parts.length);
    expect(await direct.getObject("elsewhere/file_uAAAAAAAAAAAAAAAAAAAAA/0-x")).toBe("not ours");
  });

  test("wait for a server that is away for a moment, and say so when it stays away", async () => {
    const bytes = text(200_000);
    await s3.kill();
    const begun = await bus.files.begin({ owner, name: "a.txt", mediaType: "", bytes: bytes.length });
    const failed = bus.files.append(begun.file_id, 0, bytes);
    await expect(failed).rejects.toMatchObject({
      code: "OVERLOADED",
      message: expect.stringContaining("store of files"),
    });
    expect((await bus.files.read(begun.file_id))?.offset).toBe(0);
    const again = bus.files.append(begun.file_id, 0, bytes);
    await sleep(500);
    await s3.restart();
    expect((await again).offset).toBe(bytes.length);
  }, 60_000);
});
