import { z } from "zod";
import type { Access } from "../tools/access.ts";
import { ToolError } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import type { ResourceKind } from "./kube-api.ts";
import { Namespace } from "./namespace-rule.ts";

/** Fields of tools that take any kind. */
export const kindField = z.string().min(1).max(128).describe("For example Pod, deploy, or a custom kind.");
export const apiVersionField = z
  .string()
  .max(200)
  .optional()
  .describe("For example apps/v1. Only needed when several groups have a kind of that name.");
export const namespaceField = Namespace.optional().describe("Its namespace. Left out: the default namespace.");

export interface NamedKind {
  readonly kind: string;
  readonly apiVersion?: string | undefined;
}

export interface NamedPlace extends NamedKind {
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
  readonly name?: string | undefined;
}

/** Objects of one kind in one cluster: all of a namespace, all of them, or one. */
export interface Place {
  readonly kind: ResourceKind;
  /** Absent: of no namespace, or of all. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Throws a ToolError for a kind that the cluster does not have, and for a place that may not be read. */
export async function findPlace(cluster: Cluster, wanted: NamedPlace, signal: AbortSignal): Promise<Place> {
  const { name, allNamespaces = false } = wanted;
  const kind = await cluster.kinds.find(wanted.kind, { apiVersion: wanted.apiVersion, signal });
  if (!kind.isNamespaced) {
    checkWithoutNamespace(cluster, kind, name);
    return { kind, namespace: undefined, name };
  }
  const namespace = allNamespaces ? undefined : (wanted.namespace ?? cluster.defaultNamespace);
  if (namespace !== undefined) cluster.namespaces.check(namespace);
  return { kind, namespace, name };
}

/** What belongs to no namespace tells of all of them, so with an allow-list only the allowed namespaces themselves are open. */
function checkWithoutNamespace({ namespaces }: Cluster, kind: ResourceKind, name: string | undefined): void {
  if (namespaces.only === undefined) return;
  if (kind.group === "" && kind.kind === "Namespace" && name !== undefined) namespaces.check(name);
  else throw new ToolError(`Objects of kind ${kind.kind} may not be read here: they belong to no namespace.`);
}

/** What a reading call touches. */
export function accessTo(cluster: Cluster, verb: "get" | "list", { kind, namespace, name }: Place): Access[] {
  return [
    {
      ...{ system: "kubernetes", verb, cluster: cluster.name, group: kind.group, kind: kind.kind },
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    },
  ];
}

/** In a sentence: `Deployment web in namespace shop of the simulated cluster`. */
export function placeWords(cluster: Cluster, { kind, namespace, name }: Place): string {
  const object = name === undefined ? "" : `${kind.kind} ${name} `;
  if (!kind.isNamespaced) return `${object}of the ${cluster.label}`;
  if (namespace !== undefined) return `${object}in namespace ${namespace} of the ${cluster.label}`;
  const { only } = cluster.namespaces;
  const which = only === undefined ? "all namespaces" : `the namespaces ${only.join(", ")}`;
  return `${object}in ${which} of the ${cluster.label}`;
}
