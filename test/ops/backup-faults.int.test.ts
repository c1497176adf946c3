import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { startNats, tempDir, type Broker } from "@parley/testkit";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const log = createLogger({ service: "test", level: "silent", format: "json" });

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** The command as people run it; `blocks`: no file of it may become longer (of 512 bytes each), as on a disk that is full. */
function run(args: readonly string[], nats: string, blocks?: number): Promise<Outcome> {
  const cli = path.join(root, "scripts/backup/main.ts");
  const node = [process.execPath, "--conditions=source", "--import", "tsx", cli, ...args];
  const limit = blocks === undefined ? "" : `ulimit -f ${blocks}; `;
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], NATS_URL: nats };
  return promisify(execFile)("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...node], { cwd: root, env }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, output: error.stderr }),
  );
}

/** Words that a snapshot, which is compressed, cannot make much shorter. */
async function fill({ url: servers }: Broker): Promise<void> {
  const bus = await openBus({ servers, name: "test", log, ackWaitMs: 20_000 });
  const said = { message_id: "m1", turn_id: "t1", author: { role: "user" as const }, status: "complete" as const };
  const message = Array.from({ length: 900 }, () => crypto.randomUUID()).join("");
  await bus.owners.claim("c1", "anna");
  await bus.transcripts.append({ v: 1, conversation_id: "c1", ...said, message, ts: 1 });
  await bus.close();
}

it("a disk that is full: a backup of which only a part could be written is none, and the folder is named as such", async () => {
  await using nats = await startNats();
  await using folder = await tempDir();
  await fill(nats);
  const backup = path.join(folder.path, "backup");
  // The log arrives in one portion, of which a part fits.
  const full = await run(["backup", backup], nats.url, 16);
  expect(full).toEqual({ code: 1, output: expect.stringMatching(/^There is no room for all of it on the disk/) });
  expect((await run(["backup", "--verify", backup], nats.url)).output).toMatch(/is no whole backup/);
  expect((await run(["backup", backup], nats.url)).output).toMatch(/a part of one that broke off/);

  const next = path.join(folder.path, "next");
  expect((await run(["backup", next], nats.url)).code).toBe(0);
  await rm(path.join(next, "LOG_0.snapshot"));
  const missing = await run(["backup", "--verify", next], nats.url);
  expect(missing).toEqual({ code: 1, output: "LOG_0.snapshot is missing or cannot be read.\n" });
});

it("a user who may not make backups is told who may", async () => {
  await using folder = await tempDir();
  const config = path.join(folder.path, "users.conf");
  const deny = `{ publish: { deny: "$JS.API.STREAM.NAMES" } }`;
  await writeFile(config, `authorization { users: [{ user: edge, password: word, permissions: ${deny} }] }\n`);
  await using nats = await startNats({ args: ["-c", config] });
  const address = nats.url.replace("://", "://edge:word@");
  const { code, output } = await run(["backup", path.join(folder.path, "backup")], address);
  expect([code, output]).toEqual([1, expect.stringMatching(/takes \$JS\.API\.STREAM\.>.*`operator`/)]);
});
