import { listAt, numberAt, objectAt, textAt } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import type { Column } from "../store/resource-kind.ts";
import { AGE, column, joined, NAME, selectorText } from "./columns.ts";
import type { KindDefinition } from "./define.ts";
import {
  addDaemonSetDefaults,
  addDeploymentDefaults,
  addReplicaSetDefaults,
  addStatefulSetDefaults,
  statefulSetProblems,
  workloadProblems,
} from "./workload-rules.ts";

const containersOf = (object: KubeObject) => listAt(object, "spec", "template", "spec", "containers");
const CONTAINERS: Column = { name: "Containers", wide: true, cell: (object) => joined(containersOf(object), "name") };
const IMAGES: Column = { name: "Images", wide: true, cell: (object) => joined(containersOf(object), "image") };
const SELECTOR: Column = {
  name: "Selector",
  wide: true,
  cell: (object) => selectorText(objectAt(object, "spec", "selector")),
};

const ready = (object: KubeObject): string =>
  `${numberAt(object, "status", "readyReplicas") ?? 0}/${numberAt(object, "spec", "replicas") ?? 0}`;

export const WORKLOAD_KINDS: readonly KindDefinition[] = [
  {
    apiVersion: "apps/v1",
    plural: "controllerrevisions",
    kind: "ControllerRevision",
    definition: "api.apps.v1.ControllerRevision",
    columns: [
      NAME,
      column("Controller", ["metadata", "ownerReferences", 0, "name"]),
      column("Revision", ["revision"], 0),
      AGE,
    ],
  },
  {
    apiVersion: "apps/v1",
    plural: "daemonsets",
    kind: "DaemonSet",
    definition: "api.apps.v1.DaemonSet",
    shortNames: ["ds"],
    categories: ["all"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Desired", ["status", "desiredNumberScheduled"], 0),
      column("Current", ["status", "currentNumberScheduled"], 0),
      column("Ready", ["status", "numberReady"], 0),
      column("Up-to-date", ["status", "updatedNumberScheduled"], 0),
      column("Available", ["status", "numberAvailable"], 0),
      {
        name: "Node Selector",
        cell: (object) => selectorText({ matchLabels: objectAt(object, "spec", "template", "spec", "nodeSelector") }),
      },
      AGE,
      CONTAINERS,
      IMAGES,
      SELECTOR,
    ],
    addDefaults: addDaemonSetDefaults,
    problems: workloadProblems,
  },
  {
    apiVersion: "apps/v1",
    plural: "deployments",
    kind: "Deployment",
    definition: "api.apps.v1.Deployment",
    shortNames: ["deploy"],
    categories: ["all"],
    subresources: ["scale", "status"],
    columns: [
      NAME,
      { name: "Ready", cell: ready },
      column("Up-to-date", ["status", "updatedReplicas"], 0),
      column("Available", ["status", "availableReplicas"], 0),
      AGE,
      CONTAINERS,
      IMAGES,
      SELECTOR,
    ],
    addDefaults: addDeploymentDefaults,
    problems: workloadProblems,
  },
  {
    apiVersion: "apps/v1",
    plural: "replicasets",
    kind: "ReplicaSet",
    definition: "api.apps.v1.ReplicaSet",
    shortNames: ["rs"],
    categories: ["all"],
    subresources: ["scale", "status"],
    columns: [
      NAME,
      column("Desired", ["spec", "replicas"], 0),
      column("Current", ["status", "replicas"], 0),
      column("Ready", ["status", "readyReplicas"], 0),
      AGE,
      CONTAINERS,
      IMAGES,
      SELECTOR,
    ],
    fields: (object) => ({ "status.replicas": String(numberAt(object, "status", "replicas") ?? 0) }),
    addDefaults: addReplicaSetDefaults,
    problems: workloadProblems,
  },
  {
    apiVersion: "apps/v1",
    plural: "statefulsets",
    kind: "StatefulSet",
    definition: "api.apps.v1.StatefulSet",
    shortNames: ["sts"],
    categories: ["all"],
    subresources: ["scale", "status"],
    columns: [NAME, { name: "Ready", cell: ready }, AGE, CONTAINERS, IMAGES],
    addDefaults: addStatefulSetDefaults,
    problems: statefulSetProblems,
  },
  {
    apiVersion: "v1",
    plural: "replicationcontrollers",
    kind: "ReplicationController",
    definition: "api.core.v1.ReplicationController",
    shortNames: ["rc"],
    categories: ["all"],
    subresources: ["scale", "status"],
    columns: [
      NAME,
      column("Desired", ["spec", "replicas"], 0),
      column("Current", ["status", "replicas"], 0),
      column("Ready", ["status", "readyReplicas"], 0),
      AGE,
    ],
    fields: (object) => ({ "status.replicas": String(numberAt(object, "status", "replicas") ?? 0) }),
  },
  {
    apiVersion: "autoscaling/v2",
    plural: "horizontalpodautoscalers",
    kind: "HorizontalPodAutoscaler",
    definition: "api.autoscaling.v2.HorizontalPodAutoscaler",
    shortNames: ["hpa"],
    categories: ["all"],
    subresources: ["status"],
    columns: [
      NAME,
      {
        name: "Reference",
        cell: (object) =>
          `${textAt(object, "spec", "scaleTargetRef", "kind") ?? ""}/${textAt(object, "spec", "scaleTargetRef", "name") ?? ""}`,
      },
      { name: "Targets", cell: targets },
      column("MinPods", ["spec", "minReplicas"], "<unset>"),
      column("MaxPods", ["spec", "maxReplicas"], 0),
      column("Replicas", ["status", "currentReplicas"], 0),
      AGE,
    ],
    addDefaults: (draft) => {
      const spec = draft["spec"];
      if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return;
      spec["minReplicas"] ??= 1;
      spec["metrics"] ??= [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ];
    },
    problems: (draft) => {
      const [min, max] = [numberAt(draft, "spec", "minReplicas") ?? 1, numberAt(draft, "spec", "maxReplicas") ?? 0];
      if (max < 1)
        return [
          {
            reason: "FieldValueInvalid",
            message: `Invalid value: ${max}: must be greater than 0`,
            field: "spec.maxReplicas",
          },
        ];
      return min > max
        ? [
            {
              reason: "FieldValueInvalid",
              message: `Invalid value: ${max}: must be greater than or equal to \`minReplicas\``,
              field: "spec.maxReplicas",
            },
          ]
        : [];
    },
  },
];

function targets(object: KubeObject): string {
  const [metric] = listAt(object, "spec", "metrics");
  const [current] = listAt(object, "status", "currentMetrics");
  const name = textAt(metric, "resource", "name") ?? "custom";
  const now = numberAt(current, "resource", "current", "averageUtilization");
  const wanted = numberAt(metric, "resource", "target", "averageUtilization") ?? 0;
  return `${name}: ${now === undefined ? "<unknown>" : `${now}%`}/${wanted}%`;
}
