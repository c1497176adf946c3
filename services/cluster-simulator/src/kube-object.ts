import { type Json, type JsonObject, listAt, textAt, textsAt } from "./json.ts";

export type Metadata = JsonObject & { name: string; uid: string; resourceVersion: string; creationTimestamp: string };

/** An object as the cluster keeps it. */
export type KubeObject = JsonObject & { apiVersion: string; kind: string; metadata: Metadata };

export function nameOf({ metadata }: KubeObject): string {
  return metadata.name;
}

export function namespaceOf({ metadata }: KubeObject): string | undefined {
  return textAt(metadata, "namespace");
}

export function labelsOf(object: Json): Record<string, string> {
  return textsAt(object, "metadata", "labels");
}

export function annotationsOf(object: Json): Record<string, string> {
  return textsAt(object, "metadata", "annotations");
}

export function createdMsOf({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp);
}

export function isLeaving({ metadata }: KubeObject): boolean {
  return typeof metadata["deletionTimestamp"] === "string";
}

/** The key under which an object is kept, which is also the order of lists. */
export function keyOf(object: KubeObject): string {
  return `${namespaceOf(object) ?? ""}/${nameOf(object)}`;
}

export function isOwnedBy(object: KubeObject, uid: string): boolean {
  return listAt(object.metadata, "ownerReferences").some((owner) => textAt(owner, "uid") === uid);
}

export function ownerReference({ apiVersion, kind, metadata }: KubeObject): JsonObject {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

/** Whether labels are what an object's `matchLabels` and `matchExpressions` ask for; an empty selector takes all. */
export function matchesSelector(selector: Json | undefined, labels: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(textsAt(selector, "matchLabels"));
  if (!pairs.every(([key, value]) => labels[key] === value)) return false;
  return listAt(selector, "matchExpressions").every((expression) => {
    const own = labels[textAt(expression, "key") ?? ""];
    const values = listAt(expression, "values");
    switch (textAt(expression, "operator")) {
      case "In":
        return own !== undefined && values.includes(own);
      case "NotIn":
        return own === undefined || !values.includes(own);
      case "Exists":
        return own !== undefined;
      default:
        return own === undefined;
    }
  });
}
