import {
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  Observable,
  type ConfigurationOptions,
  type ObservableMiddleware,
  type RequestContext,
  type ResponseContext,
} from "@kubernetes/client-node";
import type { Logger } from "@parley/runtime";
import { ToolError, type ToolContext } from "../tools/tool.ts";
import { AccessError, reasonOf } from "./access-failure.ts";
import { createBreaker } from "./breaker.ts";
import { noClusterMetrics, type ClusterMetrics, type WatchedCluster } from "./cluster-metrics.ts";
import { createConnection } from "./connection.ts";
import { impersonation } from "./identity.ts";
import { createKinds } from "./kinds.ts";
import type { Kinds, KubeApi } from "./kube-api.ts";
import { accessProblem, type Access } from "./kubeconfig.ts";
import { createKubeApi } from "./kube-client.ts";
import type { NamespaceRule } from "./namespace-rule.ts";
import { createPlaces } from "./places.ts";

export type RequestOptions = ConfigurationOptions<ObservableMiddleware>;

/** One cluster, as the tools see it. */
export interface Cluster {
  /** Of its context; by it the policy and the model choose it. */
  readonly name: string;
  /** What people call it; stands in every result. */
  readonly label: string;
  /** Where to look when no namespace is given. */
  readonly defaultNamespace: string;
  readonly namespaces: NamespaceRule;
  /** The reading identity. */
  readonly reader: KubeApi;
  readonly kinds: Kinds;
  /** There is an identity that may change something. */
  readonly isWritable: boolean;
  /** The writing identity, in the name of the chat user where that is configured. Throws a ToolError where there is none. */
  operator(context: Pick<ToolContext, "user" | "caller">): KubeApi;

  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly access: Access;
  report(error: unknown, says: string): void;
}

export interface ClusterOptions {
  readonly name: string;
  readonly label: string;
  readonly namespaces: NamespaceRule;
  readonly reader: Access;
  readonly operator: Access | undefined;
  /** The operator asks in the name of the chat user. */
  readonly impersonate: boolean;
  /** Requests at a time. */
  readonly maxRequests: number;
  readonly metrics?: ClusterMetrics;
  readonly log?: Pick<Logger, "warn"> | undefined;
}

/** Of each request that runs so many may wait. */
const waitingPerPlace = 8;

/** Nothing is asked of the cluster yet. */
export function createCluster(options: ClusterOptions): {
  cluster: Cluster;
  watched: WatchedCluster;
  close(): Promise<void>;
} {
  const { name, label, namespaces, reader, operator, metrics = noClusterMetrics, log } = options;
  const { config } = reader;
  const report = (error: unknown, says: string): void =>
    log?.warn({ cluster: label, reason: reasonOf(error), says }, "the cluster could not be asked");
  const problem = accessProblem(config);
  if (problem !== undefined) report(undefined, problem);

  const shared = {
    places: createPlaces(options.maxRequests, options.maxRequests * waitingPerPlace),
    breaker: createBreaker(),
    metrics,
  };
  const readerConnection = createConnection(reader);
  const operatorConnection = operator && createConnection(operator);
  const api = createKubeApi({ ...shared, identity: { access: reader, report }, connection: readerConnection });

  const cluster: Cluster = {
    ...{ name, label, namespaces, report },
    defaultNamespace:
      namespaces.only?.[0] ?? config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
    reader: api,
    kinds: createKinds({ api }),
    isWritable: operator !== undefined,
    operator(context) {
      if (operator === undefined || operatorConnection === undefined)
        throw new ToolError(`Nothing can be changed in the ${label}: the tool worker has no identity that may.`);
      const headers = options.impersonate ? impersonation(context) : {};
      return createKubeApi({
        ...shared,
        identity: { access: operator, report },
        connection: operatorConnection,
        headers,
      });
    },
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    batch: config.makeApiClient(BatchV1Api),
    access: reader,
  };
  const { places, breaker } = shared;
  return {
    cluster,
    watched: { name, breaker: breaker.state, running: places.running, waiting: places.waiting },
    async close() {
      await Promise.all([readerConnection.close(), operatorConnection?.close()]);
    },
  };
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
