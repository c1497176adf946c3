import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { KubeError } from "./api-failure.ts";
import { builtInKind } from "./built-in-kinds.ts";
import type { Cluster } from "./cluster.ts";
import { pathOf, type ResourceKind } from "./kube-api.ts";

/** An object of the API of which nothing is known but what all have in common. */
export const KubeObject = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z
    .looseObject({
      name: z.string().optional(),
      namespace: z.string().optional(),
      uid: z.string().optional(),
      resourceVersion: z.string().optional(),
      creationTimestamp: z.string().nullish(),
      deletionTimestamp: z.string().nullish(),
      labels: z.record(z.string(), z.string()).nullish(),
      annotations: z.record(z.string(), z.string()).nullish(),
      ownerReferences: z
        .array(
          z.looseObject({
            apiVersion: z.string(),
            kind: z.string(),
            name: z.string(),
            uid: z.string().optional(),
            controller: z.boolean().optional(),
          }),
        )
        .nullish(),
    })
    .default({}),
});
export type KubeObject = z.infer<typeof KubeObject>;

export const ListMetadata = z
  .looseObject({
    continue: z.string().optional(),
    remainingItemCount: z.number().optional(),
    resourceVersion: z.string().optional(),
  })
  .default({});

const ObjectList = z.looseObject({
  metadata: ListMetadata,
  items: z.array(KubeObject).nullish(),
});

export interface ListRequest {
  /** Absent: of all namespaces that may be read, or of none. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects at most. */
  readonly limit: number;
  readonly continue?: string | undefined;
  /** Another form of the list than all of each object. */
  readonly accept?: string;
  readonly signal: AbortSignal;
}

export interface ObjectPage {
  readonly items: readonly KubeObject[];
  /** Where the next page begins; undefined: this is the last one. */
  readonly next: string | undefined;
  /** After this page; undefined: the server does not say. */
  readonly remaining: number | undefined;
}

/** One page of a list as the reader sees it. */
export async function readPage({ reader }: Cluster, kind: ResourceKind, request: ListRequest): Promise<ObjectPage> {
  const { namespace, labelSelector, fieldSelector, limit, signal } = request;
  const answer = await reader.json({
    path: pathOf(kind, { namespace }),
    query: { labelSelector, fieldSelector, limit, continue: request.continue },
    ...(request.accept === undefined ? {} : { accept: request.accept }),
    asked: { what: kind.plural, ...(namespace === undefined ? {} : { namespace }) },
    signal,
  });
  const { metadata, items } = parsedAs(ObjectList, answer);
  return { items: items ?? [], next: metadata.continue || undefined, remaining: metadata.remainingItemCount };
}

export interface ObjectListing {
  readonly items: readonly KubeObject[];
  /** There are more than were looked at. */
  readonly isPartial: boolean;
}

const pageSize = 500;

/** All that there are, up to `limit`: of one namespace, or of all that may be read. */
export async function readAll(cluster: Cluster, kind: ResourceKind, request: ListRequest): Promise<ObjectListing> {
  const { only } = cluster.namespaces;
  const namespaces = request.namespace === undefined && kind.isNamespaced ? only : [request.namespace];
  const items: KubeObject[] = [];
  for (const namespace of namespaces ?? [undefined]) {
    let next: string | undefined;
    do {
      const limit = Math.min(pageSize, request.limit - items.length);
      if (limit <= 0) return { items, isPartial: true };
      const page = await readPage(cluster, kind, { ...request, namespace, limit, continue: next });
      items.push(...page.items);
      next = page.next;
    } while (next !== undefined);
  }
  return { items, isPartial: false };
}

/** One object as the reader sees it. */
export async function readObject(
  { reader }: Cluster,
  kind: ResourceKind,
  at: { readonly namespace: string | undefined; readonly name: string },
  signal: AbortSignal,
): Promise<KubeObject> {
  const namespace = kind.isNamespaced ? at.namespace : undefined;
  const asked = { what: kind.singular, name: at.name, ...(namespace === undefined ? {} : { namespace }) };
  const answer = await reader.json({ path: pathOf(kind, { namespace, name: at.name }), asked, signal });
  return parsedAs(KubeObject, answer);
}

/** An answer of the shape that the API promises. */
export function parsedAs<T>(schema: z.ZodType<T>, answer: unknown): T {
  const { success, data } = schema.safeParse(answer);
  if (!success) throw new ToolError("The cluster's answer cannot be understood.");
  return data;
}

/** The server answers with an empty list for a namespace that does not exist, which would read like good news. */
export async function requireNamespace(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  try {
    await readObject(cluster, builtInKind("Namespace"), { namespace: undefined, name }, signal);
  } catch (error) {
    // Who may not read namespaces cannot be told more than that there is nothing.
    if (!(error instanceof KubeError && error.status === 403)) throw error;
  }
}
