import { z } from "zod";
import type { Cluster } from "../cluster.ts";
import { readObject } from "../object-list.ts";
import { findPlace, type NamedPlace } from "../object-place.ts";
import { Metadata } from "../pod-objects.ts";
import type { ObjectRef } from "./finding.ts";

export interface Root {
  readonly ref: ObjectRef;
  /** Undefined for what is not read: Secrets. */
  readonly metadata: Metadata | undefined;
}

const Any = z.object({ metadata: Metadata });

/** The object that a call is about, of any kind that the cluster has. A ToolError if there is none, or it may not be read. */
export async function readRoot(
  cluster: Cluster,
  at: NamedPlace & { readonly name: string },
  signal: AbortSignal,
): Promise<Root> {
  const { kind, namespace } = await findPlace(cluster, at, signal);
  const ref = { kind: kind.kind, namespace, name: at.name };
  // Its name is enough for what has to do with it, and nothing of it has to be in memory.
  if (kind.group === "" && kind.kind === "Secret") return { ref, metadata: undefined };
  const object = await readObject(cluster, kind, { namespace, name: at.name }, signal);
  return { ref, metadata: Any.safeParse(object).data?.metadata };
}
