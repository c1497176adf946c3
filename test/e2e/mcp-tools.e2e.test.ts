import { writeFile } from "node:fs/promises";
import path from "node:path";
import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually, startSystem, tempDir, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const adminToken = "a".repeat(32);
const everybody = {
  actions: ["conversation:*", "session:*", "agent:use", "model:use", "tool:run"],
  ...{ agents: ["*"], models: ["*"], tools: ["k8s_get*", "k8s_list*"] },
};

let folder: TempDir;
let system: System;
let bus: Bus;

beforeAll(async () => {
  folder = await tempDir();
  const [limits, policy] = ["limits.yaml", "policy.yaml"].map((name) => path.join(folder.path, name));
  const few = { new_conversations_per_user: { rate: 2, burst: 2 } };
  await writeFile(limits!, JSON.stringify({ roles: { everybody }, limits: few }));
  const rules = [
    { namespace: "kube-system", verdict: "deny", reason: "That is the platform's." },
    { namespace: "shop", kind: "Pod", verdict: "approve", reason: "The shop is watched." },
  ];
  await writeFile(policy!, JSON.stringify({ rules }));
  system = await startSystem({
    env: {
      edge: { LIMITS_FILE: limits!, ADMIN_TOKEN: adminToken, EXEMPT_ADDRESSES: "none" },
      "agent-worker": { LIMITS_FILE: limits! },
      "tool-worker": { LIMITS_FILE: limits!, TOOL_POLICY_FILE: policy! },
    },
  });
  bus = await openBus({
    servers: system.nats.url,
    name: "test",
    log: createLogger({ service: "test", level: "silent", format: "json" }),
  });
}, 240_000);
afterAll(async () => {
  await bus.close();
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const edge = () => system.edges[0]!;
const Tool = z.looseObject({
  name: z.string(),
  annotations: z.record(z.string(), z.boolean()),
  inputSchema: z.looseObject({}),
});
const Reply = z.object({
  result: z
    .looseObject({
      tools: z.array(Tool).optional(),
      content: z.array(z.object({ type: z.string(), text: z.string() })).optional(),
      isError: z.boolean().optional(),
    })
    .optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** One request of a client, without a client: arguments that no client sends are sent all the same. */
async function rpc(user: string, method: string, params: string): Promise<z.infer<typeof Reply>> {
  const response = await fetch(`http://127.0.0.1:${edge().port}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await devToken(edge(), user)}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`,
  });
  const text = await response.text();
  return Reply.parse(JSON.parse(text.startsWith("{") ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? "{}")));
}

async function call(user: string, name: string, args: object | string = {}) {
  const json = typeof args === "string" ? args : JSON.stringify(args);
  const { result, error } = await rpc(user, "tools/call", `{"name":"${name}","arguments":${json}}`);
  return { text: result?.content?.[0]?.text ?? error?.message ?? "", isError: result?.isError ?? error !== undefined };
}

async function listed(user: string) {
  return (await rpc(user, "tools/list", "{}")).result?.tools ?? [];
}

async function auditOf(user: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`http://127.0.0.1:${edge().adminPort}/admin/audit?user=${user}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  return z.object({ entries: z.array(z.looseObject({})) }).parse(await response.json()).entries;
}

async function modelRequests(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${system.modelSimulator.port}/sim/requests`);
  return z.array(z.unknown()).parse(await response.json()).length;
}

it("lists tools that read and that the roles of whoever asks give, beside the agents", async () => {
  const tools = await eventually(
    async () => {
      const found = await listed("anna");
      return found.some(({ name }) => name === "k8s_list_pods") ? found : undefined;
    },
    { what: "the tools", timeoutMs: 20_000 },
  );
  const cluster = tools.filter(({ name }) => name.startsWith("k8s_"));
  expect(cluster.every(({ name }) => /^k8s_(get|list)/.test(name))).toBe(true);
  expect(cluster.every(({ annotations }) => annotations["readOnlyHint"])).toBe(true);
  expect(cluster.every(({ inputSchema }) => inputSchema["type"] === "object")).toBe(true);
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["general", "parley_answer"]));
});

it("answers with what the tool says, asks no model, leaves an entry in the audit log and no conversation", async () => {
  const { text, isError } = await call("berta", "k8s_list_pods", { namespace: "default" });
  expect({ isError, text }).toMatchObject({ isError: false, text: expect.stringContaining("simulated") });
  expect(await modelRequests()).toBe(0);
  const [entry] = await eventually(
    async () => {
      const entries = await auditOf("berta");
      return entries.length > 0 ? entries : undefined;
    },
    { what: "an entry" },
  );
  expect(entry).toMatchObject({ kind: "ended", tool: "k8s_list_pods", verdict: "allow", status: "completed" });
  const conversation = String(entry?.["conversation_id"]);
  await eventually(async () => (await bus.transcripts.tail(conversation, { limit: 1 })).turns.length === 0, {
    what: "a conversation that is deleted",
  });
  expect(await auditOf("berta")).toHaveLength(1);
  expect(await conversationsOf("berta")).toEqual([]);
});

async function conversationsOf(user: string): Promise<unknown[]> {
  const response = await fetch(`http://127.0.0.1:${edge().port}/api/v1/conversations`, {
    headers: { authorization: `Bearer ${await devToken(edge(), user)}` },
  });
  return z.object({ conversations: z.array(z.unknown()) }).parse(await response.json()).conversations;
}

it("says what the policy says: a denial, and a question that only an agent can ask", async () => {
  const denied = await call("cora", "k8s_list_pods", { namespace: "kube-system" });
  expect(denied).toMatchObject({ isError: true, text: expect.stringContaining("That is the platform's.") });
  const asked = await call("cora", "k8s_list_pods", { namespace: "shop" });
  expect(asked.isError).toBe(true);
  expect(asked.text).toMatch(/^Not run: a person has to agree to this call \(The shop is watched\.\)/);
  await eventually(async () => (await auditOf("cora")).length >= 2, { what: "both entries" });
  expect((await auditOf("cora")).map(({ kind }) => String(kind)).toSorted((a, b) => a.localeCompare(b))).toEqual([
    "asked",
    "refused",
  ]);
});

it.each([
  ["a tool that the roles do not give", "k8s_describe_pod"],
  ["a tool that changes something", "k8s_scale_deployment"],
  ["a tool that there is not", "k8s_none"],
])("knows nothing of %s", async (_what, name) => {
  expect(await call("dora", name)).toEqual({ isError: true, text: `There is no tool ${name}.` });
});

it.each<[string, object | string]>([
  ["a name that leads out of its place", { namespace: "../../secrets" }],
  ["a field that no tool has", { namespace: "default", force: true }],
  ["a value of another type", { namespace: { $ne: "default" } }],
  ["nesting", `${'{"a":'.repeat(200)}{}${"}".repeat(200)}`],
  ["length", { namespace: "n".repeat(100_000) }],
  ["half of a character", '{"namespace":"\\ud800"}'],
  ["a name of JavaScript's own", '{"__proto__":{"namespace":"kube-system"},"constructor":"x","namespace":"\\u0000"}'],
])("takes hostile arguments as a mistake: %s", async (_what, args) => {
  const { text, isError } = await call("emil", "k8s_list_pods", args);
  expect(isError).toBe(true);
  expect(text).toMatch(/^[A-Z].*\.?$/);
  expect(text).not.toMatch(/at \w+ \(|node_modules|\/src\//);
});

it("spends messages and no conversations: whoever called many tools begins to chat all the same", async () => {
  for (let nth = 0; nth < 5; nth++)
    expect((await call("fritz", "k8s_list_pods", { namespace: "default" })).isError).toBe(false);
  using fritz = await person(edge(), "fritz");
  const chat = fritz.conversation();
  const { turn_id } = await chat.send("hello");
  expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete" });
});
