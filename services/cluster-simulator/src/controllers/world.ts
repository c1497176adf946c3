import { HOUR_MS, isoSeconds } from "../durations.ts";
import { pickUid } from "../fixed-random.ts";
import { compact, isSame, type Json, type JsonObject, textAt } from "../json.ts";
import { isOwnedBy, keyOf, type KubeObject, namespaceOf, ownerReference } from "../kube-object.ts";
import type { KindList } from "../store/kind-list.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { apiVersionOf, placeKey } from "../store/resource-kind.ts";

export type NewObject = {
  name: string;
  namespace?: string | undefined;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  owner?: KubeObject;
  fields: JsonObject;
};

export type Happening = {
  about: KubeObject;
  fieldPath?: string;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  source: string;
  /** Default: now, once. */
  firstMs?: number;
  lastMs?: number;
  count?: number;
};

/** An API server keeps events for an hour. */
export const EVENT_LIFE_MS = HOUR_MS;

/** What a controller sees and can do at one moment of the cluster's clock. */
export type World = ReturnType<typeof createWorld>;
type WorldDeps = { store: ObjectStore; kinds: KindList; nowMs: number; wakeAt: (ms: number) => void };

export function createWorld({ store, kinds, nowMs, wakeAt }: WorldDeps) {
  const list = (kind: string): readonly KubeObject[] => store.list(kinds.named(kind));

  function put(object: KubeObject): KubeObject {
    const kind = kinds.ofObject(object.apiVersion, object.kind);
    if (kind === undefined) throw new Error(`the simulated cluster has no kind ${object.kind}`);
    return store.put(kind, object, nowMs);
  }

  function make(kindName: string, { name, namespace, labels, annotations, owner, fields }: NewObject): KubeObject {
    const kind = kinds.named(kindName);
    const metadata = {
      name,
      uid: pickUid(`${kindName}/${namespace ?? ""}/${name}/${store.version()}`),
      resourceVersion: "",
      creationTimestamp: isoSeconds(nowMs),
      ...compact({ namespace, labels, annotations }),
      ...(fields["spec"] !== undefined && { generation: 1 }),
      ...(owner !== undefined && { ownerReferences: [ownerReference(owner)] }),
    };
    return store.put(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, ...fields }, nowMs);
  }

  function happen({ about, fieldPath, ...event }: Happening): void {
    const { firstMs = nowMs, lastMs = nowMs, count = 1, source } = event;
    if (lastMs <= nowMs - EVENT_LIFE_MS) return;
    const namespace = namespaceOf(about) ?? "default";
    const { apiVersion, kind, metadata } = about;
    const id = pickUid(`${metadata.uid}/${event.reason}/${fieldPath ?? ""}/${event.message}`);
    const name = `${metadata.name}.${id.replaceAll("-", "").slice(0, 16)}`;
    const known = store.get(kinds.named("Event"), placeKey({ namespace, name }));
    const fields = {
      involvedObject: compact({
        apiVersion,
        kind,
        namespace: namespaceOf(about),
        name: metadata.name,
        uid: metadata.uid,
        fieldPath,
      }),
      reason: event.reason,
      message: event.message,
      source: { component: source },
      firstTimestamp: isoSeconds(firstMs),
      lastTimestamp: isoSeconds(lastMs),
      count,
      type: event.type,
      eventTime: null,
      reportingComponent: source,
      reportingInstance: "",
    };
    if (known === undefined) make("Event", { name, namespace, fields });
    else {
      const next = { ...known, ...fields, firstTimestamp: textAt(known, "firstTimestamp") ?? fields.firstTimestamp };
      if (!isSame(next, known)) put(next);
    }
  }

  /** Stores what `act` makes of an object, if that is anything else. */
  function change(object: KubeObject, act: (draft: KubeObject) => void): KubeObject {
    const draft = structuredClone(object);
    act(draft);
    return isSame(draft, object) ? object : put(draft);
  }

  return {
    nowMs,
    /** Something changes then without anybody asking for it. */
    wakeAt,
    version: store.version,
    list,
    get: (kind: string, namespace: string | undefined, name: string) =>
      store.get(kinds.named(kind), placeKey({ namespace, name })),
    owned: (kind: string, owner: KubeObject) => list(kind).filter((object) => isOwnedBy(object, owner.metadata.uid)),
    all: (): KubeObject[] => kinds.all().flatMap((kind) => store.list(kind)),
    make,
    change,
    setStatus(object: KubeObject, status: Json): void {
      if (!isSame(object["status"], status)) put({ ...object, status });
    },
    remove(object: KubeObject): void {
      const kind = kinds.ofObject(object.apiVersion, object.kind);
      if (kind !== undefined) store.remove(kind, keyOf(object), nowMs);
    },
    happen,
  };
}

export function condition(
  type: string,
  holds: boolean,
  sinceMs: number,
  why: { reason?: string; message?: string } = {},
): JsonObject {
  return { type, status: holds ? "True" : "False", lastTransitionTime: isoSeconds(sinceMs), ...why };
}
