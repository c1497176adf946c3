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
import { StartError, type Logger } from "@parley/runtime";
import { AccessError, reasonOf } from "./access-failure.ts";
import { accessProblem, readKubeconfig, type Access } from "./kubeconfig.ts";
import type { NamespaceRule } from "./namespace-rule.ts";

export type RequestOptions = ConfigurationOptions<ObservableMiddleware>;

/** One cluster, as the tools see it. */
export interface Cluster {
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly access: Access;
  /** What people call it; stands in every result. */
  readonly label: string;
  /** Where to look when no namespace is given. */
  readonly defaultNamespace: string;
  readonly namespaces: NamespaceRule;
  /** Tells the operator why it could not be asked; `says` is what everybody else is told. */
  report(error: unknown, says: string): void;
}

export interface ClusterOptions {
  /** Paths as kubectl takes them, separated as in PATH. */
  readonly kubeconfig: string | undefined;
  readonly inCluster: boolean;
  readonly label: string | undefined;
  readonly namespaces: NamespaceRule;
  /** For a program that logs in. */
  readonly env: NodeJS.ProcessEnv;
  readonly log?: Pick<Logger, "warn">;
}

/** Reads the access to the cluster; undefined when there is none. Nothing is asked of the cluster yet. */
export function openCluster(options: ClusterOptions): Cluster | undefined {
  const { kubeconfig, inCluster, namespaces, log } = options;
  if (kubeconfig === undefined && !inCluster) return undefined;
  const access = accessOf(options);
  const { config } = access;
  const label = options.label ?? `cluster ${config.getCurrentCluster()?.name ?? ""}`;
  const report = (error: unknown, says: string): void =>
    log?.warn({ cluster: label, reason: reasonOf(error), says }, "the cluster could not be asked");
  const problem = accessProblem(config);
  if (problem !== undefined) report(undefined, problem);
  return {
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    batch: config.makeApiClient(BatchV1Api),
    access,
    label,
    defaultNamespace:
      namespaces.only?.[0] ?? config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
    namespaces,
    report,
  };
}

function accessOf({ kubeconfig, inCluster, env }: ClusterOptions): Access {
  const access = kubeconfig === undefined ? undefined : readKubeconfig(kubeconfig, env);
  if (access !== undefined) return access;
  // As kubectl in a pod: without any of the files it uses the pod's own cluster.
  if (inCluster) return fromPod();
  throw new StartError(`The kubeconfig ${kubeconfig} cannot be read; set KUBECONFIG to one that can.`);
}

function fromPod(): Access {
  const config = new KubeConfig();
  config.loadFromCluster();
  return { config };
}

/** More than any list of the pages that the tools ask for. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * The client library knows neither time-outs nor signals of its own, and reads whatever the server sends: a request without this hangs as
 * long as the server does, and takes as much memory.
 */
export function abortableBy(signal: AbortSignal): RequestOptions {
  return requestOptions(signal, async (response) => {
    const { bytes, isCut } = await readBeginning(response, maxAnswerBytes);
    if (isCut) throw new AccessError("The cluster's answer is too large; ask for less.");
    return bytes;
  });
}

/** As `abortableBy`, for text of which the beginning is enough. */
export function abortableText(signal: AbortSignal, maxBytes: number): { options: RequestOptions; isCut(): boolean } {
  let isCut = false;
  const options = requestOptions(signal, async (response) => {
    const read = await readBeginning(response, maxBytes);
    ({ isCut } = read);
    return read.bytes;
  });
  return { options, isCut: () => isCut };
}

function requestOptions(signal: AbortSignal, read: (context: ResponseContext) => Promise<Buffer>): RequestOptions {
  const middleware: ObservableMiddleware = {
    pre(context: RequestContext) {
      context.setSignal(signal);
      return new Observable(Promise.resolve(context));
    },
    post: (context: ResponseContext) => new Observable(bounded(context, read)),
  };
  return { middleware: [middleware], middlewareMergeStrategy: "append" };
}

async function bounded(
  context: ResponseContext,
  read: (context: ResponseContext) => Promise<Buffer>,
): Promise<ResponseContext> {
  const bytes = await read(context);
  context.body = {
    text: () => Promise.resolve(new TextDecoder().decode(bytes)),
    binary: () => Promise.resolve(bytes),
    stream: () => new Blob([new Uint8Array(bytes)]).stream(),
  };
  return context;
}

async function readBeginning({ body }: ResponseContext, maxBytes: number): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of body.stream() ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: size >= maxBytes };
}
