import { pickSuffix } from "../fixed-random.ts";
import { isoSeconds } from "../durations.ts";
import { compact, numberAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject, nameOf } from "../kube-object.ts";
import { activePods, isReadyPod, makePod, replicasOf } from "./pods-of.ts";
import type { World } from "./world.ts";

/** Gives every ReplicaSet as many pods as it wants. */
export function runReplicaSets(world: World): void {
  for (const set of world.list("ReplicaSet")) {
    if (isLeaving(set)) continue;
    const pods = activePods(set, world);
    const wanted = replicasOf(set);
    for (let made = pods.length; made < wanted; made += 1) {
      const name = `${nameOf(set)}-${pickSuffix(`${set.metadata.uid}/${world.version()}`, 5)}`;
      const pod = makePod(set, { name }, world);
      if (pod === undefined) break;
      world.happen({
        about: set,
        type: "Normal",
        reason: "SuccessfulCreate",
        message: `Created pod: ${name}`,
        source: "replicaset-controller",
      });
    }
    for (const pod of surplus(pods, wanted)) {
      stop(pod, world);
      world.happen({
        about: set,
        type: "Normal",
        reason: "SuccessfulDelete",
        message: `Deleted pod: ${nameOf(pod)}`,
        source: "replicaset-controller",
      });
    }
    report(set, world);
  }
}

/** Those that have no node or are not ready go first, then the newest. */
function surplus(pods: readonly KubeObject[], wanted: number): KubeObject[] {
  const worth = (pod: KubeObject): number =>
    textAt(pod, "spec", "nodeName") === undefined ? 0 : isReadyPod(pod) ? 2 : 1;
  return pods.toSorted((left, right) => worth(left) - worth(right)).slice(0, Math.max(0, pods.length - wanted));
}

/** Asks a pod to end, as a deletion does. */
export function stop(pod: KubeObject, world: World): void {
  if (textAt(pod, "spec", "nodeName") === undefined) {
    world.remove(pod);
    return;
  }
  const grace = numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
  world.change(pod, ({ metadata }) => {
    metadata["deletionTimestamp"] = isoSeconds(world.nowMs + grace * 1_000);
    metadata["deletionGracePeriodSeconds"] = grace;
  });
}

function report(set: KubeObject, world: World): void {
  const pods = activePods(set, world);
  const ready = pods.filter(isReadyPod).length;
  const current = world.get("ReplicaSet", textAt(set, "metadata", "namespace"), nameOf(set));
  if (current === undefined) return;
  world.setStatus(
    current,
    compact({
      replicas: pods.length,
      fullyLabeledReplicas: pods.length === 0 ? undefined : pods.length,
      readyReplicas: ready === 0 ? undefined : ready,
      availableReplicas: ready === 0 ? undefined : ready,
      observedGeneration: numberAt(current, "metadata", "generation") ?? 1,
    }),
  );
}
