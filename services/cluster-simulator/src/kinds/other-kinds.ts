import { isObject, type JsonObject, listAt, numberAt, objectAt, setDefault, textAt, at } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import { AGE, ageOf, column, joined, NAME, selectorText, wide } from "./columns.ts";
import type { KindDefinition } from "./define.ts";
import { immutable, invalidValue, required } from "./name-problems.ts";
import { podProblems } from "./pod-template.ts";
import { addTemplateDefaults } from "./workload-rules.ts";

const CRON_FIELDS = 5;

const BATCH: readonly KindDefinition[] = [
  {
    apiVersion: "batch/v1",
    plural: "cronjobs",
    kind: "CronJob",
    definition: "api.batch.v1.CronJob",
    shortNames: ["cj"],
    categories: ["all"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Schedule", ["spec", "schedule"]),
      column("Timezone", ["spec", "timeZone"]),
      { name: "Suspend", cell: (job) => (at(job, "spec", "suspend") === true ? "True" : "False") },
      { name: "Active", cell: (job) => listAt(job, "status", "active").length },
      {
        name: "Last Schedule",
        cell: (job, nowMs) =>
          textAt(job, "status", "lastScheduleTime") === undefined
            ? "<none>"
            : ageOf(textAt(job, "status", "lastScheduleTime"), nowMs),
      },
      AGE,
    ],
    addDefaults: (draft) => {
      if (!isObject(draft["spec"])) return;
      setDefault(draft, ["spec", "concurrencyPolicy"], "Allow");
      setDefault(draft, ["spec", "suspend"], false);
      setDefault(draft, ["spec", "successfulJobsHistoryLimit"], 3);
      setDefault(draft, ["spec", "failedJobsHistoryLimit"], 1);
      addTemplateDefaults(draft, ["spec", "jobTemplate", "spec", "template", "spec"]);
    },
    problems: (draft) => {
      const schedule = textAt(draft, "spec", "schedule") ?? "";
      const isCron = schedule.startsWith("@") || schedule.trim().split(/\s+/).length === CRON_FIELDS;
      return [
        ...(isCron
          ? []
          : [
              invalidValue(
                "spec.schedule",
                schedule,
                `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule}]`,
              ),
            ]),
        ...podProblems(
          at(draft, "spec", "jobTemplate", "spec", "template", "spec"),
          "spec.jobTemplate.spec.template.spec",
          ["OnFailure", "Never"],
        ),
      ];
    },
  },
  {
    apiVersion: "batch/v1",
    plural: "jobs",
    kind: "Job",
    definition: "api.batch.v1.Job",
    categories: ["all"],
    subresources: ["status"],
    columns: [
      NAME,
      { name: "Status", cell: jobState },
      {
        name: "Completions",
        cell: (job) => `${numberAt(job, "status", "succeeded") ?? 0}/${numberAt(job, "spec", "completions") ?? 1}`,
      },
      { name: "Duration", cell: (job, nowMs) => duration(job, nowMs) },
      AGE,
    ],
    addDefaults: (draft) => {
      if (!isObject(draft["spec"])) return;
      setDefault(draft, ["spec", "completions"], 1);
      setDefault(draft, ["spec", "parallelism"], 1);
      setDefault(draft, ["spec", "backoffLimit"], 6);
      setDefault(draft, ["spec", "completionMode"], "NonIndexed");
      setDefault(draft, ["spec", "suspend"], false);
      const labels = { "batch.kubernetes.io/job-name": textAt(draft, "metadata", "name") ?? "" };
      setDefault(draft, ["spec", "selector"], { matchLabels: labels });
      for (const [key, value] of Object.entries(labels))
        setDefault(draft, ["spec", "template", "metadata", "labels", key], value);
      setDefault(draft, ["spec", "template", "metadata", "labels", "job-name"], labels["batch.kubernetes.io/job-name"]);
      addTemplateDefaults(draft);
    },
    problems: (draft, before) => [
      ...podProblems(at(draft, "spec", "template", "spec"), "spec.template.spec", ["OnFailure", "Never"]),
      ...immutable(draft, before, ["spec", "template"]),
      ...immutable(draft, before, ["spec", "completions"]),
    ],
  },
];

function jobState(job: KubeObject): string {
  const holding = listAt(job, "status", "conditions").filter((condition) => textAt(condition, "status") === "True");
  return textAt(holding[0], "type") ?? (at(job, "spec", "suspend") === true ? "Suspended" : "Running");
}

function duration(job: KubeObject, nowMs: number): string {
  const started = textAt(job, "status", "startTime");
  const ended = textAt(job, "status", "completionTime");
  return started === undefined ? "" : ageOf(started, ended === undefined ? nowMs : Date.parse(ended));
}

const NETWORKING: readonly KindDefinition[] = [
  {
    apiVersion: "discovery.k8s.io/v1",
    plural: "endpointslices",
    kind: "EndpointSlice",
    definition: "api.discovery.v1.EndpointSlice",
    columns: [
      NAME,
      column("AddressType", ["addressType"]),
      {
        name: "Ports",
        cell: (slice) =>
          listAt(slice, "ports")
            .map((port) => numberAt(port, "port") ?? 0)
            .join(",") || "<unset>",
      },
      {
        name: "Endpoints",
        cell: (slice) =>
          listAt(slice, "endpoints")
            .map((endpoint) => textAt(endpoint, "addresses", 0) ?? "")
            .join(",") || "<unset>",
      },
      AGE,
    ],
  },
  {
    apiVersion: "networking.k8s.io/v1",
    plural: "ingressclasses",
    kind: "IngressClass",
    definition: "api.networking.v1.IngressClass",
    namespaced: false,
    columns: [NAME, column("Controller", ["spec", "controller"]), AGE],
  },
  {
    apiVersion: "networking.k8s.io/v1",
    plural: "ingresses",
    kind: "Ingress",
    definition: "api.networking.v1.Ingress",
    shortNames: ["ing"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Class", ["spec", "ingressClassName"]),
      {
        name: "Hosts",
        cell: (ingress) =>
          listAt(ingress, "spec", "rules")
            .map((rule) => textAt(rule, "host") ?? "*")
            .join(",") || "*",
      },
      column("Address", ["status", "loadBalancer", "ingress", 0, "ip"], ""),
      { name: "Ports", cell: (ingress) => (listAt(ingress, "spec", "tls").length > 0 ? "80, 443" : "80") },
      AGE,
    ],
    problems: (draft) =>
      listAt(draft, "spec", "rules").length === 0 && objectAt(draft, "spec")["defaultBackend"] === undefined
        ? [invalidValue("spec", {}, "either `defaultBackend` or `rules` must be specified")]
        : [],
  },
  {
    apiVersion: "networking.k8s.io/v1",
    plural: "networkpolicies",
    kind: "NetworkPolicy",
    definition: "api.networking.v1.NetworkPolicy",
    shortNames: ["netpol"],
    columns: [
      NAME,
      { name: "Pod-Selector", cell: (policy) => selectorText(objectAt(policy, "spec", "podSelector")) },
      AGE,
    ],
    addDefaults: (draft) => {
      if (isObject(draft["spec"]))
        setDefault(
          draft,
          ["spec", "policyTypes"],
          draft["spec"]["egress"] === undefined ? ["Ingress"] : ["Ingress", "Egress"],
        );
    },
  },
  {
    apiVersion: "policy/v1",
    plural: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
    definition: "api.policy.v1.PodDisruptionBudget",
    shortNames: ["pdb"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Min Available", ["spec", "minAvailable"], "N/A"),
      column("Max Unavailable", ["spec", "maxUnavailable"], "N/A"),
      column("Allowed Disruptions", ["status", "disruptionsAllowed"], 0),
      AGE,
    ],
    problems: (draft) =>
      at(draft, "spec", "minAvailable") !== undefined && at(draft, "spec", "maxUnavailable") !== undefined
        ? [invalidValue("spec", {}, "minAvailable and maxUnavailable cannot be both set")]
        : [],
  },
];

const STORAGE: readonly KindDefinition[] = [
  {
    apiVersion: "v1",
    plural: "persistentvolumeclaims",
    kind: "PersistentVolumeClaim",
    definition: "api.core.v1.PersistentVolumeClaim",
    shortNames: ["pvc"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Status", ["status", "phase"], "Pending"),
      column("Volume", ["spec", "volumeName"], ""),
      column("Capacity", ["status", "capacity", "storage"], ""),
      { name: "Access Modes", cell: (claim) => accessModes(objectAt(claim, "spec")) },
      column("StorageClass", ["spec", "storageClassName"], ""),
      AGE,
    ],
    addDefaults: (draft) => setDefault(draft, ["spec", "volumeMode"], "Filesystem"),
    problems: (draft, before) => [
      ...(listAt(draft, "spec", "accessModes").length === 0
        ? [required("spec.accessModes", "at least 1 access mode is required")]
        : []),
      ...(textAt(draft, "spec", "resources", "requests", "storage") === undefined
        ? [required("spec.resources[storage]")]
        : []),
      ...immutable(draft, before, ["spec", "storageClassName"]),
    ],
  },
  {
    apiVersion: "v1",
    plural: "persistentvolumes",
    kind: "PersistentVolume",
    definition: "api.core.v1.PersistentVolume",
    namespaced: false,
    shortNames: ["pv"],
    subresources: ["status"],
    columns: [
      NAME,
      column("Capacity", ["spec", "capacity", "storage"], ""),
      { name: "Access Modes", cell: (volume) => accessModes(objectAt(volume, "spec")) },
      column("Reclaim Policy", ["spec", "persistentVolumeReclaimPolicy"], ""),
      column("Status", ["status", "phase"], "Available"),
      {
        name: "Claim",
        cell: (volume) =>
          [textAt(volume, "spec", "claimRef", "namespace"), textAt(volume, "spec", "claimRef", "name")]
            .filter((text) => text !== undefined)
            .join("/"),
      },
      column("StorageClass", ["spec", "storageClassName"], ""),
      AGE,
    ],
    addDefaults: (draft) => {
      setDefault(draft, ["spec", "persistentVolumeReclaimPolicy"], "Retain");
      setDefault(draft, ["spec", "volumeMode"], "Filesystem");
    },
  },
  {
    apiVersion: "storage.k8s.io/v1",
    plural: "storageclasses",
    kind: "StorageClass",
    definition: "api.storage.v1.StorageClass",
    namespaced: false,
    shortNames: ["sc"],
    columns: [
      {
        ...NAME,
        cell: ({ metadata }) =>
          textAt(metadata, "annotations", "storageclass.kubernetes.io/is-default-class") === "true"
            ? `${metadata.name} (default)`
            : metadata.name,
      },
      column("Provisioner", ["provisioner"]),
      column("ReclaimPolicy", ["reclaimPolicy"]),
      column("VolumeBindingMode", ["volumeBindingMode"]),
      column("AllowVolumeExpansion", ["allowVolumeExpansion"], "false"),
      AGE,
    ],
    addDefaults: (draft) => {
      setDefault(draft, ["reclaimPolicy"], "Delete");
      setDefault(draft, ["volumeBindingMode"], "Immediate");
    },
    problems: (draft, before) =>
      ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"].flatMap((field) =>
        immutable(draft, before, [field]),
      ),
  },
];

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function accessModes(spec: JsonObject): string {
  return listAt(spec, "accessModes")
    .map((mode) => (typeof mode === "string" ? (MODES[mode] ?? mode) : ""))
    .join(",");
}

function rbacKind(plural: string, kind: string, namespaced: boolean): KindDefinition {
  const isBinding = kind.endsWith("Binding");
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    plural,
    kind,
    definition: `api.rbac.v1.${kind}`,
    ...(!namespaced && { namespaced: false as const }),
    columns: isBinding
      ? [
          NAME,
          {
            name: "Role",
            cell: (binding) =>
              `${textAt(binding, "roleRef", "kind") ?? ""}/${textAt(binding, "roleRef", "name") ?? ""}`,
          },
          AGE,
          wide({ name: "Subjects", cell: (binding) => joined(listAt(binding, "subjects"), "name") }),
        ]
      : [NAME, { name: "Created At", cell: ({ metadata }) => metadata.creationTimestamp }],
    hasPathName: true,
    problems: (draft, before) => (isBinding ? immutable(draft, before, ["roleRef"]) : []),
  };
}

export const OTHER_KINDS: readonly KindDefinition[] = [
  ...BATCH,
  ...NETWORKING,
  ...STORAGE,
  rbacKind("clusterrolebindings", "ClusterRoleBinding", false),
  rbacKind("clusterroles", "ClusterRole", false),
  rbacKind("rolebindings", "RoleBinding", true),
  rbacKind("roles", "Role", true),
];
