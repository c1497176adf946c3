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

/** All objects by kind and key, with one version counter for all of them, as etcd has. */
export function createObjectStore() {
  const objects = new Map<string, Map<string, KubeObject>>();
  /** The objects of a kind in their order, until one of them changes. */
  const lists = new Map<string, readonly KubeObject[]>();
  const listeners = new Set<() => void>();
  let history: Change[] = [];
  let version = FIRST_VERSION;
  let compacted = FIRST_VERSION;

  function ofResource(resource: string): Map<string, KubeObject> {
    const known = objects.get(resource) ?? new Map<string, KubeObject>();
    objects.set(resource, known);
    return known;
  }

  function record(change: Omit<Change, "version">): void {
    history.push({ version, ...change });
    lists.delete(change.resource);
    const firstKept = history.findIndex(({ atMs }) => atMs >= change.atMs - HISTORY_MS);
    const surplus = Math.max(firstKept, history.length - MAX_HISTORY);
    if (surplus > 0) {
      compacted = history[surplus - 1]?.version ?? compacted;
      history = history.slice(surplus);
    }
    for (const listener of listeners) listener();
  }

  return {
    version: () => version,
    /** Changes up to this version are forgotten. */
    compacted: () => compacted,
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
      const before = ofResource(resource).get(key);
      const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
      ofResource(resource).set(key, stored);
      record({ atMs, type: before === undefined ? "ADDED" : "MODIFIED", resource, object: stored, before });
      return stored;
    },
    remove(kind: ResourceKind, key: string, atMs: number): void {
      const resource = resourceId(kind);
      const before = objects.get(resource)?.get(key);
      if (before === undefined) return;
      version += 1;
      objects.get(resource)?.delete(key);
      const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
      record({ atMs, type: "DELETED", resource, object, before });
    },
    /** The objects as they were at a version that is still kept: later changes are undone, the latest first. */
    listAt(kind: ResourceKind, wanted: number): KubeObject[] {
      const resource = resourceId(kind);
      const past = new Map(objects.get(resource));
      for (const change of history.toReversed()) {
        if (change.version <= wanted) break;
        if (change.resource !== resource) continue;
        if (change.before === undefined) past.delete(keyOf(change.object));
        else past.set(keyOf(change.before), change.before);
      }
      return sorted([...past.values()]);
    },
    since: (kind: ResourceKind, seen: number): Change[] => {
      const resource = resourceId(kind);
      return history.filter((change) => change.version > seen && change.resource === resource);
    },
    /** Forgets all changes, as a compaction does. */
    compact(): void {
      history = [];
      compacted = version;
    },
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function sorted(objects: KubeObject[]): KubeObject[] {
  return objects.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}
