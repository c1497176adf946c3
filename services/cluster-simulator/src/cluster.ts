import type { Clock } from "./clock.ts";
import { DAY_MS, isoSeconds, MINUTE_MS } from "./durations.ts";
import { pickNumber, pickSuffix, pickUid } from "./fixed-random.ts";
import { NODES, type Workload, WORKLOADS } from "./workloads.ts";

/** A workload as it is now: what an operator changed, and what that led to. */
export type Owner = {
  workload: Workload;
  uid: string;
  createdMs: number;
  changedMs: number;
  replicas: number;
  /** Rises with each new pod template; each has its own ReplicaSet. */
  revision: number;
  revisionCreatedMs: number;
  generation: number;
  templateAnnotations: Record<string, string>;
  /** Images that differ from the workload's, by container. */
  images: Record<string, string>;
  /** Counts the pods ever made, so that no name comes twice. */
  podSerial: number;
};

export type PodRecord = {
  name: string;
  uid: string;
  owner: Owner;
  revision: number;
  bornMs: number;
  node: string | undefined;
  ip: string;
};

/** One moment of the cluster; everything the API shows is computed from it. */
export type ClusterView = {
  nowMs: number;
  startedMs: number;
  owners: readonly Owner[];
  pods: readonly PodRecord[];
  resourceVersion: string;
};

/** What may be changed in the template of a deployment. */
export type TemplateChange = { annotations: Record<string, string>; images: Record<string, string> };

/** Resource versions count milliseconds from here, so that they rise with time and with every change. */
const EPOCH_BEFORE_START_MS = 30 * DAY_MS;

export type Cluster = ReturnType<typeof createCluster>;

/** The state of the simulated cluster. Pods live by the clock; nothing runs in the background. */
export function createCluster(clock: Clock) {
  const startedMs = Math.floor(clock() / MINUTE_MS) * MINUTE_MS;
  const owners = WORKLOADS.map((workload) => createOwner(workload, startedMs));
  let pods = owners.flatMap((owner) => addPods(owner, owner.replicas, owner.createdMs));
  let lastChangeMs = 0;

  /** The time of a change: never the same twice, also while the clock stands still. */
  function changeTime(): number {
    lastChangeMs = Math.max(clock(), lastChangeMs + 1);
    return lastChangeMs;
  }

  return {
    startedMs,
    view(): ClusterView {
      const nowMs = Math.max(clock(), lastChangeMs);
      return { nowMs, startedMs, owners, pods, resourceVersion: versionAt(nowMs, startedMs) };
    },
    scale(owner: Owner, replicas: number): void {
      const nowMs = changeTime();
      const own = pods.filter((pod) => pod.owner === owner);
      const surplus = new Set(own.slice(replicas));
      pods = [...pods.filter((pod) => !surplus.has(pod)), ...addPods(owner, replicas - own.length, nowMs)];
      Object.assign(owner, { replicas, changedMs: nowMs, generation: owner.generation + 1 });
    },
    rollOut(owner: Owner, { annotations, images }: TemplateChange): void {
      const nowMs = changeTime();
      Object.assign(owner.templateAnnotations, annotations);
      Object.assign(owner.images, images);
      Object.assign(owner, {
        revision: owner.revision + 1,
        revisionCreatedMs: nowMs,
        changedMs: nowMs,
        generation: owner.generation + 1,
      });
      pods = [...pods.filter((pod) => pod.owner !== owner), ...addPods(owner, owner.replicas, nowMs)];
    },
    /** The workload replaces the pod at once. */
    deletePod(pod: PodRecord): void {
      const nowMs = changeTime();
      pods = [...pods.filter((other) => other !== pod), ...addPods(pod.owner, 1, nowMs, pod.node)];
    },
  };
}

function createOwner(workload: Workload, startedMs: number): Owner {
  const createdMs = startedMs - workload.ageMs;
  return {
    workload,
    uid: pickUid(`${workload.namespace}/${workload.name}`),
    createdMs,
    changedMs: createdMs,
    replicas: workload.replicas,
    revision: 1,
    revisionCreatedMs: createdMs,
    generation: 1,
    templateAnnotations: {},
    images: {},
    podSerial: 0,
  };
}

function addPods(owner: Owner, count: number, bornMs: number, node?: string): PodRecord[] {
  return Array.from({ length: Math.max(0, count) }, () => createPod(owner, bornMs, node));
}

function createPod(owner: Owner, bornMs: number, node?: string): PodRecord {
  const { workload, revision } = owner;
  owner.podSerial += 1;
  const seed = `${workload.namespace}/${workload.name}/${revision}/${owner.podSerial}`;
  const prefix = workload.kind === "DaemonSet" ? workload.name : replicaSetName(owner);
  const place = workload.kind === "DaemonSet" ? owner.podSerial - 1 : pickNumber(seed, NODES.length);
  return {
    name: `${prefix}-${pickSuffix(seed, 5)}`,
    uid: pickUid(seed),
    owner,
    revision,
    bornMs,
    node: workload.health === "unschedulable" ? undefined : (node ?? NODES[place % NODES.length]),
    ip: `10.244.${place % NODES.length}.${2 + pickNumber(`${seed}/ip`, 250)}`,
  };
}

export function templateHash(owner: Owner): string {
  return pickSuffix(`${owner.workload.namespace}/${owner.workload.name}/template/${owner.revision}`, 10);
}

export function replicaSetName(owner: Owner): string {
  return `${owner.workload.name}-${templateHash(owner)}`;
}

/** The resource version of something that last changed at this time. */
function versionAt(ms: number, startedMs: number): string {
  return String(Math.max(1, Math.floor(ms - startedMs + EPOCH_BEFORE_START_MS)));
}

/** The metadata that everything has; `changedMs` is later than `createdMs` for what changes. */
export function metadataOf(
  view: Pick<ClusterView, "startedMs">,
  identity: { name: string; namespace?: string; uid?: string; createdMs: number; changedMs?: number },
) {
  const { name, namespace, createdMs } = identity;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: identity.uid ?? pickUid(`${namespace ?? ""}/${name}`),
    resourceVersion: versionAt(identity.changedMs ?? createdMs, view.startedMs),
    creationTimestamp: isoSeconds(createdMs),
  };
}
