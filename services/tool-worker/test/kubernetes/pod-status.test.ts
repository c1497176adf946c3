import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { isUnhealthy, matches, podFilters, summarise } from "../../src/kubernetes/pod-status.ts";

function container(state: V1ContainerStatus["state"], ready = false, restartCount = 0): V1ContainerStatus {
  return { name: "c", image: "i", imageID: "", ready, restartCount, ...(state === undefined ? {} : { state }) };
}

function podWith(phase: string, statuses: V1ContainerStatus[], more: Partial<V1Pod> = {}): V1Pod {
  return {
    metadata: { name: "p", namespace: "n" },
    spec: { containers: statuses.map(({ name }) => ({ name })) },
    status: { phase, containerStatuses: statuses },
    ...more,
  };
}

const running = container({ running: {} }, true);
const crashing = container({ waiting: { reason: "CrashLoopBackOff" } }, false, 7);
const done = container({ terminated: { exitCode: 0, reason: "Completed" } });

const pods = {
  running: podWith("Running", [running]),
  crashing: podWith("Running", [running, crashing]),
  pending: podWith("Pending", []),
  pulling: podWith("Pending", [container({ waiting: { reason: "ImagePullBackOff" } })]),
  completed: podWith("Succeeded", [done]),
  failed: podWith("Failed", [container({ terminated: { exitCode: 3 } })]),
  evicted: podWith("Failed", [], { status: { phase: "Failed", reason: "Evicted" } }),
  unready: podWith("Running", [container({ running: {} })]),
  initialising: podWith("Pending", [], {
    status: { phase: "Pending", initContainerStatuses: [done, container({ running: {} })] },
  }),
  terminating: podWith("Running", [running], { metadata: { name: "p", deletionTimestamp: new Date() } }),
};

describe("the status of a pod", () => {
  it.each([
    ["running", "Running"],
    ["crashing", "CrashLoopBackOff"],
    ["pending", "Pending"],
    ["pulling", "ImagePullBackOff"],
    ["completed", "Completed"],
    ["failed", "ExitCode:3"],
    ["evicted", "Evicted"],
    ["unready", "Running"],
    ["initialising", "Init:1/2"],
    ["terminating", "Terminating"],
  ] as const)("of a %s one is %s", (name, expected) => {
    expect(summarise(pods[name]).status).toBe(expected);
  });

  it("counts ready containers and restarts", () => {
    expect(summarise(pods.crashing)).toMatchObject({ ready: 1, containers: 2, restarts: 7 });
  });

  it.each([
    ["running", ["running", "unready", "terminating"]],
    ["pending", ["pending", "pulling", "initialising"]],
    ["failed", ["crashing", "pulling", "failed", "evicted"]],
    ["crashloop", ["crashing"]],
    ["notready", ["crashing", "pending", "pulling", "failed", "evicted", "unready", "initialising"]],
  ] as const)("filtered by %s finds %j", (filter, expected) => {
    const found = Object.entries(pods).filter(([, pod]) => matches(summarise(pod), filter));
    expect(found.map(([name]) => name)).toEqual(expected);
  });

  it("has a filter that finds all", () => {
    expect(podFilters[0]).toBe("any");
    expect(Object.values(pods).every((pod) => matches(summarise(pod), "any"))).toBe(true);
  });

  it("does not call a pod unhealthy that has done its work", () => {
    expect(isUnhealthy(summarise(pods.completed))).toBe(false);
  });
});
