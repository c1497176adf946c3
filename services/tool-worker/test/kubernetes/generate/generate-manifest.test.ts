import { expect, test } from "vitest";
import { Manifest, problemsOf } from "../../../../../test/deploy/manifests.ts";
import { generateTools } from "../../../src/kubernetes/generate/generate-manifest.ts";
import type { manifestOf } from "../../../src/kubernetes/generate/manifests.ts";
import { checkPods } from "../../../src/kubernetes/write/pod-rules.ts";
import { readManifest } from "../../../src/kubernetes/write/manifest.ts";
import { createToolRegistry } from "../../../src/tools/registry.ts";

const registry = createToolRegistry(generateTools());

async function generate(name: string, args: Record<string, unknown>): Promise<string> {
  const call = registry.find(name)?.prepare(args);
  if (call === undefined) throw new Error(`there is no tool ${name}`);
  if ("problem" in call) throw new Error(call.problem);
  const context = { callId: "t-0-0", user: { id: "u" }, signal: new AbortController().signal, progress: () => {} };
  return (await call.run(context)).text;
}

const written = async (name: string, args: Record<string, unknown>) =>
  readManifest(await generate(name, args))[0]?.object;

const image = "registry.example/web:1";
const params: Record<keyof typeof manifestOf, Record<string, unknown>> = {
  Deployment: { image, port: 8080 },
  StatefulSet: { image, storage: "1Gi" },
  Job: { image, command: ["migrate"] },
  CronJob: { image, schedule: "0 3 * * *" },
  Service: {},
  Ingress: { host: "web.example" },
  ConfigMap: { data: { "app.conf": "a = yes\nb = 1\n", switch: "yes" } },
  Secret: { keys: ["password"] },
  PersistentVolumeClaim: { storage: "1Gi" },
  HorizontalPodAutoscaler: {},
  NetworkPolicy: { allowFrom: { app: "edge" }, port: 8080 },
};
const kinds = Object.keys(params).map((kind) => [kind, params[kind as keyof typeof params]] as const);

test.each(kinds)("a %s is written as YAML that says what was asked for", async (kind, given) => {
  const object = await written("k8s_generate_manifest", { kind, name: "web", namespace: "shop", params: given });
  expect(object).toMatchObject({ kind, metadata: { name: "web", namespace: "shop" } });
  expect(problemsOf(Manifest.parse(object))).toEqual([]);
});

test.each(["Deployment", "StatefulSet", "Job", "CronJob"])(
  "the pods of a %s may do no more than they need",
  async (kind) => {
    const text = await generate("k8s_generate_manifest", {
      kind,
      name: "web",
      params: { image, schedule: "@daily" },
    }).catch(() => generate("k8s_generate_manifest", { kind, name: "web", params: { image } }));
    for (const line of [
      "runAsNonRoot: true",
      "allowPrivilegeEscalation: false",
      "type: RuntimeDefault",
      "memory: 128Mi",
    ])
      expect(text).toContain(line);
    expect(text).toContain("automountServiceAccountToken: false");
    const [manifest] = readManifest(text);
    expect(() =>
      checkPods("it", { before: undefined, after: manifest?.object }, { registries: undefined }),
    ).not.toThrow();
  },
);

test("a text that a reader of YAML 1.1 takes for something else is quoted", async () => {
  const data = { a: "yes", b: "0644", c: "1e3", d: "~", e: "on", f: "2026-01-01", g: "null", h: "#x", i: "a: b" };
  const object = await written("k8s_generate_manifest", { kind: "cm", name: "web", params: { data } });
  expect(object).toMatchObject({ data });
});

test("values of a Secret are never written, also not when they were given", async () => {
  const text = await generate("generate_secret_yaml", {
    name: "db",
    data: { password: "hunter2-xyz", user: "admin-abc" },
  });
  expect(text).not.toMatch(/hunter2|admin-abc|aHVudGVyMi/);
  expect(text).toContain("password: <value of password>");
  expect(text).toContain("Put the values in yourself");
});

test.each([
  ["a field that the kind does not have", { kind: "Service", params: { replicas: 2 } }, /replicas/],
  ["no image", { kind: "Deployment", params: {} }, /image/],
  ["a wrong quantity", { kind: "PersistentVolumeClaim", params: { storage: "much" } }, /storage is not a quantity/],
  ["bounds the wrong way round", { kind: "HPA", params: { minReplicas: 5, maxReplicas: 2 } }, /maxReplicas is below/],
  ["an unknown kind", { kind: "ClusterRole", params: {} }, /kind/],
])("%s is a sentence that names it", async (_, args, says) => {
  await expect(generate("k8s_generate_manifest", { name: "web", ...args })).rejects.toThrow(says);
});

test("numbers and objects that a model sends as text are understood", async () => {
  const object = await written("k8s_generate_manifest", {
    ...{ kind: "deploy", name: "web" },
    params: JSON.stringify({ image, replicas: "4", port: "80" }),
  });
  expect(object).toMatchObject({ spec: { replicas: 4 } });
});

test.each([
  ["generate_deployment_yaml", { labels: { team: "a" } }, { kind: "Deployment", spec: { replicas: 1 } }],
  [
    "generate_service_yaml",
    { app_label: "x", target_port: 8080, service_type: "NodePort" },
    { spec: { type: "NodePort" } },
  ],
  ["generate_configmap_yaml", { data: { a: "b" } }, { kind: "ConfigMap", data: { a: "b" } }],
  ["generate_secret_yaml", { secret_type: "kubernetes.io/tls" }, { kind: "Secret", type: "kubernetes.io/tls" }],
  ["generate_ingress_yaml", { host: "a.example", service_port: 81 }, { kind: "Ingress" }],
  ["generate_pvc_yaml", { size: "5Gi", access_mode: "ReadWriteMany" }, { spec: { storageClassName: "standard" } }],
  ["generate_hpa_yaml", { deployment: "api", max_replicas: 4 }, { spec: { minReplicas: 1, maxReplicas: 4 } }],
  ["generate_job_yaml", { command: ["a", "b"] }, { kind: "Job" }],
  ["generate_cronjob_yaml", { schedule: "5 4 * * *" }, { kind: "CronJob", spec: { schedule: "5 4 * * *" } }],
  ["generate_statefulset_yaml", { replicas: 3 }, { spec: { replicas: 3, serviceName: "web-service" } }],
])("%s means what it means to the other assistant", async (name, args, object) => {
  const found = await written(name, { name: "web", namespace: "shop", ...args });
  expect(found).toMatchObject({ ...object, metadata: { name: "web", namespace: "shop" } });
  expect(await written(name, { name: "web" })).toMatchObject({ metadata: { name: "web", namespace: "default" } });
});
