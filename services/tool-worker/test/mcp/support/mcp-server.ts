import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ToolArguments } from "@parley/protocol";
import { createLogger, type Logger } from "@parley/runtime";
import { eventually, freePort, startProcess, tempDir } from "@parley/testkit";
import { loadMcpFile, type McpServerConfig } from "../../../src/mcp/mcp-file.ts";
import { openMcpTools } from "../../../src/mcp/mcp-tools.ts";
import type { Answers, Tool, ToolContext, ToolOutput } from "../../../src/tools/tool.ts";

export const silent = createLogger({ service: "test", level: "silent", format: "json" });
const hostileServer = fileURLToPath(new URL("hostile-server.mjs", import.meta.url));

type ServerFields = Record<string, unknown>;

/** What the file of the servers says, as a worker reads it. */
async function configsOf(servers: Record<string, ServerFields>, env = process.env): Promise<McpServerConfig[]> {
  await using folder = await tempDir();
  const file = path.join(folder.path, "mcp.yaml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ servers }));
  return await loadMcpFile(file, env);
}

/** A server that is a process and does one thing wrong. */
export function hostile(mode: string, more: ServerFields = {}): ServerFields {
  return { command: process.execPath, args: [hostileServer, mode], limits: { start_ms: 4_000 }, ...more };
}

/** The same over HTTP, on loopback. */
export async function startHostileHttp(mode: string, env: Record<string, string> = {}) {
  const port = await freePort();
  const server = await startProcess({
    name: `hostile server (${mode})`,
    command: process.execPath,
    args: [hostileServer, mode],
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port), ...env },
    cwd: path.dirname(hostileServer),
    isReady: async () => isListening(port),
  });
  return Object.assign(server, { url: `http://127.0.0.1:${port}/mcp` });
}

async function isListening(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: "GET" });
  return response.status === 405;
}

const tsx = import.meta.resolve("tsx");
const workerProcess = fileURLToPath(new URL("worker-process.ts", import.meta.url));

/** The part of a worker that has these servers, as a process of its own; ready when all of them have offered something. */
export async function startWorker(folder: string, servers: Record<string, ServerFields>) {
  const [file, ready] = [path.join(folder, "mcp.yaml"), path.join(folder, "ready")];
  await writeFile(file, JSON.stringify({ servers }));
  return startProcess({
    name: "a worker with servers",
    command: process.execPath,
    args: ["--conditions=source", "--import", tsx, workerProcess, file, ready],
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    isReady: async () => existsSync(ready),
  });
}

/** The tools of these servers, closed at the end. */
export async function openTools(servers: Record<string, ServerFields>, log: Logger = silent) {
  const changes: string[][] = [];
  const mcp = openMcpTools({
    servers: await configsOf(servers),
    onChange: () => changes.push(mcp.tools().map(({ definition }) => definition.name)),
    log,
  });
  const find = (name: string): Tool | undefined => mcp.tools().find(({ definition }) => definition.name === name);
  return {
    ...mcp,
    changes,
    find,
    offered: (name: string, timeoutMs = 10_000) =>
      eventually(() => find(name), { what: `the tool ${name}`, timeoutMs }),
    [Symbol.asyncDispose]: mcp.close,
  };
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (text: string) => void;
  readonly answers?: Answers;
}

/** Runs a call as the executor does, without a person. Throws what the tool throws, or the problem of its arguments. */
export function run(tool: Tool, args: ToolArguments = {}, options: CallOptions = {}): Promise<ToolOutput> {
  const prepared = tool.prepare(args);
  if ("problem" in prepared) return Promise.reject(new Error(prepared.problem));
  return prepared.run(contextOf(options));
}

function contextOf({
  signal = AbortSignal.timeout(20_000),
  progress = () => {},
  answers,
}: CallOptions = {}): ToolContext {
  return { callId: "t-0-0", user: { id: "u1" }, signal, progress, answers };
}
