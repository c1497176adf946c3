import path from "node:path";
import { tempDir } from "@parley/testkit";
import type { ToolOutput } from "../../src/tools/tool.ts";
import { builtInKinds } from "../../src/kubernetes/built-in-kinds.ts";
import { openTools, type CallTool, type ToolsOptions } from "./cluster-tools.ts";
import { startStubCluster, writeKubeconfig } from "./stub-cluster.ts";

/** What is at a path: an object, a list of objects (a list of the API), or a refusal by its code. */
export type Served = object | readonly object[] | number | ((query: URLSearchParams) => string | object | number);

export interface ObjectServer {
  readonly call: CallTool;
  /** What is served from now on. */
  readonly served: Map<string, Served>;
  /** Paths with their queries, in order. */
  readonly asked: string[];
  /** Tools with other settings, for the same server. */
  open(options: ToolsOptions): CallTool;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An API server that serves what it is given and knows nothing of it, but divides lists into pages. Its default namespace is `shop`. */
export async function startObjectServer(first: Readonly<Record<string, Served>> = {}): Promise<ObjectServer> {
  const folder = await tempDir();
  const served = new Map(Object.entries({ "/api": kindsUnder("/api"), "/apis": kindsUnder("/apis"), ...first }));
  const asked: string[] = [];
  const server = await startStubCluster(({ url = "" }, response) => {
    asked.push(url);
    const { pathname, searchParams } = new URL(url, "http://x");
    const { status, body } = answerTo(served.get(decodeURIComponent(pathname)), searchParams);
    response.writeHead(status, { "content-type": typeof body === "string" ? "text/plain" : "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  const kubeconfig = await writeKubeconfig(path.join(folder.path, "kubeconfig"), {
    server: `http://127.0.0.1:${server.port}`,
    cluster: { "insecure-skip-tls-verify": true },
  });
  return {
    call: openTools(kubeconfig),
    served,
    asked,
    open: (options) => openTools(kubeconfig, options),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A kind that no cluster has by itself. */
const rollout = { group: "argoproj.io", version: "v1", kind: "Rollout", plural: "rollouts", singular: "rollout" };

/** The kinds of the core group, or all others, as a server tells them. */
function kindsUnder(root: "/api" | "/apis"): object {
  const kinds = [...builtInKinds, { ...rollout, shortNames: [], isNamespaced: true, verbs: [] }];
  const items = kinds
    .filter(({ group }) => (group === "") === (root === "/api"))
    .map(({ group, version, kind, plural, singular, shortNames, isNamespaced }) => {
      const scope = isNamespaced ? "Namespaced" : "Cluster";
      const names = { resource: plural, singularResource: singular, shortNames };
      const resource = { ...names, responseKind: { kind }, scope, verbs: ["get", "list"] };
      return { metadata: { name: group }, versions: [{ version, freshness: "Current", resources: [resource] }] };
    });
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", items };
}

interface Answer {
  readonly status: number;
  readonly body: object | string;
}

function answerTo(found: Served | undefined, query: URLSearchParams): Answer {
  const value = typeof found === "function" ? found(query) : (found ?? 404);
  if (typeof value === "number") return { status: value, body: { kind: "Status", code: value, message: "refused" } };
  return { status: 200, body: Array.isArray(value) ? pageOf(value, query) : value };
}

function pageOf(items: readonly object[], query: URLSearchParams): object {
  const from = Number(query.get("continue") ?? 0);
  const limit = Number(query.get("limit") ?? items.length);
  const more = from + limit < items.length ? { continue: String(from + limit) } : {};
  return { kind: "List", apiVersion: "v1", metadata: more, items: items.slice(from, from + limit) };
}

/** The lines of a table, by their cells. */
export function rowsOf({ text }: ToolOutput): string[][] {
  return text
    .split("\n")
    .slice(2)
    .map((line) => line.split(/ {3,}/));
}
