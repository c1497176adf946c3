import type { KubeObject } from "../kube-object.ts";
import { keyOf } from "../kube-object.ts";
import { type ResourceKind, resourceId } from "./resource-kind.ts";

/** Changes that are kept for watches and for lists of an older version. */
const MAX_HISTORY = 5_000;
/** An API server compacts its history after this time. */
const HISTORY_MS = 5 * 60_000;
/** Where counting begins: versions of a real cluster have several digits, too. */
const FIRST_VERSION = 100_000;

export type Change = {
  version: number;
  atMs: number;
  type: "ADDED" | "MODIFIED" | "DELETED";
  resource: string;
  object: KubeObject;
  before: KubeObject | undefined;
};

export type ObjectStore = ReturnType<typeof createObjectStore>;

/** The changes of the last minutes, the oldest first. */
function createHistory() {
  let changes: Change[] = [];
  let compacted = FIRST_VERSION;
  return {
    compacted: () => compacted,
    add(change: Change): void {
      changes.push(change);
      const firstKept = changes.findIndex(({ atMs }) => atMs >= change.atMs - HISTORY_MS);
      const surplus = Math.max(firstKept, changes.length - MAX_HISTORY);
      if (surplus <= 0) return;
      compacted = changes[surplus - 1]?.version ?? compacted;
      changes = changes.slice(surplus);
    },
    since: (resource: string, seen: number): Change[] =>
      changes.filter((change) => change.version > seen && change.resource === resource),
  };
}

/** All objects by kind and key, with one version counter for all of them, as etcd has. */
export function createObjectStore() {
  const objects = new Map<string, Map<string, KubeObject>>();
  /** The objects of a kind in their order, until one of them changes. */
  const lists = new Map<string, readonly KubeObject[]>();
  const listeners = new Set<() => void>();
  const history = createHistory();
  let version = FIRST_VERSION;

  function record(change: Omit<Change, "version">): void {
    history.add({ version, ...change });
    lists.delete(change.resource);
    for (const listener of listeners) listener();
  }

  return {
    version: () => version,
    /** Changes up to this version are forgotten. */
    compacted: history.compacted,
    get: (kind: ResourceKind, key: string): KubeObject | undefined => objects.get(resourceId(kind))?.get(key),
    list(kind: Pick<ResourceKind, "group" | "plural">): readonly KubeObject[] {
      const resource = resourceId(kind);
      const known = lists.get(resource) ?? sorted([...(objects.get(resource)?.values() ?? [])]);
      lists.set(resource, known);
      return known;
    },
    /** Stores an object under the next version. */
    put(kind: ResourceKind, object: KubeObject, atMs: number): KubeObject {
      version += 1;
      const resource = resourceId(kind);
      const key = keyOf(object);
      const ofKind = objects.get(resource) ?? new Map<string, KubeObject>();
      const before = ofKind.get(key);
      const stored = atVersion(object, version);
      objects.set(resource, ofKind.set(key, stored));
      record({ atMs, type: before === undefined ? "ADDED" : "MODIFIED", resource, object: stored, before });
      return stored;
    },
    remove(kind: ResourceKind, key: string, atMs: number): void {
      const resource = resourceId(kind);
      const before = objects.get(resource)?.get(key);
      if (before === undefined) return;
      version += 1;
      objects.get(resource)?.delete(key);
      record({ atMs, type: "DELETED", resource, object: atVersion(before, version), before });
    },
    /** The objects as they were at a version that is still kept: later changes are undone, the latest first. */
    listAt: (kind: ResourceKind, wanted: number): KubeObject[] =>
      undone(objects.get(resourceId(kind)), history.since(resourceId(kind), wanted)),
    since: (kind: ResourceKind, seen: number): Change[] => history.since(resourceId(kind), seen),
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function undone(present: ReadonlyMap<string, KubeObject> | undefined, changes: readonly Change[]): KubeObject[] {
  const past = new Map(present);
  for (const { object, before } of changes.toReversed()) {
    if (before === undefined) past.delete(keyOf(object));
    else past.set(keyOf(before), before);
  }
  return sorted([...past.values()]);
}

function atVersion(object: KubeObject, version: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function sorted(objects: KubeObject[]): KubeObject[] {
  return objects.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}
