import { describe, expect, it } from "vitest";
import { graphOf, relatedTo } from "../../src/kubernetes/analyze/object-graph.ts";
import { treeLines, type TreeRequest } from "../../src/kubernetes/analyze/object-tree.ts";
import { metadata, pod, snapshotOf } from "../support/cluster-objects.ts";
import { startObjectServer } from "../support/object-server.ts";

const owned = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name, controller: true }],
});
const at = (kind: string, name: string) => ({ kind, namespace: "shop", name });

const env = [{ name: "A", valueFrom: { secretKeyRef: { name: "keys", key: "a" } } }];
const volumes = [
  { name: "c", configMap: { name: "settings" } },
  { name: "d", persistentVolumeClaim: { claimName: "data" } },
];
const web = (name: string) =>
  pod({ meta: { name, ...owned("ReplicaSet", "web-1") }, container: { env }, spec: { volumes } });

const snapshot = snapshotOf({
  deployments: [{ metadata: metadata({ name: "web" }), spec: { replicas: 2 }, status: { readyReplicas: 2 } }],
  replicaSets: [
    {
      metadata: metadata({ name: "web-1", ...owned("Deployment", "web") }),
      spec: { replicas: 2 },
      status: { readyReplicas: 2 },
    },
  ],
  pods: [web("a"), web("b"), pod({ meta: { name: "other", labels: { app: "other" } }, spec: { volumes } })],
  services: [{ metadata: metadata({ name: "web" }), spec: { selector: { app: "web" } } }],
  ingresses: [
    { metadata: metadata({ name: "shop" }), spec: { defaultBackend: { service: { name: "web" } } } },
    { metadata: metadata({ name: "broken" }), spec: { defaultBackend: { service: { name: "gone" } } } },
  ],
  autoscalers: [
    {
      metadata: metadata({ name: "web" }),
      spec: { scaleTargetRef: { kind: "Deployment", name: "web" }, maxReplicas: 5 },
    },
  ],
  budgets: [{ metadata: metadata({ name: "web" }), spec: { selector: { matchLabels: { app: "web" } } } }],
  claims: [{ metadata: metadata({ name: "data" }), spec: {}, status: { phase: "Bound" } }],
});

function tree(parts: Partial<TreeRequest>) {
  const rest = { metadata: undefined, graph: graphOf(snapshot), snapshot, depth: 4, unread: new Set<never>() };
  return treeLines({ root: at("Deployment", "web"), ...rest, ...parts });
}

describe("the tree of an object", () => {
  it("shows what it owns and uses, each once, and what leads to it", () => {
    expect(tree({})).toEqual([
      "Deployment shop/web: 2/2 ready",
      "  owns ReplicaSet web-1: 2/2 ready",
      "    owns Pod a: Running, 1/1 ready",
      "      uses ConfigMap settings",
      "      uses Secret keys",
      "      uses PersistentVolumeClaim data: Bound",
      "    owns Pod b: Running, 1/1 ready",
      "led to by:",
      "  HorizontalPodAutoscaler shop/web scales Deployment web",
      "  Service shop/web selects Pod a, Pod b",
      "    Ingress shop/shop routes to it",
      "  PodDisruptionBudget shop/web guards Pod a, Pod b",
    ]);
  });

  it("goes so far down and no further", () => {
    expect(tree({ depth: 1 }).slice(0, 3)).toEqual([
      "Deployment shop/web: 2/2 ready",
      "  owns ReplicaSet web-1: 2/2 ready",
      "    … 2 more below",
    ]);
  });

  it("shows the owners of a pod up to the top", () => {
    const root = at("Pod", "a");
    expect(tree({ root, metadata: snapshot.pods[0]?.metadata })[0]).toBe(
      "owned by ReplicaSet shop/web-1, which is owned by Deployment shop/web",
    );
  });

  it("says of what is named and not there that it does not exist", () => {
    expect(tree({ root: at("Ingress", "broken") })).toContain("  routes to Service gone: does not exist");
    expect(tree({ root: at("Ingress", "broken"), unread: new Set(["services"] as const) })).toContain(
      "  routes to Service gone",
    );
  });

  it("shows who uses settings", () => {
    expect(tree({ root: at("ConfigMap", "settings") })).toEqual([
      "ConfigMap shop/settings",
      "led to by:",
      "  Pod shop/a uses ConfigMap settings",
      "    ReplicaSet shop/web-1 owns it",
      "    Service shop/web selects it",
      "    PodDisruptionBudget shop/web guards it",
      "  Pod shop/b uses ConfigMap settings",
      "    ReplicaSet shop/web-1 owns it",
      "    Service shop/web selects it",
      "    PodDisruptionBudget shop/web guards it",
      "  Pod shop/other uses ConfigMap settings",
    ]);
  });

  it("ends where owners own each other", () => {
    const circle = snapshotOf({
      pods: [pod({ meta: { name: "a", ...owned("Pod", "b") } }), pod({ meta: { name: "b", ...owned("Pod", "a") } })],
    });
    const lines = tree({
      root: at("Pod", "a"),
      metadata: circle.pods[0]?.metadata,
      snapshot: circle,
      graph: graphOf(circle),
    });
    expect(lines.length).toBeLessThan(10);
  });

  it("shows the first of very many", () => {
    const many = snapshotOf({
      pods: Array.from({ length: 50 }, (_, n) => pod({ meta: { name: `p${n}`, ...owned("DaemonSet", "agent") } })),
    });
    const lines = tree({ root: at("DaemonSet", "agent"), snapshot: many, graph: graphOf(many) });
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe("  … 30 more that it owns");
  });
});

describe("what has to do with an object", () => {
  it.each([
    [
      "Deployment",
      "web",
      ["ReplicaSet web-1", "Service web", "Ingress shop", "ConfigMap settings"],
      ["Pod other", "Ingress broken"],
    ],
    ["Service", "web", ["Pod a", "Ingress shop", "ConfigMap settings"], ["Pod other", "Deployment web"]],
    ["ConfigMap", "settings", ["Pod a", "Pod other", "Deployment web"], ["PersistentVolumeClaim data"]],
  ])("of %s %s is found, and nothing else", (kind, name, inside, outside) => {
    const related = relatedTo(at(kind, name), graphOf(snapshot));
    const keys = (names: readonly string[]) => names.map((one) => one.replace(" ", "/shop/"));
    expect([...related]).toEqual(expect.arrayContaining(keys(inside)));
    for (const key of keys(outside)) expect(related.has(key)).toBe(false);
  });
});

describe("the tool that shows what an object belongs to", () => {
  it("knows kinds of others by their names, and what they own", async () => {
    const rollout = { apiVersion: "argoproj.io/v1", kind: "Rollout", name: "web" };
    await using server = await startObjectServer({
      "/apis/argoproj.io/v1/namespaces/shop/rollouts/web": { metadata: metadata({ name: "web" }) },
      "/apis/apps/v1/namespaces/shop/replicasets": [
        { metadata: metadata({ name: "web-1", ownerReferences: [rollout] }), spec: { replicas: 0 } },
      ],
      "/api/v1/namespaces/shop/pods": [],
      "/apis/networking.k8s.io/v1/namespaces/shop/ingresses": 403,
    });
    const { text } = await server.call("k8s_owner_tree", { kind: "rollouts", name: "web" });
    expect(text).toContain("\nRollout shop/web\n  owns ReplicaSet web-1: 0/0 ready");
    expect(text).toMatch(/Not looked at, because they could not be read: .*ingresses/);
  });

  it("says that an object does not exist", async () => {
    await using server = await startObjectServer();
    await expect(server.call("k8s_owner_tree", { kind: "pod", name: "gone" })).rejects.toThrow(
      "There is no pod gone in namespace shop.",
    );
  });
});
