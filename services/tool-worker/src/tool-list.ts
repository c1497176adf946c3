import type { Environment, Logger } from "@parley/runtime";
import type { Config } from "./config.ts";
import { createNamespaceRule } from "./kubernetes/namespace-rule.ts";
import { createDemoTools } from "./tools/demo/demo-tools.ts";
import type { Tool } from "./tools/tool.ts";

/**
 * The explicit list of what a worker of these settings can do. Nothing is asked of the cluster yet. Throws a StartError when the access to it
 * cannot be read; `npm run config -- check` calls it for that.
 */
export async function toolsOf(config: Config, env: Environment, log: Logger): Promise<Tool[]> {
  return [
    ...(await kubernetesToolsOf(config, env, log)),
    ...(config.DEMO_TOOLS ? createDemoTools({ counterFile: config.DEMO_COUNTER_FILE }) : []),
  ];
}

async function kubernetesToolsOf(config: Config, env: Environment, log: Logger): Promise<Tool[]> {
  const inCluster = config.KUBERNETES_SERVICE_HOST !== undefined;
  if (config.KUBECONFIG === undefined && !inCluster) {
    log.info("there are no Kubernetes tools: set KUBECONFIG to offer them");
    return [];
  }
  // Only now: its client has 2,700 modules, half of the time in which a worker without a cluster starts.
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { createKubernetesTools } = await import("./kubernetes/kubernetes-tools.ts");
  const cluster = openCluster({
    kubeconfig: config.KUBECONFIG,
    inCluster,
    label: config.KUBE_LABEL,
    namespaces: createNamespaceRule(config.KUBE_NAMESPACES),
    ...{ env, log },
  });
  return cluster === undefined ? [] : createKubernetesTools(cluster);
}
