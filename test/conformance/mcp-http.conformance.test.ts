import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import { startSystem, tempDir, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { devToken } from "../e2e/person.ts";

/** `/mcp` as HTTP, without anybody's client: what the specification demands of an address, and what must not work. */

/** Its keys are never asked for here. */
const issuersFile = `issuers:
  - name: company
    issuer: https://login.example.org
    audience: https://chat.example.org/mcp
    algorithms: [RS256]
    jwks: http://127.0.0.1:9/keys
`;

let system: System;
let folder: Awaited<ReturnType<typeof tempDir>>;
let url: string;
const edge = () => system.edges[0]!;

beforeAll(async () => {
  folder = await tempDir();
  const demo = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: path.join(folder.path, "counter") };
  const issuers = path.join(folder.path, "issuers.yaml");
  await writeFile(issuers, issuersFile);
  const ways = { ISSUERS_FILE: issuers, AUTH_PRIMARY_ISSUERS: "shared-secret" };
  system = await startSystem({ edges: 1, agentWorkers: 1, env: { edge: ways, "tool-worker": demo } });
  url = `http://127.0.0.1:${edge().port}`;
}, 240_000);
afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const Rpc = z.looseObject({
  id: z.union([z.string(), z.number()]).nullable().optional(),
  result: z.looseObject({}).optional(),
  error: z.object({ code: z.number(), message: z.string() }).loose().optional(),
});

interface Asked {
  readonly method: string;
  readonly params?: object;
  readonly capabilities?: object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** As a client of 2026-07-28 sends it. */
async function ask({ method, params = {}, capabilities = {}, headers = {}, signal }: Asked) {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const named = { ...params } as { name?: string; taskId?: string };
  const name = named.name ?? named.taskId;
  const response = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name === undefined ? {} : { "mcp-name": name }),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const last = text.startsWith("event:")
    ? text
        .split("\n")
        .findLast((line) => line.startsWith("data: "))
        ?.slice(6)
    : text;
  return { response, body: last === "" || last === undefined ? undefined : Rpc.parse(JSON.parse(last)) };
}
const bearer = async (name: string) => ({ authorization: `Bearer ${await devToken(edge(), name)}` });
const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${url}/mcp`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });

/** With a `Host` of its own, which `fetch` does not send. */
function statusWith(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const asked = request(
      `${url}/mcp`,
      { method: "POST", headers: { "content-type": "application/json", ...headers } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

describe("the address", () => {
  it.each(["GET", "DELETE", "PUT"])("takes no %s", async (method) => {
    const response = await fetch(`${url}/mcp`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });

  it.each([
    ["a foreign page", { origin: "https://evil.example" }, 403],
    ["a page without an origin", { origin: "null" }, 403],
    ["a name that was made to lead here", { host: "evil.example", origin: "http://evil.example" }, 403],
    ["a page of this machine", { origin: "http://localhost:3000" }, 406],
  ])("answers %s with %o: %i", async (_who, headers, status) => {
    expect(await statusWith(headers)).toBe(status);
  });

  it.each([
    ["no JSON", "{", 400, -32_700],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), 400, -32_700],
    ["a list", "[]", 400, -32_600],
    ["a number", "7", 400, -32_600],
    ["no request", "{}", 400, -32_600],
    ["of an odd id", '{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32_600],
    ["of a long id", `{"jsonrpc":"2.0","id":"${"x".repeat(600)}","method":"ping"}`, 400, -32_600],
    ["of odd parameters", '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}', 400, -32_600],
    ["too much", `{"x":"${"y".repeat(100_000)}"}`, 413, -32_603],
  ])("answers a body that is %s", async (_what, body, status, code) => {
    const response = await post(body, { accept: "application/json, text/event-stream" });
    expect(response.status).toBe(status);
    const { error } = Rpc.parse(await response.json());
    expect(error?.code).toBe(code);
    expect(error?.message).not.toMatch(/\n +at |node:|\/src\//);
  });

  it("says who makes tokens to who has none that is good", async () => {
    const { response } = await ask({ method: "tools/list", headers: { authorization: "Bearer nonsense" } });
    expect(response.status).toBe(401);
    const address = `${url}/.well-known/oauth-protected-resource/mcp`;
    expect(response.headers.get("www-authenticate")).toBe(
      `Bearer error="invalid_token", resource_metadata="${address}"`,
    );
    for (const one of [address, `${url}/.well-known/oauth-protected-resource`])
      expect(await (await fetch(one)).json()).toEqual({
        resource: `${url}/mcp`,
        authorization_servers: ["https://login.example.org"],
        bearer_methods_supported: ["header"],
        resource_name: "Parley",
      });
  });
});

describe("a request", () => {
  it("is told what there is", async () => {
    const { body } = await ask({ method: "server/discover" });
    expect(body?.result).toMatchObject({
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {}, extensions: { "io.modelcontextprotocol/tasks": {} } },
    });
    await expect
      .poll(async () => JSON.stringify((await ask({ method: "tools/list" })).body?.result), { timeout: 20_000 })
      .toContain('"general"');
    expect((await ask({ method: "tools/list" })).body?.result).toMatchObject({ ttlMs: 10_000, cacheScope: "private" });
  });

  it("for an unknown tool is an error, and with bad arguments a sentence for the model", async () => {
    const unknown = await ask({ method: "tools/call", params: { name: "approve", arguments: {} } });
    expect(unknown.body?.error).toMatchObject({ code: -32_602, message: "There is no tool approve." });
    const bad = await ask({ method: "tools/call", params: { name: "general", arguments: { message: 7 } } });
    expect(bad.body?.result).toMatchObject({ isError: true, structuredContent: { error: { code: "INVALID_FRAME" } } });
  });
});

const tasks = { extensions: { "io.modelcontextprotocol/tasks": {} } };

it("may be nested as deep as it likes", async () => {
  const deep = `${"[".repeat(25_000)}${"]".repeat(25_000)}`;
  const response = await post(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"general","arguments":{"message":7,"x":${deep}}}}`,
    { accept: "application/json, text/event-stream" },
  );
  expect(await response.text()).toMatch(/error/);
  expect((await ask({ method: "tools/list" })).response.status).toBe(200);
});

it("is asked as docs/mcp-server.md says, without a client", async () => {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/mcp-server.md"), "utf8");
  const command = /```sh\n(curl [\s\S]*?)```/.exec(page)?.[1]?.replaceAll("http://127.0.0.1:8000", url) ?? "";
  const { stdout } = await promisify(execFile)("bash", ["-c", command]);
  expect(stdout).toMatch(/^event: message\ndata: .*"status":"complete"/);
});

describe("tasks", () => {
  it.each(["tasks/get", "tasks/update", "tasks/cancel"])("%s needs a client that knows them", async (method) => {
    const { body } = await ask({ method, params: { taskId: "c_1.t1", inputResponses: {} } });
    expect(body?.error).toMatchObject({ code: -32_021 });
  });

  it.each(["nonsense", "c_nobody.t1"])("%s is unknown", async (taskId) => {
    const { body } = await ask({ method: "tasks/get", params: { taskId }, capabilities: tasks });
    expect(body?.error).toMatchObject({ code: -32_602, message: "There is no such task." });
  });

  it("whose header names another one is refused", async () => {
    const { response, body } = await ask({
      method: "tasks/get",
      params: { taskId: "c_1.t1" },
      capabilities: tasks,
      headers: { "mcp-name": "c_2.t1" },
    });
    expect([response.status, body?.error?.code]).toEqual([400, -32_020]);
  });

  it("of somebody else are unknown, and cannot be stopped", async () => {
    const params = { name: "general", arguments: { message: "Count.\n/sim tokens=400 rate=40" } };
    const { body } = await ask({ method: "tools/call", params, capabilities: tasks, headers: await bearer("anna") });
    const taskId = String(body?.result?.["taskId"]);
    expect(body?.result).toMatchObject({ resultType: "task", status: "working" });
    for (const method of ["tasks/get", "tasks/cancel"]) {
      const foreign = await ask({ method, params: { taskId }, capabilities: tasks, headers: await bearer("berta") });
      expect(foreign.body?.error).toMatchObject({ code: -32_602 });
    }
    const own = { capabilities: tasks, headers: await bearer("anna") };
    expect((await ask({ method: "tasks/get", params: { taskId }, ...own })).body?.result).toMatchObject({
      status: "working",
    });
    expect((await ask({ method: "tasks/cancel", params: { taskId }, ...own })).body?.error).toBeUndefined();
    await expect
      .poll(async () => (await ask({ method: "tasks/get", params: { taskId }, ...own })).body?.result?.["status"])
      .toBe("cancelled");
    expect((await ask({ method: "tasks/cancel", params: { taskId }, ...own })).body?.error).toBeUndefined();
  });
});

describe("a question to the client's user", () => {
  const call = { name: "general", arguments: { message: "change the counter to 42" } };
  const capabilities = { elicitation: {} };

  async function asked(name: string) {
    const { body } = await ask({ method: "tools/call", params: call, capabilities, headers: await bearer(name) });
    const { requestState, inputRequests } = z
      .object({ requestState: z.string(), inputRequests: z.record(z.string(), z.unknown()) })
      .parse(body?.result);
    const [callId = ""] = Object.keys(inputRequests);
    const agreed = { [callId]: { action: "accept", content: { approve: true } } };
    const back = async (params: object, who = name) =>
      (
        await ask({
          method: "tools/call",
          params: { ...call, requestState, inputResponses: agreed, ...params },
          capabilities,
          headers: await bearer(who),
        })
      ).body;
    return { requestState, callId, back };
  }

  it("is good for its user, its request and unchanged only", async () => {
    const { requestState, back } = await asked("carla");
    const refused = { error: { code: -32_602, message: "Invalid or expired requestState" } };
    expect(await back({}, "berta")).toMatchObject(refused);
    expect(await back({ arguments: { message: "change the counter to 43" } })).toMatchObject(refused);
    expect(await back({ requestState: `${requestState.slice(0, -2)}AA` })).toMatchObject(refused);
    expect(await back({ requestState: "v1.e30.AA" })).toMatchObject(refused);
  });

  it("is asked again where the answer is missing, and closed where it was closed", async () => {
    const { callId, back } = await asked("dora");
    expect(await back({ inputResponses: {} })).toMatchObject({
      result: { resultType: "input_required", inputRequests: { [callId]: {} } },
    });
    expect(await back({ inputResponses: { [callId]: { action: "cancel" } } })).toMatchObject({
      result: { structuredContent: { status: "waiting" } },
    });
  });

  it("is decided once, whoever comes back how often", async () => {
    const { callId, back } = await asked("emma");
    const denied = { [callId]: { action: "decline" } };
    const done = { result: { structuredContent: { status: "complete", tool_calls: [{ status: "denied" }] } } };
    expect(await back({ inputResponses: denied })).toMatchObject(done);
    expect(await back({})).toMatchObject(done);
  });
});

describe("a connection that ends", () => {
  it("stops the turn, whether its client has heard of it or not", async () => {
    const headers = await bearer("fritz");
    const leaving = new AbortController();
    const params = { name: "general", arguments: { message: "Count.\n/sim tokens=2000 rate=20" } };
    const call = ask({ method: "tools/call", params, headers, signal: leaving.signal }).catch(() => undefined);
    const Page = z.object({
      conversations: z.array(z.object({ conversation_id: z.string(), status: z.string().optional() })),
    });
    const page = async () =>
      Page.parse(await (await fetch(`${url}/api/v1/conversations`, { headers })).json()).conversations;
    await expect.poll(async () => (await page()).at(0)?.status, { timeout: 10_000 }).toBe("running");
    leaving.abort();
    await call;
    await expect.poll(async () => (await page()).at(0)?.status, { timeout: 10_000 }).toBeUndefined();
  });

  it("or a client that reads slowly gets all of it all the same", async () => {
    const message = "Count.\n/sim tokens=30000 rate=0";
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "general", arguments: { message } },
    });
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(await bearer("gerd")),
    };
    const text = await new Promise<string>((resolve, reject) => {
      const asked = request(`${url}/mcp`, { method: "POST", headers }, (response) => {
        let read = "";
        // A few KB at a time, with a pause behind each.
        response.on("data", (chunk: Buffer) => {
          read += chunk.toString();
          response.pause();
          setTimeout(() => response.resume(), 20);
        });
        response.on("end", () => resolve(read));
        response.on("error", reject);
      });
      asked.on("error", reject);
      asked.end(body);
    });
    const line = text.split("\n").findLast((one) => one.startsWith("data: ")) ?? "";
    const { result } = Rpc.parse(JSON.parse(line.slice("data: ".length)));
    const [answer] = z.array(z.object({ text: z.string() })).parse(result?.["content"]);
    expect(answer?.text.length).toBeGreaterThan(150_000);
  });
});
