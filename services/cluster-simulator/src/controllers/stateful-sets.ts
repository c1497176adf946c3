import { compact, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject, labelsOf, nameOf, namespaceOf } from "../kube-object.ts";
import { activePods, isReadyPod, makePod, replicasOf, templateHash, templateOf } from "./pods-of.ts";
import { stop } from "./replica-sets.ts";
import type { World } from "./world.ts";

const HASH = "controller-revision-hash";

/** Keeps each template of an owner as a revision, which is what its history shows. Returns the label of the present one. */
function currentRevision(owner: KubeObject, world: World): string {
  const hash = templateHash(templateOf(owner));
  const name = `${nameOf(owner)}-${hash}`;
  const known = world.owned("ControllerRevision", owner);
  const newest = Math.max(0, ...known.map((revision) => numberAt(revision, "revision") ?? 0));
  const own = known.find((revision) => nameOf(revision) === name);
  if (own === undefined) {
    const data = { spec: { template: { ...templateOf(owner), $patch: "replace" } } };
    world.make("ControllerRevision", {
      name,
      namespace: namespaceOf(owner),
      labels: { ...labelsOf(templateOf(owner)), [HASH]: hash },
      owner,
      fields: { data, revision: newest + 1 },
    });
  } else if (numberAt(own, "revision") !== newest)
    world.change(own, (draft) => {
      draft["revision"] = newest + 1;
    });
  return owner.kind === "DaemonSet" ? hash : name;
}

/** Pods with a number each: made in their order, one when the one before is ready; replaced from the last on. */
export function runStatefulSets(world: World): void {
  for (const set of world.list("StatefulSet")) {
    if (isLeaving(set)) continue;
    const revision = currentRevision(set, world);
    addNext(set, revision, world);
    removeSurplus(set, world);
    replaceOutdated(set, revision, world);
    report(set, revision, world);
  }
}

function podNamed(set: KubeObject, index: number, world: World): KubeObject | undefined {
  return world.get("Pod", namespaceOf(set), `${nameOf(set)}-${index}`);
}

function addNext(set: KubeObject, revision: string, world: World): void {
  const isParallel = textAt(set, "spec", "podManagementPolicy") === "Parallel";
  for (let index = 0; index < replicasOf(set); index += 1) {
    const pod = podNamed(set, index, world);
    if (pod === undefined) {
      const name = `${nameOf(set)}-${index}`;
      addClaims(set, name, world);
      const labels = {
        [HASH]: revision,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(index),
      };
      if (makePod(set, { name, labels, hostname: name }, world) === undefined) return;
      world.happen({
        about: set,
        type: "Normal",
        reason: "SuccessfulCreate",
        message: `create Pod ${name} in StatefulSet ${nameOf(set)} successful`,
        source: "statefulset-controller",
      });
    }
    if (!isParallel && (pod === undefined || !isReadyPod(pod))) return;
  }
}

function addClaims(set: KubeObject, pod: string, world: World): void {
  for (const template of listAt(set, "spec", "volumeClaimTemplates")) {
    const name = `${textAt(template, "metadata", "name") ?? "data"}-${pod}`;
    if (world.get("PersistentVolumeClaim", namespaceOf(set), name) !== undefined) continue;
    world.make("PersistentVolumeClaim", {
      name,
      namespace: namespaceOf(set),
      labels: labelsOf(templateOf(set)),
      fields: { spec: objectAt(template, "spec"), status: { phase: "Pending" } },
    });
  }
}

function ordinal(pod: KubeObject): number {
  return Number(/-(\d+)$/.exec(nameOf(pod))?.[1] ?? 0);
}

function removeSurplus(set: KubeObject, world: World): void {
  const surplus = activePods(set, world).filter((pod) => ordinal(pod) >= replicasOf(set));
  const last = surplus.toSorted((left, right) => ordinal(right) - ordinal(left))[0];
  if (last !== undefined) stop(last, world);
}

function replaceOutdated(set: KubeObject, revision: string, world: World): void {
  if (textAt(set, "spec", "updateStrategy", "type") === "OnDelete") return;
  const pods = activePods(set, world);
  const partition = numberAt(set, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  const outdated = pods.filter((pod) => labelsOf(pod)[HASH] !== revision && ordinal(pod) >= partition);
  const isWhole = pods.length === replicasOf(set) && pods.every((pod) => isReadyPod(pod) || outdated.includes(pod));
  const last = outdated.toSorted((left, right) => ordinal(right) - ordinal(left))[0];
  if (isWhole && last !== undefined) stop(last, world);
}

function report(set: KubeObject, revision: string, world: World): void {
  const pods = activePods(set, world);
  const ready = pods.filter(isReadyPod).length;
  const updated = pods.filter((pod) => labelsOf(pod)[HASH] === revision).length;
  const isDone = updated === replicasOf(set) && ready === replicasOf(set);
  world.setStatus(
    set,
    compact({
      observedGeneration: numberAt(set, "metadata", "generation") ?? 1,
      replicas: pods.length,
      readyReplicas: ready === 0 ? undefined : ready,
      availableReplicas: ready,
      updatedReplicas: updated === 0 ? undefined : updated,
      currentReplicas: pods.length === 0 ? undefined : pods.length,
      currentRevision: isDone ? revision : (textAt(set, "status", "currentRevision") ?? revision),
      updateRevision: revision,
      collisionCount: 0,
    }),
  );
}

/** One pod on each node. */
export function runDaemonSets(world: World): void {
  for (const set of world.list("DaemonSet")) {
    if (isLeaving(set)) continue;
    const revision = currentRevision(set, world);
    const nodes = world.list("Node").map(nameOf);
    const all = world.owned("Pod", set);
    for (const node of nodes) {
      if (all.some((pod) => textAt(pod, "spec", "nodeName") === node)) continue;
      makePod(
        set,
        {
          name: `${nameOf(set)}-${templateHash(`${set.metadata.uid}/${node}/${world.version()}`).slice(0, 5)}`,
          labels: { [HASH]: revision },
          node,
        },
        world,
      );
    }
    const pods = activePods(set, world);
    const outdated = pods.find((pod) => labelsOf(pod)[HASH] !== revision);
    const isRolling = textAt(set, "spec", "updateStrategy", "type") !== "OnDelete";
    if (
      isRolling &&
      outdated !== undefined &&
      pods.length === nodes.length &&
      pods.every((pod) => isReadyPod(pod) || pod === outdated)
    )
      stop(outdated, world);
    reportDaemons(set, { nodes: nodes.length, revision }, world);
  }
}

function reportDaemons(set: KubeObject, { nodes, revision }: { nodes: number; revision: string }, world: World): void {
  const pods = activePods(set, world);
  const ready = pods.filter(isReadyPod).length;
  world.setStatus(
    set,
    compact({
      desiredNumberScheduled: nodes,
      currentNumberScheduled: pods.length,
      numberReady: ready,
      updatedNumberScheduled: pods.filter((pod) => labelsOf(pod)[HASH] === revision).length,
      numberAvailable: ready,
      numberUnavailable: nodes - ready === 0 ? undefined : nodes - ready,
      numberMisscheduled: 0,
      observedGeneration: numberAt(set, "metadata", "generation") ?? 1,
    }),
  );
}
