import { z } from "zod";
import type { Access } from "../tools/access.ts";
import type { Cluster } from "./cluster.ts";
import type { ResourceKind } from "./kube-api.ts";
import { Namespace } from "./namespace-rule.ts";
import { readAll, type KubeObject, type ListRequest } from "./object-list.ts";

export interface TypedListing<T> {
  readonly items: readonly T[];
  /** There are more than were looked at. */
  readonly isPartial: boolean;
}

/** All objects of a kind, up to `limit`, of one namespace or of all that may be read. What is not as the API promises is left out. */
export async function readTyped<T>(
  cluster: Cluster,
  { kind, schema }: { kind: ResourceKind; schema: z.ZodType<T> },
  request: ListRequest,
): Promise<TypedListing<T>> {
  const { items, isPartial } = await readAll(cluster, kind, request);
  return { items: typed(items, schema), isPartial };
}

export function typed<T>(items: readonly KubeObject[], schema: z.ZodType<T>): T[] {
  return items.flatMap((item) => {
    const { success, data } = schema.safeParse(item);
    return success ? [data] : [];
  });
}

/** For inputs that look into one namespace or all. */
export const scopeFields = {
  namespace: Namespace.optional().describe("Only this namespace. Left out: the default namespace."),
  allNamespaces: z.boolean().default(false).describe("All namespaces; namespace is then ignored."),
};

export interface Scope {
  /** Absent: all that may be read. */
  readonly namespace: string | undefined;
  /** `namespace shop`, `all namespaces`. */
  readonly words: string;
}

/** Throws a ToolError for a namespace that may not be read. */
export function scopeOf(
  { namespaces, defaultNamespace }: Cluster,
  { namespace = defaultNamespace, allNamespaces = false }: { namespace?: string | undefined; allNamespaces?: boolean },
): Scope {
  if (!allNamespaces) {
    namespaces.check(namespace);
    return { namespace, words: `namespace ${namespace}` };
  }
  const words = namespaces.only === undefined ? "all namespaces" : `the namespaces ${namespaces.only.join(", ")}`;
  return { namespace: undefined, words };
}

type AccessKind = Pick<ResourceKind, "group" | "kind"> & { readonly isNamespaced?: boolean };

/** What listing some kinds touches: each namespace by itself where only some may be read. */
export function listAccess(
  cluster: Cluster,
  kinds: readonly AccessKind[],
  { namespace }: Pick<Scope, "namespace">,
): Access[] {
  const namespaces = namespace === undefined ? (cluster.namespaces.only ?? [undefined]) : [namespace];
  return kinds.flatMap(({ group, kind, isNamespaced = true }) =>
    (isNamespaced ? namespaces : [undefined]).map((one) => ({
      ...{ system: "kubernetes", verb: "list", cluster: cluster.name, group, kind },
      ...(one === undefined ? {} : { namespace: one }),
    })),
  );
}

export function getAccess(
  cluster: Cluster,
  { group, kind }: AccessKind,
  at: { namespace?: string | undefined; name: string },
): Access {
  const place = at.namespace === undefined ? {} : { namespace: at.namespace };
  return { system: "kubernetes", verb: "get", cluster: cluster.name, group, kind, ...place, name: at.name };
}
