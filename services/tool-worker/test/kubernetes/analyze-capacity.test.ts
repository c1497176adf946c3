import { describe, expect, it } from "vitest";
import {
  findAutoscalers,
  findBlockingBudgets,
  findQuotas,
  findUnboundClaims,
} from "../../src/kubernetes/analyze/capacity-rules.ts";
import { ago, event, metadata, pod, snapshotOf } from "../support/cluster-objects.ts";

describe("a claim without a volume", () => {
  const claim = (phase: string, meta: object = {}) => ({
    metadata: metadata({ name: "data", ...meta }),
    spec: { storageClassName: "fast", resources: { requests: { storage: "10Gi" } }, volumeName: "pv-1" },
    status: { phase },
  });
  const about = (reason: string, message: string) =>
    event({ reason, message, kind: "PersistentVolumeClaim", name: "data" });
  const user = pod({ spec: { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] } });

  it.each([
    [
      "no such class",
      about("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
      "critical",
      /is there such a storage class/,
    ],
    [
      "no free volume",
      about("FailedBinding", "no persistent volumes available for this claim"),
      "critical",
      /free volume/,
    ],
    ["no pod that uses it", about("WaitForFirstConsumer", "waiting for first consumer"), "info", /nothing to do/],
    ["an unknown cause", about("ProvisioningFailed", "quota of the cloud"), "critical", /provisioner/],
  ])("because of %s is found", (_, one, severity, suggestion) => {
    const [finding] = findUnboundClaims(snapshotOf({ claims: [claim("Pending")], events: [one] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(/^it waits for a volume of 10Gi of class fast for 60m; /);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it("is found with its pod, when the pod waits as well", () => {
    const events = [about("WaitForFirstConsumer", "waiting")];
    const [finding] = findUnboundClaims(snapshotOf({ claims: [claim("Pending")], pods: [user], events }));
    expect(finding).toMatchObject({ severity: "critical", suggestion: expect.stringContaining("check pending") });
  });

  it("has no pod that uses it where only another namespace's claim of that name is used", () => {
    const events = [about("WaitForFirstConsumer", "waiting")];
    const pods = [{ ...user, metadata: metadata({ namespace: "other" }) }, pod()];
    expect(findUnboundClaims(snapshotOf({ claims: [claim("Pending")], pods, events }))[0]?.severity).toBe("info");
  });

  it("is found when its volume is gone", () => {
    expect(findUnboundClaims(snapshotOf({ claims: [claim("Lost")] }))[0]?.evidence).toBe("its volume pv-1 is gone");
  });

  it.each([
    ["one that is bound", claim("Bound")],
    ["one that was made a moment ago", claim("Pending", { creationTimestamp: ago(5) })],
  ])("is not found in %s", (_, one) => {
    expect(findUnboundClaims(snapshotOf({ claims: [one] }))).toEqual([]);
  });
});

describe("a quota", () => {
  const quota = (hard: object, used: object) => ({ metadata: metadata({ name: "team" }), status: { hard, used } });
  const refused = event({
    reason: "FailedCreate",
    message: 'pods "x" is forbidden: exceeded quota: team',
    kind: "ReplicaSet",
    name: "web-1",
  });

  it.each([
    ["that is used up", { "requests.cpu": "4" }, { "requests.cpu": "4" }, [], "warning", /requests.cpu 4 of 4/],
    ["nearly used up, in other units", { memory: "1Gi" }, { memory: "1000Mi" }, [], "warning", /memory 1000Mi of 1Gi/],
    [
      "that refused pods",
      { pods: "10" },
      { pods: "3" },
      [refused],
      "critical",
      /ReplicaSet web-1 was refused: .*exceeded quota/,
    ],
  ])("%s is found", (_, hard, used, events, severity, evidence) => {
    const [finding] = findQuotas(snapshotOf({ quotas: [quota(hard, used)], events }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it.each([
    ["with room", { pods: "10" }, { pods: "8" }, []],
    ["that forbids something", { "services.loadbalancers": "0" }, { "services.loadbalancers": "0" }, []],
    ["whose numbers are none", { pods: "many" }, { pods: "8" }, []],
    ["that refused something long ago", { pods: "10" }, { pods: "1" }, [{ ...refused, lastTimestamp: ago(9_000) }]],
    [
      "of another name",
      { pods: "10" },
      { pods: "1" },
      [event({ reason: "FailedCreate", message: "exceeded quota: other" })],
    ],
  ])("%s is not found", (_, hard, used, events) => {
    expect(findQuotas(snapshotOf({ quotas: [quota(hard, used)], events }))).toEqual([]);
  });
});

describe("an autoscaler", () => {
  const scaler = (status: object, spec: object = {}) => ({
    metadata: metadata({ name: "web" }),
    spec: { scaleTargetRef: { kind: "Deployment", name: "web" }, minReplicas: 2, maxReplicas: 5, ...spec },
    status,
  });
  const limited = { type: "ScalingLimited", status: "True", reason: "TooManyReplicas" };

  it.each([
    [
      "at its maximum that would get more",
      { currentReplicas: 5, conditions: [limited] },
      "warning",
      /has 5 pods, its maximum/,
    ],
    ["at its maximum of which no more is known", { currentReplicas: 5 }, "warning", /its maximum/],
    [
      "without metrics",
      { currentReplicas: 2, conditions: [{ type: "ScalingActive", status: "False", message: "no metrics" }] },
      "warning",
      /does not know the load .* no metrics/,
    ],
    [
      "without its target",
      { conditions: [{ type: "AbleToScale", status: "False", message: "not found" }] },
      "critical",
      /cannot scale Deployment web: not found/,
    ],
  ])("%s is found", (_, status, severity, evidence) => {
    const [finding] = findAutoscalers(snapshotOf({ autoscalers: [scaler(status)] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it.each([
    ["with room", scaler({ currentReplicas: 4 })],
    ["at its maximum that is enough", scaler({ currentReplicas: 5, conditions: [{ ...limited, status: "False" }] })],
    ["with one size", scaler({ currentReplicas: 5, conditions: [limited] }, { minReplicas: 5 })],
    ["at its minimum", scaler({ currentReplicas: 2, conditions: [{ ...limited, reason: "TooFewReplicas" }] })],
    [
      "that is switched off",
      scaler({
        currentReplicas: 0,
        conditions: [{ type: "ScalingActive", status: "False", reason: "ScalingDisabled" }],
      }),
    ],
  ])("%s is not found", (_, one) => {
    expect(findAutoscalers(snapshotOf({ autoscalers: [one] }))).toEqual([]);
  });
});

describe("a budget", () => {
  const budget = (status: object | undefined, spec: object = { minAvailable: 2 }) => ({
    metadata: metadata({ name: "web" }),
    spec,
    status,
  });

  it.each([
    [
      "that lets no pod be moved",
      { expectedPods: 2, currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0 },
      "warning",
      /\(minAvailable 2\): 2 of 2 are healthy/,
      /more replicas/,
    ],
    [
      "whose pods are not ready",
      { expectedPods: 3, currentHealthy: 1, desiredHealthy: 2, disruptionsAllowed: 0 },
      "warning",
      /1 of 3 are healthy/,
      /mend these first/,
    ],
    ["that guards nothing", { expectedPods: 0, disruptionsAllowed: 0 }, "info", /guards no pod/, /selector/],
  ])("%s is found", (_, status, severity, evidence, suggestion) => {
    const [finding] = findBlockingBudgets(snapshotOf({ budgets: [budget(status)] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it.each([
    [
      "that lets a pod be moved",
      budget({ expectedPods: 3, currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 }),
    ],
    ["that nobody has counted yet", budget(undefined, { maxUnavailable: 0 })],
  ])("%s is not found", (_, one) => {
    expect(findBlockingBudgets(snapshotOf({ budgets: [one] }))).toEqual([]);
  });
});
