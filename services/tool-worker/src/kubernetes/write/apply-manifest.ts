import { z } from "zod";
import {
  defineTool,
  NotDoneError,
  type Tool,
  type ToolContext,
  ToolError,
  type ToolOutput,
  UnknownEffectError,
} from "../../tools/tool.ts";
import { KubeError } from "../api-failure.ts";
import { contextField, type Clusters } from "../clusters.ts";
import type { ResourceKind } from "../kube-api.ts";
import { Namespace } from "../namespace-rule.ts";
import { textOutput } from "../shape.ts";
import { changeOf } from "./change.ts";
import { kubectl, withInput } from "./kubectl-text.ts";
import { maxManifestBytes, readManifest, type ManifestObject } from "./manifest.ts";
import { fieldsOf, textAt, type Fields } from "./object-fields.ts";
import { stopsAll } from "./patch-object.ts";
import { diffPreview, diffText, fieldManager, nothingChanges, tryOut, type TriedChange } from "./patch-plan.ts";
import { checkPermission } from "./permission.ts";
import {
  accessTo,
  read,
  requestFor,
  type Spot,
  targetOf,
  type TargetRequest,
  type WriteDeps,
  wordsOf,
} from "./target.ts";
import { effectOf } from "./write-failure.ts";

const applyType = "application/apply-patch+yaml";

function inputOf(clusters: Clusters) {
  return z.strictObject({
    manifest: z
      .string()
      .min(1)
      .max(maxManifestBytes)
      .describe("YAML or JSON, one or more objects with apiVersion, kind and metadata.name."),
    namespace: Namespace.optional().describe("For objects that name none. Left out: the default namespace."),
    force: z.boolean().default(false).describe("Take over fields that others manage."),
    ...contextField(clusters),
  });
}
type Input = z.output<ReturnType<typeof inputOf>>;

const argumentAliases = { yaml_content: "manifest", yaml: "manifest" };

export function createApplyManifest(deps: WriteDeps): Tool {
  const { clusters } = deps;
  const change = changeOf<Input>(async (given, context) => {
    const tried = await tryAll(deps, given, context);
    return { preview: diffPreview(tried), send: (running) => applyAll(tried, running) };
  });
  return defineTool({
    name: "k8s_apply_manifest",
    description: "Creates or changes the objects of a manifest so that they are as it says (server-side apply).",
    input: inputOf(clusters),
    argumentAliases,
    effect: "write",
    timeoutMs: 60_000,
    access: async (given, context) => {
      const cluster = clusters.of(given.context);
      const spots = await spotsOf(deps, given, context);
      return Promise.all(
        spots.map(async (spot) => {
          const isThere = (await found(spot, context)) !== undefined;
          return accessTo(cluster, spot.target, isThere ? "patch" : "create");
        }),
      );
    },
    command: ({ manifest, namespace, force, context }) =>
      withInput(
        kubectl(
          ["apply", "--server-side", "--field-manager=parley", force ? "--force-conflicts" : undefined, "--filename=-"],
          { namespace, context },
        ),
        manifest,
      ),
    approval: {
      summary: ({ manifest, force }) =>
        `Applies ${namesIn(manifest)}${force ? ", taking over fields that others manage" : ""}.`,
      preview: change.preview,
      confirm: ({ manifest }) => readManifest(manifest).find(({ object }) => stopsAll(object))?.name,
    },
    run: change.run,
  });
}

/** The same dry run for whoever only wants to see it. */
export function createDiffManifest(deps: WriteDeps): Tool {
  const { clusters } = deps;
  return defineTool({
    name: "k8s_diff_manifest",
    description: "Says what k8s_apply_manifest would change, by a dry run of the cluster. Changes nothing.",
    input: inputOf(clusters),
    argumentAliases,
    effect: "read",
    timeoutMs: 30_000,
    access: async (given, context) => {
      const cluster = clusters.of(given.context);
      return (await spotsOf(deps, given, context)).map(({ target }) => accessTo(cluster, target, "get"));
    },
    async run(given, context) {
      const tried = await tryAll(deps, given, context);
      const count = tried.length === 1 ? "1 object" : `${tried.length} objects`;
      const summary = `What would change of ${count} in the ${clusters.of(given.context).label}.`;
      const text = diffText(tried);
      return text === "" ? nothingChanges : textOutput({ summary, text, keep: "beginning" });
    },
  });
}

const MAX_NAMED = 5;

function namesIn(manifest: string): string {
  const names = readManifest(manifest).map(({ kind, name }) => `${kind} ${name}`);
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return `${names.slice(0, MAX_NAMED).join(", ")}${more}`;
}

interface ApplySpot extends Spot {
  /** What the manifest says, with the namespace in which it is. */
  readonly wanted: Fields;
}

async function spotsOf(deps: WriteDeps, given: Input, context: ToolContext): Promise<readonly ApplySpot[]> {
  const cluster = deps.clusters.of(given.context);
  const api = cluster.operator(context);
  const spots: ApplySpot[] = [];
  for (const one of readManifest(given.manifest)) {
    const target = await targetOf(cluster, { ...one, namespace: namespaceFor(one, given) }, context.signal);
    const metadata = { ...fieldsOf(one.object, "metadata") };
    if (target.namespace === undefined) delete metadata["namespace"];
    else metadata["namespace"] = target.namespace;
    // What `kubectl get` adds and apply refuses, or would take for a wish.
    for (const name of [
      "managedFields",
      "resourceVersion",
      "uid",
      "creationTimestamp",
      "generation",
      "ownerReferences",
    ])
      delete metadata[name];
    const { status: _, ...object } = one.object;
    spots.push({ cluster, api, podRules: deps.podRules, target, wanted: { ...object, metadata } });
  }
  return spots;
}

function namespaceFor({ kind, name, namespace }: ManifestObject, given: Input): string | undefined {
  if (namespace !== undefined && given.namespace !== undefined && namespace !== given.namespace)
    throw new ToolError(
      `The manifest puts ${kind} ${name} into namespace ${namespace}, the call into ${given.namespace}.`,
    );
  return namespace ?? given.namespace;
}

interface Tried extends TriedChange {
  readonly api: Spot["api"];
  readonly request: TargetRequest;
}

/** Side by side: people wait for it, and so does the time that a preview has. */
async function tryAll(deps: WriteDeps, given: Input, context: ToolContext): Promise<readonly Tried[]> {
  const spots = await spotsOf(deps, given, context);
  const states = await Promise.all(spots.map((spot) => found(spot, context)));
  const made = spots.filter(({ target: { kind } }, at) => isNamespace(kind) && states[at] === undefined);
  const isIn = ({ target: { namespace } }: ApplySpot): boolean => made.some(({ target }) => target.name === namespace);
  const tryIt = async (spot: ApplySpot, before: unknown): Promise<Tried> =>
    isIn(spot) ? notTried(spot, given) : tryOne(spot, given, { before, context });
  return Promise.all(spots.map((spot, at) => tryIt(spot, states[at])));
}

function isNamespace({ group, kind }: ResourceKind): boolean {
  return group === "" && kind === "Namespace";
}

/** A cluster tries nothing out in a namespace that is not there yet. */
function notTried(spot: ApplySpot, given: Input): Tried {
  const note = "not tried out: its namespace is made before it";
  return { ...spot, before: undefined, after: spot.wanted, note, request: requestOf(spot.wanted, given) };
}

async function tryOne(
  spot: ApplySpot,
  given: Input,
  { before, context }: { readonly before: unknown; readonly context: ToolContext },
): Promise<Tried> {
  const { api, target, wanted } = spot;
  for (const verb of before === undefined ? ["create", "patch"] : ["patch"])
    await checkPermission(api, target, { verb }, context.signal);
  const resourceVersion = textAt(before, ["metadata", "resourceVersion"]);
  const metadata = { ...fieldsOf(wanted, "metadata"), ...(resourceVersion !== undefined && { resourceVersion }) };
  const request = requestOf({ ...wanted, metadata }, given);
  const after = await tryOut(api, target, request, context);
  return { ...spot, before, after, request };
}

function requestOf(object: Fields, { force }: Input): TargetRequest {
  return {
    ...{ method: "PATCH", contentType: applyType, verb: "apply" },
    query: { force, fieldValidation: "Strict" },
    // JSON is YAML, and no second reader can take it otherwise than this one did.
    body: JSON.stringify(object),
  };
}

async function found({ api, target }: Spot, context: ToolContext): Promise<unknown> {
  try {
    return await read(api, target, context);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

/** In their order, and no further than the first that fails: what comes later may need it. */
async function applyAll(tried: readonly Tried[], { signal }: ToolContext): Promise<ToolOutput | string> {
  const done: string[] = [];
  for (const { api, target, request, before } of tried) {
    try {
      signal.throwIfAborted();
      const query = { ...request.query, fieldManager };
      await api.json(requestFor(target, signal, { ...request, query }));
    } catch (error) {
      if (done.length === 0) throw error;
      throw partlyDone(done, wordsOf(target), effectOf(error));
    }
    done.push(`${before === undefined ? "made" : "changed"} ${wordsOf(target)}`);
  }
  const text = done.join(", ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)} in the ${tried[0]?.cluster.label ?? "cluster"}.`;
}

/** Some of it was done: neither "done" nor "not done" would be true. */
function partlyDone(done: readonly string[], at: string, cause: unknown): unknown {
  const why = cause instanceof ToolError ? cause.message : "It was stopped.";
  const says = `Done in part: ${done.join(", ")}. Then came ${at}: ${why} What stands behind it was not tried.`;
  return cause instanceof NotDoneError ? new ToolError(says, { cause }) : new UnknownEffectError(says, { cause });
}
