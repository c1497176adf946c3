import { z } from "zod";
import { defineTool, type Tool, type ToolContext } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { contextField, type Clusters } from "./clusters.ts";
import type { KubeApi } from "./kube-api.ts";
import { ObjectName } from "./namespace-rule.ts";
import { parsedAs } from "./object-list.ts";
import { apiVersionField, findPlace, kindField, namespaceField, type Place } from "./object-place.ts";
import { plainForeign } from "./shape.ts";

const readingVerbs = new Set(["get", "list", "watch"]);
const maxReason = 300;

const Review = z.object({
  status: z.object({
    allowed: z.boolean(),
    denied: z.boolean().optional(),
    reason: z.string().optional(),
    evaluationError: z.string().optional(),
  }),
});

export function createCanI(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_can_i",
    description: `Says whether the tools may do something in the ${label}: reading verbs as the reading identity, others as the one that may change something.`,
    input: z.strictObject({
      verb: z
        .string()
        .max(30)
        .regex(/^[a-z]+$/, "is not a verb")
        .describe("get, list, watch, create, update, patch, delete, …"),
      kind: kindField,
      apiVersion: apiVersionField,
      namespace: namespaceField,
      name: ObjectName.optional().describe("One object."),
      subresource: z
        .string()
        .max(63)
        .regex(/^[a-z/]+$/, "is not a subresource")
        .optional()
        .describe("For example log, exec or scale."),
      ...contextField(clusters),
    }),
    effect: "read",
    timeoutMs: 15_000,
    async run(input, context) {
      const cluster = clusters.of(input.context);
      const place = await findPlace(cluster, input, context.signal);
      const { api, who } = identityFor(cluster, input.verb, context);
      const answer = await api.json(reviewOf(input, place, context.signal));
      const { status } = parsedAs(Review, answer);
      const name = place.name === undefined ? "" : ` ${place.name}`;
      const where = place.namespace === undefined ? "" : ` in namespace ${place.namespace}`;
      const below = input.subresource === undefined ? "" : `/${input.subresource}`;
      const what = `${input.verb} ${place.kind.plural}${below}${name}${where} of the ${cluster.label}`;
      const reason = [status.reason, status.evaluationError].filter(Boolean).join("; ").slice(0, maxReason);
      const because = reason === "" ? "" : ` The cluster says: ${plainForeign(reason).replaceAll(/\s+/g, " ")}`;
      return `${status.allowed ? "Yes" : "No"}: ${who} ${status.allowed ? "may" : "may not"} ${what}.${because}`;
    },
  });
}

function identityFor(cluster: Cluster, verb: string, context: ToolContext): { api: KubeApi; who: string } {
  if (readingVerbs.has(verb)) return { api: cluster.reader, who: "the reading identity" };
  if (cluster.isWritable) return { api: cluster.operator(context), who: "the identity that changes things" };
  return { api: cluster.reader, who: "the only identity, which is for reading," };
}

function reviewOf(
  { verb, subresource }: { readonly verb: string; readonly subresource?: string | undefined },
  { kind, namespace, name }: Place,
  signal: AbortSignal,
) {
  const resourceAttributes = {
    verb,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    subresource,
    namespace,
    name,
  };
  return {
    method: "POST" as const,
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } },
    asked: { what: "the tool worker's own rights", verb: "ask for" },
    signal,
  };
}
