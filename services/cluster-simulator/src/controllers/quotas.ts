import { type Json, objectAt, listAt, at } from "../json.ts";
import { isLeaving, namespaceOf } from "../kube-object.ts";
import { quantityOf } from "../kinds/pod-template.ts";
import type { World } from "./world.ts";

const OBJECT_COUNTS: Readonly<Record<string, string>> = {
  configmaps: "ConfigMap",
  persistentvolumeclaims: "PersistentVolumeClaim",
  secrets: "Secret",
  services: "Service",
  "count/deployments.apps": "Deployment",
  "count/jobs.batch": "Job",
};
/** What pods count for, and where it stands in a container. */
const POD_SUMS: Readonly<Record<string, readonly [string, string]>> = {
  cpu: ["requests", "cpu"],
  memory: ["requests", "memory"],
  "requests.cpu": ["requests", "cpu"],
  "requests.memory": ["requests", "memory"],
  "limits.cpu": ["limits", "cpu"],
  "limits.memory": ["limits", "memory"],
};

function podUse(pod: Json, name: string): number {
  if (name === "pods") return 1;
  const path = POD_SUMS[name];
  if (path === undefined) return 0;
  return listAt(pod, "spec", "containers").reduce<number>(
    (sum, container) => sum + quantityOf(at(container, "resources", ...path)),
    0,
  );
}

function usedOf(name: string, namespace: string | undefined, world: World): number {
  const kind = OBJECT_COUNTS[name];
  if (kind !== undefined) return world.list(kind).filter((object) => namespaceOf(object) === namespace).length;
  const pods = world.list("Pod").filter((pod) => namespaceOf(pod) === namespace && !isLeaving(pod));
  return pods.reduce((sum, pod) => sum + podUse(pod, name), 0);
}

/** Why a quota of the namespace does not let this pod in, or undefined. */
export function quotaRefusal(pod: Json, namespace: string | undefined, world: World): string | undefined {
  for (const quota of world.list("ResourceQuota")) {
    if (namespaceOf(quota) !== namespace) continue;
    for (const [name, hard] of Object.entries(objectAt(quota, "spec", "hard"))) {
      const asked = podUse(pod, name);
      const used = usedOf(name, namespace, world);
      if (asked > 0 && used + asked > quantityOf(hard))
        return `exceeded quota: ${quota.metadata.name}, requested: ${name}=${inUnits(name, asked)}, used: ${name}=${inUnits(name, used)}, limited: ${name}=${String(hard)}`;
    }
  }
  return undefined;
}

/** Keeps in each quota's status what is used of it. */
export function countQuotas(world: World): void {
  for (const quota of world.list("ResourceQuota")) {
    const hard = objectAt(quota, "spec", "hard");
    const used = Object.fromEntries(
      Object.keys(hard).map((name) => [name, inUnits(name, usedOf(name, namespaceOf(quota), world))]),
    );
    world.setStatus(quota, { hard, used });
  }
}

function inUnits(name: string, amount: number): string {
  if (name.endsWith("cpu")) return Number.isInteger(amount) ? String(amount) : `${Math.round(amount * 1_000)}m`;
  if (name.endsWith("memory") && amount > 0) return `${Math.round(amount / 2 ** 20)}Mi`;
  return String(amount);
}
