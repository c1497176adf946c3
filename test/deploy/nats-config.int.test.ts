import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { streams } from "@parley/protocol";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");

async function render(...args: string[]): Promise<string> {
  const command = ["--import", "tsx", "--conditions=source", "deploy/nats/render.mjs", ...args];
  return (await run(process.execPath, command, { cwd: root })).stdout;
}

it.concurrent("roles.conf is what deploy/nats/render.mjs writes", async () => {
  expect(await readFile(path.join(root, "deploy/nats/roles.conf"), "utf8")).toBe(await render());
});

it.concurrent("gives rights on each shard, and on no other", async () => {
  const text = await render("--shards", "3");
  for (const shard of [0, 1, 2]) expect(text).toContain(`"$JS.API.STREAM.INFO.${streams.events(shard)}"`);
  expect(text).not.toContain(streams.events(3));
});

it.concurrent("refuses a number of shards that cannot be", async () => {
  await expect(render("--shards", "many")).rejects.toMatchObject({
    code: 2,
    stderr: /--shards must be a whole number/,
  });
});
