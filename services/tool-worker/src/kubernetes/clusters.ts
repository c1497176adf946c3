import { KubeConfig } from "@kubernetes/client-node";
import { StartError, type Logger, type Registry } from "@parley/runtime";
import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { createClusterFigures } from "./cluster-metrics.ts";
import { createCluster, type Cluster } from "./cluster.ts";
import { readKubeconfig, type Access } from "./kubeconfig.ts";
import type { NamespaceRule } from "./namespace-rule.ts";

/** The clusters that the tools may choose from; never none. */
export interface Clusters {
  readonly all: readonly Cluster[];
  /** By the name of its context; the first one if none is named. Throws a ToolError for one that is not there. */
  of(context: string | undefined): Cluster;
}

export interface ClustersOptions {
  /** Paths as kubectl takes them, separated as in PATH. */
  readonly kubeconfig: string | undefined;
  readonly inCluster: boolean;
  /** Names of contexts; the current one if there are none. */
  readonly contexts?: readonly string[] | undefined;
  /** For whoever changes something: a kubeconfig of its own, or contexts of the same one, in the order of `contexts`. */
  readonly operatorKubeconfig?: string | undefined;
  readonly operatorContexts?: readonly string[] | undefined;
  readonly impersonate?: boolean;
  /** Of the only one. */
  readonly label: string | undefined;
  readonly namespaces: NamespaceRule;
  /** Requests at a time to each. */
  readonly maxRequests?: number;
  /** For a program that logs in. */
  readonly env: NodeJS.ProcessEnv;
  readonly registry?: Registry | undefined;
  readonly log?: Pick<Logger, "warn">;
}

const defaultRequests = 16;

/** Reads the access to the clusters; undefined when there is none. Nothing is asked of them yet. Throws StartError for what cannot be. */
export function openClusters(options: ClustersOptions): Clusters | undefined {
  const { kubeconfig, inCluster, contexts = [undefined], registry } = options;
  if (kubeconfig === undefined && !inCluster) return undefined;
  const figures = registry && createClusterFigures(registry);
  const opened = contexts.map((context, index) => {
    const reader = readerOf(options, context);
    const operator = operatorOf(options, context, index);
    const name = reader.config.getCurrentContext();
    warnOfAnother(options, name, reader, operator);
    const own = `cluster ${contexts.length > 1 ? name : (reader.config.getCurrentCluster()?.name ?? "")}`;
    const label = contexts.length > 1 ? own : (options.label ?? own);
    const { namespaces, impersonate = false, maxRequests = defaultRequests, log } = options;
    const metrics = figures && { metrics: figures.of(name) };
    return createCluster({ name, label, namespaces, reader, operator, impersonate, maxRequests, ...metrics, log });
  });
  figures?.watch(opened.map(({ watched }) => watched));
  const all = opened.map(({ cluster }) => cluster);
  return { all, of: (context) => clusterNamed(all, context) };
}

type ContextField = z.ZodOptional<z.ZodEnum<Record<string, string>>>;

/** To be spread into a tool's input: which cluster, if there are several. With one the model is offered no such field, and `context` is undefined. */
export function contextField(clusters: Clusters): { context: ContextField };
export function contextField({ all }: Clusters): { context?: ContextField } {
  const [first] = all;
  if (first === undefined || all.length === 1) return {};
  const names = z.enum(all.map(({ name }) => name));
  return { context: names.optional().describe(`Which cluster. Left out: ${first.name}.`) };
}

function clusterNamed(all: readonly Cluster[], context: string | undefined): Cluster {
  const found = context === undefined ? all[0] : all.find(({ name }) => name === context);
  if (found !== undefined) return found;
  throw new ToolError(`There is no such cluster; there are ${all.map(({ name }) => name).join(", ")}.`);
}

function readerOf({ kubeconfig, inCluster, env }: ClustersOptions, context: string | undefined): Access {
  const access = kubeconfig === undefined ? undefined : readKubeconfig(kubeconfig, env, context);
  if (access !== undefined) return access;
  // As kubectl in a pod: without any of the files it uses the pod's own cluster.
  if (inCluster && context === undefined) return fromPod();
  throw new StartError(`The kubeconfig ${kubeconfig ?? ""} cannot be read; set KUBECONFIG to one that can.`);
}

function fromPod(): Access {
  const config = new KubeConfig();
  config.loadFromCluster();
  return { config };
}

function operatorOf(options: ClustersOptions, context: string | undefined, index: number): Access | undefined {
  const { operatorKubeconfig, operatorContexts, contexts, env } = options;
  if (operatorKubeconfig === undefined && operatorContexts === undefined) return undefined;
  if (operatorContexts !== undefined && operatorContexts.length !== (contexts ?? [undefined]).length)
    throw new StartError("KUBE_OPERATOR_CONTEXT must name one context for each of KUBE_CONTEXTS, in their order.");
  const paths = operatorKubeconfig ?? options.kubeconfig ?? "";
  const access = readKubeconfig(paths, env, operatorContexts?.[index] ?? context);
  if (access !== undefined) return access;
  throw new StartError(`The kubeconfig ${paths} cannot be read; set KUBE_OPERATOR_KUBECONFIG to one that can.`);
}

/** How a pod names the server of its own cluster, which its service account knows by an address. */
const ownServer = "https://kubernetes.default.svc";

/** Not refused: one server may have several addresses. */
function warnOfAnother(
  { log, inCluster }: ClustersOptions,
  context: string,
  reader: Access,
  operator: Access | undefined,
): void {
  const [reads, changes] = [reader, operator].map((access) => access?.config.getCurrentCluster()?.server);
  if (changes === undefined || changes === reads || (inCluster && changes === ownServer)) return;
  log?.warn({ context, reads, changes }, "what changes a cluster asks another server than what reads it");
}
