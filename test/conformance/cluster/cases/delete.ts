import { APPS, type Case, configMap, CORE, create, deployment, type Step } from "../case.ts";

const MAPS = `${CORE}/configmaps`;
const MAP = `${MAPS}/{name}`;
const remove = (path: string, body?: unknown, more: Partial<Step> = {}): Step => ({
  as: "operator",
  method: "DELETE",
  path,
  ...(body !== undefined && { body }),
  status: 200,
  ...more,
});
const options = (more: Record<string, unknown>) => ({ apiVersion: "v1", kind: "DeleteOptions", ...more });
const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "{name}" },
  spec: { nodeSelector: { "no-node": "has-this" }, containers: [{ name: "web", image: "web:1" }] },
};

export const deleteCases: readonly Case[] = [
  {
    name: "what is deleted is gone, and its status says so",
    steps: [
      create(MAPS, configMap({}), { keep: { uid: "metadata.uid" } }),
      remove(MAP, undefined, {
        has: { kind: "Status", status: "Success", details: { name: "{name}", kind: "configmaps", uid: "{uid}" } },
      }),
      { path: MAP, status: 404 },
    ],
  },
  {
    name: "what is not there cannot be deleted",
    steps: [remove(MAP, undefined, { status: 404, has: { reason: "NotFound" } })],
  },
  {
    name: "another object of the same name is not deleted",
    steps: [
      create(MAPS, configMap({})),
      remove(MAP, options({ preconditions: { uid: "3f1c3a3c-0000-4000-8000-000000000000" } }), {
        status: 409,
        has: { reason: "Conflict", message: "~UID in the precondition .3f1c3a3c-.*does not match the UID in record" },
      }),
      { path: MAP, status: 200 },
    ],
  },
  {
    name: "the object that is meant is deleted",
    steps: [
      create(MAPS, configMap({}), { keep: { uid: "metadata.uid" } }),
      remove(MAP, options({ preconditions: { uid: "{uid}" } })),
    ],
  },
  {
    name: "an object that has changed is not deleted",
    steps: [
      create(MAPS, configMap({}), { keep: { version: "metadata.resourceVersion" } }),
      { as: "operator", method: "PATCH", path: MAP, body: { data: { a: "1" } }, status: 200 },
      remove(MAP, options({ preconditions: { resourceVersion: "{version}" } }), {
        status: 409,
        has: { reason: "Conflict" },
      }),
    ],
  },
  {
    name: "a dry run deletes nothing",
    steps: [create(MAPS, configMap({})), remove(`${MAP}?dryRun=All`), { path: MAP, status: 200 }],
  },
  {
    name: "a dry run in the options deletes nothing",
    steps: [create(MAPS, configMap({})), remove(MAP, options({ dryRun: ["All"] })), { path: MAP, status: 200 }],
  },
  {
    name: "what has a finalizer leaves, and goes when it is taken off",
    steps: [
      create(MAPS, { ...configMap({}), metadata: { name: "{name}", finalizers: ["example.com/hold"] } }),
      remove(MAP, undefined, { has: { metadata: { deletionTimestamp: "~." } } }),
      { path: MAP, status: 200 },
      { as: "operator", method: "PATCH", path: MAP, body: { metadata: { finalizers: null } }, status: 200 },
      { path: MAP, status: 404, withinMs: 3_000 },
    ],
  },
  {
    name: "a pod that no node has goes at once",
    steps: [
      create(`${CORE}/pods`, POD),
      remove(`${CORE}/pods/{name}`, undefined, { has: { kind: "Pod" } }),
      { path: `${CORE}/pods/{name}`, status: 404 },
    ],
  },
  {
    name: "a collection is deleted by its labels",
    steps: [
      create(MAPS, configMap({}, "{name}-a", { set: "{name}" })),
      create(MAPS, configMap({}, "{name}-b")),
      { ...remove(`${MAPS}?labelSelector=set%3D{name}`), status: 403 },
    ],
  },
  {
    name: "a deployment is deleted in the foreground only after its finalizer",
    needs: "controllers",
    steps: [
      create(`${APPS}/deployments`, deployment()),
      remove(`${APPS}/deployments/{name}`, options({ propagationPolicy: "Foreground" }), {
        has: { metadata: { finalizers: ["foregroundDeletion"] } },
      }),
      { path: `${APPS}/deployments/{name}`, status: 404, withinMs: 10_000 },
    ],
  },
  {
    name: "orphans stay",
    needs: "controllers",
    steps: [
      create(`${APPS}/deployments`, deployment()),
      { path: `${APPS}/replicasets?labelSelector=app%3D{name}`, status: 200, has: { items: [{}] }, withinMs: 10_000 },
      remove(`${APPS}/deployments/{name}?propagationPolicy=Orphan`),
      { path: `${APPS}/deployments/{name}`, status: 404, withinMs: 10_000 },
      { path: `${APPS}/replicasets?labelSelector=app%3D{name}`, status: 200, has: { items: [{}] } },
    ],
  },
  {
    name: "what belonged to something goes with it",
    needs: "controllers",
    steps: [
      create(`${APPS}/deployments`, deployment()),
      { path: `${CORE}/pods?labelSelector=app%3D{name}`, status: 200, has: { items: [{}] }, withinMs: 10_000 },
      remove(`${APPS}/deployments/{name}`),
      { path: `${CORE}/pods?labelSelector=app%3D{name}`, status: 200, has: { items: [] }, withinMs: 10_000 },
    ],
  },
];
