import { describe, expect, it } from "vitest";
import { findDeprecatedApis } from "../../src/kubernetes/analyze/deprecated-rules.ts";
import { checks, findAll, rules } from "../../src/kubernetes/analyze/rules.ts";
import {
  findFailedCreates,
  findFailedJobs,
  findNodes,
  findStuckRollouts,
} from "../../src/kubernetes/analyze/workload-rules.ts";
import { ago, event, metadata, pod, snapshotOf } from "../support/cluster-objects.ts";

const workload = (status: object, spec: object = {}, meta: object = {}) => ({
  metadata: metadata({ name: "web", ...meta }),
  spec: { replicas: 2, ...spec },
  status,
});

describe("a rollout", () => {
  it.each([
    [
      "that took too long",
      workload({
        updatedReplicas: 1,
        conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
      }),
      "critical",
      /1 of 2 pods are of the new version, 0 are available/,
    ],
    [
      "whose pods are refused",
      workload({ conditions: [{ type: "ReplicaFailure", status: "True", message: "exceeded quota" }] }),
      "critical",
      /cannot be made: exceeded quota/,
    ],
    ["that is paused half-way", workload({ updatedReplicas: 1 }, { paused: true }), "info", /paused/],
  ])("%s is found", (_, one, severity, evidence) => {
    const [finding] = findStuckRollouts(snapshotOf({ deployments: [one] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it.each([
    [
      "that is done",
      workload({ updatedReplicas: 2, availableReplicas: 2, conditions: [{ type: "Progressing", status: "True" }] }),
    ],
    ["that is under way", workload({ updatedReplicas: 1, conditions: [{ type: "Progressing", status: "True" }] })],
    ["that is paused at its end", workload({ updatedReplicas: 2 }, { paused: true })],
  ])("%s is not found", (_, one) => {
    expect(findStuckRollouts(snapshotOf({ deployments: [one] }))).toEqual([]);
  });
});

describe("pods that cannot be made", () => {
  const failed = (kind: string) =>
    event({ reason: "FailedCreate", message: "violates PodSecurity", kind, name: "web" });
  it.each([
    ["StatefulSet", { statefulSets: [workload({ replicas: 0 })] }],
    ["DaemonSet", { daemonSets: [workload({ numberReady: 0, desiredNumberScheduled: 3 })] }],
  ])("of a %s are found by its event", (kind, parts) => {
    expect(findFailedCreates(snapshotOf({ ...parts, events: [failed(kind)] }))[0]?.evidence).toContain(
      "violates PodSecurity",
    );
    expect(findFailedCreates(snapshotOf(parts))).toEqual([]);
  });

  it("are not found once they are there", () => {
    const parts = { statefulSets: [workload({ replicas: 2 })], events: [failed("StatefulSet")] };
    expect(findFailedCreates(snapshotOf(parts))).toEqual([]);
  });
});

describe("a job", () => {
  const job = (conditions: object[]) => ({ metadata: metadata({ name: "import" }), spec: {}, status: { conditions } });

  it("that failed is found", () => {
    const failed = {
      type: "Failed",
      status: "True",
      reason: "BackoffLimitExceeded",
      message: "Job has reached the limit",
      lastTransitionTime: ago(60),
    };
    const [finding] = findFailedJobs(snapshotOf({ jobs: [job([failed])] }));
    expect(finding?.evidence).toBe("it failed 60s ago (BackoffLimitExceeded): Job has reached the limit");
  });

  it.each([
    ["that is done", job([{ type: "Complete", status: "True" }])],
    ["that runs", job([])],
  ])("%s is not found", (_, one) => {
    expect(findFailedJobs(snapshotOf({ jobs: [one] }))).toEqual([]);
  });
});

describe("a node", () => {
  const node = (conditions: object[], spec: object = {}) => ({
    metadata: { name: "node-1" },
    spec,
    status: { conditions },
  });
  const ready = { type: "Ready", status: "True" };

  it.each([
    [
      "that is not ready",
      node([{ type: "Ready", status: "Unknown", message: "Kubelet stopped posting node status." }]),
      "critical",
      /stopped posting/,
    ],
    ["that never told", node([]), "critical", /never told/],
    [
      "without disk",
      node([ready, { type: "DiskPressure", status: "True", message: "full" }]),
      "warning",
      /DiskPressure: full/,
    ],
    ["that is cordoned", node([ready], { unschedulable: true }), "info", /cordoned/],
  ])("%s is found", (_, one, severity, evidence) => {
    const [finding] = findNodes(snapshotOf({ nodes: [one] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it("that is well is not found", () => {
    expect(findNodes(snapshotOf({ nodes: [node([ready, { type: "DiskPressure", status: "False" }])] }))).toEqual([]);
  });
});

describe("a removed version of the API", () => {
  const written = (apiVersion: string, more: object = {}) =>
    metadata({ managedFields: [{ manager: "helm", apiVersion }], ...more });
  const applied = (text: string) =>
    metadata({ annotations: { "kubectl.kubernetes.io/last-applied-configuration": text } });

  it.each([
    [
      "of an autoscaler",
      {
        autoscalers: [
          {
            metadata: written("autoscaling/v2beta2"),
            spec: { scaleTargetRef: { kind: "D", name: "w" }, maxReplicas: 2 },
          },
        ],
      },
      /helm writes it as autoscaling\/v2beta2, removed in 1.26/,
      /autoscaling\/v2$/,
    ],
    [
      "of an ingress",
      { ingresses: [{ metadata: written("extensions/v1beta1") }] },
      /removed in 1.22/,
      /networking.k8s.io\/v1$/,
    ],
    [
      "of a deployment in the same group",
      { deployments: [{ metadata: written("extensions/v1beta1"), spec: {} }] },
      /removed in 1.16/,
      /apps\/v1$/,
    ],
    [
      "in what kubectl applied last",
      { budgets: [{ metadata: applied('{"apiVersion":"policy/v1beta1"}'), spec: {} }] },
      /kubectl apply writes it as policy\/v1beta1/,
      /policy\/v1$/,
    ],
  ])("is found: %s", (_, parts, evidence, suggestion) => {
    const [finding] = findDeprecatedApis(snapshotOf(parts));
    expect(finding?.evidence).toMatch(evidence);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it.each([
    ["today's version", { deployments: [{ metadata: written("apps/v1"), spec: {} }] }],
    ["an annotation that is no JSON", { deployments: [{ metadata: applied("{apiVersion: apps/v1beta1"), spec: {} }] }],
    ["an object that nobody signed", { deployments: [{ metadata: metadata(), spec: {} }] }],
  ])("is not found in %s", (_, parts) => {
    expect(findDeprecatedApis(snapshotOf(parts))).toEqual([]);
  });
});

describe("all checks together", () => {
  const replicaSet = {
    metadata: metadata({ name: "web-1", ownerReferences: [{ kind: "Deployment", name: "web", controller: true }] }),
    spec: {},
  };
  const crashing = (name: string) =>
    pod({
      meta: { name, ownerReferences: [{ kind: "ReplicaSet", name: "web-1", controller: true }] },
      containerStatus: { restartCount: 5, state: { waiting: { reason: "CrashLoopBackOff" } } },
    });

  it("have a rule each", () => {
    expect(new Set(rules.map(({ check }) => check))).toEqual(new Set(checks));
  });

  it("tell the same fault of one workload's pods once, and the worst first", () => {
    const services = [{ metadata: metadata(), spec: { ports: [] } }];
    const snapshot = snapshotOf({ pods: ["a", "b", "c", "d", "e"].map(crashing), replicaSets: [replicaSet], services });
    const { findings } = findAll(snapshot, { only: checks, missing: new Set() });
    expect(findings.map(({ check, severity }) => [check, severity])).toEqual([
      ["crashloop", "critical"],
      ["endpoints", "warning"],
    ]);
    expect(findings[0]?.evidence).toMatch(/The same of 4 more: Pod shop\/b, Pod shop\/c, Pod shop\/d and 1 more$/);
  });

  it("say which could not be made, and make no finding of what was not read", () => {
    const snapshot = snapshotOf({
      ingresses: [{ metadata: metadata(), spec: { defaultBackend: { service: { name: "gone" } } } }],
    });
    const { findings, notChecked } = findAll(snapshot, { only: checks, missing: new Set(["services"] as const) });
    expect(findings).toEqual([]);
    expect(notChecked.map(({ check }) => check)).toEqual(["endpoints", "selector", "ingress"]);
  });

  it("find nothing in an empty namespace", () => {
    expect(findAll(snapshotOf({}), { only: checks, missing: new Set() })).toEqual({ findings: [], notChecked: [] });
  });
});
