import { alreadyExists, ApiStatus, badRequest, conflict, invalid, notFound } from "../api-status.ts";
import { isoSeconds } from "../durations.ts";
import { pickSuffix, pickUid } from "../fixed-random.ts";
import { compact, isSame, type Json, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { type KubeObject, namespaceOf } from "../kube-object.ts";
import { fieldsOf } from "../patch/field-set.ts";
import { afterUpdate, type Managed, type Manager, readManaged, writeManaged } from "../patch/managed-fields.ts";
import type { Schemas } from "../schema/schemas.ts";
import { decoded, requireNamespace, subjectOf, validate, type WriteOptions } from "./drafts.ts";
import type { KindList } from "./kind-list.ts";
import type { ObjectStore } from "./object-store.ts";
import { apiVersionOf, type Draft, type Place, placeKey, type ResourceKind } from "./resource-kind.ts";

/** The next object; `managed` if the change says itself who manages what. */
export type Next = {
  object: JsonObject;
  managed?: Managed[];
  /** The object is a patched one: then another uid is a change of a field, not another object. */
  isPatched?: true;
};

export type Registry = ReturnType<typeof createRegistry>;
type RegistryDeps = { schemas: Schemas; store: ObjectStore; kinds: KindList; clock: () => number };

/** What stands between a client's object and the store: decoding, defaults, validation, versions and who manages which field. */
export function createRegistry(deps: RegistryDeps) {
  const { schemas, store, clock } = deps;
  let serial = 0;

  function create(kind: ResourceKind, namespace: string | undefined, next: Next, options: WriteOptions): KubeObject {
    const draft = decoded(schemas, kind, next.object, options);
    const { metadata } = draft;
    serial += 1;
    place(kind, draft, { namespace, generatedName: generated(textAt(metadata, "generateName"), serial) });
    checkNamespace(deps, kind, namespace);
    validate(schemas, kind, draft, undefined);
    const key = placeKey({ namespace, name: textAt(metadata, "name") ?? "" });
    if (store.get(kind, key) !== undefined) throw alreadyExists(subjectOf(kind, textAt(metadata, "name") ?? ""));
    const nowMs = clock();
    const managed = next.managed ?? managedAfter(deps, kind, { current: undefined, draft, manager: options.manager });
    Object.assign(metadata, {
      uid: pickUid(`${kind.kind}/${key}/${serial}`),
      creationTimestamp: isoSeconds(nowMs),
      ...(draft["spec"] !== undefined && { generation: 1 }),
      managedFields: writeManaged(managed),
    });
    const object = complete(draft);
    return options.dryRun ? object : store.put(kind, object, nowMs);
  }

  /** `next` gets the object as it is and returns what it should become. */
  function update(
    kind: ResourceKind,
    at: Place,
    next: (current: KubeObject) => Next,
    options: WriteOptions,
  ): KubeObject {
    const current = store.get(kind, placeKey(at));
    if (current === undefined) throw notFound(kind.plural, kind.group, at.name);
    const { object: wanted, managed, isPatched } = next(current);
    const draft = decoded(schemas, kind, wanted, options);
    checkIdentity(kind, current, draft, isPatched === true);
    const isStatus = options.manager.subresource === "status";
    carryOver(kind, { draft, current, isStatus });
    if (!isStatus) validate(schemas, kind, draft, current);
    const entries = isStatus
      ? readManaged(current)
      : (managed ?? managedAfter(deps, kind, { current, draft, manager: options.manager }));
    draft.metadata["managedFields"] = writeManaged(entries);
    const object = complete(draft);
    // A write that changes nothing is no new version.
    if (isSame(withoutTimes(object), withoutTimes(current))) return current;
    return options.dryRun ? object : store.put(kind, object, clock());
  }

  return { create, update };
}

type Written = { current: KubeObject | undefined; draft: Draft; manager: Manager };

function managedAfter(
  { schemas, clock }: RegistryDeps,
  kind: ResourceKind,
  { current, draft, manager }: Written,
): Managed[] {
  const before = current ?? {};
  const [fieldsBefore, fieldsAfter] = [fieldsOf(schemas, kind.schema, before), fieldsOf(schemas, kind.schema, draft)];
  const stamp = { apiVersion: apiVersionOf(kind), time: isoSeconds(clock()) };
  return afterUpdate(readManaged(before), manager, { before, after: draft, fieldsBefore, fieldsAfter }, stamp);
}

function checkNamespace({ store, kinds }: RegistryDeps, kind: ResourceKind, namespace: string | undefined): void {
  if (!kind.namespaced || namespace === undefined) return;
  const space = store.get(kinds.named("Namespace"), placeKey({ namespace: undefined, name: namespace }));
  requireNamespace(namespace, space);
}

function withoutTimes(object: KubeObject): Json {
  const managed = listAt(object, "metadata", "managedFields").map((entry) => ({ ...objectAt(entry), time: "" }));
  return { ...object, metadata: { ...object.metadata, managedFields: managed } };
}

function generated(prefix: string | undefined, serial: number): string | undefined {
  return prefix === undefined ? undefined : `${prefix}${pickSuffix(`${prefix}/${serial}`, 5)}`;
}

type NewPlace = { namespace: string | undefined; generatedName: string | undefined };

/** Gives a new object its name and namespace, and refuses what a new object cannot have. */
function place(kind: ResourceKind, draft: Draft, { namespace, generatedName }: NewPlace): void {
  const { metadata } = draft;
  const given = textAt(metadata, "namespace");
  if (given !== undefined && namespace !== undefined && given !== namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  if (textAt(metadata, "resourceVersion") !== undefined)
    throw new ApiStatus(500, "", "resourceVersion should not be set on objects to be created");
  const name = textAt(metadata, "name") ?? generatedName;
  if (name !== undefined) metadata["name"] = name;
  if (kind.namespaced && namespace !== undefined) metadata["namespace"] = namespace;
  if (kind.subresources.includes("status")) delete draft["status"];
}

/** A caller that names the version or the object it has seen must not change anything else. */
function checkIdentity(kind: ResourceKind, current: KubeObject, draft: Draft, isPatched: boolean): void {
  const subject = subjectOf(kind, current.metadata.name);
  const seenVersion = textAt(draft, "metadata", "resourceVersion");
  if (seenVersion !== undefined && seenVersion !== current.metadata.resourceVersion) throw conflict(subject);
  const seenUid = textAt(draft, "metadata", "uid");
  if (seenUid === undefined || seenUid === current.metadata.uid) return;
  if (isPatched) {
    const message = `Invalid value: "${seenUid}": field is immutable`;
    throw invalid(subject, [{ reason: "FieldValueInvalid", message, field: "metadata.uid" }]);
  }
  const found = `UID in object meta: ${current.metadata.uid}`;
  throw conflict(subject, `Precondition failed: UID in precondition: ${seenUid}, ${found}`);
}

type CarryOver = { draft: Draft; current: KubeObject; isStatus: boolean };

/** What a client cannot change: it stays as it was, whatever the client sent. */
function carryOver(kind: ResourceKind, { draft, current, isStatus }: CarryOver): void {
  if (isStatus) {
    const { status } = draft;
    for (const key of Object.keys(draft)) delete draft[key];
    Object.assign(draft, structuredClone(current), compact({ status }));
  } else if (kind.subresources.includes("status")) {
    delete draft["status"];
    Object.assign(draft, compact({ status: current["status"] }));
  }
  const { name, uid, creationTimestamp, resourceVersion } = current.metadata;
  const generation = numberAt(current, "metadata", "generation");
  const isChanged = !isSame(draft["spec"], current["spec"]);
  Object.assign(
    draft.metadata,
    { name, uid, creationTimestamp, resourceVersion },
    compact({
      namespace: namespaceOf(current),
      deletionTimestamp: textAt(current, "metadata", "deletionTimestamp"),
      deletionGracePeriodSeconds: numberAt(current, "metadata", "deletionGracePeriodSeconds"),
      generation: generation === undefined ? undefined : generation + (isChanged ? 1 : 0),
    }),
  );
}

/** The fields of which this file has seen to it that they are there. */
function complete(draft: Draft): KubeObject {
  const { metadata } = draft;
  return {
    ...draft,
    apiVersion: textAt(draft, "apiVersion") ?? "",
    kind: textAt(draft, "kind") ?? "",
    metadata: {
      ...metadata,
      name: textAt(metadata, "name") ?? "",
      uid: textAt(metadata, "uid") ?? "",
      resourceVersion: textAt(metadata, "resourceVersion") ?? "",
      creationTimestamp: textAt(metadata, "creationTimestamp") ?? "",
    },
  };
}
