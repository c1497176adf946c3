import { AGE, NAME, pairs } from "./columns.ts";
import { type Column, defineResource, type ResourceKind } from "./resource-kind.ts";
import { daemonSetObjects, type Deployment, deploymentObjects, replicaSetObjects } from "./workload-objects.ts";

type WithContainers = {
  spec: { template: Deployment["spec"]["template"]; selector: { matchLabels: Record<string, string> } };
};

const CONTAINERS: readonly Column<WithContainers>[] = [
  {
    name: "Containers",
    wide: true,
    cell: ({ spec }) => spec.template.spec.containers.map(({ name }) => name).join(","),
  },
  { name: "Images", wide: true, cell: ({ spec }) => spec.template.spec.containers.map(({ image }) => image).join(",") },
  { name: "Selector", wide: true, cell: ({ spec }) => pairs(spec.selector.matchLabels) },
];

const deployments = defineResource<Deployment>({
  apiVersion: "apps/v1",
  plural: "deployments",
  kind: "Deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  writes: ["patch"],
  objects: deploymentObjects,
  columns: [
    NAME,
    { name: "Ready", cell: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}` },
    { name: "Up-to-date", cell: ({ status }) => status.updatedReplicas },
    { name: "Available", cell: ({ status }) => status.availableReplicas ?? 0 },
    AGE,
    ...CONTAINERS,
  ],
});

const replicaSets = defineResource({
  apiVersion: "apps/v1",
  plural: "replicasets",
  kind: "ReplicaSet",
  shortNames: ["rs"],
  categories: ["all"],
  objects: replicaSetObjects,
  columns: [
    NAME,
    { name: "Desired", cell: ({ spec }) => spec.replicas },
    { name: "Current", cell: ({ status }) => status.replicas },
    { name: "Ready", cell: ({ status }) => status.readyReplicas ?? 0 },
    AGE,
    ...CONTAINERS,
  ],
});

const daemonSets = defineResource({
  apiVersion: "apps/v1",
  plural: "daemonsets",
  kind: "DaemonSet",
  shortNames: ["ds"],
  categories: ["all"],
  objects: daemonSetObjects,
  columns: [
    NAME,
    { name: "Desired", cell: ({ status }) => status.desiredNumberScheduled },
    { name: "Current", cell: ({ status }) => status.currentNumberScheduled },
    { name: "Ready", cell: ({ status }) => status.numberReady },
    { name: "Up-to-date", cell: ({ status }) => status.updatedNumberScheduled },
    { name: "Available", cell: ({ status }) => status.numberAvailable },
    { name: "Node Selector", cell: () => "<none>" },
    AGE,
    ...CONTAINERS,
  ],
});

/** Kinds that a cluster has but of which this one has none, so that asking for them is answered, not refused. */
function emptyResource(apiVersion: string, plural: string, kind: string, shortName: string): ResourceKind {
  return defineResource({
    apiVersion,
    plural,
    kind,
    shortNames: [shortName],
    categories: ["all"],
    objects: () => [],
    columns: [NAME, AGE],
  });
}

export const WORKLOAD_RESOURCES: readonly ResourceKind[] = [
  daemonSets,
  deployments,
  replicaSets,
  emptyResource("apps/v1", "statefulsets", "StatefulSet", "sts"),
  emptyResource("batch/v1", "jobs", "Job", "job"),
  emptyResource("batch/v1", "cronjobs", "CronJob", "cj"),
];
