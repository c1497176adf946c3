import type {
  Autoscaler,
  Claim,
  CronJob,
  DisruptionBudget,
  EndpointSlice,
  Event,
  Ingress,
  Job,
  Node,
  ResourceQuota,
  Service,
  Workload,
} from "../cluster-objects.ts";
import type { Pod } from "../pod-objects.ts";

/** The objects of some namespaces as they were when they were read: what rules look at. Lists that could not be read are empty. */
export interface Snapshot {
  readonly now: Date;
  readonly pods: readonly Pod[];
  readonly deployments: readonly Workload[];
  readonly replicaSets: readonly Workload[];
  readonly statefulSets: readonly Workload[];
  readonly daemonSets: readonly Workload[];
  readonly jobs: readonly Job[];
  readonly cronJobs: readonly CronJob[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly ingresses: readonly Ingress[];
  readonly claims: readonly Claim[];
  readonly quotas: readonly ResourceQuota[];
  readonly autoscalers: readonly Autoscaler[];
  readonly budgets: readonly DisruptionBudget[];
  readonly events: readonly Event[];
  readonly nodes: readonly Node[];
}

export type ListName = Exclude<keyof Snapshot, "now">;

export const emptySnapshot: Omit<Snapshot, "now"> = {
  ...{ pods: [], deployments: [], replicaSets: [], statefulSets: [], daemonSets: [], jobs: [], cronJobs: [] },
  ...{ services: [], endpointSlices: [], ingresses: [], claims: [], quotas: [], autoscalers: [], budgets: [] },
  ...{ events: [], nodes: [] },
};
