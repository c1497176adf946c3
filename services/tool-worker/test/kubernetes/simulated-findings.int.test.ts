import path from "node:path";
import { eventually, type Service, startService, tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CallTool, openTools } from "../support/cluster-tools.ts";

describe("the tools that look for causes, with the simulated cluster,", () => {
  let folder: TempDir;
  let simulator: Service;
  let call: CallTool;

  beforeAll(async () => {
    folder = await tempDir();
    const kubeconfig = path.join(folder.path, "kubeconfig");
    simulator = await startService("cluster-simulator", { KUBECONFIG_OUT: kubeconfig });
    // It may answer a moment before the file is there.
    call = await eventually(() => openTools(kubeconfig), { what: "the kubeconfig" });
  });

  afterAll(async () => {
    await simulator[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const shop = { namespace: "shop" };

  it("find the two workloads that are in trouble, with their causes, and no others", async () => {
    const { text } = await call("k8s_analyze", shop);
    const critical = [...text.matchAll(/^\d+\. critical (\w+) (\w+) shop\/([a-z]+)/gm)].map(([, ...found]) =>
      found.join(" "),
    );
    expect(critical).toContain("crashloop Pod checkout");
    expect(critical).toContain("pending Pod recommender");
    expect(text).toMatch(
      /pending Pod shop\/recommender-\S+: it waits for a node for .*Insufficient cpu.* Suggestion: no node has as much left/,
    );
    expect(critical.filter((one) => !/checkout|recommender/.test(one))).toEqual([]);
  });

  it("find what is wrong with one of them, and leave out the other", async () => {
    const { text } = await call("k8s_analyze", { ...shop, kind: "deploy", name: "checkout" });
    expect(text).toContain("crashloop Pod shop/checkout-");
    expect(text).not.toContain("recommender");
  });

  it("read the log of the run before, by the workload's name", async () => {
    const { text } = await call("k8s_pod_logs", {
      ...shop,
      ownerKind: "Deployment",
      ownerName: "checkout",
      previous: true,
    });
    expect(text).toMatch(/^\d+ lines of the previous container's log of checkout-\S+ in namespace shop/);
  });

  it("read the logs of all pods of a workload", async () => {
    const { text } = await call("k8s_pod_logs", { ...shop, ownerKind: "Deployment", ownerName: "storefront", tail: 2 });
    expect(text).toMatch(/^The logs of 3 pods of Deployment storefront in namespace shop of the simulated cluster\.\n/);
    expect(text.match(/^== storefront-/gm)).toHaveLength(3);
  });

  it("group the events of a pod, by the seed's names", async () => {
    const { text } = await call("get_events", {
      ...shop,
      involved_object_kind: "Pod",
      limit: 100,
      output_format: "json",
    });
    expect(text).toMatch(/BackOff +Pod shop\/checkout-\S+ +Back-off restarting failed container/);
    expect(text).not.toContain("Deployment");
  });

  it("show what belongs to a workload", async () => {
    const { text } = await call("k8s_owner_tree", { ...shop, kind: "Deployment", name: "storefront" });
    expect(text).toMatch(
      /\nDeployment shop\/storefront: 3\/3 ready\n {2}owns ReplicaSet storefront-\S+: 3\/3 ready\n {4}owns Pod storefront-\S+: Running, 1\/1 ready/,
    );
    expect(text).toMatch(/Service shop\/storefront selects Pod/);
  });

  it("tell how far a rollout is", async () => {
    expect((await call("k8s_rollout_status", { ...shop, name: "storefront" })).text).toContain("is done: 3 of 3 pods");
    const stuck = await call("k8s_rollout_status", { ...shop, name: "checkout", waitSeconds: 1 });
    expect(stuck.text).toMatch(/is (under way|failed).*k8s_analyze with kind Deployment and name checkout/);
  });

  it("list the revisions of a workload", async () => {
    const { text } = await call("k8s_rollout_history", { ...shop, name: "storefront" });
    expect(text).toMatch(
      /^1 revision of Deployment storefront .*\nREVISION .*\n1 +current .*storefront=registry\.simulated\/shop\/storefront:2\.4\.1/,
    );
  });

  it("show what is used, or say that nobody measures it", async () => {
    const told = await call("k8s_top_pods", shop).then(
      ({ text }) => text,
      (error: unknown) => String(error),
    );
    expect(told).toMatch(/has no metrics API|pods in namespace shop of the simulated cluster use \d+m CPU/);
  });
});
