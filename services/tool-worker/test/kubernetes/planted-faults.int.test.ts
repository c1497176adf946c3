import path from "node:path";
import { eventually, type Service, startService, tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { type CallTool, openTools } from "../support/cluster-tools.ts";

const NAMESPACE = "faults";

function workload(name: string, container: object, spec: object = {}) {
  const labels = { app: name };
  const containers = [{ name: "app", image: `registry.simulated/${name}:1`, ...container }];
  return {
    path: "/apis/apps/v1/namespaces/faults/deployments",
    body: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers, ...spec } },
      },
    },
  };
}

function object(apiPath: string, apiVersion: string, kind: string, name: string, spec: object) {
  return {
    path: `${apiPath}/namespaces/faults/${kind.toLowerCase().replace(/s$/, "se")}s`,
    body: { apiVersion, kind, metadata: { name }, spec },
  };
}

const serving = workload("web", { ports: [{ name: "http", containerPort: 8080 }] });

/** What is made, and the finding that must come of it. */
const faults: readonly [fault: { path: string; body: object }, finding: RegExp][] = [
  [workload("pulls", { image: "registry.simulated/pulls:nosuch" }), /critical imagepull Pod faults\/pulls-/],
  [
    workload("eats", { image: "registry.simulated/eats:oom", resources: { limits: { memory: "64Mi" } } }),
    /critical oom Pod faults\/eats-\S+: .*memory limit is 64Mi/,
  ],
  [workload("crashes", { image: "registry.simulated/crashes:crash" }), /critical crashloop Pod faults\/crashes-/],
  [
    workload("misses", { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "none", key: "a" } } }] }),
    /critical config Pod faults\/misses-\S+: .*secret "none" not found/,
  ],
  [
    workload("greedy", { resources: { requests: { cpu: "900" } } }),
    /critical pending Pod faults\/greedy-\S+: .*Insufficient cpu/,
  ],
  [
    workload("strong", { securityContext: { privileged: true } }),
    /warning privileged Pod faults\/strong-\S+: container app is privileged/,
  ],
  [
    object("/api/v1", "v1", "Service", "wrong", { selector: { app: "wep" }, ports: [{ port: 80 }] }),
    /critical selector Service faults\/wrong: its selector app=wep matches no pod/,
  ],
  [
    object("/api/v1", "v1", "Service", "named", {
      selector: { app: "web" },
      ports: [{ port: 80, targetPort: "grpc" }],
    }),
    /critical endpoints Service faults\/named: .*80 to grpc; they have http/,
  ],
  [
    object("/apis/networking.k8s.io/v1", "networking.k8s.io/v1", "Ingress", "shop", {
      defaultBackend: { service: { name: "gone", port: { number: 80 } } },
    }),
    /critical ingress Ingress faults\/shop: its default backend leads to Service gone, which does not exist/,
  ],
  [
    object("/api/v1", "v1", "ResourceQuota", "small", { hard: { "count/deployments.apps": "7" } }),
    /warning quota ResourceQuota faults\/small: used: count\/deployments\.apps \d of 7/,
  ],
  [
    object("/apis/policy/v1", "policy/v1", "PodDisruptionBudget", "tight", {
      minAvailable: 1,
      selector: { matchLabels: { app: "web" } },
    }),
    /warning pdb PodDisruptionBudget faults\/tight: no pod of it may be evicted \(minAvailable 1\)/,
  ],
];

describe("the tool that looks for what is wrong, in a namespace full of faults,", () => {
  let folder: TempDir;
  let simulator: Service;
  let call: CallTool;
  let change: (method: "POST" | "PATCH", to: string, body: object) => Promise<unknown>;

  beforeAll(async () => {
    folder = await tempDir();
    const kubeconfig = path.join(folder.path, "kubeconfig");
    simulator = await startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig });
    // It may answer a moment before the file is there.
    call = await eventually(() => openTools(kubeconfig), { what: "the kubeconfig" });
    const namespaces = createNamespaceRule(undefined);
    const options = { kubeconfig, inCluster: false, label: "x", namespaces, env: {}, operatorContexts: ["operator"] };
    const operator = openClusters(options)
      ?.of(undefined)
      .operator({ user: { id: "u" } });
    change = async (method, to, body) =>
      operator?.json({
        ...{ method, path: to, body, asked: { what: "object" }, signal: AbortSignal.timeout(5_000) },
        ...(method === "PATCH" ? { contentType: "application/strategic-merge-patch+json" } : {}),
      });
    await change("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    for (const fault of [serving, ...faults.map(([one]) => one)]) await change("POST", fault.path, fault.body);
  });

  afterAll(async () => {
    await simulator[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it("finds each of them", { timeout: 60_000 }, async () => {
    // A crash takes some seconds until it is a loop.
    let missing: readonly string[] = [];
    const look = async (): Promise<boolean> => {
      const { text } = await call("k8s_analyze", { namespace: NAMESPACE });
      missing = faults.filter(([, finding]) => !finding.test(text)).map(([, finding]) => finding.source);
      if (missing.length > 0) throw new Error(`${missing.join("\n")}\nare missing in\n${text}`);
      return true;
    };
    expect(await eventually(look, { what: "all findings", timeoutMs: 40_000, intervalMs: 1_000 })).toBe(true);
  });

  it("has nothing to say of what is well", async () => {
    const { text } = await call("k8s_analyze", {
      namespace: NAMESPACE,
      kind: "Deployment",
      name: "web",
      checks: ["crashloop", "imagepull", "pending", "probes", "rollout"],
    });
    expect(text).toMatch(/^No findings in Deployment faults\/web and what has to do with it/);
  });

  it("sees a rollout to its end, and what it changed", async () => {
    const spec = { template: { spec: { containers: [{ name: "app", image: "registry.simulated/web:2" }] } } };
    await change("PATCH", `${serving.path}/web`, { spec });
    const at = { namespace: NAMESPACE, name: "web" };
    const { text } = await call("k8s_rollout_status", { ...at, waitSeconds: 30 }, AbortSignal.timeout(40_000));
    expect(text).toMatch(/^The rollout of Deployment web in namespace faults .* is done after \d+ s: 1 of 1 pods/);
    expect((await call("k8s_rollout_history", at)).text).toMatch(/\n2 +current .*web:2.*\n1 +- .*web:1/);
    const difference = await call("k8s_rollout_history", { ...at, revision: 1 });
    expect(difference.text.split("\n").slice(1)).toEqual([
      '- spec.containers[app].image: "registry.simulated/web:2"',
      '+ spec.containers[app].image: "registry.simulated/web:1"',
    ]);
  }, 60_000);

  it("sees a rollout fail to get on", async () => {
    const at = { namespace: NAMESPACE, name: "pulls" };
    const { text } = await call("k8s_rollout_status", { ...at, waitSeconds: 2 });
    expect(text).toMatch(/is under way after 2 s: 1 of 1 pods are of the new version, 0 of them .* are available/);
  });
});
