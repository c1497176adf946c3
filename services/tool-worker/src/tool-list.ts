import type { Environment, Logger, Registry } from "@parley/runtime";
import type { Config } from "./config.ts";
import type { Clusters } from "./kubernetes/clusters.ts";
import { createNamespaceRule } from "./kubernetes/namespace-rule.ts";
import { createDemoTools } from "./tools/demo/demo-tools.ts";
import { createDiagnosisTools } from "./tools/diagnosis/diagnosis-tools.ts";
import { loadTrees } from "./tools/diagnosis/load-trees.ts";
import type { Tool } from "./tools/tool.ts";

export interface ToolListDeps {
  readonly config: Config;
  readonly env: Environment;
  readonly log: Logger;
  /** For the figures of what tools ask; absent: there are none. */
  readonly registry?: Registry;
}

/**
 * The explicit list of what a worker of these settings can do. Nothing is asked of the cluster yet. Throws a StartError when the access to it
 * cannot be read; `npm run config -- check` calls it for that.
 */
export async function toolsOf(deps: ToolListDeps): Promise<Tool[]> {
  return [
    ...(await kubernetesToolsOf(deps)),
    ...createDiagnosisTools(await loadTrees(deps.config.DIAGNOSIS_DIR)),
    ...(deps.config.DEMO_TOOLS ? createDemoTools({ counterFile: deps.config.DEMO_COUNTER_FILE }) : []),
  ];
}

async function kubernetesToolsOf({ config, env, log, registry }: ToolListDeps): Promise<Tool[]> {
  const inCluster = config.KUBERNETES_SERVICE_HOST !== undefined;
  if (config.KUBECONFIG === undefined && !inCluster) {
    log.info("there are no Kubernetes tools: set KUBECONFIG to offer them");
    return [];
  }
  // Only now: its client has 2,700 modules, half of the time in which a worker without a cluster starts.
  const { openClusters } = await import("./kubernetes/clusters.ts");
  const { createKubernetesTools } = await import("./kubernetes/kubernetes-tools.ts");
  const { createAnalyzeTools } = await import("./kubernetes/analyze/analyze-tools.ts");
  const clusters = openClusters({
    kubeconfig: config.KUBECONFIG,
    inCluster,
    contexts: config.KUBE_CONTEXTS,
    operatorKubeconfig: config.KUBE_OPERATOR_KUBECONFIG,
    operatorContexts: config.KUBE_OPERATOR_CONTEXT,
    impersonate: config.KUBE_IMPERSONATE === "user",
    label: config.KUBE_LABEL,
    namespaces: createNamespaceRule(config.KUBE_NAMESPACES),
    maxRequests: config.KUBE_REQUESTS,
    ...{ env, log, registry },
  });
  if (clusters === undefined) return [];
  return [
    ...createKubernetesTools(clusters),
    ...createAnalyzeTools(clusters),
    ...(await changingToolsOf(config, clusters)),
  ];
}

/** Without an identity that may change anything there are none, and none of them has to be loaded. */
async function changingToolsOf(config: Config, clusters: Clusters): Promise<Tool[]> {
  const { generateTools } = await import("./kubernetes/generate/generate-manifest.ts");
  if (!clusters.all.some(({ isWritable }) => isWritable)) return generateTools();
  const { createWriteTools } = await import("./kubernetes/write/write-tools.ts");
  const podRules = { registries: config.KUBE_IMAGE_REGISTRIES };
  return [...generateTools(), ...createWriteTools({ clusters, podRules, commands: config.KUBE_EXEC_COMMANDS ?? [] })];
}
