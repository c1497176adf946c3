import type { Workload } from "./cluster-objects.ts";

export const rolloutKinds = ["Deployment", "StatefulSet", "DaemonSet"] as const;
export type RolloutKind = (typeof rolloutKinds)[number];

/** `done`: all pods are of the newest version and available. `failed`: it will not get on by itself. */
export interface RolloutState {
  readonly state: "done" | "under way" | "paused" | "failed";
  /** A sentence without its end; the same while nothing gets on. */
  readonly words: string;
}

/** How far a rollout is, by the rules of `kubectl rollout status`. */
export function rolloutOf(kind: RolloutKind, workload: Workload): RolloutState {
  const { metadata, status } = workload;
  // Until its controller has seen the newest version the status tells of the one before.
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { state: "under way", words: "its controller has not seen the newest version yet" };
  }
  if (kind === "Deployment") return deployment(workload);
  return kind === "StatefulSet" ? statefulSet(workload) : daemonSet(workload);
}

interface Counts {
  readonly wanted: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** Of all versions. */
  readonly there: number;
}

/** What the server leaves out is 0. */
function countsOf({ spec, status }: Workload): Counts {
  const { updatedReplicas: updated = 0, readyReplicas: ready = 0 } = status ?? {};
  const { availableReplicas: available = 0, replicas: there = 0 } = status ?? {};
  return { wanted: spec.replicas ?? 1, updated, ready, available, there };
}

function deployment(workload: Workload): RolloutState {
  const { wanted, updated, available, there } = countsOf(workload);
  const words = `${updated} of ${wanted} pods are of the new version, ${available} of them or of older ones are available, ${there - updated} old ones are left`;
  const isLate = workload.status?.conditions?.some(({ reason }) => reason === "ProgressDeadlineExceeded") === true;
  if (isLate) return { state: "failed", words: `it has not got on in time: ${words}` };
  if (updated >= wanted && there <= updated && available >= updated) return done(`${available} of ${wanted} pods`);
  const isPaused = workload.spec.paused === true;
  return isPaused ? { state: "paused", words: `it is paused: ${words}` } : { state: "under way", words };
}

function statefulSet(workload: Workload): RolloutState {
  const { wanted, updated, ready } = countsOf(workload);
  const { updateStrategy } = workload.spec;
  if (updateStrategy?.type === "OnDelete") {
    const words = `pods get the new version when they are deleted (OnDelete): ${updated} of ${wanted} have it, ${ready} are ready`;
    return { state: Math.min(updated, ready) >= wanted ? "done" : "paused", words };
  }
  const kept = updateStrategy?.rollingUpdate?.partition ?? 0;
  const due = Math.max(0, wanted - kept);
  const words = `${updated} of ${due} pods have the new version, ${ready} of ${wanted} are ready`;
  const isUpdated = updated >= due || (kept === 0 && isSettled(workload));
  if (!isUpdated || ready < wanted) return { state: "under way", words };
  if (kept === 0) return done(`${ready} of ${wanted} pods`);
  return { state: "done", words: `${words}; those below ordinal ${kept} keep the old one` };
}

/** The new revision has become the current one; from then on some servers count no pods as updated. */
function isSettled({ status }: Workload): boolean {
  return status?.currentRevision !== undefined && status.currentRevision === status.updateRevision;
}

function daemonSet({ spec, status }: Workload): RolloutState {
  const {
    desiredNumberScheduled: wanted = 0,
    updatedNumberScheduled: updated = 0,
    numberAvailable: available = 0,
  } = status ?? {};
  const words = `${updated} of ${wanted} nodes have the new version, on ${available} it is available`;
  if (updated >= wanted && available >= wanted) return done(`pods on ${wanted} of ${wanted} nodes`);
  if (spec.updateStrategy?.type === "OnDelete") {
    return { state: "paused", words: `pods get the new version when they are deleted (OnDelete): ${words}` };
  }
  return { state: "under way", words };
}

function done(what: string): RolloutState {
  return { state: "done", words: `${what} are of the newest version and available` };
}
