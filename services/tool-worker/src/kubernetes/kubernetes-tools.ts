import type { Tool } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { createDescribe } from "./describe-object.ts";
import { createListNamespaces } from "./list-namespaces.ts";
import { createListPods } from "./list-pods.ts";
import { createPodLogs } from "./pod-logs.ts";

/** Tools that read one cluster. None changes anything, and none reads a Secret. */
export function createKubernetesTools(cluster: Cluster): Tool[] {
  return [createListPods(cluster), createListNamespaces(cluster), createPodLogs(cluster), createDescribe(cluster)];
}
