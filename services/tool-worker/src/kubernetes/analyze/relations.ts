import type { Event, LabelSelector } from "../cluster-objects.ts";
import type { Conditions, Metadata, Pod } from "../pod-objects.ts";
import { lastSeenMs } from "../event-groups.ts";
import { refOf, type ObjectRef } from "./finding.ts";
import type { Snapshot } from "./snapshot.ts";

type HasLabels = Readonly<Record<string, string>> | undefined;

/** A selector of a Service: every label; one without labels selects nothing. */
export function selects(selector: HasLabels, labels: HasLabels): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value);
}

/** A selector of a workload or budget. An empty one selects all, as the API documents say; an absent one nothing. */
export function matchesSelector(selector: LabelSelector, labels: HasLabels): boolean {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels?.[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels?.[key];
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      const isIn = value !== undefined && values.includes(value);
      return operator === "NotIn" ? !isIn : isIn;
    })
  );
}

/** What controls a pod in the end: its Deployment rather than its ReplicaSet, its CronJob rather than its Job; itself if nothing does. */
export function workloadOf(pod: Pod, { replicaSets, jobs }: Pick<Snapshot, "replicaSets" | "jobs">): ObjectRef {
  const owner = controllerOf(pod.metadata);
  if (owner === undefined) return refOf("Pod", pod.metadata);
  const between = owner.kind === "ReplicaSet" ? replicaSets : owner.kind === "Job" ? jobs : [];
  const middle = between.find(({ metadata }) => isAt(metadata, owner));
  return (middle && controllerOf(middle.metadata)) ?? owner;
}

function controllerOf({ namespace, ownerReferences = [] }: Metadata): ObjectRef | undefined {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  return owner && { kind: owner.kind, namespace, name: owner.name };
}

export function isAt(metadata: Metadata, at: Pick<ObjectRef, "namespace" | "name">): boolean {
  return metadata.name === at.name && metadata.namespace === at.namespace;
}

/** The events about an object, newest first. */
export function eventsOf({ events }: Pick<Snapshot, "events">, { kind, namespace, name }: ObjectRef): Event[] {
  return events
    .filter(
      ({ involvedObject: about }) =>
        about?.kind === kind && about.name === name && (namespace === undefined || about.namespace === namespace),
    )
    .toSorted((one, other) => lastSeenMs(other) - lastSeenMs(one));
}

/** A condition by its type; absent: nobody has said anything of it. */
export function conditionOf(
  { status }: { readonly status?: { readonly conditions?: Conditions | undefined } | undefined },
  type: string,
): NonNullable<Conditions>[number] | undefined {
  return status?.conditions?.find((one) => one.type === type);
}

/** A pod that takes part: neither at its end nor being deleted. */
export function isLive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod, "Ready")?.status === "True";
}
