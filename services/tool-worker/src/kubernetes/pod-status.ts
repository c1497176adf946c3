import { toDate } from "./times.ts";

/** The parts of a pod that its row is made of; the client library's objects have them, and objects as they come over the wire. */
export interface PodParts {
  readonly metadata?:
    | {
        readonly namespace?: string | undefined;
        readonly name?: string | undefined;
        readonly creationTimestamp?: Date | string | undefined;
        readonly deletionTimestamp?: unknown;
      }
    | undefined;
  readonly spec?: { readonly containers: readonly unknown[]; readonly nodeName?: string | undefined } | undefined;
  readonly status?:
    | {
        readonly phase?: string | undefined;
        readonly reason?: string | undefined;
        readonly containerStatuses?: readonly ContainerParts[] | undefined;
        readonly initContainerStatuses?: readonly ContainerParts[] | undefined;
      }
    | undefined;
}

interface ContainerParts {
  readonly ready: boolean;
  readonly restartCount: number;
  readonly started?: boolean | undefined;
  readonly state?: StateParts | undefined;
}

interface StateParts {
  readonly waiting?: { readonly reason?: string | undefined } | undefined;
  readonly running?: unknown;
  readonly terminated?:
    | { readonly reason?: string | undefined; readonly signal?: number | undefined; readonly exitCode: number }
    | undefined;
}

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

export function summarise(pod: PodParts): PodSummary {
  const { namespace = "", name = "", creationTimestamp } = pod.metadata ?? {};
  return {
    ...{ namespace, name, created: toDate(creationTimestamp) },
    ...countContainers(pod),
    status: statusWord(pod),
    phase: pod.status?.phase ?? "Unknown",
    node: pod.spec?.nodeName ?? "",
  };
}

function countContainers({ spec, status }: PodParts): Pick<PodSummary, "ready" | "containers" | "restarts"> {
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
function statusWord(pod: PodParts): string {
  if (pod.metadata?.deletionTimestamp !== undefined)
    return pod.status?.reason === "NodeLost" ? "Unknown" : "Terminating";
  return initWord(pod) ?? containerWord(pod) ?? pod.status?.reason ?? pod.status?.phase ?? "Unknown";
}

function initWord(pod: PodParts): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const current = statuses.findIndex((status) => status.state?.terminated?.exitCode !== 0 && status.started !== true);
  const status = statuses[current];
  if (status === undefined) return undefined;
  const reason = reasonOf(status.state);
  return reason === undefined || reason === "PodInitializing" ? `Init:${current}/${statuses.length}` : `Init:${reason}`;
}

function containerWord(pod: PodParts): string | undefined {
  const words = (pod.status?.containerStatuses ?? []).map((status) => reasonOf(status.state));
  const bad = words.find((word) => word !== undefined && word !== "Completed");
  if (bad !== undefined) return bad;
  // A pod whose one container is done while another runs is still running.
  return pod.status?.phase === "Running" ? undefined : words.find((word) => word !== undefined);
}

function reasonOf(state: StateParts | undefined): string | undefined {
  if (state?.waiting !== undefined) return state.waiting.reason ?? "Waiting";
  const terminated = state?.terminated;
  if (terminated === undefined) return undefined;
  return (
    terminated.reason ??
    (terminated.signal === undefined ? `ExitCode:${terminated.exitCode}` : `Signal:${terminated.signal}`)
  );
}

/** One container's state in words: running for how long, waiting for what, ended how. */
export function stateWord(status: ContainerParts): string {
  return reasonOf(status.state) ?? (status.state?.running === undefined ? "Unknown" : "Running");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
