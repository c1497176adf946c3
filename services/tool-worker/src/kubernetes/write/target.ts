import { z } from "zod";
import type { Access } from "../../tools/access.ts";
import type { ToolContext } from "../../tools/tool.ts";
import type { Cluster } from "../cluster.ts";
import type { Clusters } from "../clusters.ts";
import { pathOf, type Asked, type KubeApi, type KubeRequest, type ResourceKind } from "../kube-api.ts";
import { ObjectName } from "../namespace-rule.ts";
import { findPlace } from "../object-place.ts";
import type { PodRules } from "./pod-rules.ts";

/** The one object that a change is about, as the cluster knows it. */
export interface Target {
  readonly kind: ResourceKind;
  /** Absent: of no namespace. */
  readonly namespace?: string;
  readonly name: string;
}

export interface WriteDeps {
  readonly clusters: Clusters;
  readonly podRules: PodRules;
}

/** A cluster with the identity that may change things there. */
export interface Workplace {
  readonly cluster: Cluster;
  readonly api: KubeApi;
  readonly podRules: PodRules;
}

export interface Spot extends Workplace {
  readonly target: Target;
}

export const nameField = ObjectName.describe("Name of the object.");
export const containerField = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "is not a name of a container");
/** With its group, if need be; never an option of kubectl. */
export const kindField = z
  .string()
  .max(128)
  .regex(/^[A-Za-z][A-Za-z0-9.-]*$/, "is not a kind")
  .describe("Its kind, such as Deployment, or a short name of it.");
export const apiVersionField = z
  .string()
  .max(200)
  .regex(/^[a-z0-9][a-z0-9./-]*$/i, "is not a group and version")
  .optional()
  .describe("Group and version, such as apps/v1; only needed where several groups have the kind.");

interface Named {
  readonly kind: string;
  readonly apiVersion?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Throws a ToolError for a kind that the cluster does not have and for a place that may not be touched. */
export async function targetOf(cluster: Cluster, named: Named, signal: AbortSignal): Promise<Target> {
  const { kind, namespace } = await findPlace(cluster, named, signal);
  return { kind, ...(namespace !== undefined && { namespace }), name: named.name };
}

type WithContext = { readonly context?: string | undefined };

/** Of tools that change one object: where it is, and what the policy has to know of that. `named`: which one the arguments mean. */
export function onObject<Input extends WithContext>({ clusters, podRules }: WriteDeps, named: (input: Input) => Named) {
  return {
    async find(input: Input, context: ToolContext): Promise<Spot> {
      const cluster = clusters.of(input.context);
      const api = cluster.operator(context);
      return { cluster, api, podRules, target: await targetOf(cluster, named(input), context.signal) };
    },
    /** `verb`: of RBAC, or `scale` or `exec`. */
    access: (verb: string) => async (input: Input, context: ToolContext) => {
      const cluster = clusters.of(input.context);
      return [accessTo(cluster, await targetOf(cluster, named(input), context.signal), verb)];
    },
  };
}

export function accessTo(cluster: Cluster, { kind, namespace, name }: Target, verb: string): Access {
  const place = { ...(namespace !== undefined && { namespace }), name };
  return { system: "kubernetes", verb, cluster: cluster.name, group: kind.group, kind: kind.kind, ...place };
}

/** `Deployment cart in namespace shop` */
export function wordsOf({ kind, namespace, name }: Target): string {
  return `${kind.kind} ${name}${inNamespace(namespace)}`;
}

export function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? "" : ` in namespace ${namespace}`;
}

export function askedOf({ kind, namespace, name }: Target, verb?: string): Asked {
  return {
    what: kind.kind.toLowerCase(),
    name,
    ...(namespace !== undefined && { namespace }),
    ...(verb !== undefined && { verb }),
  };
}

export type TargetRequest = Partial<Pick<KubeRequest, "method" | "query" | "body" | "contentType">> & {
  readonly subresource?: string;
  /** For the sentence about its failure. */
  readonly verb?: string;
  /** It is sent to the list, which the object does not belong to yet. */
  readonly isNew?: true;
};

/** One request about an object. */
export function requestFor(target: Target, signal: AbortSignal, request: TargetRequest = {}): KubeRequest {
  const { subresource, verb, isNew, ...rest } = request;
  const { kind, namespace, name } = target;
  const path = pathOf(kind, { namespace, ...(isNew !== true && { name, subresource }) });
  return { ...rest, path, asked: askedOf(target, verb), signal };
}

/** Reads the object as whoever is to change it. */
export function read(api: KubeApi, target: Target, { signal }: Pick<ToolContext, "signal">): Promise<unknown> {
  return api.json(requestFor(target, signal));
}
