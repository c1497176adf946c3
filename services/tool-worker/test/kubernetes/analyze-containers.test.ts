import { describe, expect, it } from "vitest";
import {
  findConfigErrors,
  findCrashLoops,
  findImagePulls,
  findOutOfMemory,
} from "../../src/kubernetes/analyze/container-rules.ts";
import { ago, event, pod, snapshotOf } from "../support/cluster-objects.ts";

function waiting(reason: string, message?: string, more: object = {}) {
  return pod({ containerStatus: { ready: false, state: { waiting: { reason, message } }, ...more } });
}

function ended(end: object, more: object = {}) {
  const terminated = { exitCode: 1, finishedAt: ago(120), ...end };
  return pod({ containerStatus: { restartCount: 3, lastState: { terminated }, ...more } });
}

const backOff = { state: { waiting: { reason: "CrashLoopBackOff" } } };

describe("a crash loop", () => {
  it.each([
    ["that backs off", ended({ reason: "Error" }, backOff), /restarted 3 times; .* 2m ago: Error, exit code 1/],
    ["of a command that is not there", ended({ exitCode: 127 }, backOff), /exit code 127/],
    ["whose container runs between two crashes", ended({}, { restartCount: 9 }), /restarted 9 times/],
    ["that left its last words", ended({ message: "no\nDATABASE" }, backOff), /last words: no DATABASE/],
    ["of which no end is known", waiting("CrashLoopBackOff"), /how its last run ended is not known/],
    [
      "of an init container",
      pod({
        status: { containerStatuses: [], initContainerStatuses: [{ name: "migrate", restartCount: 4, ...backOff }] },
      }),
      /container migrate was restarted 4 times/,
    ],
  ])("%s is found", (_, one, evidence) => {
    const [finding, ...others] = findCrashLoops(snapshotOf({ pods: [one] }));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "critical", object: { kind: "Pod", namespace: "shop", name: "x" } });
    expect(finding?.evidence).toMatch(evidence);
    expect(finding?.suggestion).toContain("previous true");
  });

  it.each([
    ["a pod that runs", pod()],
    ["many restarts whose last was long ago", ended({ finishedAt: ago(7_200) }, { restartCount: 40 })],
    ["a few restarts just now", ended({}, { restartCount: 2 })],
    ["a container that waits for its image", waiting("ContainerCreating")],
    ["a job's container that has done its work", pod({ containerStatus: { state: { terminated: { exitCode: 0 } } } })],
  ])("is not found in %s", (_, one) => {
    expect(findCrashLoops(snapshotOf({ pods: [one] }))).toEqual([]);
  });
});

describe("too little memory", () => {
  const limits = { resources: { limits: { memory: "64Mi" } } };
  it.each([
    [
      "with its limit",
      { ...ended({ reason: "OOMKilled", exitCode: 137 }), spec: { containers: [{ name: "app", ...limits }] } },
      "critical",
      /limit is 64Mi/,
    ],
    ["without one", ended({ reason: "OOMKilled", exitCode: 137 }), "critical", /no memory limit/],
    [
      "as a warning when it was long ago",
      ended({ reason: "OOMKilled", finishedAt: ago(90_000) }),
      "warning",
      /25h ago/,
    ],
    [
      "of a container that is dead",
      pod({ containerStatus: { state: { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: ago(5) } } } }),
      "critical",
      /5s ago/,
    ],
  ])("is found %s", (_, one, severity, evidence) => {
    const [finding] = findOutOfMemory(snapshotOf({ pods: [one] }));
    expect(finding?.severity).toBe(severity);
    expect(finding?.evidence).toMatch(evidence);
  });

  it.each([
    ["a pod that runs", pod()],
    ["one that was killed for another reason", ended({ reason: "Error", exitCode: 137 })],
  ])("is not found in %s", (_, one) => {
    expect(findOutOfMemory(snapshotOf({ pods: [one] }))).toEqual([]);
  });
});

describe("an image that cannot be pulled", () => {
  it.each([
    ["a wrong tag", "ErrImagePull", "manifest unknown", /no such image or tag/],
    ["no rights", "ErrImagePull", "pull access denied, repository may require authorization", /imagePullSecrets/],
    ["no way there", "ErrImagePull", "dial tcp: lookup registry: no such host", /does not reach the registry/],
    ["too many pulls", "ErrImagePull", "toomanyrequests: rate limit", /limits how much/],
    ["a bad certificate", "ErrImagePull", "x509: signed by unknown authority", /does not trust/],
    ["a name that is none", "InvalidImageName", "couldn't parse image reference", /not one/],
    ["a policy", "ErrImageNeverPull", "not present with pull policy of Never", /pull policy is Never/],
    ["a cause nobody knows", "ErrImagePull", "it rains", /k8s_events/],
  ])("because of %s is found with its cause", (_, reason, message, suggestion) => {
    const [finding] = findImagePulls(snapshotOf({ pods: [waiting(reason, message)] }));
    expect(finding?.evidence).toContain(
      `image registry/app:1 of container app cannot be pulled (${reason}): ${message}`,
    );
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it("has its cause from the event while it backs off", () => {
    const pods = [waiting("ImagePullBackOff", 'Back-off pulling image "registry/app:1"')];
    const failed = event({ reason: "Failed", message: 'Failed to pull image "registry/app:1": not found' });
    const back = event({ reason: "Failed", message: "Back-off pulling image", lastTimestamp: ago(1) });
    const [finding] = findImagePulls(snapshotOf({ pods, events: [back, failed] }));
    expect(finding?.suggestion).toMatch(/no such image or tag/);
  });

  it("does not take its cause from the event of another pod", () => {
    const other = event({ reason: "Failed", message: "Failed to pull image: unauthorized", name: "y" });
    const [finding] = findImagePulls(snapshotOf({ pods: [waiting("ImagePullBackOff", "Back-off")], events: [other] }));
    expect(finding?.suggestion).toMatch(/k8s_events/);
  });

  it.each([
    ["a pod that runs", pod()],
    ["one that is being created", waiting("ContainerCreating")],
    ["one that crashes", waiting("CrashLoopBackOff")],
  ])("is not found in %s", (_, one) => {
    expect(findImagePulls(snapshotOf({ pods: [one] }))).toEqual([]);
  });
});

describe("a container that cannot be created", () => {
  it.each([
    [
      "a Secret that is not there",
      "CreateContainerConfigError",
      'secret "db" not found',
      /create the ConfigMap, Secret/,
    ],
    [
      "a key that is not there",
      "CreateContainerConfigError",
      "couldn't find key url in Secret shop/db",
      /create the ConfigMap, Secret or key/,
    ],
    ["a command that is none", "RunContainerError", "exec: no such file", /command, mounts/],
  ])("because of %s is found", (_, reason, message, suggestion) => {
    const [finding] = findConfigErrors(snapshotOf({ pods: [waiting(reason, message)] }));
    expect(finding?.evidence).toContain(message);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it.each([
    ["a pod that runs", pod()],
    ["one that backs off", waiting("CrashLoopBackOff")],
  ])("is not found in %s", (_, one) => {
    expect(findConfigErrors(snapshotOf({ pods: [one] }))).toEqual([]);
  });
});
