import { describe, expect, it } from "vitest";
import { findEvicted, findFailingProbes, findPending } from "../../src/kubernetes/analyze/pod-rules.ts";
import { findPrivileged } from "../../src/kubernetes/analyze/security-rules.ts";
import { ago, event, pod, snapshotOf } from "../support/cluster-objects.ts";

function unplaced(condition: object, meta: object = {}) {
  const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", ...condition }];
  const status = { phase: "Pending", conditions, containerStatuses: [] };
  return pod({ meta: { ...meta }, spec: { nodeName: undefined }, status });
}

describe("a pod that waits", () => {
  it.each([
    ["too little of something", "0/3 nodes are available: 3 Insufficient cpu.", /no node has as much left/],
    ["taints", "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: yes}.", /tolerate the taint/],
    ["labels", "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", /nodeSelector/],
    ["a claim", "pod has unbound immediate PersistentVolumeClaims.", /check pvc/],
    ["another zone", "1 node(s) had volume node affinity conflict.", /another zone|nodeSelector/],
    ["full nodes", "0/1 nodes are available: 1 Too many pods.", /as many pods as they may/],
    ["cordoned nodes", "0/1 nodes are available: 1 node(s) were unschedulable.", /uncordon/],
    ["something new", "the stars are wrong", /k8s_events/],
  ])("for a node, because of %s, is found", (_, message, suggestion) => {
    const [finding] = findPending(snapshotOf({ pods: [unplaced({ message })] }));
    expect(finding?.severity).toBe("critical");
    expect(finding?.evidence).toMatch(/^it waits for a node for 60m: /);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it("for its scheduling gate is told of", () => {
    expect(findPending(snapshotOf({ pods: [unplaced({ reason: "SchedulingGated" })] }))).toMatchObject([
      { severity: "info", evidence: expect.stringContaining("gated") },
    ]);
  });

  it("for a scheduler that does not look is found after a minute", () => {
    const status = { phase: "Pending", conditions: [], containerStatuses: [] };
    const young = pod({ meta: { creationTimestamp: ago(20) }, spec: { nodeName: undefined }, status });
    const old = pod({ spec: { nodeName: undefined }, status });
    expect(findPending(snapshotOf({ pods: [young] }))).toEqual([]);
    expect(findPending(snapshotOf({ pods: [old] }))[0]?.evidence).toContain("no scheduler has looked");
  });

  const starting = (seconds: number) =>
    pod({ status: { phase: "Pending", startTime: ago(seconds), conditions: [], containerStatuses: [] } });
  it.each([
    ["a mount", "FailedMount", 'MountVolume.SetUp failed: configmap "settings" not found', /create what it mounts/],
    ["a disk", "FailedAttachVolume", "Multi-Attach error for volume", /attached to another node/],
    ["the network", "FailedCreatePodSandBox", "Failed to create pod sandbox: cni", /network plugin/],
  ])("on its node for %s is found", (_, reason, message, suggestion) => {
    const [finding] = findPending(snapshotOf({ pods: [starting(600)], events: [event({ reason, message })] }));
    expect(finding?.evidence).toMatch(/^it starts for 10m on node-1: /);
    expect(finding?.suggestion).toMatch(suggestion);
  });

  it.each([
    ["one that runs", pod(), []],
    ["one that is being deleted", unplaced({}, { deletionTimestamp: ago(1) }), []],
    ["one that just begins", starting(30), [event({ reason: "FailedMount", message: "not found" })]],
    ["one that pulls a large image", starting(600), [event({ reason: "Pulling", message: "pulling", type: "Normal" })]],
  ])("is not found in %s", (_, one, events) => {
    expect(findPending(snapshotOf({ pods: [one], events }))).toEqual([]);
  });
});

describe("a failing probe", () => {
  const unready = (startedAt: string, more: object = {}) =>
    pod({
      status: { conditions: [{ type: "Ready", status: "False" }], ...more },
      containerStatus: { ready: false, state: { running: { startedAt } } },
    });
  const unreadyPod = {
    ...unready(ago(300)),
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: [{ name: "app", ready: false, restartCount: 0, state: { running: { startedAt: ago(300) } } }],
    },
  };
  const readiness = event({ reason: "Unhealthy", message: "Readiness probe failed: HTTP 503" });
  const liveness = event({ reason: "Unhealthy", message: "Liveness probe failed: connection refused" });

  it("of readiness is found with what it said", () => {
    const [finding] = findFailingProbes(snapshotOf({ pods: [unreadyPod], events: [readiness] }));
    expect(finding?.evidence).toBe("not ready: app (runs for 5m); Readiness probe failed: HTTP 503");
  });

  it("of readiness is found without its event", () => {
    expect(findFailingProbes(snapshotOf({ pods: [unreadyPod] }))[0]?.evidence).toContain("no event tells why");
  });

  it("of liveness is found when it restarted the container", () => {
    const pods = [pod({ containerStatus: { restartCount: 2 } })];
    const [finding] = findFailingProbes(snapshotOf({ pods, events: [liveness] }));
    expect(finding?.evidence).toMatch(/^Liveness probe failed: connection refused \(last 60s ago\); .*2 times/);
  });

  it.each([
    ["a pod that is ready", pod(), [readiness]],
    [
      "one that just begins",
      {
        ...unreadyPod,
        status: {
          ...unreadyPod.status,
          containerStatuses: [
            { name: "app", ready: false, restartCount: 0, state: { running: { startedAt: ago(10) } } },
          ],
        },
      },
      [readiness],
    ],
    ["one whose liveness failed without a restart", pod(), [liveness]],
    [
      "one whose liveness failed long ago",
      pod({ containerStatus: { restartCount: 1 } }),
      [event({ reason: "Unhealthy", message: "Liveness probe failed", lastTimestamp: ago(9_000) })],
    ],
    ["one that has done its work", pod({ status: { phase: "Succeeded" } }), []],
    ["one that is being deleted", { ...unreadyPod, metadata: { name: "x", deletionTimestamp: ago(1) } }, []],
  ])("is not found in %s", (_, one, events) => {
    expect(findFailingProbes(snapshotOf({ pods: [one], events }))).toEqual([]);
  });
});

describe("an eviction", () => {
  it("is found", () => {
    const status = { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." };
    expect(findEvicted(snapshotOf({ pods: [pod({ status })] }))[0]?.evidence).toBe(
      "evicted from node-1: The node was low on resource: memory",
    );
  });

  it("is not found in what failed by itself", () => {
    expect(findEvicted(snapshotOf({ pods: [pod({ status: { phase: "Failed", reason: "Error" } }), pod()] }))).toEqual(
      [],
    );
  });
});

describe("rights over the node", () => {
  it.each([
    ["privileged", pod({ container: { securityContext: { privileged: true } } }), "container app is privileged"],
    [
      "capabilities",
      pod({ container: { securityContext: { capabilities: { add: ["CAP_SYS_ADMIN", "CHOWN"] } } } }),
      "container app has SYS_ADMIN",
    ],
    ["the host's namespaces", pod({ spec: { hostPID: true, hostNetwork: true } }), "hostNetwork, hostPID"],
    [
      "the container runtime's socket",
      pod({ spec: { volumes: [{ name: "v", hostPath: { path: "/var/run/docker.sock" } }] } }),
      "mounts /var/run/docker.sock of its node",
    ],
    ["the node's root", pod({ spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] } }), "mounts / of its node"],
  ])("are found: %s", (_, one, evidence) => {
    expect(findPrivileged(snapshotOf({ pods: [one] }))).toMatchObject([{ severity: "warning", evidence }]);
  });

  it("are only told of in the cluster's own namespaces", () => {
    const one = pod({ meta: { namespace: "kube-system" }, spec: { hostNetwork: true } });
    expect(findPrivileged(snapshotOf({ pods: [one] }))).toMatchObject([{ severity: "info" }]);
  });

  it.each([
    ["a plain pod", pod()],
    [
      "one that says it has none",
      pod({ container: { securityContext: { privileged: false, capabilities: { add: ["NET_BIND_SERVICE"] } } } }),
    ],
    [
      "one that mounts a folder of its own",
      pod({ spec: { volumes: [{ name: "v", hostPath: { path: "/mnt/data" } }] } }),
    ],
  ])("are not found in %s", (_, one) => {
    expect(findPrivileged(snapshotOf({ pods: [one] }))).toEqual([]);
  });
});
