import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connectRedis, createToolCatalogue } from "@parley/bus";
import { pendingApprovals } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startSystem, tempDir, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

const modern = fileURLToPath(new URL("../../services/tool-worker/test/mcp/support/modern-server.mjs", import.meta.url));
const repository = fileURLToPath(new URL("../../", import.meta.url));
const installed = (file: string): string => path.join(repository, "node_modules", file);

let folder: TempDir;
let system: System;

beforeAll(async () => {
  folder = await tempDir();
  const file = path.join(folder.path, "mcp.yaml");
  const command = process.execPath;
  const everything = installed("@modelcontextprotocol/server-everything/dist/index.js");
  const files = installed("@modelcontextprotocol/server-filesystem/dist/index.js");
  await writeFile(path.join(folder.path, "note.txt"), "Restart the ingress.");
  const servers = {
    every: { command, args: [everything, "stdio"], read_tools: ["echo"] },
    doors: { command, args: [modern], read_tools: ["paint"] },
    files: { command, args: [files, folder.path], read_tools: ["read_text_file"] },
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ servers }));
  const agents = path.join(folder.path, "agents");
  await mkdir(agents);
  // Alone, as what is written in a question might be for an agent that has no such tools.
  await copyFile(path.join(repository, "config/agents/general.yaml"), path.join(agents, "general.yaml"));
  const agentEnv = { OPENAI_MODEL: "parley-simulated-fast", AGENTS_DIR: agents };
  const env = { "tool-worker": { MCP_FILE: file }, "agent-worker": agentEnv };
  system = await startSystem({ env });
  await untilOffered(["every_echo", "files_write_file", "doors_paint"]);
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The servers may come after their worker. */
async function untilOffered(names: readonly string[]): Promise<void> {
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const redis = connectRedis({ url: signedIn(system.redis.url, "agent"), role: "cache", log });
  const catalogue = createToolCatalogue({ redis, log });
  try {
    await eventually(
      async () => {
        const offered = (await catalogue.refresh()).map(({ name }) => name);
        return names.every((name) => offered.includes(name));
      },
      { what: "the tools of the servers", timeoutMs: 30_000 },
    );
  } finally {
    redis.disconnect();
  }
}

it("answers a question with a tool of an MCP server, from socket to server and back", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send('/sim tool=every_echo args={"message":"hello"}');
  const end = await chat.untilEnd(turn_id);
  expect(end).toMatchObject({
    tool_calls: [{ tool_name: "every_echo", result: expect.stringContaining("Echo: hello") }],
  });
});

it("asks before it calls a tool that may change something, and calls it once", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const args = { path: path.join(folder.path, "new.txt"), content: "Done." };
  const { turn_id } = await chat.send(`/sim tool=files_write_file args=${JSON.stringify(args)}`);
  const [question] = await eventually(
    () => {
      const pending = pendingApprovals(chat.view);
      return pending.length === 1 ? pending : undefined;
    },
    { what: "the question", timeoutMs: 20_000 },
  );
  expect(question?.call.approval?.summary).toMatch(/^Calls write_file of the MCP server files\./);
  expect(question?.call.approval?.preview?.text).toContain('"content": "Done."');
  await chat.approve(`${turn_id}-0-0`, true);
  const end = await chat.untilEnd(turn_id);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "files_write_file", status: "completed" }] });
});

it("asks a person by a form what a server wants to know in the middle of a call", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send('/sim tool=doors_paint args={"door":"No. 10"}');
  const call = `${turn_id}-0-0`;
  const [question] = await eventually(
    () => {
      const pending = pendingApprovals(chat.view);
      return pending.length === 1 ? pending : undefined;
    },
    { what: "the question", timeoutMs: 20_000 },
  );
  expect(question?.call.approval).toMatchObject({
    summary: "The MCP server doors asks: Which colour for No. 10?",
    form: [{ name: "colour", options: ["red", "blue"], required: true }, { name: "count" }],
  });
  await expect(chat.approve(call, true)).rejects.toThrow("The field colour has to be filled in.");
  await expect(chat.approve(call, true, { content: { colour: "green" } })).rejects.toThrow("must be one of red, blue");
  await chat.approve(call, true, { content: { colour: "blue" } });
  const end = await chat.untilEnd(turn_id);
  expect(end).toMatchObject({ tool_calls: [{ result: expect.stringContaining("No. 10 is blue, state of No. 10") }] });
});
