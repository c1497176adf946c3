import { objectAt, listAt, textAt } from "../json.ts";
import { annotationsOf, isLeaving, type KubeObject, nameOf, namespaceOf } from "../kube-object.ts";
import type { World } from "./world.ts";

/** Binds claims to volumes, which a class that exists makes at once. */
export function runStorage(world: World): void {
  for (const claim of world.list("PersistentVolumeClaim")) {
    if (isLeaving(claim) || textAt(claim, "status", "phase") === "Bound") continue;
    const className = textAt(claim, "spec", "storageClassName") ?? defaultClass(world);
    const storageClass = className === undefined ? undefined : world.get("StorageClass", undefined, className);
    if (storageClass === undefined) refuse(claim, className, world);
    else if (textAt(storageClass, "volumeBindingMode") !== "WaitForFirstConsumer" || isUsed(claim, world))
      bind(claim, storageClass, world);
    else world.setStatus(claim, { phase: "Pending" });
  }
}

function defaultClass(world: World): string | undefined {
  const found = world
    .list("StorageClass")
    .find((entry) => annotationsOf(entry)["storageclass.kubernetes.io/is-default-class"] === "true");
  return found === undefined ? undefined : nameOf(found);
}

function isUsed(claim: KubeObject, world: World): boolean {
  return world
    .list("Pod")
    .some(
      (pod) =>
        namespaceOf(pod) === namespaceOf(claim) &&
        listAt(pod, "spec", "volumes").some(
          (volume) => textAt(volume, "persistentVolumeClaim", "claimName") === nameOf(claim),
        ),
    );
}

function refuse(claim: KubeObject, className: string | undefined, world: World): void {
  world.setStatus(claim, { phase: "Pending" });
  const message =
    className === undefined || className === ""
      ? "no persistent volumes available for this claim and no storage class is set"
      : `storageclass.storage.k8s.io "${className}" not found`;
  const reason = className === undefined || className === "" ? "FailedBinding" : "ProvisioningFailed";
  world.happen({ about: claim, type: "Warning", reason, message, source: "persistentvolume-controller" });
}

function bind(claim: KubeObject, storageClass: KubeObject, world: World): void {
  const capacity = objectAt(claim, "spec", "resources", "requests");
  const name = `pvc-${claim.metadata.uid}`;
  const { apiVersion, kind, metadata } = claim;
  world.make("PersistentVolume", {
    name,
    fields: {
      spec: {
        capacity,
        accessModes: listAt(claim, "spec", "accessModes"),
        persistentVolumeReclaimPolicy: textAt(storageClass, "reclaimPolicy") ?? "Delete",
        storageClassName: nameOf(storageClass),
        volumeMode: "Filesystem",
        claimRef: { apiVersion, kind, namespace: namespaceOf(claim) ?? "", name: metadata.name, uid: metadata.uid },
        hostPath: { path: `/simulated/${name}` },
      },
      status: { phase: "Bound" },
    },
  });
  world.change(claim, (draft) => {
    draft["spec"] = { ...objectAt(draft, "spec"), storageClassName: nameOf(storageClass), volumeName: name };
    draft["status"] = { phase: "Bound", accessModes: listAt(draft, "spec", "accessModes"), capacity };
  });
}
