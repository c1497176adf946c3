import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../../tools/tool.ts";
import { contextField } from "../clusters.ts";
import { namespaceField } from "../object-place.ts";
import { changeOf } from "./change.ts";
import { kubectl } from "./kubectl-text.ts";
import { fieldsOf, isFields, textAt, valueAt, type Fields } from "./object-fields.ts";
import { planPatch } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import {
  apiVersionField,
  inNamespace,
  kindField,
  nameField,
  onObject,
  read,
  type Spot,
  type WriteDeps,
  wordsOf,
} from "./target.ts";

const MAX_PATCH_BYTES = 32 * 1024;

/** Small models send an object as text. */
const PatchObject = z.preprocess(
  (value) => (typeof value === "string" ? (parsed(value) ?? value) : value),
  z
    .record(z.string(), z.unknown())
    .refine((patch) => Object.keys(patch).length > 0, "is empty")
    .refine((patch) => Buffer.byteLength(JSON.stringify(patch)) <= MAX_PATCH_BYTES, "is too large"),
);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function createPatch(deps: WriteDeps): Tool {
  const input = z.strictObject({
    kind: kindField,
    name: nameField,
    patch: PatchObject.describe('What changes, such as {"spec":{"paused":true}}; null takes a field away.'),
    namespace: namespaceField,
    apiVersion: apiVersionField,
    patchType: z
      .enum(["merge", "strategic"])
      .optional()
      .describe("merge replaces lists; strategic joins them by their keys. Left out: strategic if the kind has it."),
    resourceVersion: z
      .string()
      .max(64)
      .optional()
      .describe("Only if the object has this version; else nothing is done."),
    ...contextField(deps.clusters),
  });
  type Input = z.output<typeof input>;
  const object = onObject<Input>(deps, (given) => given);
  const change = changeOf<Input>(async (given, context) => {
    const spot = await object.find(given, context);
    checkPatch(given.patch);
    await checkPermission(spot.api, spot.target, { verb: "patch" }, context.signal);
    const before = await read(spot.api, spot.target, context);
    checkVersion(before, given);
    const done = `Changed ${wordsOf(spot.target)}`;
    return planPatch({ spot, before, type: given.patchType ?? typeFor(spot), patch: given.patch, done }, context);
  });
  return defineTool({
    name: "k8s_patch",
    description: "Changes fields of one object of any kind. To scale, restart or set an image there are other tools.",
    input,
    effect: "write",
    timeoutMs: 30_000,
    access: object.access("patch"),
    command: ({ kind, name, patch, patchType, namespace, context }) =>
      kubectl(
        ["patch", kind.toLowerCase(), name, patchType && `--type=${patchType}`, `--patch=${JSON.stringify(patch)}`],
        { namespace, context },
      ),
    approval: {
      summary: ({ kind, name, namespace }) => `Changes fields of ${kind} ${name}${inNamespace(namespace)}.`,
      preview: change.preview,
      confirm: ({ name, patch }) => (stopsAll(patch) ? name : undefined),
    },
    run: change.run,
  });
}

/** Custom kinds have no strategic patch, nor have those of aggregated servers. */
function typeFor({ target: { kind } }: Spot): "merge" | "strategic" {
  const isBuiltIn = !kind.group.includes(".") || /^(?:[a-z-]+\.)?k8s\.io$/.test(kind.group);
  return isBuiltIn ? "strategic" : "merge";
}

/** Whether the object is to have no pods any more. */
export function stopsAll(object: unknown): boolean {
  return valueAt(object, ["spec", "replicas"]) === 0;
}

const FIXED = [
  "name",
  "namespace",
  "uid",
  "ownerReferences",
  "managedFields",
  "creationTimestamp",
  "deletionTimestamp",
] as const;

function checkPatch(patch: Fields): void {
  if ("metadata" in patch && !isFields(patch["metadata"])) throw new ToolError("metadata must be an object.");
  const fixed = FIXED.find((name) => name in fieldsOf(patch, "metadata"));
  if (fixed !== undefined) throw new ToolError(`metadata.${fixed} cannot be changed.`);
  if ("status" in patch)
    throw new ToolError("The status of an object is what its cluster says of it; it cannot be set.");
}

function checkVersion(
  before: unknown,
  { patch, resourceVersion }: { patch: Fields; resourceVersion?: string | undefined },
) {
  const wanted = resourceVersion ?? textAt(patch, ["metadata", "resourceVersion"]);
  const current = textAt(before, ["metadata", "resourceVersion"]);
  if (wanted !== undefined && wanted !== current)
    throw new ToolError(`Not done: the object has version ${current ?? "?"}, not ${wanted}; look at it again.`);
}
