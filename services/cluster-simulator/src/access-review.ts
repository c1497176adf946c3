import { z } from "zod";
import { isAllowed, type User } from "./access.ts";
import { badRequest } from "./api-status.ts";

const review = z.object({
  spec: z.object({
    resourceAttributes: z.object({
      verb: z.string(),
      resource: z.string(),
      group: z.string().default(""),
      subresource: z.string().default(""),
      namespace: z.string().optional(),
      name: z.string().optional(),
    }),
  }),
});

/** Answers "may I …?", which `kubectl auth can-i` and careful tools ask before they act. */
export function accessReviewBody(user: User, body: unknown) {
  const parsed = review.safeParse(body);
  if (!parsed.success) throw badRequest("spec.resourceAttributes is missing or not valid");
  const { spec } = parsed.data;
  const { verb, group, resource, subresource, namespace, name } = spec.resourceAttributes;
  const action = {
    verb,
    group,
    resource: subresource === "" ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  };
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec,
    status: { allowed: isAllowed(user.role, action), reason: `the simulated role of ${user.name}` },
  };
}
