import path from "node:path";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAnalyzeTools } from "../../src/kubernetes/analyze/analyze-tools.ts";
import { openClusters } from "../../src/kubernetes/clusters.ts";
import { createKubernetesTools } from "../../src/kubernetes/kubernetes-tools.ts";
import { createNamespaceRule } from "../../src/kubernetes/namespace-rule.ts";
import { createToolRegistry, type ToolRegistry } from "../../src/tools/registry.ts";
import { writeKubeconfig } from "../support/stub-cluster.ts";

describe("a tool that reads tells the policy", () => {
  let folder: TempDir;
  let open: (only?: readonly string[]) => ToolRegistry;

  beforeAll(async () => {
    folder = await tempDir();
    const kubeconfig = await writeKubeconfig(path.join(folder.path, "kubeconfig"), {
      server: "http://127.0.0.1:9",
      cluster: { "insecure-skip-tls-verify": true },
    });
    open = (only) => {
      const clusters = openClusters({
        kubeconfig,
        inCluster: false,
        label: "x",
        namespaces: createNamespaceRule(only),
        env: {},
      });
      if (clusters === undefined) throw new Error("there is no cluster");
      return createToolRegistry([...createKubernetesTools(clusters), ...createAnalyzeTools(clusters)]);
    };
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  /** `verb kind namespace/name`, of the cluster x. */
  async function accessOf(name: string, args: Record<string, unknown>, only?: readonly string[]): Promise<string[]> {
    const prepared = open(only).find(name)?.prepare(args);
    if (prepared === undefined || "problem" in prepared) throw new Error(prepared?.problem ?? "there is no such tool");
    const context = { callId: "t-0-0", user: { id: "u" }, signal: AbortSignal.timeout(5_000), progress: () => {} };
    const all = (await prepared.access?.(context)) ?? [];
    expect(all.every(({ system, cluster }) => system === "kubernetes" && cluster === "x")).toBe(true);
    return all.map(
      (one) => `${one.verb} ${one.kind ?? ""} ${one.namespace ?? "*"}${one.name === undefined ? "" : `/${one.name}`}`,
    );
  }

  it.each([
    ["k8s_list_pods", {}, ["list Pod shop"]],
    ["k8s_list_pods", { namespace: "a", sortBy: "cpu" }, ["list Pod a", "list PodMetrics a"]],
    ["list_pods", { all_namespaces: true }, ["list Pod *"]],
    ["k8s_pod_logs", { pod: "p" }, ["log Pod shop/p"]],
    ["k8s_pod_logs", { labelSelector: "a=b" }, ["list Pod shop", "log Pod shop"]],
    ["k8s_pod_logs", { ownerKind: "Job", ownerName: "j" }, ["list Pod shop", "list Job shop", "log Pod shop"]],
    ["k8s_events", { namespace: "a" }, ["list Event a"]],
    ["k8s_top_pods", {}, ["list PodMetrics shop", "list Pod shop"]],
    ["k8s_top_nodes", {}, ["list NodeMetrics *", "list Node *"]],
    ["k8s_rollout_status", { name: "w" }, ["get Deployment shop/w"]],
    ["k8s_rollout_history", { kind: "DaemonSet", name: "w" }, ["get DaemonSet shop/w", "list ControllerRevision shop"]],
    ["k8s_analyze", { checks: ["ingress"] }, ["list Ingress shop", "list Service shop"]],
    ["k8s_analyze", { checks: ["nodes"] }, ["list Node *"]],
  ])("what %s with %j touches", async (name, args, expected) => {
    expect(await accessOf(name, args)).toEqual(expected);
  });

  it("each namespace by itself where only some may be read", async () => {
    expect(await accessOf("k8s_list_pods", { allNamespaces: true }, ["a", "b"])).toEqual(["list Pod a", "list Pod b"]);
    expect(await accessOf("k8s_analyze", { checks: ["nodes"] }, ["a", "b"])).toEqual([]);
  });

  it("nothing of a namespace that may not be read, and says so", async () => {
    await expect(accessOf("k8s_events", { namespace: "c" }, ["a", "b"])).rejects.toThrow(
      "The namespace c may not be read",
    );
  });
});
