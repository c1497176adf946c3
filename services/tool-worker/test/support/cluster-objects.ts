import { emptySnapshot, type Snapshot } from "../../src/kubernetes/analyze/snapshot.ts";
import * as objects from "../../src/kubernetes/cluster-objects.ts";
import { Pod } from "../../src/kubernetes/pod-objects.ts";

/** The time at which the objects of tests are looked at. */
const now = new Date("2026-03-01T12:00:00Z");

/** So many seconds before that. */
export function ago(seconds: number): string {
  return new Date(now.getTime() - seconds * 1_000).toISOString();
}

type Parts = Readonly<Record<string, unknown>>;

const lists = {
  pods: Pod,
  deployments: objects.Workload,
  replicaSets: objects.Workload,
  statefulSets: objects.Workload,
  daemonSets: objects.Workload,
  jobs: objects.Job,
  cronJobs: objects.CronJob,
  services: objects.Service,
  endpointSlices: objects.EndpointSlice,
  ingresses: objects.Ingress,
  claims: objects.Claim,
  quotas: objects.ResourceQuota,
  autoscalers: objects.Autoscaler,
  budgets: objects.DisruptionBudget,
  events: objects.Event,
  nodes: objects.Node,
};

/** Lists of objects as the API sends them: what a rule sees has been read as an answer is. */
export function snapshotOf(parts: Partial<Record<keyof typeof lists, readonly Parts[]>>): Snapshot {
  const read = Object.entries(parts).map(([name, items]) => {
    const schema = Object.entries(lists).find(([list]) => list === name)?.[1];
    return [name, items.map((item) => schema?.parse(item))];
  });
  return { now, ...emptySnapshot, ...Object.fromEntries(read) };
}

/** Name `x` in namespace `shop`, an hour old. */
export function metadata(parts: Parts = {}): Parts {
  return { name: "x", namespace: "shop", creationTimestamp: ago(3_600), ...parts };
}

export interface PodParts {
  readonly meta?: Parts;
  readonly spec?: Parts;
  readonly status?: Parts;
  readonly container?: Parts;
  /** Of its one container, `app`. */
  readonly containerStatus?: Parts;
}

/** A pod with one container, which runs and is ready. */
export function pod({ meta, spec, status, container, containerStatus }: PodParts = {}): Parts {
  const containerStatuses = [
    { name: "app", ready: true, restartCount: 0, state: { running: { startedAt: ago(3_500) } }, ...containerStatus },
  ];
  return {
    metadata: metadata({ labels: { app: "web" }, ...meta }),
    spec: { nodeName: "node-1", containers: [{ name: "app", image: "registry/app:1", ...container }], ...spec },
    status: {
      phase: "Running",
      startTime: ago(3_600),
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses,
      ...status,
    },
  };
}

export interface EventParts {
  readonly reason: string;
  readonly message: string;
  readonly kind?: string;
  readonly name?: string;
  readonly type?: string;
  readonly lastTimestamp?: string;
}

/** A warning about pod `x`, a minute ago. */
export function event({ reason, message, kind = "Pod", name = "x", ...parts }: EventParts): Parts {
  const involvedObject = { kind, name, namespace: "shop" };
  const fixed = { metadata: metadata({ name: `${name}.${reason}` }), involvedObject };
  return { ...fixed, type: "Warning", count: 3, lastTimestamp: ago(60), reason, message, ...parts };
}
