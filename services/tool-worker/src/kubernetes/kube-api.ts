import { ToolError } from "../tools/tool.ts";

/** What was asked of the API server, for the sentence about its failure. */
export interface Asked {
  /** `pod`, `namespaces`, … */
  readonly what: string;
  readonly name?: string;
  readonly namespace?: string;
  /** What was to be done. Default: read, or change if it is no GET. */
  readonly verb?: string;
}

/** One request to an API server. */
export interface KubeRequest {
  /** Default: GET. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From `/api` or `/apis` on, without a query; `pathOf` makes it. */
  readonly path: string;
  /** What is undefined is left out; of a list each value is sent. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown;
  /** Default: application/json. */
  readonly contentType?: string;
  readonly accept?: string;
  /** For the sentence about its failure. */
  readonly asked: Asked;
  readonly signal: AbortSignal;
}

/**
 * An API server as one identity sees it. Refusals are ToolErrors with one sentence; an abort passes through. Reads that failed on the way or that the
 * server was too busy for are tried again, writes never are.
 */
export interface KubeApi {
  json(request: KubeRequest): Promise<unknown>;
  /** The beginning of a text. */
  text(
    request: KubeRequest & { readonly maxBytes: number },
  ): Promise<{ readonly text: string; readonly isCut: boolean }>;
}

/** A kind as discovery names it. */
export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  readonly verbs: readonly string[];
}

/** What kinds a cluster has, custom ones too. */
export interface Kinds {
  /** By kind, plural, singular or short name, in any case. `apiVersion`, `group/version` or `group`, chooses among several. A ToolError says which ones are near. */
  find(
    name: string,
    options: { readonly apiVersion?: string | undefined; readonly signal: AbortSignal },
  ): Promise<ResourceKind>;
  all(signal: AbortSignal): Promise<readonly ResourceKind[]>;
}

export interface ObjectPlace {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** Address of a kind's list, of one object, or of something below it. */
export function pathOf({ group, version, plural, isNamespaced }: ResourceKind, place: ObjectPlace = {}): string {
  const { namespace, name, subresource } = place;
  const parts = [
    ...(group === "" ? ["api", version] : ["apis", group, version]),
    ...(isNamespaced && namespace !== undefined ? ["namespaces", namespace] : []),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : subresource.split("/")),
  ];
  // The server reads the path decoded: a `/` in a name would lead to somewhere else (as client-go, IsValidPathSegmentName).
  if (parts.some((part) => /^\.{0,2}$|[/%]/.test(part)))
    throw new ToolError("That is not a name of an object or a namespace.");
  return `/${parts.map(encodeURIComponent).join("/")}`;
}
