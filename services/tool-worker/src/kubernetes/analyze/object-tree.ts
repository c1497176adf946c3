import type { Workload } from "../cluster-objects.ts";
import { groupBy } from "../grouping.ts";
import type { Metadata, Pod } from "../pod-objects.ts";
import { summarise } from "../pod-status.ts";
import { listed, nameOf, type ObjectRef } from "./finding.ts";
import { keyOf, objectsIn, type Edge, type ObjectGraph } from "./object-graph.ts";
import { isAt } from "./relations.ts";
import type { ListName, Snapshot } from "./snapshot.ts";

export interface TreeRequest {
  readonly root: ObjectRef;
  /** Of the root; its owners may be of kinds that are not in the snapshot. */
  readonly metadata: Metadata | undefined;
  readonly graph: ObjectGraph;
  readonly snapshot: Snapshot;
  /** Steps down. */
  readonly depth: number;
  /** Of what is in these nothing is known. */
  readonly unread: ReadonlySet<ListName>;
}

/** Of one relation of one object; a DaemonSet on 1,000 nodes is told by its first pods. */
const MAX_SIDE_BY_SIDE = 20;

/** What an object belongs to, what leads to it, and what it leads to: a line each. */
export function treeLines(request: TreeRequest): string[] {
  const { root } = request;
  const [owners, leading] = [ownersOf(request), leadingTo(request)];
  return [
    ...(owners.length === 0 ? [] : [`owned by ${owners.map(nameOf).join(", which is owned by ")}`]),
    `${nameOf(root)}${stateWords(root, request)}`,
    ...below(root, request, { level: 1, seen: new Set([keyOf(root)]) }),
    ...(leading.length === 0 ? [] : ["led to by:", ...leading.map((line) => `  ${line}`)]),
  ];
}

const MAX_OWNERS = 10;

/** The nearest first. */
function ownersOf({ root, metadata, graph }: TreeRequest): ObjectRef[] {
  const owners: ObjectRef[] = [];
  const first = metadata?.ownerReferences?.[0];
  let next: ObjectRef | undefined = first && { kind: first.kind, namespace: root.namespace, name: first.name };
  // Owners can be written by anybody, also in a circle.
  while (next !== undefined && owners.length < MAX_OWNERS) {
    owners.push(next);
    next = graph.above(next).find(({ relation }) => relation === "owns")?.from;
  }
  return owners;
}

interface Level {
  readonly level: number;
  /** What has its line already: pods of one workload use the same settings. */
  readonly seen: Set<string>;
}

function below(object: ObjectRef, request: TreeRequest, { level, seen }: Level): string[] {
  const edges = request.graph.below(object).filter(({ to }) => !seen.has(keyOf(to)));
  if (level > request.depth) return edges.length === 0 ? [] : [`${indent(level)}… ${edges.length} more below`];
  return [...groupBy(edges, ({ relation }) => relation).values()].flatMap((group) => {
    const shown = group.slice(0, MAX_SIDE_BY_SIDE);
    const rest = group.length - shown.length;
    const lines = shown.flatMap((edge) => lineAndBelow(edge, request, { level, seen }));
    return rest === 0 ? lines : [...lines, `${indent(level)}… ${rest} more that it ${group[0]?.relation ?? ""}`];
  });
}

function lineAndBelow({ relation, to }: Edge, request: TreeRequest, { level, seen }: Level): string[] {
  const key = keyOf(to);
  if (seen.has(key)) return [];
  seen.add(key);
  return [
    `${indent(level)}${relation} ${to.kind} ${to.name}${stateWords(to, request)}`,
    ...below(to, request, { level: level + 1, seen }),
  ];
}

function indent(level: number): string {
  return "  ".repeat(level);
}

/** What selects, scales, guards or uses the object or anything that it owns, and what routes to that. */
function leadingTo({ root, graph }: TreeRequest): string[] {
  const owned = new Map([[keyOf(root), root]]);
  for (const one of owned.values()) {
    for (const { relation, to } of graph.below(one)) if (relation === "owns") owned.set(keyOf(to), to);
  }
  const edges = [...owned.values()].flatMap((one) =>
    graph.above(one).filter(({ relation }) => relation !== "owns" && (relation !== "uses" || one === root)),
  );
  return [...groupBy(edges, ({ from, relation }) => `${relation} ${keyOf(from)}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const routes = graph.above(first.from).map(({ from, relation }) => `  ${nameOf(from)} ${relation} it`);
    return [
      `${nameOf(first.from)} ${first.relation} ${listed(group.map(({ to }) => `${to.kind} ${to.name}`))}`,
      ...routes,
    ];
  });
}

/** In which list a kind is, if it is in one. */
const listOf: ReadonlyMap<string, ListName> = new Map([
  ["Service", "services"],
  ["PersistentVolumeClaim", "claims"],
  ["Deployment", "deployments"],
  ["StatefulSet", "statefulSets"],
]);

function stateWords(ref: ObjectRef, { root, snapshot, unread }: TreeRequest): string {
  const words = stateOf(ref, snapshot);
  if (words !== undefined) return `: ${words}`;
  const list = listOf.get(ref.kind);
  if (list === undefined || unread.has(list) || keyOf(ref) === keyOf(root)) return "";
  return objectsIn(snapshot).some(([one]) => keyOf(one) === keyOf(ref)) ? "" : ": does not exist";
}

function stateOf(ref: ObjectRef, snapshot: Snapshot): string | undefined {
  const at = <T extends { readonly metadata: Metadata }>(list: readonly T[]): T | undefined =>
    list.find(({ metadata }) => isAt(metadata, ref));
  switch (ref.kind) {
    case "Pod":
      return podWords(at(snapshot.pods));
    case "Deployment":
      return readyWords(at(snapshot.deployments));
    case "ReplicaSet":
      return readyWords(at(snapshot.replicaSets));
    case "StatefulSet":
      return readyWords(at(snapshot.statefulSets));
    case "PersistentVolumeClaim":
      return at(snapshot.claims)?.status?.phase;
    default:
      return undefined;
  }
}

function podWords(pod: Pod | undefined): string | undefined {
  if (pod === undefined) return undefined;
  const { status, ready, containers, restarts } = summarise(pod);
  return `${status}, ${ready}/${containers} ready${restarts === 0 ? "" : `, ${restarts} restarts`}`;
}

function readyWords(workload: Workload | undefined): string | undefined {
  return workload && `${workload.status?.readyReplicas ?? 0}/${workload.spec.replicas ?? 1} ready`;
}
