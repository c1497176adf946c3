import {
  alreadyExists,
  ApiStatus,
  badRequest,
  type Cause,
  conflict,
  invalid,
  notFound,
  type Subject,
} from "../api-status.ts";
import { isoSeconds } from "../durations.ts";
import { pickSuffix, pickUid } from "../fixed-random.ts";
import { compact, isObject, isSame, type Json, type JsonObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject, namespaceOf } from "../kube-object.ts";
import { fieldsOf } from "../patch/field-set.ts";
import { afterUpdate, type Managed, type Manager, readManaged, writeManaged } from "../patch/managed-fields.ts";
import { checkFields } from "../schema/field-check.ts";
import type { Schemas } from "../schema/schemas.ts";
import type { KindList } from "./kind-list.ts";
import type { ObjectStore } from "./object-store.ts";
import { apiVersionOf, type Draft, type Place, placeKey, type ResourceKind } from "./resource-kind.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";
/** Who writes, and how: nothing is stored in a dry run. */
export type WriteOptions = {
  manager: Manager;
  dryRun: boolean;
  validation: FieldValidation;
  /** Takes what a client should be told beside the answer. */
  warn: (text: string) => void;
};

export type Written = { object: KubeObject; isNew: boolean };
/** The next object; `managed` if the change says itself who manages what. */
export type Next = { object: JsonObject; managed?: Managed[] };

export type Registry = ReturnType<typeof createRegistry>;
type RegistryDeps = { schemas: Schemas; store: ObjectStore; kinds: KindList; clock: () => number };

/** What stands between a client's object and the store: decoding, defaults, validation, versions and who manages which field. */
export function createRegistry({ schemas, store, kinds, clock }: RegistryDeps) {
  let serial = 0;

  function decoded(kind: ResourceKind, body: JsonObject, { validation, warn }: WriteOptions): Draft {
    const { value, unknown, wrong } = checkFields(schemas, kind.schema, body);
    if (wrong.length > 0)
      throw badRequest(
        `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: json: ${wrong.join("; ")}`,
      );
    if (unknown.length > 0 && validation === "Strict") {
      const list = unknown.map((field) => `unknown field "${field}"`).join(", ");
      throw badRequest(`strict decoding error: ${list}`);
    }
    if (validation === "Warn") for (const field of unknown) warn(`unknown field "${field}"`);
    const draft = isObject(value) ? value : {};
    return { ...draft, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: objectAt(draft, "metadata") };
  }

  function validated(kind: ResourceKind, draft: Draft, before: KubeObject | undefined): void {
    kind.addDefaults(draft);
    const { missing } = checkFields(schemas, kind.schema, draft);
    const required: Cause[] = missing
      .filter((field) => !field.startsWith("status"))
      .map((field) => ({ reason: "FieldValueRequired", message: "Required value", field }));
    const causes = [...required, ...kind.problems(draft, before)];
    const unique = causes.filter(({ field }, index) => causes.findIndex((other) => other.field === field) === index);
    if (unique.length > 0) throw invalid(subjectOf(kind, textAt(draft, "metadata", "name") ?? ""), unique);
  }

  function requireNamespace(kind: ResourceKind, namespace: string | undefined): void {
    if (!kind.namespaced || namespace === undefined) return;
    const found = store.get(kinds.named("Namespace"), placeKey({ namespace: undefined, name: namespace }));
    if (found === undefined) throw notFound("namespaces", "", namespace);
    if (!isLeaving(found)) return;
    throw new ApiStatus(
      403,
      "Forbidden",
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      {
        causes: [
          {
            reason: "NamespaceTerminating",
            message: `namespace ${namespace} is being terminated`,
            field: "metadata.namespace",
          },
        ],
      },
    );
  }

  function create(kind: ResourceKind, namespace: string | undefined, next: Next, options: WriteOptions): Written {
    const draft = decoded(kind, next.object, options);
    const { metadata } = draft;
    const given = textAt(metadata, "namespace");
    if (given !== undefined && namespace !== undefined && given !== namespace)
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    if (textAt(metadata, "resourceVersion") !== undefined)
      throw badRequest("resourceVersion should not be set on objects to be created");
    serial += 1;
    const name = textAt(metadata, "name") ?? generated(textAt(metadata, "generateName"), serial);
    if (name !== undefined) metadata["name"] = name;
    if (kind.namespaced && namespace !== undefined) metadata["namespace"] = namespace;
    if (kind.subresources.includes("status") && kind.definition !== undefined) delete draft["status"];
    requireNamespace(kind, namespace);
    validated(kind, draft, undefined);
    const place = { namespace, name: name ?? "" };
    if (store.get(kind, placeKey(place)) !== undefined) throw alreadyExists(subjectOf(kind, place.name));
    const nowMs = clock();
    Object.assign(metadata, {
      uid: pickUid(`${kind.kind}/${placeKey(place)}/${serial}`),
      creationTimestamp: isoSeconds(nowMs),
      ...(draft["spec"] !== undefined && { generation: 1 }),
      managedFields: writeManaged(
        next.managed ??
          afterUpdate(
            [],
            options.manager,
            { before: {}, after: draft, fieldsBefore: new Set(), fieldsAfter: fieldsOf(schemas, kind.schema, draft) },
            stampOf(kind, nowMs),
          ),
      ),
    });
    const object = complete(draft);
    return { object: options.dryRun ? object : store.put(kind, object, nowMs), isNew: true };
  }

  /** `next` gets the object as it is and returns what it should become. */
  function update(
    kind: ResourceKind,
    place: Place,
    next: (current: KubeObject) => Next,
    options: WriteOptions,
  ): Written {
    const current = store.get(kind, placeKey(place));
    if (current === undefined) throw notFound(kind.plural, kind.group, place.name);
    const { object: wanted, managed } = next(current);
    const draft = decoded(kind, wanted, options);
    checkIdentity(kind, current, draft);
    const isStatus = options.manager.subresource === "status";
    carryOver(kind, { draft, current, isStatus });
    if (!isStatus) validated(kind, draft, current);
    const nowMs = clock();
    const change = {
      before: current,
      after: draft,
      fieldsBefore: fieldsOf(schemas, kind.schema, current),
      fieldsAfter: fieldsOf(schemas, kind.schema, draft),
    };
    const entries = isStatus
      ? readManaged(current)
      : (managed ?? afterUpdate(readManaged(current), options.manager, change, stampOf(kind, nowMs)));
    draft.metadata["managedFields"] = writeManaged(entries);
    const object = complete(draft);
    // A write that changes nothing is no new version.
    if (isSame(withoutTimes(object), withoutTimes(current))) return { object: current, isNew: false };
    if (options.dryRun) return { object, isNew: false };
    return { object: store.put(kind, object, nowMs), isNew: false };
  }

  return { create, update };
}

function withoutTimes(object: KubeObject): Json {
  const managed = listAt(object, "metadata", "managedFields").map((entry) => ({ ...objectAt(entry), time: "" }));
  return { ...object, metadata: { ...object.metadata, managedFields: managed } };
}

function stampOf(kind: ResourceKind, nowMs: number): Pick<Managed, "apiVersion" | "time"> {
  return { apiVersion: apiVersionOf(kind), time: isoSeconds(nowMs) };
}

export function subjectOf({ plural, group, kind }: ResourceKind, name: string): Subject {
  return { plural, group, kind, name };
}

function generated(prefix: string | undefined, serial: number): string | undefined {
  return prefix === undefined ? undefined : `${prefix}${pickSuffix(`${prefix}/${serial}`, 5)}`;
}

/** A caller that names the version or the object it has seen must not change anything else. */
function checkIdentity(kind: ResourceKind, current: KubeObject, draft: Draft): void {
  const subject = subjectOf(kind, current.metadata.name);
  const seenVersion = textAt(draft, "metadata", "resourceVersion");
  if (seenVersion !== undefined && seenVersion !== current.metadata.resourceVersion) throw conflict(subject);
  const seenUid = textAt(draft, "metadata", "uid");
  if (seenUid === undefined || seenUid === current.metadata.uid) return;
  throw conflict(
    subject,
    `Precondition failed: UID in precondition: ${seenUid}, UID in object meta: ${current.metadata.uid}`,
  );
}

type CarryOver = { draft: Draft; current: KubeObject; isStatus: boolean };

/** What a client cannot change: it stays as it was, whatever the client sent. */
function carryOver(kind: ResourceKind, { draft, current, isStatus }: CarryOver): void {
  const { name, uid, creationTimestamp, resourceVersion } = current.metadata;
  const hasStatus = kind.subresources.includes("status");
  if (isStatus) {
    const { status } = draft;
    for (const key of Object.keys(draft)) delete draft[key];
    Object.assign(draft, structuredClone(current), compact({ status }));
  } else if (hasStatus) Object.assign(draft, compact({ status: current["status"] }));
  if (hasStatus && !isStatus && current["status"] === undefined) delete draft["status"];
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
