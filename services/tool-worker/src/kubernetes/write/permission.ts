import { z } from "zod";
import { toPlainText } from "../../plain-text.ts";
import { ToolError } from "../../tools/tool.ts";
import { KubeError } from "../api-failure.ts";
import type { KubeApi } from "../kube-api.ts";
import { redactText } from "../redaction.ts";
import { wordsOf, type Target } from "./target.ts";

const Review = z.object({ status: z.object({ allowed: z.boolean(), reason: z.string().default("") }) });

const MAX_REASON = 200;

export interface Wish {
  /** Of RBAC. */
  readonly verb: string;
  readonly subresource?: string;
}

/**
 * Throws a ToolError if the cluster would refuse this to whoever is to do it. It is asked before people are: nobody should agree to what will fail. A
 * cluster that does not answer such questions decides when it is changed.
 */
export async function checkPermission(
  api: KubeApi,
  target: Target,
  { verb, subresource }: Wish,
  signal: AbortSignal,
): Promise<void> {
  const { kind, namespace, name } = target;
  const resourceAttributes = {
    ...{ verb, group: kind.group, version: kind.version, resource: kind.plural },
    // A name that does not exist yet is not part of a right to create.
    ...(verb === "create" ? {} : { name }),
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
  };
  const answer = await asked(api, resourceAttributes, signal);
  if (answer === undefined || answer.status.allowed) return;
  const reason = toPlainText(redactText(answer.status.reason)).replaceAll(/\s+/g, " ").slice(0, MAX_REASON).trim();
  const what = subresource === undefined ? verb : `${verb} ${subresource} of`;
  throw new ToolError(
    `The cluster does not allow it: the tool worker may not ${what} ${wordsOf(target)}${reason === "" ? "" : ` (${reason})`}.`,
  );
}

async function asked(
  api: KubeApi,
  resourceAttributes: object,
  signal: AbortSignal,
): Promise<z.output<typeof Review> | undefined> {
  try {
    const review = await api.json({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes },
      },
      asked: { what: "its permissions", verb: "ask for" },
      signal,
    });
    return Review.safeParse(review).data;
  } catch (error) {
    if (error instanceof KubeError && [403, 404, 405].includes(error.status ?? 0)) return undefined;
    throw error;
  }
}
