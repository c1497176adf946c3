import type { Ingress } from "../cluster-objects.ts";
import { groupBy } from "../grouping.ts";
import type { Metadata, Pod, PodSpec } from "../pod-objects.ts";
import { refOf, type ObjectRef } from "./finding.ts";
import { matchesSelector, selects } from "./relations.ts";
import type { Snapshot } from "./snapshot.ts";

/** How one object has to do with another, said of the first: a Deployment owns, a Service selects, a pod uses. */
export type Relation = "owns" | "selects" | "routes to" | "uses" | "scales" | "guards";

export interface Edge {
  readonly from: ObjectRef;
  readonly relation: Relation;
  readonly to: ObjectRef;
}

export interface ObjectGraph {
  /** What an object owns, selects, uses, … */
  below(object: ObjectRef): readonly Edge[];
  /** What owns, selects, uses, … it. */
  above(object: ObjectRef): readonly Edge[];
}

export function keyOf({ kind, namespace = "", name }: ObjectRef): string {
  return `${kind}/${namespace}/${name}`;
}

/** All that objects of a snapshot have to do with each other. Owners that are of a kind that was not read are in it by name. */
export function graphOf(snapshot: Snapshot): ObjectGraph {
  const edges = [
    ...ownerEdges(snapshot),
    ...serviceEdges(snapshot),
    ...settingEdges(snapshot),
    ...policyEdges(snapshot),
  ];
  const [below, above] = [groupBy(edges, ({ from }) => keyOf(from)), groupBy(edges, ({ to }) => keyOf(to))];
  return {
    below: (object) => below.get(keyOf(object)) ?? [],
    above: (object) => above.get(keyOf(object)) ?? [],
  };
}

/** Objects with their kind. */
export function objectsIn(snapshot: Snapshot): (readonly [ref: ObjectRef, metadata: Metadata])[] {
  const ofKind = (kind: string, list: readonly { readonly metadata: Metadata }[]) =>
    list.map(({ metadata }) => [refOf(kind, metadata), metadata] as const);
  return [
    ...ofKind("Deployment", snapshot.deployments),
    ...ofKind("ReplicaSet", snapshot.replicaSets),
    ...ofKind("StatefulSet", snapshot.statefulSets),
    ...ofKind("DaemonSet", snapshot.daemonSets),
    ...ofKind("CronJob", snapshot.cronJobs),
    ...ofKind("Job", snapshot.jobs),
    ...ofKind("Pod", snapshot.pods),
    ...ofKind("Service", snapshot.services),
    ...ofKind("EndpointSlice", snapshot.endpointSlices),
    ...ofKind("Ingress", snapshot.ingresses),
    ...ofKind("PersistentVolumeClaim", snapshot.claims),
    ...ofKind("HorizontalPodAutoscaler", snapshot.autoscalers),
    ...ofKind("PodDisruptionBudget", snapshot.budgets),
  ];
}

function ownerEdges(snapshot: Snapshot): Edge[] {
  return objectsIn(snapshot).flatMap(([to, { namespace, ownerReferences = [] }]) =>
    ownerReferences.map(({ kind, name }) => ({
      // Nodes own the pods that stand in files of theirs; no other owner without a namespace is usual.
      from: { kind, namespace: kind === "Node" ? undefined : namespace, name },
      relation: "owns" as const,
      to,
    })),
  );
}

function podEdges(pods: readonly Pod[], from: ObjectRef, relation: Relation, fits: (pod: Pod) => boolean): Edge[] {
  return pods
    .filter((pod) => pod.metadata.namespace === from.namespace && fits(pod))
    .map(({ metadata }) => ({ from, relation, to: refOf("Pod", metadata) }));
}

function serviceEdges({ services, ingresses, pods }: Snapshot): Edge[] {
  const selected = services.flatMap(({ metadata, spec }) =>
    podEdges(pods, refOf("Service", metadata), "selects", (pod) => selects(spec.selector, pod.metadata.labels)),
  );
  const routed = ingresses.flatMap((ingress) =>
    [...new Set(backendNames(ingress))].map((name) => ({
      from: refOf("Ingress", ingress.metadata),
      relation: "routes to" as const,
      to: { kind: "Service", namespace: ingress.metadata.namespace, name },
    })),
  );
  return [...routed, ...selected];
}

function backendNames({ spec }: Ingress): string[] {
  const paths = (spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  return [spec?.defaultBackend, ...paths.map(({ backend }) => backend)].flatMap(
    (backend) => backend?.service?.name ?? [],
  );
}

function settingEdges({ pods }: Snapshot): Edge[] {
  return pods.flatMap((pod) => {
    const { namespace } = pod.metadata;
    return settingsOf(pod.spec).map(([kind, name]) => ({
      from: refOf("Pod", pod.metadata),
      relation: "uses" as const,
      to: { kind, namespace, name },
    }));
  });
}

/** ConfigMaps, Secrets and claims that a pod names, once each. Names only: nothing of what is in them is read. */
function settingsOf({ containers, initContainers = [], volumes = [] }: PodSpec): [kind: string, name: string][] {
  const inContainers = [...containers, ...initContainers].flatMap(({ env = [], envFrom = [] }) => [
    ...env.map(({ valueFrom }) => [valueFrom?.configMapKeyRef?.name, valueFrom?.secretKeyRef?.name] as const),
    ...envFrom.map(({ configMapRef, secretRef }) => [configMapRef?.name, secretRef?.name] as const),
  ]);
  const inVolumes = volumes.flatMap(({ configMap, secret, projected }) => [
    [configMap?.name, secret?.secretName] as const,
    ...(projected?.sources ?? []).map((source) => [source.configMap?.name, source.secret?.name] as const),
  ]);
  const used = [...inContainers, ...inVolumes];
  const claims = volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  return [
    ...named(
      "ConfigMap",
      used.flatMap(([name]) => name ?? []),
    ),
    ...named(
      "Secret",
      used.flatMap(([, name]) => name ?? []),
    ),
    ...named("PersistentVolumeClaim", claims),
  ];
}

function named(kind: string, names: readonly string[]): [string, string][] {
  return [...new Set(names)].map((name) => [kind, name]);
}

function policyEdges({ autoscalers, budgets, pods }: Snapshot): Edge[] {
  return [
    ...autoscalers.map(({ metadata, spec: { scaleTargetRef } }) => ({
      from: refOf("HorizontalPodAutoscaler", metadata),
      relation: "scales" as const,
      to: { kind: scaleTargetRef.kind, namespace: metadata.namespace, name: scaleTargetRef.name },
    })),
    ...budgets.flatMap(({ metadata, spec }) =>
      podEdges(pods, refOf("PodDisruptionBudget", metadata), "guards", (pod) =>
        matchesSelector(spec.selector, pod.metadata.labels),
      ),
    ),
  ];
}

/**
 * Keys of all that has to do with an object: what it leads to, and whatever leads to it or to what it owns. Not what merely uses the same settings, or is owned by the
 * same owner.
 */
export function relatedTo(root: ObjectRef, { below, above }: ObjectGraph): ReadonlySet<string> {
  const down = closure([root], (object) => below(object).map(({ to }) => to));
  const owned = closure([root], (object) =>
    below(object).flatMap(({ relation, to }) => (relation === "owns" ? [to] : [])),
  );
  const up = closure([...owned.values()], (object) =>
    above(object).flatMap(({ relation, from }) => (relation === "uses" && keyOf(object) !== keyOf(root) ? [] : [from])),
  );
  return new Set([...down.keys(), ...up.keys()]);
}

function closure(
  from: readonly ObjectRef[],
  next: (object: ObjectRef) => readonly ObjectRef[],
): Map<string, ObjectRef> {
  const found = new Map(from.map((object) => [keyOf(object), object]));
  // A map is gone through in the order of its entries, also those that are added meanwhile.
  for (const object of found.values()) {
    for (const one of next(object)) if (!found.has(keyOf(one))) found.set(keyOf(one), one);
  }
  return found;
}
