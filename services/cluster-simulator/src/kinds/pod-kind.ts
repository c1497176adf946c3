import { type Json, type JsonObject, listAt, numberAt, objectAt, textAt, at } from "../json.ts";
import { isLeaving, type KubeObject } from "../kube-object.ts";
import { ageOf, AGE, column, NAME, wide } from "./columns.ts";
import type { KindDefinition } from "./define.ts";
import { addPodDefaults, podProblems } from "./pod-template.ts";

const statusesOf = (pod: KubeObject): Json[] => listAt(pod, "status", "containerStatuses");

export const POD_KIND: KindDefinition = {
  apiVersion: "v1",
  plural: "pods",
  kind: "Pod",
  definition: "api.core.v1.Pod",
  shortNames: ["po"],
  categories: ["all"],
  subresources: ["eviction", "exec", "log", "status"],
  fields: (pod) => ({
    "status.phase": textAt(pod, "status", "phase") ?? "",
    "spec.nodeName": textAt(pod, "spec", "nodeName") ?? "",
    "spec.restartPolicy": textAt(pod, "spec", "restartPolicy") ?? "",
    "spec.schedulerName": textAt(pod, "spec", "schedulerName") ?? "",
    "spec.serviceAccountName": textAt(pod, "spec", "serviceAccountName") ?? "",
    "spec.hostNetwork": String(at(pod, "spec", "hostNetwork") === true),
    "status.podIP": textAt(pod, "status", "podIP") ?? "",
    "status.nominatedNodeName": textAt(pod, "status", "nominatedNodeName") ?? "",
  }),
  columns: [
    NAME,
    {
      name: "Ready",
      cell: (pod) =>
        `${statusesOf(pod).filter((status) => at(status, "ready") === true).length}/${listAt(pod, "spec", "containers").length}`,
    },
    { name: "Status", cell: statusText },
    { name: "Restarts", cell: restartsText },
    AGE,
    wide(column("IP", ["status", "podIP"])),
    wide(column("Node", ["spec", "nodeName"])),
    wide(column("Nominated Node", ["status", "nominatedNodeName"])),
    { name: "Readiness Gates", wide: true, cell: () => "<none>" },
  ],
  addDefaults: (draft) => addSpecDefaults(objectAt(draft, "spec")),
  problems: (draft, before) => {
    const own = podProblems(draft["spec"], "spec", ["Always", "OnFailure", "Never"]);
    if (before === undefined) return own;
    // Pods that were there from the beginning were stored without what an API server adds.
    const then = structuredClone(objectAt(before, "spec"));
    addSpecDefaults(then);
    if (isSameButImages(draft["spec"], then)) return own;
    const message =
      "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    return [...own, { reason: "FieldValueForbidden", message, field: "spec" }];
  },
};

function addSpecDefaults(spec: JsonObject): void {
  if (Object.keys(spec).length === 0) return;
  addPodDefaults(spec);
  spec["serviceAccountName"] ??= "default";
  spec["serviceAccount"] ??= spec["serviceAccountName"];
  spec["enableServiceLinks"] ??= true;
  spec["preemptionPolicy"] ??= "PreemptLowerPriority";
  spec["priority"] ??= 0;
  spec["tolerations"] ??= ["not-ready", "unreachable"].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 300,
  }));
}

function isSameButImages(now: Json | undefined, then: Json | undefined): boolean {
  const bare = (spec: Json | undefined): string => {
    const { tolerations: _tolerations, activeDeadlineSeconds: _deadline, ...rest } = objectAt(spec);
    const strip = (list: string): Json[] =>
      listAt(spec, list).map((container) => ({ ...objectAt(container), image: "" }));
    return JSON.stringify(
      sortedKeys({ ...rest, containers: strip("containers"), initContainers: strip("initContainers") }),
    );
  };
  return bare(now) === bare(then);
}

/** Clients send fields in another order than they were stored. */
function sortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sortedKeys(value[key] ?? null)]),
  );
}

/** What a person is shown as the state of a pod: the worst of what its containers say. */
function statusText(pod: KubeObject): string {
  if (isLeaving(pod)) return "Terminating";
  for (const status of statusesOf(pod)) {
    const reason = textAt(status, "state", "waiting", "reason") ?? textAt(status, "state", "terminated", "reason");
    if (reason !== undefined) return reason;
  }
  return textAt(pod, "status", "reason") ?? textAt(pod, "status", "phase") ?? "Unknown";
}

function restartsText(pod: KubeObject, nowMs: number): string {
  const count = statusesOf(pod).reduce<number>((sum, status) => sum + (numberAt(status, "restartCount") ?? 0), 0);
  const ended = statusesOf(pod)
    .map((status) => textAt(status, "lastState", "terminated", "finishedAt") ?? "")
    .toSorted()
    .at(-1);
  return count === 0 || ended === undefined || ended === "" ? String(count) : `${count} (${ageOf(ended, nowMs)} ago)`;
}
