import type { Event } from "../cluster-objects.ts";
import { lastSeen } from "../event-groups.ts";
import type { Pod } from "../pod-objects.ts";
import { agoOf, msSince } from "../times.ts";
import { listed, nameOf, quote, refOf, type Finding } from "./finding.ts";
import { conditionOf, eventsOf, workloadOf } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

/** Starting, being given a node, getting ready: what takes less is no fault. */
const SETTLING_MS = 60_000;
const STARTING_MS = 2 * 60_000;
const RECENT_MS = 10 * 60_000;
const HOUR_MS = 60 * 60_000;

const unschedulable: readonly (readonly [pattern: RegExp, suggestion: string])[] = [
  [
    /Insufficient ([\w./-]+)/,
    "no node has as much left as it requests: lower the request, free or add nodes (k8s_list_nodes, k8s_top_nodes)",
  ],
  [/untolerated taint|had taint/i, "its nodes are tainted: tolerate the taint, or use other nodes"],
  [
    /node affinity|node selector|didn't match/i,
    "no node has the labels that it asks for: look at nodeSelector and affinity",
  ],
  [
    /unbound immediate PersistentVolumeClaims|persistentvolumeclaim .* not found/i,
    "a volume claim of it is not bound: check pvc",
  ],
  [/volume node affinity conflict|zone/i, "its volume is in another zone than the nodes with room"],
  [/Too many pods/i, "the nodes run as many pods as they may"],
  [/unschedulable/i, "nodes are cordoned: uncordon one, or add nodes"],
  [/topology spread|anti-affinity/i, "its rules of spreading leave no node: loosen them, or add nodes"],
  [/no nodes available/i, "the cluster has no node"],
];

function about(pod: Pod, snapshot: Snapshot): Pick<Finding, "object" | "alike"> {
  return { object: refOf("Pod", pod.metadata), alike: nameOf(workloadOf(pod, snapshot)) };
}

/** Pods that wait for a node, or on a node for what they need to start. */
export function findPending(snapshot: Snapshot): Finding[] {
  return snapshot.pods.flatMap((pod) => {
    if (pod.status?.phase !== "Pending" || pod.metadata.deletionTimestamp !== undefined) return [];
    const found = waitsForNode(pod, snapshot) ?? waitsOnNode(pod, snapshot);
    return found === undefined ? [] : [{ ...found, ...about(pod, snapshot) }];
  });
}

type Unplaced = Omit<Finding, "object" | "alike">;

function waitsForNode(pod: Pod, snapshot: Snapshot): Unplaced | undefined {
  const { status, reason, message } = conditionOf(pod, "PodScheduled") ?? {};
  if (status === "True" || pod.spec.nodeName !== undefined) return undefined;
  const waits = `it waits for a node for ${agoOf(pod.metadata.creationTimestamp, snapshot.now)}`;
  if (reason === "SchedulingGated") {
    return {
      severity: "info",
      evidence: `${waits}: it is gated`,
      suggestion: "whoever set its scheduling gate has to remove it",
    };
  }
  if (status !== "False") {
    if (msSince(pod.metadata.creationTimestamp, snapshot.now) < SETTLING_MS) return undefined;
    return {
      severity: "critical",
      evidence: `${waits}, and no scheduler has looked at it`,
      suggestion: "does the scheduler run, and is schedulerName one that there is?",
    };
  }
  const told = message ?? schedulersWords(pod, snapshot) ?? reason ?? "";
  return {
    severity: "critical",
    evidence: `${waits}: ${quote(told)}`,
    suggestion: suggestionFor(told, unschedulable) ?? "look at its events: k8s_events",
  };
}

function schedulersWords({ metadata }: Pod, snapshot: Snapshot): string | undefined {
  return eventsOf(snapshot, refOf("Pod", metadata)).find(({ reason }) => reason === "FailedScheduling")?.message;
}

const STARTING_REASONS = new Set(["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"]);

const startProblems: readonly (readonly [pattern: RegExp, suggestion: string])[] = [
  [
    /(configmap|secret) .*not found|references non-existent/i,
    "create what it mounts, in the same namespace, or correct its name",
  ],
  [/Multi-Attach/i, "its volume is still attached to another node: wait for the old pod to end, or delete it"],
  [/sandbox|network|cni/i, "the node's network is not ready: look at the pods of the network plugin on that node"],
];

function waitsOnNode(pod: Pod, snapshot: Snapshot): Unplaced | undefined {
  if (pod.spec.nodeName === undefined) return undefined;
  const since = pod.status?.startTime ?? pod.metadata.creationTimestamp;
  if (msSince(since, snapshot.now) < STARTING_MS) return undefined;
  const event = eventsOf(snapshot, refOf("Pod", pod.metadata)).find(({ reason }) => STARTING_REASONS.has(reason ?? ""));
  if (event === undefined) return undefined;
  const message = event.message ?? "";
  return {
    severity: "critical",
    evidence: `it starts for ${agoOf(since, snapshot.now)} on ${pod.spec.nodeName}: ${event.reason ?? ""}: ${quote(message)}`,
    suggestion: suggestionFor(message, startProblems) ?? "correct what the message names",
  };
}

function suggestionFor(text: string, table: readonly (readonly [RegExp, string])[]): string | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1];
}

const PROBE = /^(Liveness|Readiness|Startup) probe (?:failed|errored)/;

/** Containers that run and do not become ready, and those that a failing probe restarts. */
export function findFailingProbes(snapshot: Snapshot): Finding[] {
  return snapshot.pods.flatMap((pod) => {
    if (pod.status?.phase !== "Running" || pod.metadata.deletionTimestamp !== undefined) return [];
    const events = eventsOf(snapshot, refOf("Pod", pod.metadata)).filter(({ message = "" }) => PROBE.test(message));
    const found = restartedByProbe(pod, events, snapshot.now) ?? notReady(pod, events, snapshot.now);
    return found === undefined ? [] : [{ ...found, ...about(pod, snapshot) }];
  });
}

function restartedByProbe(pod: Pod, events: readonly Event[], now: Date): Unplaced | undefined {
  const event = events.find(
    (one) => !(one.message ?? "").startsWith("Readiness") && msSince(lastSeen(one), now) < HOUR_MS,
  );
  const restarts = (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
  if (event === undefined || restarts === 0) return undefined;
  return {
    severity: "critical",
    evidence: `${quote(event.message)} (last ${agoOf(lastSeen(event), now)} ago); its containers were restarted ${restarts} times`,
    suggestion:
      "look whether the program is slow to start (startupProbe, initialDelaySeconds), hangs (its log), or is probed at the wrong port or path",
  };
}

function notReady(pod: Pod, events: readonly Event[], now: Date): Unplaced | undefined {
  const slow = (pod.status?.containerStatuses ?? []).filter(
    ({ ready, state }) =>
      !ready && msSince(state?.running?.startedAt, now) > SETTLING_MS && state?.running !== undefined,
  );
  if (slow.length === 0) return undefined;
  const event = events.find((one) => msSince(lastSeen(one), now) < RECENT_MS);
  const words = event === undefined ? "no event tells why" : quote(event.message);
  const names = slow.map(({ name, state }) => `${name} (runs for ${agoOf(state?.running?.startedAt, now)})`);
  return {
    severity: "critical",
    evidence: `not ready: ${listed(names)}; ${words}`,
    suggestion: "no Service sends it requests: is the probe's port and path right, and what does its log say?",
  };
}

/** Pods that a node threw out; they stay behind as objects. */
export function findEvicted(snapshot: Snapshot): Finding[] {
  return snapshot.pods
    .filter(({ status }) => status?.phase === "Failed" && status.reason === "Evicted")
    .map((pod) => ({
      severity: "warning",
      evidence: `evicted from ${pod.spec.nodeName ?? "its node"}: ${quote(pod.status?.message)}`,
      suggestion:
        "the node was short of what the message names: set requests and limits, and look at the node's disk and memory",
      ...about(pod, snapshot),
    }));
}
