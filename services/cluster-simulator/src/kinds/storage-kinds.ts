import { type JsonObject, listAt, objectAt, setDefault, textAt } from "../json.ts";
import { AGE, column, NAME } from "./columns.ts";
import type { KindDefinition } from "./define.ts";
import { immutable, required } from "./name-problems.ts";

export const STORAGE_KINDS: readonly KindDefinition[] = [
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
