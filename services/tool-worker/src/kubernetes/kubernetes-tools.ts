import type { Tool } from "../tools/tool.ts";
import type { Clusters } from "./clusters.ts";
import { createDescribe } from "./describe-object.ts";
import { createListNamespaces } from "./list-namespaces.ts";
import { createListPods } from "./list-pods.ts";
import { createPodLogs } from "./pod-logs.ts";

/** Tools that read clusters. None changes anything, and none shows what is in a Secret. */
export function createKubernetesTools(clusters: Clusters): Tool[] {
  const cluster = clusters.of(undefined);
  return [createListPods(cluster), createListNamespaces(clusters), createPodLogs(cluster), createDescribe(cluster)];
}
