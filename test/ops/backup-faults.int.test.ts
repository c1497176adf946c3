import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { connectNats, openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { streams } from "@parley/protocol";
import { startNats, tempDir, type Broker } from "@parley/testkit";
import { expect, it } from "vitest";
import { backUp } from "../../scripts/backup/backup.ts";
import { verify } from "../../scripts/backup/verify.ts";

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

// A process that reads its TypeScript starts in seconds where much else runs.
const timeoutMs = 120_000;

it(
  "a disk that is full: what could be written in part is no backup, and the command says so",
  { timeout: timeoutMs },
  async () => {
    await using nats = await startNats();
    await using folder = await tempDir();
    await fill(nats);
    const backup = path.join(folder.path, "backup");
    // The log arrives in one portion, of which a part fits.
    const full = await run(["backup", backup], nats.url, 16);
    expect(full).toEqual({ code: 1, output: expect.stringMatching(/^There is no room for all of it on the disk/) });
    await expect(verify(backup)).rejects.toThrow(/is no whole backup/);
  },
);

it("a backup that lacks a file is called by the file's name", async () => {
  await using nats = await startNats();
  await using folder = await tempDir();
  await fill(nats);
  const link = await connectNats({ servers: nats.url, name: "test", log });
  await backUp(link.nc, path.join(folder.path, "backup"), { keys: undefined });
  await link.nc.close();
  const lost = `${streams.log(0)}.snapshot`;
  await rm(path.join(folder.path, "backup", lost));
  await expect(verify(path.join(folder.path, "backup"))).rejects.toThrow(`${lost} is missing`);
});

it("a user who may not make backups is told who may", { timeout: timeoutMs }, async () => {
  await using folder = await tempDir();
  const config = path.join(folder.path, "users.conf");
  const deny = `{ publish: { deny: "$JS.API.STREAM.NAMES" } }`;
  await writeFile(config, `authorization { users: [{ user: edge, password: word, permissions: ${deny} }] }\n`);
  await using nats = await startNats({ args: ["-c", config] });
  const address = nats.url.replace("://", "://edge:word@");
  const { code, output } = await run(["backup", path.join(folder.path, "backup")], address);
  expect([code, output]).toEqual([1, expect.stringMatching(/takes \$JS\.API\.STREAM\.>.*`operator`/)]);
});
