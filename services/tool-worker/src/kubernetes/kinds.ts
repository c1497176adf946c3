import { ToolError } from "../tools/tool.ts";
import { builtInKinds } from "./built-in-kinds.ts";
import { discover, everyGroup, type Discovered } from "./discovery.ts";
import type { KubeApi, Kinds, ResourceKind } from "./kube-api.ts";

const keepMs = 10 * 60_000;
/** A model that invents kinds must not make the cluster be asked for all of them each time. */
const refetchMs = 10_000;
const maxNear = 6;

export interface KindsDeps {
  readonly api: KubeApi;
  /** ms that only ever go forward. */
  readonly now?: () => number;
}

/** The kinds of a cluster, asked for when needed and kept for 10 minutes; once more when one is not among them. */
export function createKinds({ api, now = () => performance.now() }: KindsDeps): Kinds {
  let known: { readonly discovered: Discovered; readonly atMs: number } | undefined;
  let asking: Promise<Discovered> | undefined;

  const ask = (): Promise<Discovered> => {
    // Shared by whoever needs it, so nobody's abort may end it.
    asking ??= discover(api, AbortSignal.timeout(discoveryMs))
      .then((discovered) => {
        known = { discovered, atMs: now() };
        return discovered;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };

  const ageMs = (): number => (known === undefined ? Infinity : now() - known.atMs);

  const current = async (maxAgeMs: number, signal: AbortSignal): Promise<Discovered> => {
    if (known !== undefined && ageMs() < maxAgeMs) return known.discovered;
    try {
      return await abortable(ask(), signal);
    } catch (error) {
      signal.throwIfAborted();
      // Old ones are better than none.
      if (known !== undefined) return known.discovered;
      throw error;
    }
  };

  return {
    async find(name, { apiVersion, signal }) {
      const wanted = { name: name.trim(), ...(apiVersion === undefined ? {} : { apiVersion: apiVersion.trim() }) };
      const found = search(await current(keepMs, signal), wanted);
      if (found !== undefined) return found;
      const again = await current(refetchMs, signal);
      const late = search(again, wanted);
      if (late === undefined) throw new ToolError(unknown(again, wanted));
      return late;
    },
    async all(signal) {
      return (await current(keepMs, signal)).kinds;
    },
  };
}

const discoveryMs = 15_000;

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface Wanted {
  readonly name: string;
  readonly apiVersion?: string;
}

function search({ kinds, missing }: Discovered, wanted: Wanted): ResourceKind | undefined {
  const found = kinds.find((kind) => isOf(kind, wanted) && isNamed(kind, wanted));
  if (found !== undefined) return found;
  const builtIn = builtInKinds.find((kind) => isNamed(kind, wanted));
  if (builtIn === undefined) return undefined;
  const same = kinds.find((kind) => isOf(kind, wanted) && isSame(kind, builtIn));
  const isMissing = missing.has(builtIn.group) || missing.has(everyGroup);
  return same ?? (isMissing && isOf(builtIn, wanted) ? builtIn : undefined);
}

/** Kinds have names under which people know them, whatever the cluster itself calls them by. */
function isSame(kind: ResourceKind, builtIn: ResourceKind): boolean {
  return kind.group === builtIn.group && kind.plural === builtIn.plural;
}

/** `group/version`, `version` of the core group, or a group; a group that is left out is any. */
function isOf({ group, version }: ResourceKind, { name, apiVersion }: Wanted): boolean {
  const asked = apiVersion?.toLowerCase() ?? "";
  const suffix = groupIn(name);
  if (suffix !== undefined && suffix !== group && !group.startsWith(`${suffix}.`)) return false;
  if (asked === "") return true;
  const own = group === "" ? version : `${group}/${version}`;
  return asked === own || asked === group || (asked === "core" && group === "");
}

/** `deployments.apps`, as kubectl takes it. */
function groupIn(name: string): string | undefined {
  const dot = name.indexOf(".");
  return dot === -1 ? undefined : name.slice(dot + 1).toLowerCase();
}

function isNamed({ kind, plural, singular, shortNames }: ResourceKind, { name }: Wanted): boolean {
  const wanted = (name.split(".")[0] ?? "").toLowerCase();
  return (
    kind.toLowerCase() === wanted ||
    plural === wanted ||
    singular === wanted ||
    shortNames.some((one) => one === wanted)
  );
}

function unknown({ kinds }: Discovered, { name, apiVersion }: Wanted): string {
  const builtIn = builtInKinds.find((kind) => isNamed(kind, { name }));
  const isIt = (kind: ResourceKind): boolean =>
    isNamed(kind, { name }) || (builtIn !== undefined && isSame(kind, builtIn));
  const elsewhere = apiVersion === undefined ? [] : kinds.filter(isIt);
  const shown = JSON.stringify(name.slice(0, 63));
  if (elsewhere.length > 0) {
    const versions = elsewhere.map(({ group, version }) => (group === "" ? version : `${group}/${version}`));
    return `The cluster has no kind ${shown} in ${JSON.stringify(apiVersion?.slice(0, 100))}; it has it in ${[...new Set(versions)].join(", ")}.`;
  }
  const near = nearTo(name.toLowerCase(), kinds);
  const hint = near.length === 0 ? "k8s_api_resources lists those that there are" : `near are ${near.join(", ")}`;
  return `The cluster has no kind ${shown}; ${hint}.`;
}

function nearTo(name: string, kinds: readonly ResourceKind[]): string[] {
  const start = name.replace(/e?s$/, "").slice(0, 63);
  if (start.length < 2) return [];
  const isNear = ({ kind, plural }: ResourceKind): boolean =>
    plural.includes(start) || start.includes(kind.toLowerCase()) || sharedStart(plural, start) >= 4;
  return [...new Set(kinds.filter(isNear).map(({ kind }) => kind))].slice(0, maxNear);
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
