import { z } from "zod";
import { Conditions, Count, Flag, Labels, maybe, Metadata, NumberOrText, PodSpec, Text } from "./pod-objects.ts";

/** The parts of Kubernetes' objects that tools look at; what else they have is dropped when they are read. */

export const LabelSelector = maybe(
  z.object({
    matchLabels: Labels,
    matchExpressions: maybe(
      z.array(z.object({ key: z.string(), operator: z.string(), values: maybe(z.array(z.string())) })),
    ),
  }),
);
export type LabelSelector = z.output<typeof LabelSelector>;

const PodTemplate = maybe(z.object({ metadata: maybe(z.object({ labels: Labels })), spec: maybe(PodSpec) }));

/** Deployments, ReplicaSets, StatefulSets and DaemonSets: each has some of these fields. */
export const Workload = z.object({
  metadata: Metadata,
  spec: z.object({
    replicas: Count,
    paused: Flag,
    selector: LabelSelector,
    template: PodTemplate,
    updateStrategy: maybe(z.object({ type: Text, rollingUpdate: maybe(z.object({ partition: Count })) })),
  }),
  status: maybe(
    z.object({
      observedGeneration: Count,
      replicas: Count,
      updatedReplicas: Count,
      readyReplicas: Count,
      availableReplicas: Count,
      currentRevision: Text,
      updateRevision: Text,
      desiredNumberScheduled: Count,
      updatedNumberScheduled: Count,
      numberReady: Count,
      numberAvailable: Count,
      conditions: Conditions,
    }),
  ),
});
export type Workload = z.output<typeof Workload>;

export const Job = z.object({
  metadata: Metadata,
  spec: z.object({ completions: Count, backoffLimit: Count, suspend: Flag, template: PodTemplate }),
  status: maybe(z.object({ active: Count, succeeded: Count, failed: Count, conditions: Conditions })),
});
export type Job = z.output<typeof Job>;

export const CronJob = z.object({
  metadata: Metadata,
  spec: z.object({ schedule: Text, suspend: Flag }),
});
export type CronJob = z.output<typeof CronJob>;

export const Service = z.object({
  metadata: Metadata,
  spec: z.object({
    type: Text,
    selector: Labels,
    ports: maybe(z.array(z.object({ name: Text, port: z.number(), targetPort: NumberOrText, protocol: Text }))),
    publishNotReadyAddresses: Flag,
  }),
});
export type Service = z.output<typeof Service>;

export const EndpointSlice = z.object({
  metadata: Metadata,
  endpoints: maybe(z.array(z.object({ conditions: maybe(z.object({ ready: Flag })) }))),
});
export type EndpointSlice = z.output<typeof EndpointSlice>;

const Backend = maybe(
  z.object({
    service: maybe(z.object({ name: z.string(), port: maybe(z.object({ number: Count, name: Text })) })),
  }),
);

export const Ingress = z.object({
  metadata: Metadata,
  spec: maybe(
    z.object({
      ingressClassName: Text,
      defaultBackend: Backend,
      rules: maybe(
        z.array(
          z.object({
            host: Text,
            http: maybe(z.object({ paths: maybe(z.array(z.object({ path: Text, backend: Backend }))) })),
          }),
        ),
      ),
    }),
  ),
});
export type Ingress = z.output<typeof Ingress>;

export const Claim = z.object({
  metadata: Metadata,
  spec: z.object({ storageClassName: Text, volumeName: Text, resources: maybe(z.object({ requests: Labels })) }),
  status: maybe(z.object({ phase: Text })),
});
export type Claim = z.output<typeof Claim>;

export const ResourceQuota = z.object({
  metadata: Metadata,
  status: maybe(z.object({ hard: Labels, used: Labels })),
});
export type ResourceQuota = z.output<typeof ResourceQuota>;

export const Autoscaler = z.object({
  metadata: Metadata,
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: Count,
    maxReplicas: z.number(),
  }),
  status: maybe(z.object({ currentReplicas: Count, desiredReplicas: Count, conditions: Conditions })),
});
export type Autoscaler = z.output<typeof Autoscaler>;

export const DisruptionBudget = z.object({
  metadata: Metadata,
  spec: z.object({ minAvailable: NumberOrText, maxUnavailable: NumberOrText, selector: LabelSelector }),
  status: maybe(
    z.object({ currentHealthy: Count, desiredHealthy: Count, disruptionsAllowed: Count, expectedPods: Count }),
  ),
});
export type DisruptionBudget = z.output<typeof DisruptionBudget>;

export const Event = z.object({
  metadata: Metadata,
  type: Text,
  reason: Text,
  message: Text,
  count: Count,
  series: maybe(z.object({ count: Count, lastObservedTime: Text })),
  firstTimestamp: Text,
  lastTimestamp: Text,
  eventTime: Text,
  involvedObject: maybe(z.object({ kind: Text, name: Text, namespace: Text, fieldPath: Text })),
});
export type Event = z.output<typeof Event>;

export const Node = z.object({
  metadata: Metadata,
  spec: maybe(z.object({ unschedulable: Flag })),
  status: maybe(z.object({ conditions: Conditions, allocatable: Labels })),
});
export type Node = z.output<typeof Node>;
