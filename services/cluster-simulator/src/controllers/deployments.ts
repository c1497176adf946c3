import { at, compact, type Json, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { annotationsOf, isLeaving, type KubeObject, labelsOf, nameOf, namespaceOf } from "../kube-object.ts";
import { isSameTemplate, replicasOf, templateHash, templateOf } from "./pods-of.ts";
import { condition, type World } from "./world.ts";

const REVISION = "deployment.kubernetes.io/revision";
const SOURCE = "deployment-controller";

/** Each pod template of a deployment has its ReplicaSet; a rollout shifts the pods from the old ones to the new one. */
export function runDeployments(world: World): void {
  for (const deployment of world.list("Deployment")) {
    if (isLeaving(deployment)) continue;
    const isPaused = at(deployment, "spec", "paused") === true;
    const current = isPaused ? newestOf(deployment, world) : currentSet(deployment, world);
    if (current !== undefined) rollOut(deployment, current, world);
    if (!isPaused) forgetOld(deployment, world);
    report(nameOf(deployment), namespaceOf(deployment), world);
  }
}

function revisionOf(set: KubeObject): number {
  return Number(annotationsOf(set)[REVISION] ?? 0);
}

function setsOf(deployment: KubeObject, world: World): KubeObject[] {
  return world.owned("ReplicaSet", deployment).filter((set) => !isLeaving(set));
}

function newestOf(deployment: KubeObject, world: World): KubeObject | undefined {
  return setsOf(deployment, world).toSorted((left, right) => revisionOf(right) - revisionOf(left))[0];
}

/** The ReplicaSet of the present template. An old one that fits becomes the newest revision again: that is what an undo does. */
function currentSet(deployment: KubeObject, world: World): KubeObject {
  const sets = setsOf(deployment, world);
  const template = templateOf(deployment);
  const newest = Math.max(0, ...sets.map(revisionOf));
  const found = sets.find((set) => isSameTemplate(templateOf(set), template));
  const revision = found !== undefined && revisionOf(found) === newest ? newest : newest + 1;
  const set = found ?? makeSet(deployment, revision, world);
  world.change(deployment, ({ metadata }) => {
    metadata["annotations"] = { ...annotationsOf(deployment), [REVISION]: String(revision) };
  });
  return world.change(set, ({ metadata }) => {
    metadata["annotations"] = { ...annotationsOf(set), [REVISION]: String(revision) };
  });
}

function makeSet(deployment: KubeObject, revision: number, world: World): KubeObject {
  const template = templateOf(deployment);
  const hash = templateHash(template);
  const cause = annotationsOf(deployment)["kubernetes.io/change-cause"];
  const labels = { ...labelsOf(template), "pod-template-hash": hash };
  const selector = objectAt(deployment, "spec", "selector");
  return world.make("ReplicaSet", {
    name: `${nameOf(deployment)}-${hash}`,
    namespace: namespaceOf(deployment),
    labels,
    annotations: { [REVISION]: String(revision), ...(cause !== undefined && { "kubernetes.io/change-cause": cause }) },
    owner: deployment,
    fields: {
      spec: {
        replicas: 0,
        selector: { ...selector, matchLabels: { ...objectAt(selector, "matchLabels"), "pod-template-hash": hash } },
        template: { ...template, metadata: { ...objectAt(template, "metadata"), labels } },
      },
      status: { replicas: 0 },
    },
  });
}

function scale(deployment: KubeObject, set: KubeObject, replicas: number, world: World): void {
  const before = replicasOf(set);
  if (before === replicas) return;
  world.change(set, (draft) => {
    draft["spec"] = { ...objectAt(draft, "spec"), replicas };
    draft.metadata["generation"] = (numberAt(draft, "metadata", "generation") ?? 1) + 1;
  });
  const way = replicas > before ? "up" : "down";
  const message = `Scaled ${way} replica set ${nameOf(set)} from ${before} to ${replicas}`;
  world.happen({ about: deployment, type: "Normal", reason: "ScalingReplicaSet", message, source: SOURCE });
}

/** A share or a number of the replicas. */
function amount(value: Json | undefined, of: number, round: (share: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(typeof value === "string" ? value : "")?.[1];
  return percent === undefined ? 0 : round((Number(percent) / 100) * of);
}

function rollOut(deployment: KubeObject, current: KubeObject, world: World): void {
  const wanted = replicasOf(deployment);
  const old = setsOf(deployment, world).filter((set) => set.metadata.uid !== current.metadata.uid);
  const oldTotal = old.reduce((sum, set) => sum + replicasOf(set), 0);
  if (textAt(deployment, "spec", "strategy", "type") === "Recreate") {
    for (const set of old) scale(deployment, set, 0, world);
    const isStopped = old.every((set) => (numberAt(set, "status", "replicas") ?? 0) === 0);
    if (isStopped && oldTotal === 0) scale(deployment, current, wanted, world);
    return;
  }
  const limits = objectAt(deployment, "spec", "strategy", "rollingUpdate");
  const surge = amount(limits["maxSurge"], wanted, Math.ceil);
  const lacking = amount(limits["maxUnavailable"], wanted, Math.floor);
  // Neither may be none, or nothing could ever move.
  const unavailable = surge === 0 && lacking === 0 ? 1 : lacking;
  const now = replicasOf(current);
  const next = now > wanted ? wanted : Math.max(now, Math.min(wanted, wanted + surge - oldTotal));
  scale(deployment, current, next, world);
  shrink(deployment, { old, current, least: wanted - unavailable }, world);
}

/** Takes from the old sets what does not serve, and of what serves as much as may be missing. */
function shrink(
  deployment: KubeObject,
  { old, current, least }: { old: KubeObject[]; current: KubeObject; least: number },
  world: World,
): void {
  const available = (set: KubeObject): number => numberAt(set, "status", "availableReplicas") ?? 0;
  let spare = Math.max(0, [current, ...old].reduce((sum, set) => sum + available(set), 0) - least);
  for (const set of old) {
    const replicas = replicasOf(set);
    const idle = Math.max(0, replicas - available(set));
    const serving = Math.min(spare, replicas - idle);
    spare -= serving;
    scale(deployment, set, replicas - idle - serving, world);
  }
}

function forgetOld(deployment: KubeObject, world: World): void {
  const limit = numberAt(deployment, "spec", "revisionHistoryLimit") ?? 10;
  const empty = setsOf(deployment, world)
    .toSorted((left, right) => revisionOf(right) - revisionOf(left))
    .slice(1)
    .filter((set) => replicasOf(set) === 0 && (numberAt(set, "status", "replicas") ?? 0) === 0);
  for (const set of empty.slice(limit)) world.remove(set);
}

function report(name: string, namespace: string | undefined, world: World): void {
  const deployment = world.get("Deployment", namespace, name);
  if (deployment === undefined) return;
  const sets = setsOf(deployment, world);
  const current = newestOf(deployment, world);
  const sum = (field: string): number => sets.reduce((total, set) => total + (numberAt(set, "status", field) ?? 0), 0);
  const wanted = replicasOf(deployment);
  const [replicas, ready, available] = [sum("replicas"), sum("readyReplicas"), sum("availableReplicas")];
  const updated = numberAt(current, "status", "replicas") ?? 0;
  const isDone =
    updated === wanted && replicas === wanted && (numberAt(current, "status", "availableReplicas") ?? 0) === wanted;
  const some = (count: number): number | undefined => (count === 0 ? undefined : count);
  const status = compact({
    observedGeneration: numberAt(deployment, "metadata", "generation") ?? 1,
    replicas: some(replicas),
    updatedReplicas: some(updated),
    readyReplicas: some(ready),
    availableReplicas: some(available),
    unavailableReplicas: some(Math.max(0, Math.max(wanted, replicas) - available)),
    conditions: conditionsOf(deployment, { current, available, isDone }, world),
  });
  world.setStatus(deployment, status);
}

type Progress = { current: KubeObject | undefined; available: number; isDone: boolean };

function conditionsOf(deployment: KubeObject, { current, available, isDone }: Progress, world: World): JsonObject[] {
  const wanted = replicasOf(deployment);
  const lacking = amount(at(deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, Math.floor);
  const isAvailable = available >= wanted - lacking;
  const availability = isAvailable
    ? { reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability." }
    : { reason: "MinimumReplicasUnavailable", message: "Deployment does not have minimum availability." };
  return [
    kept(deployment, "Available", isAvailable, availability, world),
    progressing(deployment, current, isDone, world),
  ];
}

/** A condition keeps its time as long as it stays. */
function kept(
  deployment: KubeObject,
  type: string,
  holds: boolean,
  why: { reason: string; message: string },
  world: World,
): JsonObject {
  const next = condition(type, holds, world.nowMs, why);
  const before = listAt(deployment, "status", "conditions").find((entry) => textAt(entry, "type") === type);
  const isSame = textAt(before, "status") === next["status"] && textAt(before, "reason") === why.reason;
  const sinceTime = isSame ? (textAt(before, "lastTransitionTime") ?? "") : (textAt(next, "lastTransitionTime") ?? "");
  return { ...next, lastTransitionTime: sinceTime, lastUpdateTime: sinceTime };
}

function progressing(
  deployment: KubeObject,
  current: KubeObject | undefined,
  isDone: boolean,
  world: World,
): JsonObject {
  const name = current === undefined ? "" : nameOf(current);
  if (isDone)
    return kept(
      deployment,
      "Progressing",
      true,
      { reason: "NewReplicaSetAvailable", message: `ReplicaSet "${name}" has successfully progressed.` },
      world,
    );
  const going = kept(
    deployment,
    "Progressing",
    true,
    { reason: "ReplicaSetUpdated", message: `ReplicaSet "${name}" is progressing.` },
    world,
  );
  const failed = { reason: "ProgressDeadlineExceeded", message: `ReplicaSet "${name}" has timed out progressing.` };
  const before = listAt(deployment, "status", "conditions").find((entry) => textAt(entry, "type") === "Progressing");
  const isSameSet = textAt(before, "message")?.includes(name) === true;
  if (textAt(before, "reason") === failed.reason && isSameSet)
    return kept(deployment, "Progressing", false, failed, world);
  const deadlineMs =
    Date.parse(textAt(isSameSet ? before : going, "lastTransitionTime") ?? "") +
    (numberAt(deployment, "spec", "progressDeadlineSeconds") ?? 600) * 1_000;
  if (textAt(before, "reason") !== "ReplicaSetUpdated" || world.nowMs < deadlineMs) {
    world.wakeAt(
      textAt(before, "reason") === "ReplicaSetUpdated"
        ? deadlineMs
        : world.nowMs + (numberAt(deployment, "spec", "progressDeadlineSeconds") ?? 600) * 1_000,
    );
    return going;
  }
  return kept(deployment, "Progressing", false, failed, world);
}
