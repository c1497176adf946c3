import type { Workload } from "./cluster-objects.ts";

export const rolloutKinds = ["Deployment", "StatefulSet", "DaemonSet"] as const;
export type RolloutKind = (typeof rolloutKinds)[number];

export const rolloutPlurals: Readonly<Record<RolloutKind, string>> = {
  Deployment: "deployments",
  StatefulSet: "statefulsets",
  DaemonSet: "daemonsets",
};

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

function deployment({ spec, status }: Workload): RolloutState {
  const wanted = spec.replicas ?? 1;
  const {
    updatedReplicas: updated = 0,
    replicas = 0,
    availableReplicas: available = 0,
    conditions = [],
  } = status ?? {};
  const words = `${updated} of ${wanted} pods are of the new version, ${available} of them or of older ones are available, ${replicas - updated} old ones are left`;
  const progress = conditions.find(({ type }) => type === "Progressing");
  if (progress?.reason === "ProgressDeadlineExceeded")
    return { state: "failed", words: `it has not got on in time: ${words}` };
  if (updated >= wanted && replicas <= updated && available >= updated) return done(`${available} of ${wanted} pods`);
  return spec.paused === true ? { state: "paused", words: `it is paused: ${words}` } : { state: "under way", words };
}

function statefulSet({ spec, status }: Workload): RolloutState {
  const wanted = spec.replicas ?? 1;
  const { updatedReplicas: updated = 0, readyReplicas: ready = 0, currentRevision, updateRevision } = status ?? {};
  if (spec.updateStrategy?.type === "OnDelete") {
    const words = `pods get the new version when they are deleted (OnDelete): ${updated} of ${wanted} have it, ${ready} are ready`;
    return { state: updated >= wanted && ready >= wanted ? "done" : "paused", words };
  }
  const kept = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const due = Math.max(0, wanted - kept);
  const words = `${updated} of ${due} pods have the new version, ${ready} of ${wanted} are ready`;
  const isUpdated = kept > 0 ? updated >= due : currentRevision === updateRevision || updated >= wanted;
  if (!isUpdated || ready < wanted) return { state: "under way", words };
  return kept > 0
    ? { state: "done", words: `${words}; those below ordinal ${kept} keep the old one` }
    : done(`${ready} of ${wanted} pods`);
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
