import path from "node:path";
import { startSystem, startTcpProxy, tempDir, type Service, type System, type TcpProxy } from "@parley/testkit";
import { devToken } from "../e2e/person.ts";

/** All of Parley with two edges and two agent workers, as the clients of other protocols meet it. */
export interface ConformanceWorld {
  readonly system: System;
  readonly edges: readonly [Service, Service];
  /** The first edge. */
  readonly url: string;
  /** Leads to both edges in turn; its connections can be broken without touching either end. */
  readonly proxy: TcpProxy;
  readonly proxyUrl: string;
  token(name?: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `env`: more environment for the edges, agent workers and tool workers. */
export async function startConformanceWorld(
  env: { readonly edge?: Record<string, string>; readonly "agent-worker"?: Record<string, string> } = {},
): Promise<ConformanceWorld> {
  const folder = await tempDir();
  const demo = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: path.join(folder.path, "counter"), APPROVAL_TTL_MS: "120000" };
  const system = await startSystem({
    edges: 2,
    agentWorkers: 2,
    env: {
      edge: { ...env.edge },
      "agent-worker": { OPENAI_MODEL: "parley-simulated-fast", ...env["agent-worker"] },
      "tool-worker": { ...demo, LOCK_MS: "1000", STALLED_CHECK_MS: "200" },
    },
  });
  const [first, second] = system.edges;
  if (first === undefined || second === undefined) throw new Error("There are no two edges.");
  const proxy = await startTcpProxy({ targets: [first.port, second.port] });
  return {
    system,
    edges: [first, second],
    url: `http://127.0.0.1:${first.port}`,
    proxy,
    proxyUrl: `http://127.0.0.1:${proxy.port}`,
    token: (name = "anna") => devToken(first, name),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/**
 * What to ask the simulated model for each row of the table. `numbered(n)` is answered with `w0 w1 …`, in which a loss or a repeat is plain to see; the
 * answers of tools are Parley's simulated cluster and the demo tool's.
 */
export const asks = {
  numbered: (words: number, rate = 0): string => `Count, please.\n/sim tokens=${words} rate=${rate}`,
  reasoning: "Think about it.\n/sim think=12 tokens=8",
  tool: "list all pods",
  parallelTools: 'call the tool k8s_list_pods with {} call the tool k8s_list_pods with {"namespace":"default"}',
  /** A demo tool that changes something: a person has to agree. */
  approval: "change the counter to 42",
  error: "Fail, please.\n/sim status=400",
} as const;

/** The answer to `asks.numbered`. */
export function numberedWords(words: number): string {
  return Array.from({ length: words }, (_, index) => `w${index}`).join(" ");
}
