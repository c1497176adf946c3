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
export type World = {
  nowMs: number;
  /** Something changes then without anybody asking for it. */
  wakeAt: (ms: number) => void;
  version: () => number;
  list: (kind: string) => readonly KubeObject[];
  get: (kind: string, namespace: string | undefined, name: string) => KubeObject | undefined;
  owned: (kind: string, owner: KubeObject) => KubeObject[];
  all: () => KubeObject[];
  make: (kind: string, object: NewObject) => KubeObject;
  /** Stores what `act` makes of an object, if that is anything else. */
  change: (object: KubeObject, act: (draft: KubeObject) => void) => KubeObject;
  setStatus: (object: KubeObject, status: Json) => void;
  remove: (object: KubeObject) => void;
  happen: (happening: Happening) => void;
};
type WorldDeps = { store: ObjectStore; kinds: KindList; nowMs: number; wakeAt: (ms: number) => void };

export function createWorld(deps: WorldDeps): World {
  const { store, kinds, nowMs, wakeAt } = deps;
  const kindOf = ({ apiVersion, kind }: KubeObject) => kinds.ofObject(apiVersion, kind);
  const list = (kind: string): readonly KubeObject[] => store.list(kinds.named(kind));

  function put(object: KubeObject): KubeObject {
    const kind = kindOf(object);
    // The definition of a custom kind may be gone before its objects are.
    return kind === undefined ? object : store.put(kind, object, nowMs);
  }

  const world: World = {
    nowMs,
    wakeAt,
    version: store.version,
    list,
    get: (kind, namespace, name) => store.get(kinds.named(kind), placeKey({ namespace, name })),
    owned: (kind, owner) => list(kind).filter((object) => isOwnedBy(object, owner.metadata.uid)),
    all: () => kinds.all().flatMap((kind) => store.list(kind)),
    make: (kind, object) => make(deps, kind, object),
    change(object, act) {
      const draft = structuredClone(object);
      act(draft);
      return isSame(draft, object) ? object : put(draft);
    },
    setStatus(object, status) {
      if (!isSame(object["status"], status)) put({ ...object, status });
    },
    remove(object) {
      const kind = kindOf(object);
      if (kind !== undefined) store.remove(kind, keyOf(object), nowMs);
    },
    happen(happening) {
      if ((happening.lastMs ?? nowMs) <= nowMs - EVENT_LIFE_MS) return;
      const { name, namespace, fields } = eventOf(happening, nowMs);
      const known = world.get("Event", namespace, name);
      if (known === undefined) world.make("Event", { name, namespace, fields });
      else {
        const firstTimestamp = textAt(known, "firstTimestamp") ?? "";
        const next = { ...known, ...fields, firstTimestamp };
        if (!isSame(next, known)) put(next);
      }
    },
  };
  return world;
}

function make({ store, kinds, nowMs }: WorldDeps, kindName: string, object: NewObject): KubeObject {
  const { name, namespace, labels, annotations, owner, fields } = object;
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

/** The same happening is the same event again, with a higher count. */
function eventOf({ about, fieldPath, ...event }: Happening, nowMs: number) {
  const { firstMs = nowMs, lastMs = nowMs, count = 1, source, reason, message, type } = event;
  const { apiVersion, kind, metadata } = about;
  const id = pickUid(`${metadata.uid}/${reason}/${fieldPath ?? ""}/${message}`);
  const namespace = namespaceOf(about);
  return {
    name: `${metadata.name}.${id.replaceAll("-", "").slice(0, 16)}`,
    namespace: namespace ?? "default",
    fields: {
      involvedObject: compact({ apiVersion, kind, namespace, name: metadata.name, uid: metadata.uid, fieldPath }),
      reason,
      message,
      source: { component: source },
      firstTimestamp: isoSeconds(firstMs),
      lastTimestamp: isoSeconds(lastMs),
      count,
      type,
      eventTime: null,
      reportingComponent: source,
      reportingInstance: "",
    },
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
