import { createAnalyzeTools } from "../../src/kubernetes/analyze/analyze-tools.ts";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { createKubernetesTools } from "../../src/kubernetes/kubernetes-tools.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";
import type { ToolOutput } from "../../src/tools/tool.ts";

/** Calls a Kubernetes tool; rejects with its sentence when it fails. */
export type CallTool = (name: string, args?: Record<string, unknown>, signal?: AbortSignal) => Promise<ToolOutput>;

export interface ToolsOptions {
  readonly only?: readonly string[];
  /** Default: the current one. */
  readonly contexts?: readonly string[];
  readonly operatorContexts?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the fields of each warning. */
  readonly onWarning?: (fields: object) => void;
}

export function openTools(kubeconfig: string, options: ToolsOptions = {}): CallTool {
  const { only, contexts, operatorContexts, env = {}, onWarning = () => {} } = options;
  const clusters = openClusters({
    ...{ kubeconfig, inCluster: false, label: "simulated cluster", contexts, operatorContexts, env },
    namespaces: createNamespaceRule(only),
    log: { warn: onWarning },
  });
  if (clusters === undefined) throw new Error("there is no cluster");
  const registry = createToolRegistry([...createKubernetesTools(clusters), ...createAnalyzeTools(clusters)]);
  return async (name, args = {}, signal = AbortSignal.timeout(10_000)) => {
    const prepared = registry.find(name)?.prepare(args);
    if (prepared === undefined) throw new Error(`there is no tool ${name}`);
    if ("problem" in prepared) throw new Error(prepared.problem);
    return prepared.run({ callId: "t-0-0", user: { id: "u" }, signal, progress: () => {} });
  };
}
