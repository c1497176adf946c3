import { pickSuffix } from "../fixed-random.ts";
import { at, isSame, type Json, type JsonObject, listAt, objectAt, textAt, textsAt } from "../json.ts";
import { isLeaving, type KubeObject, labelsOf, namespaceOf } from "../kube-object.ts";
import { addPodDefaults } from "../kinds/pod-template.ts";
import { quotaRefusal } from "./quotas.ts";
import type { World } from "./world.ts";

export function isReadyPod(pod: KubeObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (entry) => textAt(entry, "type") === "Ready" && textAt(entry, "status") === "True",
  );
}

export function isOver(pod: KubeObject): boolean {
  return ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase") ?? "");
}

/** The pods of an owner that count: not those that are over or on their way out. */
export function activePods(owner: KubeObject, world: World): KubeObject[] {
  return world.owned("Pod", owner).filter((pod) => !isLeaving(pod) && !isOver(pod));
}

export function templateOf(owner: Json): JsonObject {
  return objectAt(owner, "spec", "template");
}

/** A short name for a template: the same for the same one. */
export function templateHash(template: Json): string {
  return pickSuffix(JSON.stringify(template), 10);
}

/** Whether two templates are the same but for the labels that controllers add. */
export function isSameTemplate(left: Json, right: Json): boolean {
  return isSame(bare(left), bare(right));
}

function bare(template: Json): Json {
  const { "pod-template-hash": _hash, ...labels } = labelsOf(template);
  const metadata = objectAt(template, "metadata");
  return { ...objectAt(template), metadata: { ...metadata, labels } };
}

export type PodNaming = { name: string; labels?: Record<string, string>; node?: string; hostname?: string };

/** Makes a pod from the owner's template; undefined when a quota does not let it. */
export function makePod(
  owner: KubeObject,
  { name, labels, node, hostname }: PodNaming,
  world: World,
): KubeObject | undefined {
  const template = templateOf(owner);
  const spec = structuredClone(objectAt(template, "spec"));
  addPodDefaults(spec);
  spec["serviceAccountName"] ??= "default";
  spec["enableServiceLinks"] ??= true;
  spec["priority"] ??= 0;
  spec["tolerations"] ??= ["not-ready", "unreachable"].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 300,
  }));
  if (node !== undefined) spec["nodeName"] = node;
  if (hostname !== undefined) spec["hostname"] = hostname;
  const namespace = namespaceOf(owner);
  const refusal = quotaRefusal({ spec }, namespace, world);
  if (refusal !== undefined) {
    const source = `${owner.kind.toLowerCase()}-controller`;
    world.happen({
      about: owner,
      type: "Warning",
      reason: "FailedCreate",
      message: `Error creating: pods "${name}" is forbidden: ${refusal}`,
      source,
    });
    return undefined;
  }
  const annotations = textsAt(template, "metadata", "annotations");
  return world.make("Pod", {
    name,
    namespace,
    labels: { ...labelsOf(template), ...labels },
    ...(Object.keys(annotations).length > 0 && { annotations }),
    owner,
    fields: { spec, status: { phase: "Pending", qosClass: "Burstable" } },
  });
}

export function replicasOf(owner: Json): number {
  const wanted = at(owner, "spec", "replicas");
  return typeof wanted === "number" ? wanted : 1;
}
