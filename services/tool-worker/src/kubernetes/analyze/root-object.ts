import { z } from "zod";
import { ToolError } from "../../tools/tool.ts";
import type { Cluster } from "../cluster.ts";
import type { ResourceKind } from "../kube-api.ts";
import { readObject } from "../object-list.ts";
import { Metadata } from "../pod-objects.ts";
import { scopeOf } from "../reading.ts";
import type { ObjectRef } from "./finding.ts";

export interface Root {
  readonly kind: ResourceKind;
  readonly ref: ObjectRef;
  /** Undefined for what is not read: Secrets. */
  readonly metadata: Metadata | undefined;
}

const Any = z.object({ metadata: Metadata });

/** The object that a call is about, of any kind that the cluster has. A ToolError if there is none, or it may not be read. */
export async function readRoot(
  cluster: Cluster,
  at: { apiVersion?: string | undefined; kind: string; name: string; namespace?: string | undefined },
  signal: AbortSignal,
): Promise<Root> {
  const { apiVersion, name } = at;
  const kind = await cluster.kinds.find(at.kind, { apiVersion, signal });
  const namespace = kind.isNamespaced ? scopeOf(cluster, { namespace: at.namespace }).namespace : undefined;
  // What belongs to no namespace tells of all of them.
  if (!kind.isNamespaced && cluster.namespaces.only !== undefined && kind.kind !== "Namespace") {
    throw new ToolError(`Objects of kind ${kind.kind} may not be read here.`);
  }
  if (kind.kind === "Namespace") cluster.namespaces.check(name);
  const ref = { kind: kind.kind, namespace, name };
  // Its name is enough for what has to do with it, and nothing of it has to be in memory.
  if (kind.group === "" && kind.kind === "Secret") return { kind, ref, metadata: undefined };
  const object = await readObject(cluster, kind, { namespace, name }, signal);
  return { kind, ref, metadata: Any.safeParse(object).data?.metadata };
}
