import type { Logger } from "@parley/runtime";
import { ToolError, type ToolContext } from "../tools/tool.ts";
import { reasonOf } from "./access-failure.ts";
import { createBreaker } from "./breaker.ts";
import { noClusterMetrics, type ClusterMetrics, type WatchedCluster } from "./cluster-metrics.ts";
import { createConnection, type Connection } from "./connection.ts";
import { impersonation } from "./identity.ts";
import { createKinds } from "./kinds.ts";
import type { Kinds, KubeApi } from "./kube-api.ts";
import { accessProblem, type Access } from "./kubeconfig.ts";
import { createKubeApi } from "./kube-client.ts";
import type { NamespaceRule } from "./namespace-rule.ts";
import { createPlaces } from "./places.ts";

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
  /** The same for what is no request: a stream to a pod. */
  asOperator(context: Pick<ToolContext, "user" | "caller">): {
    readonly access: Access;
    readonly headers: Readonly<Record<string, string | string[]>>;
  };
  /** Tells the operator why it could not be asked; `says` is what everybody else is told. */
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
  let operatorConnection: Connection | undefined;
  const api = createKubeApi({ ...shared, identity: { access: reader, report }, connection: readerConnection });

  const asOperator: Cluster["asOperator"] = (context) => {
    if (operator === undefined)
      throw new ToolError(`Nothing can be changed in the ${label}: the tool worker has no identity that may.`);
    return { access: operator, headers: options.impersonate ? impersonation(context) : {} };
  };

  const cluster: Cluster = {
    ...{ name, label, namespaces, report },
    defaultNamespace:
      namespaces.only?.[0] ?? config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
    reader: api,
    kinds: createKinds({ api }),
    isWritable: operator !== undefined,
    operator(context) {
      const { access, headers } = asOperator(context);
      operatorConnection ??= createConnection(access);
      return createKubeApi({ ...shared, identity: { access, report }, connection: operatorConnection, headers });
    },
    asOperator,
  };
  const { places, breaker } = shared;
  return { cluster, watched: { name, breaker: breaker.state, running: places.running, waiting: places.waiting } };
}
