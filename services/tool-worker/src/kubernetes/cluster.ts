import {
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  Observable,
  type ConfigurationOptions,
  type ObservableMiddleware,
  type RequestContext,
  type ResponseContext,
} from "@kubernetes/client-node";
import { delimiter } from "node:path";
import { StartError } from "@parley/runtime";
import type { NamespaceRule } from "./namespace-rule.ts";

export type RequestOptions = ConfigurationOptions<ObservableMiddleware>;

/** One cluster, as the tools see it. */
export interface Cluster {
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  /** What people call it; stands in every result. */
  readonly label: string;
  /** Where to look when no namespace is given. */
  readonly defaultNamespace: string;
  readonly namespaces: NamespaceRule;
}

export interface ClusterOptions {
  /** Paths as kubectl takes them, separated as in PATH. */
  readonly kubeconfig: string | undefined;
  readonly inCluster: boolean;
  readonly label: string | undefined;
  readonly namespaces: NamespaceRule;
}

/** Reads the access to the cluster; undefined when there is none. Nothing is asked of the cluster yet. */
export function openCluster({ kubeconfig, inCluster, label, namespaces }: ClusterOptions): Cluster | undefined {
  if (kubeconfig === undefined && !inCluster) return undefined;
  const config = kubeconfig === undefined ? fromPod() : fromFiles(kubeconfig);
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new StartError("KUBECONFIG names no cluster for its current context.");
  return {
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    batch: config.makeApiClient(BatchV1Api),
    label: label ?? `cluster ${cluster.name}`,
    defaultNamespace: namespaces.only?.[0] ?? context?.namespace ?? "default",
    namespaces,
  };
}

function fromPod(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
}

function fromFiles(paths: string): KubeConfig {
  const config = new KubeConfig();
  for (const [index, path] of paths.split(delimiter).filter(Boolean).entries()) {
    try {
      if (index === 0) config.loadFromFile(path);
      else config.mergeConfig(readConfigFile(path));
    } catch (cause) {
      throw new StartError(`The kubeconfig ${path} cannot be read; set KUBECONFIG to one that can.`, { cause });
    }
  }
  return config;
}

function readConfigFile(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

/** The client library knows neither time-outs nor signals of its own: a request without this hangs as long as the server does. */
export function abortableBy(signal: AbortSignal): RequestOptions {
  const middleware: ObservableMiddleware = {
    pre(context: RequestContext) {
      context.setSignal(signal);
      return new Observable(Promise.resolve(context));
    },
    post: (context: ResponseContext) => new Observable(Promise.resolve(context)),
  };
  return { middleware: [middleware], middlewareMergeStrategy: "append" };
}
