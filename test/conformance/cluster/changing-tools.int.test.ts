import { env } from "node:process";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  openChangingTools,
  startChangingTools,
  type ChangingTools,
} from "../../../services/tool-worker/test/support/changing-tools.ts";
import { createConnection } from "./connection.ts";
import { prepare } from "./preparation.ts";

/** As for the cases: a real API server, or the simulated cluster. */
const given = env["PARLEY_CONFORMANCE_KUBECONFIG"];
const namespace = `tools-${Date.now().toString(36)}`;
const configMap = `/api/v1/namespaces/${namespace}/configmaps/web`;
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;

let tools: ChangingTools;
const closing: (() => PromiseLike<void>)[] = [];

beforeAll(async () => {
  if (given === undefined) {
    const simulated = await startChangingTools();
    closing.push(() => simulated[Symbol.asyncDispose]());
    tools = simulated;
    return;
  }
  const connection = createConnection(given);
  if (!connection.isPrepared) await prepare(connection);
  tools = openChangingTools(given);
});
afterAll(async () => {
  for (const close of closing) await close();
});

/** Shown twice, alike, and run: what was shown. */
async function done(name: string, args: Record<string, unknown>): Promise<string> {
  const call = tools.call(name, args);
  const shown = await call.preview();
  expect(await tools.call(name, args).preview()).toEqual(shown);
  await call.run();
  return shown?.text ?? "";
}

const shown = async (name: string, args: Record<string, unknown>): Promise<string> =>
  (await tools.call(name, args).preview())?.text ?? "";

const manifestOf = (data: object): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web" }, data });

it("a namespace is made once", async () => {
  expect(await done("k8s_create_namespace", { name: namespace })).toContain(`+metadata.name: "${namespace}"`);
  await expect(shown("k8s_create_namespace", { name: namespace })).rejects.toThrow("already exists");
});

const params: Readonly<Record<string, object>> = {
  Deployment: { image: "web:1", port: 80 },
  StatefulSet: { image: "db:1", storage: "1Gi" },
  Job: { image: "job:1" },
  CronJob: { image: "job:1", schedule: "@daily" },
  Service: {},
  Ingress: { host: "web.example" },
  ConfigMap: { data: { a: "b" } },
  Secret: { keys: ["password"] },
  PersistentVolumeClaim: { storage: "1Gi" },
  HorizontalPodAutoscaler: {},
  NetworkPolicy: { allowFrom: { app: "edge" }, port: 80 },
};

it.each(Object.keys(params))(
  "a generated %s is taken, shown the same each time, and changes nothing again",
  async (kind) => {
    const generated = tools.call("k8s_generate_manifest", { kind, name: "web", params: params[kind] });
    const manifest = (await generated.run()).text;
    expect(await done("k8s_apply_manifest", { manifest, namespace })).toContain(`+kind: "${kind}"`);
    await expect(shown("k8s_apply_manifest", { manifest, namespace })).rejects.toThrow("Nothing would change");
  },
);

it("workloads are scaled, restarted and given images as it is shown", async () => {
  const scaled = await done("k8s_scale", { name: "web", namespace, replicas: 4 });
  expect(scaled).toMatch(/^-spec\.replicas: 2\n\+spec\.replicas: 4$/m);
  await done("k8s_scale", { kind: "sts", name: "web", namespace, replicas: 2 });
  const restarted = await done("k8s_rollout_restart", { name: "web", namespace });
  expect(restarted.split("\n").slice(1)).toEqual([expect.stringContaining("(the time at which it is done)")]);
  const changed = await done("k8s_set_image", { name: "web", namespace, container: "web", image: "web:2" });
  expect(changed.split("\n").slice(1)).toEqual([
    '-spec.template.spec.containers[web].image: "web:1"',
    '+spec.template.spec.containers[web].image: "web:2"',
  ]);
  expect(await tools.read(`${deployments}/web`)).toMatchObject({ spec: { replicas: 4 } });
});

it("fields of objects are patched, custom kinds too", async () => {
  expect(await done("k8s_patch", { kind: "cj", name: "web", namespace, patch: { spec: { suspend: true } } })).toContain(
    "+spec.suspend: true",
  );
  const widget = {
    apiVersion: "simulated.parley.dev/v1",
    kind: "Widget",
    metadata: { name: "web" },
    spec: { size: 1 },
  };
  await done("k8s_apply_manifest", { manifest: JSON.stringify(widget), namespace });
  const patched = await done("k8s_patch", { kind: "wd", name: "web", namespace, patch: { spec: { size: 2 } } });
  expect(patched).toContain("+spec.size: 2");
  const wrong = { kind: "wd", name: "web", namespace, patch: { spec: { size: "large" } } };
  await expect(shown("k8s_patch", wrong)).rejects.toThrow(/refused/);
});

it("fields that others manage are named, and taken over by force", async () => {
  await tools.patch(configMap, { data: { a: "theirs" } }, "editor");
  const apply = { manifest: manifestOf({ a: "ours" }), namespace };
  await expect(shown("k8s_apply_manifest", apply)).rejects.toThrow(".data.a (editor). With force");
  expect(await done("k8s_apply_manifest", { ...apply, force: true })).toContain('+data.a: "ours"');
});

it("what somebody else changes meanwhile is not overwritten, and their other changes do no harm", async () => {
  const patch = { kind: "cm", name: "web", namespace, patch: { data: { a: "mine" } } };
  const call = tools.call("k8s_patch", patch);
  await call.preview();
  await tools.patch(configMap, { data: { a: "theirs" } });
  await expect(call.run()).rejects.toThrow("changed after this was shown");
  const again = tools.call("k8s_patch", patch);
  await again.preview();
  await tools.patch(configMap, { metadata: { labels: { by: "them" } } });
  await again.run();
  expect(await tools.read(configMap)).toMatchObject({ data: { a: "mine" }, metadata: { labels: { by: "them" } } });
});

it("a Deployment goes back to its last revision", async () => {
  if (given !== undefined) await makeRevisions();
  const undone = await done("k8s_rollout_undo", { name: "web", namespace });
  expect(undone).toMatch(/^-.*image: "web:2"\n\+.*image: "web:1"$/m);
});

/** Where no controller does. */
async function makeRevisions(): Promise<void> {
  const web = JSON.stringify(await tools.read(`${deployments}/web`));
  const uid = /"uid":"([^"]+)"/.exec(web)?.[1] ?? "";
  const sets = [1, 2].map((revision) => {
    const labels = { app: "web", "pod-template-hash": `h${revision}` };
    const annotations = { "deployment.kubernetes.io/revision": String(revision) };
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "Deployment", name: "web", uid, controller: true }];
    const spec = { containers: [{ name: "web", image: `web:${revision}` }] };
    return {
      ...{ apiVersion: "apps/v1", kind: "ReplicaSet" },
      metadata: { name: `web-h${revision}`, labels, annotations, ownerReferences },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
  });
  const manifest = sets.map((set) => JSON.stringify(set)).join("\n---\n");
  await tools.call("k8s_apply_manifest", { manifest, namespace }).run();
  const annotations = { "deployment.kubernetes.io/revision": "2" };
  await tools.patch(`${deployments}/web`, { metadata: { annotations } });
}

it("an object is deleted, and a new one of its name is not deleted for it", async () => {
  const deletion = { kind: "cm", name: "web", namespace };
  const late = tools.call("k8s_delete", deletion);
  await late.preview();
  await done("k8s_delete", deletion);
  await tools.call("k8s_apply_manifest", { manifest: manifestOf({ a: "new" }), namespace }).run();
  await expect(late.run()).rejects.toThrow("Not done");
  expect(await tools.read(configMap)).toMatchObject({ data: { a: "new" } });
});

it("what the operator may not do is refused before anybody is asked", async () => {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "a" }, rules: [] };
  await expect(shown("k8s_apply_manifest", { manifest: JSON.stringify(role) })).rejects.toThrow("may not create");
  await expect(shown("k8s_delete", { kind: "ns", name: namespace })).rejects.toThrow("may not delete");
});
