import { randomUUID } from "node:crypto";
import path from "node:path";
import { eventually, startService, tempDir } from "@parley/testkit";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { generateTools } from "../../src/kubernetes/generate/generate-manifest.ts";
import type { KubeApi } from "../../src/kubernetes/kube-api.ts";
import { createKubernetesTools } from "../../src/kubernetes/kubernetes-tools.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { createWriteTools } from "../../src/kubernetes/write/write-tools.ts";
import type { Access } from "../../src/tools/access.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";
import type { PreparedCall, Preview, ToolContext, ToolOutput } from "../../src/tools/tool.ts";

export interface ChangingOptions {
  readonly only?: readonly string[];
  readonly registries?: readonly string[];
  readonly commands?: readonly (readonly string[])[];
  /** Of whoever reads and of whoever changes. */
  readonly contexts?: readonly [reader: string, operator: string];
}

/** One call as the executor makes it: shown first, then run. Each part rejects with the sentence of the tool. */
export interface ChangingCall {
  preview(): Promise<Preview | undefined>;
  access(): Promise<readonly Access[]>;
  run(signal?: AbortSignal): Promise<ToolOutput>;
  readonly summary: string;
  readonly confirm: string | undefined;
  readonly command: string;
}

export type ChangingTools = ReturnType<typeof openChangingTools>;

/** All Kubernetes tools of a kubeconfig with the contexts `reader` and `operator`. */
export function openChangingTools(
  kubeconfig: string,
  { only, registries, commands = [["df", "-h"]], contexts = ["reader", "operator"] }: ChangingOptions = {},
) {
  const clusters = openClusters({
    ...{ kubeconfig, inCluster: false, label: "simulated cluster", env: {} },
    contexts: [contexts[0]],
    operatorContexts: [contexts[1]],
    namespaces: createNamespaceRule(only),
  });
  if (clusters === undefined) throw new Error("there is no cluster");
  const tools = [
    ...createKubernetesTools(clusters),
    ...generateTools(),
    ...createWriteTools({ clusters, podRules: { registries }, commands }),
  ];
  const registry = createToolRegistry(tools);
  const contextOf = (callId: string, signal: AbortSignal): ToolContext => {
    return { callId, user: { id: "u" }, signal, progress: () => {} };
  };
  const patience = (): AbortSignal => AbortSignal.timeout(10_000);
  const operator = (): KubeApi => clusters.of(undefined).operator(contextOf("other", patience()));

  return {
    definitions: registry.definitions,
    call: (name: string, args: Record<string, unknown> = {}): ChangingCall => {
      const prepared = prepare(registry, name, args);
      const callId = randomUUID();
      const context = (signal = patience()): ToolContext => contextOf(callId, signal);
      return {
        preview: async () => prepared.approval?.preview(context()),
        access: async () => (await prepared.access?.(context())) ?? [],
        run: async (signal) => prepared.run(context(signal)),
        summary: prepared.approval?.summary() ?? "",
        confirm: prepared.approval?.confirm(),
        get command() {
          return prepared.command?.() ?? "";
        },
      };
    },
    /** Reads an object by its path, past the tools. */
    read: (at: string): Promise<unknown> =>
      operator().json({ path: at, asked: { what: "object" }, signal: patience() }),
    /** Changes it as somebody else would. */
    patch: (at: string, body: object, manager = "somebody-else"): Promise<unknown> =>
      operator().json({
        ...{ method: "PATCH", path: at, body, contentType: "application/merge-patch+json" },
        query: { fieldManager: manager },
        ...{ asked: { what: "object" }, signal: patience() },
      }),
  };
}

type Runnable = Extract<PreparedCall, { run: unknown }>;

function prepare(
  registry: ReturnType<typeof createToolRegistry>,
  name: string,
  args: Record<string, unknown>,
): Runnable {
  const prepared = registry.find(name)?.prepare(args);
  if (prepared === undefined) throw new Error(`there is no tool ${name}`);
  if ("problem" in prepared) throw new Error(prepared.problem);
  return prepared;
}

/** A simulated cluster of its own, and the tools for it. */
export async function startChangingTools(options: ChangingOptions = {}) {
  const folder = await tempDir();
  const kubeconfig = path.join(folder.path, "kubeconfig");
  const simulator = await startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig });
  // It may answer a moment before the file is there.
  const tools = await eventually(() => openChangingTools(kubeconfig, options), { what: "the kubeconfig" });
  return {
    ...tools,
    kubeconfig,
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
