import { describe, expect, it } from "vitest";
import { KubeError } from "../../src/kubernetes/api-failure.ts";
import { createKinds } from "../../src/kubernetes/kinds.ts";
import type { KubeApi, ResourceKind } from "../../src/kubernetes/kube-api.ts";

const signal = new AbortController().signal;

function resource(name: string, kind: string, more: object = {}): object {
  return { name, kind, singularName: "", namespaced: true, verbs: ["get", "list"], ...more };
}

const core = {
  kind: "APIResourceList",
  resources: [
    resource("pods", "Pod", { shortNames: ["po"], singularName: "pod" }),
    resource("pods/log", "Pod"),
    resource("events", "Event", { shortNames: ["ev"] }),
    resource("nodes", "Node", { namespaced: false }),
    "nonsense",
  ],
};
const group = (name: string, ...versions: string[]): object => ({
  name,
  versions: versions.map((version) => ({ version })),
  preferredVersion: { version: versions[0] },
});

/** Answers by path; what has none is not there. */
const plain: Record<string, unknown> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/api/v1": core,
  "/apis": {
    kind: "APIGroupList",
    groups: [
      group("networking.istio.io", "v1"),
      group("events.k8s.io", "v1"),
      group("autoscaling", "v2", "v1"),
      group("apps", "v1"),
      group("metrics.k8s.io", "v1beta1"),
    ],
  },
  "/apis/networking.istio.io/v1": {
    resources: [resource("gateways", "Gateway", { shortNames: ["gw"] }), resource("pods", "Pod")],
  },
  "/apis/events.k8s.io/v1": { resources: [resource("events", "Event")] },
  "/apis/autoscaling/v2": { resources: [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler")] },
  "/apis/autoscaling/v1": { resources: [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler")] },
  "/apis/apps/v1": { resources: [resource("deployments", "Deployment"), resource("deployments/scale", "Scale")] },
};

const aggregated = {
  "/api": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        metadata: {},
        versions: [
          {
            version: "v1",
            resources: [
              {
                resource: "pods",
                responseKind: { group: "", version: "v1", kind: "Pod" },
                scope: "Namespaced",
                singularResource: "pod",
                shortNames: ["po"],
                verbs: ["get"],
              },
            ],
          },
        ],
      },
    ],
  },
  "/apis": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        metadata: { name: "x.io" },
        versions: [
          { version: "v2", freshness: "Stale", resources: [] },
          { version: "v1", resources: [{ resource: "things", responseKind: { kind: "Thing" }, scope: "Cluster" }] },
        ],
      },
      { metadata: { name: "apps" }, versions: [{ version: "v1", freshness: "Stale" }] },
    ],
  },
};

function kindsOf(answers: Record<string, unknown>) {
  const asked: string[] = [];
  let ms = 0;
  const api: KubeApi = {
    async json({ path }) {
      asked.push(path);
      const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
      if (answer instanceof Error) throw answer;
      if (answer === undefined)
        throw new KubeError("The cluster answered with an internal error (503).", { status: 503, notDone: true });
      return Promise.resolve(answer);
    },
    text: () => Promise.reject(new Error("it is not asked for text")),
  };
  const kinds = createKinds({ api, now: () => ms });
  const find = (name: string, apiVersion?: string): Promise<ResourceKind> => kinds.find(name, { apiVersion, signal });
  const named = async (name: string, apiVersion?: string): Promise<string> => {
    const { group, version, plural } = await find(name, apiVersion);
    return [group, version, plural].filter(Boolean).join("/");
  };
  return { kinds, asked, find, named, pass: (more: number) => (ms += more) };
}

describe("a kind is found", () => {
  it.each([
    ["Pod", undefined, "v1/pods"],
    ["pods", undefined, "v1/pods"],
    ["PO", undefined, "v1/pods"],
    [" pod ", undefined, "v1/pods"],
    ["deploy", undefined, "apps/v1/deployments"],
    ["deployments.apps", undefined, "apps/v1/deployments"],
    ["hpa", undefined, "autoscaling/v2/horizontalpodautoscalers"],
    ["hpa", "autoscaling/v1", "autoscaling/v1/horizontalpodautoscalers"],
    ["HorizontalPodAutoscaler", "autoscaling", "autoscaling/v2/horizontalpodautoscalers"],
    ["gw", undefined, "networking.istio.io/v1/gateways"],
    ["gateways.networking.istio.io", undefined, "networking.istio.io/v1/gateways"],
    ["Event", undefined, "v1/events"],
    ["Event", "events.k8s.io/v1", "events.k8s.io/v1/events"],
    ["Pod", "networking.istio.io/v1", "networking.istio.io/v1/pods"],
    ["Node", "v1", "v1/nodes"],
    ["node", "core", "v1/nodes"],
  ])("as %j of %j", async (name, apiVersion, expected) => {
    expect(await kindsOf(plain).named(name, apiVersion)).toBe(expected);
  });

  it("of a server that lists all at once", async () => {
    const { find, asked } = kindsOf(aggregated);
    expect(await find("po")).toMatchObject({
      group: "",
      kind: "Pod",
      singular: "pod",
      isNamespaced: true,
      verbs: ["get"],
    });
    expect(await find("Thing")).toMatchObject({
      group: "x.io",
      version: "v1",
      singular: "thing",
      isNamespaced: false,
      shortNames: [],
    });
    expect(asked.toSorted()).toEqual(["/api", "/apis"]);
  });

  it("although the server behind another group, or its own, is away", async () => {
    expect(await kindsOf({ ...plain, "/apis/metrics.k8s.io/v1beta1": undefined }).named("po")).toBe("v1/pods");
    expect(await kindsOf({ ...plain, "/apis/apps/v1": undefined }).named("sts")).toBe("apps/v1/statefulsets");
    expect(await kindsOf(aggregated).named("deploy")).toBe("apps/v1/deployments");
  });

  it("by whoever may not look around", async () => {
    const refused = new KubeError("The tool worker is not allowed to read the kinds of the cluster.", {
      status: 403,
      notDone: true,
    });
    expect(await kindsOf({ "/api": refused, "/apis": refused }).named("deploy")).toBe("apps/v1/deployments");
  });
});

describe("a kind is not found", () => {
  it.each([
    ["Podd", undefined, 'The cluster has no kind "Podd"; near are Pod.'],
    [
      "hpa",
      "autoscaling/v3",
      'The cluster has no kind "hpa" in "autoscaling/v3"; it has it in autoscaling/v2, autoscaling/v1.',
    ],
    ["Quux", undefined, 'The cluster has no kind "Quux"; k8s_api_resources lists those that there are.'],
    ["ingress", undefined, 'The cluster has no kind "ingress"; k8s_api_resources lists those that there are.'],
    ["pods/log", undefined, 'The cluster has no kind "pods/log"; near are Pod.'],
    [
      "../../secrets",
      undefined,
      'The cluster has no kind "../../secrets"; k8s_api_resources lists those that there are.',
    ],
  ])("as %j of %j", async (name, apiVersion, sentence) => {
    await expect(kindsOf(plain).find(name, apiVersion)).rejects.toThrow(sentence);
  });

  it("where the cluster cannot be asked", async () => {
    await expect(kindsOf({}).find("Pod")).rejects.toThrow("internal error (503)");
  });

  it("where it does not answer as an API server does", async () => {
    await expect(kindsOf({ "/api": "<html>", "/apis": {} }).find("Pod")).rejects.toThrow("cannot be understood");
  });
});

describe("the kinds", () => {
  it("are asked for once, however many want to know, and again after ten minutes", async () => {
    const { find, asked, pass } = kindsOf(plain);
    await Promise.all([find("po"), find("deploy"), find("gw")]);
    const once = asked.length;
    pass(9 * 60_000);
    await find("po");
    expect(asked).toHaveLength(once);
    pass(60_001);
    await find("po");
    expect(asked).toHaveLength(2 * once);
  });

  it("are asked for once more for a name that is not among them, but not each time", async () => {
    const answers = { ...plain };
    const { named, find, asked, pass } = kindsOf(answers);
    await find("po");
    const once = asked.length;
    answers["/apis/apps/v1"] = { resources: [resource("rollouts", "Rollout")] };
    await expect(find("rollout")).rejects.toThrow("has no kind");
    expect(asked).toHaveLength(once);
    pass(10_001);
    expect(await named("rollout")).toBe("apps/v1/rollouts");
    await expect(find("nothing")).rejects.toThrow("has no kind");
    expect(asked).toHaveLength(2 * once);
  });

  it("stay known while the cluster is away", async () => {
    const answers = { ...plain };
    const { named, pass } = kindsOf(answers);
    await named("po");
    for (const path of Object.keys(answers)) delete answers[path];
    pass(11 * 60_000);
    expect(await named("po")).toBe("v1/pods");
  });

  it("are not waited for by whoever is stopped, and still are read for the others", async () => {
    const { kinds, named } = kindsOf(plain);
    const stopper = new AbortController();
    const stopped = kinds.find("po", { signal: stopper.signal });
    const other = named("po");
    stopper.abort(new Error("stopped"));
    await expect(stopped).rejects.toThrow("stopped");
    expect(await other).toBe("v1/pods");
  });
});
