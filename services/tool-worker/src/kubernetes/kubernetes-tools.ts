import type { Tool } from "../tools/tool.ts";
import type { Clusters } from "./clusters.ts";
import { createDescribe } from "./describe-object.ts";
import { createEvents } from "./events.ts";
import { createListNamespaces } from "./list-namespaces.ts";
import { createListPods } from "./list-pods.ts";
import { createPodLogs } from "./pod-logs.ts";
import { createRolloutHistory } from "./rollout-history.ts";
import { createRolloutStatus } from "./rollout-status.ts";
import { createTopNodes, createTopPods } from "./top.ts";

/** Tools that read clusters. None changes anything, and none shows what is in a Secret. */
export function createKubernetesTools(clusters: Clusters): Tool[] {
  const cluster = clusters.of(undefined);
  return [
    createListPods(clusters),
    createListNamespaces(clusters),
    createPodLogs(clusters),
    createDescribe(cluster),
    createEvents(clusters),
    createTopPods(clusters),
    createTopNodes(clusters),
    createRolloutStatus(clusters),
    createRolloutHistory(clusters),
  ];
}
