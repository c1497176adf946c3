import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { startSystem, tempDir, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

/**
 * The protocol's own conformance suite, as far as it asks for no tools of its own: most of its scenarios call tools by name that only its example server
 * has. It needs Node 24 (`NODE_24`, or the Node that runs this).
 */

const suite = path.join(import.meta.dirname, "clients/node_modules/@modelcontextprotocol/conformance/dist/index.js");
const isNew = Number(process.versions.node.split(".")[0]) >= 24;
const node = process.env["NODE_24"] ?? (isNew ? process.execPath : undefined);

const Checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

let system: System;

beforeAll(async () => {
  if (node !== undefined && existsSync(suite)) system = await startSystem({ edges: 1, agentWorkers: 1 });
}, 240_000);
afterAll(() => system?.[Symbol.asyncDispose]());

async function failuresOf(scenario: string, version: string): Promise<string[]> {
  await using folder = await tempDir();
  const url = `http://127.0.0.1:${system.edges[0]?.port}/mcp`;
  const args = [suite, "server", "--url", url, "--scenario", scenario, "--spec-version", version, "-o", folder.path];
  await new Promise<void>((resolve) =>
    execFile(node ?? "", args, { cwd: folder.path, timeout: 60_000 }, () => resolve()),
  );
  const [run = ""] = readdirSync(folder.path);
  const checks = Checks.parse(JSON.parse(readFileSync(path.join(folder.path, run, "checks.json"), "utf8")));
  expect(checks.length).toBeGreaterThan(0);
  const failed = checks.filter(({ status }) => status === "FAILURE");
  // What needs a tool of its example server says so.
  const ours = failed.filter(({ errorMessage = "" }) => !errorMessage.startsWith("Not testable"));
  return ours.map(({ id, errorMessage = "" }) => `${id}: ${errorMessage}`);
}

describe.skipIf(node === undefined || !existsSync(suite))("the conformance suite 0.2.0-alpha.12", () => {
  it.each([
    ["2025-11-25", "server-initialize"],
    ["2025-11-25", "ping"],
    ["2025-11-25", "tools-list"],
    ["2025-11-25", "dns-rebinding-protection"],
    ["2026-07-28", "tools-list"],
    ["2026-07-28", "dns-rebinding-protection"],
    ["2026-07-28", "http-header-validation"],
    ["2026-07-28", "server-sse-multiple-streams"],
    ["2026-07-28", "input-required-result-unsupported-methods"],
    ["2026-07-28", "server-stateless"],
  ])("%s %s", async (version, scenario) => {
    expect(await failuresOf(scenario, version)).toEqual([]);
  });
});
