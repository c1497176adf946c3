import type { Tool } from "../tools/tool.ts";
import { createApiResources } from "./api-resources.ts";
import { createCanI } from "./can-i.ts";
import type { Clusters } from "./clusters.ts";
import { createCount } from "./count-objects.ts";
import { createDescribe } from "./describe-object.ts";
import { createEvents } from "./events.ts";
import { createExplain } from "./explain.ts";
import { createGetResource } from "./get-resource.ts";
import { createListNamespaces } from "./list-namespaces.ts";
import { createListNodes } from "./list-nodes.ts";
import { createListPods } from "./list-pods.ts";
import { createListResources } from "./list-resources.ts";
import { createPodLogs } from "./pod-logs.ts";
import { createRolloutHistory } from "./rollout-history.ts";
import { createRolloutStatus } from "./rollout-status.ts";
import { withSeedNames } from "./seed-names.ts";
import { createTopNodes, createTopPods } from "./top.ts";

/** Tools that read clusters. None changes anything, and none shows what is in a Secret. */
export function createKubernetesTools(clusters: Clusters): Tool[] {
  return withSeedNames([
    createListNamespaces(clusters),
    createListPods(clusters),
    createListResources(clusters),
    createGetResource(clusters),
    createDescribe(clusters),
    createPodLogs(clusters),
    createEvents(clusters),
    createTopPods(clusters),
    createTopNodes(clusters),
    createListNodes(clusters),
    createRolloutStatus(clusters),
    createRolloutHistory(clusters),
    createCount(clusters),
    createApiResources(clusters),
    createExplain(clusters),
    createCanI(clusters),
  ]);
}
