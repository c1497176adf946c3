import type { V1Pod, V1PodList } from "@kubernetes/client-node";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";

export interface PodQuery {
  /** Absent: all that may be read. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface PodListing {
  readonly pods: V1Pod[];
  /** There are more than were looked at. */
  readonly isPartial: boolean;
}

const PAGE = 500;
/** 2,000 pods are about 20 MB as JSON; who needs others narrows the list by selectors. */
const MAX_PODS = 2_000;
const MAX_PAGES = MAX_PODS / PAGE;
const SERVER_TIMEOUT_S = 10;

/** The pods that match, in the server's order (namespace, name), up to a limit. */
export async function listPods(cluster: Cluster, query: PodQuery, signal: AbortSignal): Promise<PodListing> {
  const namespaces = query.namespace === undefined ? cluster.namespaces.only : [query.namespace];
  const pods: V1Pod[] = [];
  for (const namespace of namespaces ?? [undefined]) {
    if (pods.length >= MAX_PODS) return { pods, isPartial: true };
    const listing = await listPages(cluster, { ...query, namespace }, signal);
    pods.push(...listing.pods);
    if (listing.isPartial) return { pods, isPartial: true };
  }
  return { pods, isPartial: false };
}

async function listPages(cluster: Cluster, query: PodQuery, signal: AbortSignal): Promise<PodListing> {
  const pods: V1Pod[] = [];
  let next: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const list = await fetchPage(cluster, query, next, signal);
    pods.push(...list.items);
    next = list.metadata?._continue;
    if (next === undefined || next === "") return { pods, isPartial: false };
  }
  return { pods, isPartial: true };
}

function fetchPage(
  cluster: Cluster,
  query: PodQuery,
  next: string | undefined,
  signal: AbortSignal,
): Promise<V1PodList> {
  const { namespace, labelSelector, fieldSelector } = query;
  const options = abortableBy(signal);
  const request = {
    limit: PAGE,
    timeoutSeconds: SERVER_TIMEOUT_S,
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(next === undefined ? {} : { _continue: next }),
  };
  if (namespace === undefined) {
    return asking(cluster, { what: "pods" }, () => cluster.core.listPodForAllNamespaces(request, options), signal);
  }
  const list = () => cluster.core.listNamespacedPod({ ...request, namespace }, options);
  return asking(cluster, { what: "pods", namespace }, list, signal);
}
