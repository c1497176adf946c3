import type { V1ContainerState, V1ContainerStatus, V1Pod } from "@kubernetes/client-node";

/** What kubectl shows of a pod in one row. */
export interface PodSummary {
  readonly namespace: string;
  readonly name: string;
  readonly ready: number;
  readonly containers: number;
  /** A word such as Running, Pending, CrashLoopBackOff, Completed, Init:0/1, Terminating. */
  readonly status: string;
  readonly phase: string;
  readonly restarts: number;
  readonly created: Date | undefined;
  readonly node: string;
}

export const podFilters = ["any", "running", "pending", "failed", "crashloop", "notready"] as const;
export type PodFilter = (typeof podFilters)[number];

export function summarise(pod: V1Pod): PodSummary {
  const { namespace = "", name = "", creationTimestamp: created } = pod.metadata ?? {};
  return {
    ...{ namespace, name, created },
    ...countContainers(pod),
    status: statusWord(pod),
    phase: pod.status?.phase ?? "Unknown",
    node: pod.spec?.nodeName ?? "",
  };
}

function countContainers({ spec, status }: V1Pod): Pick<PodSummary, "ready" | "containers" | "restarts"> {
  const statuses = status?.containerStatuses ?? [];
  return {
    ready: statuses.filter(({ ready }) => ready).length,
    containers: spec?.containers.length ?? statuses.length,
    restarts: sum(statuses.map(({ restartCount }) => restartCount)),
  };
}

/** Not in order as a person would say it: a pod that has done its work is in order although it is not ready. */
export function isUnhealthy(pod: PodSummary): boolean {
  return pod.phase !== "Succeeded" && (pod.phase !== "Running" || pod.ready < pod.containers);
}

export function matches(pod: PodSummary, filter: PodFilter): boolean {
  if (filter === "any") return true;
  if (filter === "running") return pod.phase === "Running" && !isCrashLoop(pod);
  if (filter === "pending") return pod.phase === "Pending";
  if (filter === "crashloop") return isCrashLoop(pod);
  if (filter === "failed") return pod.phase === "Failed" || FAILED_WORDS.test(pod.status);
  return isUnhealthy(pod);
}

/** Words of a container that does not work, beside the phase of its pod. */
const FAILED_WORDS =
  /CrashLoopBackOff|Error|ErrImagePull|ImagePullBackOff|InvalidImageName|OOMKilled|Evicted|ContainerCannotRun/;

function isCrashLoop(pod: PodSummary): boolean {
  return pod.status.includes("CrashLoopBackOff");
}

/** The rules of kubectl's STATUS column: the first container that is not well speaks for the pod. */
function statusWord(pod: V1Pod): string {
  if (pod.metadata?.deletionTimestamp !== undefined)
    return pod.status?.reason === "NodeLost" ? "Unknown" : "Terminating";
  return initWord(pod) ?? containerWord(pod) ?? pod.status?.reason ?? pod.status?.phase ?? "Unknown";
}

function initWord(pod: V1Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const current = statuses.findIndex((status) => status.state?.terminated?.exitCode !== 0 && status.started !== true);
  const status = statuses[current];
  if (status === undefined) return undefined;
  const reason = reasonOf(status.state);
  return reason === undefined || reason === "PodInitializing" ? `Init:${current}/${statuses.length}` : `Init:${reason}`;
}

function containerWord(pod: V1Pod): string | undefined {
  const words = (pod.status?.containerStatuses ?? []).map((status) => reasonOf(status.state));
  const bad = words.find((word) => word !== undefined && word !== "Completed");
  if (bad !== undefined) return bad;
  // A pod whose one container is done while another runs is still running.
  return pod.status?.phase === "Running" ? undefined : words.find((word) => word !== undefined);
}

function reasonOf(state: V1ContainerState | undefined): string | undefined {
  if (state?.waiting !== undefined) return state.waiting.reason ?? "Waiting";
  const terminated = state?.terminated;
  if (terminated === undefined) return undefined;
  return (
    terminated.reason ??
    (terminated.signal === undefined ? `ExitCode:${terminated.exitCode}` : `Signal:${terminated.signal}`)
  );
}

/** One container's state in words: running for how long, waiting for what, ended how. */
export function stateWord(status: V1ContainerStatus): string {
  return reasonOf(status.state) ?? (status.state?.running === undefined ? "Unknown" : "Running");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
