import { ToolError, type ToolContext, type ToolOutput } from "../../tools/tool.ts";
import type { KubeApi } from "../kube-api.ts";
import type { Plan } from "./change.ts";
import { fieldDiff } from "./field-diff.ts";
import { fieldsOf, textAt, type Fields } from "./object-fields.ts";
import { checkPods } from "./pod-rules.ts";
import { requestFor, wordsOf, type Spot, type Target, type TargetRequest } from "./target.ts";
import { refusalOf } from "./write-failure.ts";

/** Under which the cluster notes who set a field. */
export const fieldManager = "parley";

const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** As the server takes it. It gets the version of the object that it was made for. */
type Patch =
  | { readonly type: "merge" | "strategic"; readonly patch: Fields }
  | { readonly type: "json"; readonly patch: readonly Fields[] };

type PatchSpec = Patch & {
  readonly spot: Spot;
  /** As it was read. */
  readonly before: unknown;
  readonly subresource?: string;
  /** What is read when it is done. */
  readonly done: string;
  /** The lines of the preview, where the diff itself says something that is another thing each time. */
  readonly shownAs?: (lines: readonly string[]) => readonly string[];
};

/** A patch that is bound to the version that was read, tried out by the server. */
export async function planPatch(spec: PatchSpec, context: ToolContext): Promise<Plan> {
  const { spot, before, done, shownAs } = spec;
  const { cluster, api, target } = spot;
  const request: TargetRequest = {
    method: "PATCH",
    contentType: patchTypes[spec.type],
    body: boundTo(textAt(before, ["metadata", "resourceVersion"]), spec),
    ...(spec.subresource !== undefined && { subresource: spec.subresource }),
  };
  const after = await tryOut(api, target, request, context);
  return {
    preview: diffPreview([{ ...spot, before, after, ...(shownAs && { shownAs }) }]),
    async send({ signal }): Promise<ToolOutput | string> {
      await api.json(requestFor(target, signal, { ...request, query: { fieldManager } }));
      return `${done} in the ${cluster.label}.`;
    },
  };
}

function boundTo(resourceVersion: string | undefined, { type, patch }: Patch): unknown {
  if (resourceVersion === undefined) throw new ToolError("The cluster does not say which version the object has.");
  if (type === "json") return [{ op: "add", path: "/metadata/resourceVersion", value: resourceVersion }, ...patch];
  return { ...patch, metadata: { ...fieldsOf(patch, "metadata"), resourceVersion } };
}

/** The object as it would be. Throws a ToolError where the server would refuse it. */
export async function tryOut(
  api: KubeApi,
  target: Target,
  request: TargetRequest,
  { signal }: Pick<ToolContext, "signal">,
): Promise<unknown> {
  const query = { ...request.query, fieldManager, dryRun: "All" };
  try {
    return await api.json(requestFor(target, signal, { ...request, query }));
  } catch (error) {
    throw refusalOf(error);
  }
}

export interface TriedChange extends Pick<Spot, "cluster" | "podRules" | "target"> {
  readonly before: unknown;
  readonly after: unknown;
  /** What people have to know of how it was tried out. */
  readonly note?: string;
  readonly shownAs?: PatchSpec["shownAs"];
}

export const nothingChanges = "Nothing would change: it is that way already.";

/** What people are shown. Throws a ToolError where nothing would change, or where pods would get what they may not have. */
export function diffPreview(changes: readonly TriedChange[]): Plan["preview"] {
  const text = diffText(changes);
  if (text === "") throw new ToolError(nothingChanges);
  return { kind: "diff", text };
}

/** Empty: nothing would change. */
export function diffText(changes: readonly TriedChange[]): string {
  const sections = changes.map(({ cluster, podRules, target, before, after, note, shownAs = (lines) => lines }) => {
    checkPods(wordsOf(target), { before, after }, podRules);
    const title = ` ${wordsOf(target)} of the ${cluster.label}${note === undefined ? "" : ` (${note})`}`;
    return { title, lines: shownAs(fieldDiff(before, after)) };
  });
  const changed = sections.filter(({ lines }) => lines.length > 0);
  return changed.map(({ title, lines }) => [title, ...lines].join("\n")).join("\n");
}
