import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "./simulator.ts";

/** A Go program that shares nothing with us but the API. The registry has it for some systems only; it is an optional package. */
const name = "kubernetes-mcp-server-linux-amd64";
const program = fileURLToPath(new URL(`../../../node_modules/${name}/bin/${name}`, import.meta.url));

type Answer = { id: number; result?: { isError?: boolean; content?: { text: string }[] } };

/** The server on its standard streams, with a kubeconfig whose current context is the operator's. */
async function startServer() {
  const simulator = await startSimulator();
  const home = await mkdtemp(join(tmpdir(), "parley-mcp-"));
  const kubeconfig = join(home, "config");
  const config = JSON.parse(simulator.kubeconfig) as Record<string, unknown>;
  await writeFile(kubeconfig, JSON.stringify({ ...config, "current-context": "operator" }), { mode: 0o600 });
  const env = { HOME: home, PATH: "/usr/bin:/bin" };
  const child = spawn(program, ["--kubeconfig", kubeconfig, "--list-output", "table"], { env, stdio: "pipe" });
  const waiting = new Map<number, (answer: Answer) => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
  });
  let id = 0;

  const tell = (message: object): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  function ask(method: string, params: object): Promise<Answer> {
    id += 1;
    const own = id;
    tell({ id: own, method, params });
    return new Promise((resolve) => waiting.set(own, resolve));
  }

  await ask("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  });
  tell({ method: "notifications/initialized" });
  return {
    simulator,
    async call(name: string, args: object): Promise<{ isError: boolean; text: string }> {
      const { result } = await ask("tools/call", { name, arguments: args });
      const text = (result?.content ?? []).map((part) => part.text).join("\n");
      return { isError: result?.isError === true, text };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await simulator[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}

describe.skipIf(!existsSync(program))("kubernetes-mcp-server (skipped where npm has it not for the system)", () => {
  let server: Awaited<ReturnType<typeof startServer>>;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server[Symbol.asyncDispose]());

  test.each([
    ["namespaces_list", {}, /shop/],
    ["pods_list_in_namespace", { namespace: "shop" }, /checkout-\S+ +0\/1 +CrashLoopBackOff/],
    ["resources_list", { apiVersion: "simulated.parley.dev/v1", kind: "Widget", namespace: "shop" }, /sprocket/],
    ["resources_get", { apiVersion: "apps/v1", kind: "Deployment", name: "cart", namespace: "shop" }, /replicas: 1/],
    ["events_list", { namespace: "shop" }, /FailedScheduling/],
    ["pods_top", { namespace: "shop" }, /storefront-/],
    ["nodes_top", {}, /simulated-node-1/],
  ])("%s %j works", async (name, args, expected) => {
    expect(await server.call(name, args)).toEqual({ isError: false, text: expect.stringMatching(expected) });
  });

  test("makes, scales and deletes what it is told to", async () => {
    const place = { apiVersion: "apps/v1", kind: "Deployment", name: "made", namespace: "shop" };
    const resource = JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "made", namespace: "shop" },
      spec: {
        selector: { matchLabels: { app: "made" } },
        template: { metadata: { labels: { app: "made" } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
      },
    });
    expect(await server.call("resources_create_or_update", { resource })).toMatchObject({ isError: false });
    expect(await server.call("resources_scale", { ...place, scale: 3 })).toMatchObject({ isError: false });
    const scaled = await server.simulator.call("/apis/apps/v1/namespaces/shop/deployments/made");
    expect(scaled.json()).toMatchObject({ spec: { replicas: 3 } });
    expect(await server.call("resources_delete", place)).toMatchObject({ isError: false });
    expect(await server.simulator.call("/apis/apps/v1/namespaces/shop/deployments/made")).toMatchObject({
      status: 404,
    });
  });

  test("runs a program in a pod and reads a log", async () => {
    const { text } = await server.call("pods_list_in_namespace", {
      namespace: "shop",
      labelSelector: "app=storefront",
    });
    const name = /storefront-\S+/.exec(text)?.[0] ?? "";
    const run = await server.call("pods_exec", { namespace: "shop", name, command: ["echo", "a b"] });
    expect(run).toEqual({ isError: false, text: expect.stringContaining("a b") });
    const log = await server.call("pods_log", { namespace: "shop", name, tail: 2 });
    expect(log.text).toContain("method=GET");
  });

  test("hears a refusal as it is", async () => {
    const { isError, text } = await server.call("resources_delete", {
      apiVersion: "v1",
      kind: "Node",
      name: "simulated-node-1",
    });
    expect({ isError, text }).toEqual({ isError: true, text: expect.stringContaining("cannot delete resource") });
  });
});
