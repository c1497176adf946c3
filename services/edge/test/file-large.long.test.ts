import { randomBytes } from "node:crypto";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { sleep } from "@parley/runtime";
import {
  startNats,
  startRedis,
  startService,
  startTcpProxy,
  type Broker,
  type Service,
  type TcpProxy,
} from "@parley/testkit";
import { Upload } from "tus-js-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { jwtSecret, tokenOf } from "./support/edge-fixture.ts";
import { jsonOf } from "./support/file-client.ts";

const fileBytes = 200 * 2 ** 20;
const cuts = 10;

let nats: Broker;
let redis: Broker;
let dir = "";
let file = "";
let sha256 = "";

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  dir = await mkdtemp(path.join(tmpdir(), "parley-file-"));
  file = path.join(dir, "film.mp4");
  const hash = createHash("sha256");
  const handle = await open(file, "w");
  const head = Buffer.from("000000206674797069736f6d0000020069736f6d69736f32617663316d703431", "hex");
  for (let at = 0; at < fileBytes; at += 2 ** 20) {
    const piece = randomBytes(2 ** 20);
    if (at === 0) head.copy(piece);
    hash.update(piece);
    await handle.write(piece);
  }
  await handle.close();
  sha256 = hash.digest("hex");
}, 120_000);
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await Promise.all([nats[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
});

const startEdge = (): Promise<Service> =>
  startService("edge", {
    ...{ NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: jwtSecret },
    ...{ LOG_LEVEL: "warn", FILE_MAX_BYTES: String(fileBytes) },
  });

async function rssOf({ pid }: Service): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}

/** The most that a process has had while something went on. */
function watchMemory(service: Service) {
  let most = 0;
  const timer = setInterval(() => {
    void rssOf(service).then(
      (bytes) => (most = Math.max(most, bytes)),
      () => {},
    );
  }, 50);
  return { most: () => most, stop: () => clearInterval(timer) };
}

async function upload(
  port: number,
  onProgress: (sent: number) => void,
  onOffset: (stored: number) => void,
): Promise<{ url: string; retries: number }> {
  const token = await tokenOf("ann");
  let retries = 0;
  return new Promise((resolve, reject) => {
    const sending = new Upload(createReadStream(file), {
      endpoint: `http://127.0.0.1:${port}/api/v1/files`,
      uploadSize: fileBytes,
      chunkSize: 32 * 2 ** 20,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: "film.mp4", filetype: "video/mp4", id: "film" },
      retryDelays: Array.from({ length: 60 }, () => 300),
      onShouldRetry: () => {
        retries++;
        return true;
      },
      onProgress,
      onChunkComplete: (_size, stored) => onOffset(stored),
      onError: reject,
      onSuccess: () => resolve({ url: sending.url ?? "", retries }),
    });
    sending.start();
  });
}

async function cutting(proxy: TcpProxy): Promise<void> {
  proxy.sever();
  await sleep(50);
  proxy.heal();
}

it("200 MB by tus-js-client arrive once and whole, cut ten times, with one edge killed; the memory of the edges stays flat", async () => {
  const [one, other] = [await startEdge(), await startEdge()];
  const proxy = await startTcpProxy({ targets: [one.port, other.port] });
  const before = await Promise.all([rssOf(one), rssOf(other)]);
  const watched = [watchMemory(one), watchMemory(other)];
  let cut = 0;
  let next = fileBytes / (cuts + 2);
  const onProgress = (sent: number): void => {
    if (sent < next || cut >= cuts) return;
    next += fileBytes / (cuts + 2);
    cut++;
    if (cut === cuts / 2) void one.kill("SIGKILL");
    void cutting(proxy);
  };
  const { url, retries } = await upload(proxy.port, onProgress, () => {});
  expect([cut, retries >= cuts / 2]).toEqual([cuts, true]);
  for (const memory of watched) memory.stop();
  const grown = watched.map((memory, nth) => (memory.most() - (before[nth] ?? 0)) / 2 ** 20);
  process.stdout.write(`grown by ${grown.map((mb) => mb.toFixed(0)).join(" and ")} MB, ${retries} retries\n`);
  for (const mb of grown) expect(mb).toBeLessThan(100);

  const headers = { authorization: `Bearer ${await tokenOf("ann")}` };
  const { pathname } = new URL(url);
  const info = await jsonOf(await fetch(`http://127.0.0.1:${other.port}${pathname}/info`, { headers }));
  expect(info).toMatchObject({ status: "stored", bytes: fileBytes, sha256, media_type: "video/mp4", name: "film.mp4" });
  const listed = await jsonOf(await fetch(`http://127.0.0.1:${other.port}/api/v1/files`, { headers }));
  expect(listed.files).toHaveLength(1);

  const rssBefore = await rssOf(other);
  const reading = watchMemory(other);
  const response = await fetch(`http://127.0.0.1:${other.port}${pathname}`, { headers });
  const hash = createHash("sha256");
  for await (const piece of response.body ?? []) hash.update(piece);
  reading.stop();
  expect(hash.digest("hex")).toBe(sha256);
  const readMb = (reading.most() - rssBefore) / 2 ** 20;
  process.stdout.write(`read: grown by ${readMb.toFixed(0)} MB\n`);
  expect(readMb).toBeLessThan(100);

  await Promise.all([other.stop(), proxy[Symbol.asyncDispose]()]);
}, 240_000);
