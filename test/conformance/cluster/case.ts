/** Who asks: one that may only read, one that may change things; on a real API server the administrator prepares. */
export type Who = "reader" | "operator" | "nobody";

/**
 * One request and what has to come back. In texts, `{ns}` is the namespace of this run, `{name}` a name that only this case has, and `{x}` what
 * an earlier step kept as `x`.
 */
export type Step = {
  as?: Who;
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  /** Default: application/json; of a patch, application/merge-patch+json. */
  type?: string;
  accept?: string;
  headers?: Record<string, string>;
  status: number;
  /** What the answer contains, as `toMatchObject` has it; a text that begins with `~` is a regular expression. */
  has?: unknown;
  /** Paths that lead to nothing. */
  lacks?: readonly string[];
  /** The answer is a line of JSON for each event of a watch. */
  isWatch?: true;
  /** What later steps need, by name and path. */
  keep?: Readonly<Record<string, string>>;
  /** Asked again until it fits, for so long: something else has to happen first. */
  withinMs?: number;
};

export type Case = {
  /** A fact, in the present tense. */
  name: string;
  /** Where only a cluster with kubelets and controllers, or only ours, can do it. */
  needs?: "controllers" | "kubelet" | "metrics" | "simulator";
  steps: readonly Step[];
};

export const MERGE = "application/merge-patch+json";
export const STRATEGIC = "application/strategic-merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";
export const APPLY = "application/apply-patch+yaml";
export const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export const CORE = "/api/v1/namespaces/{ns}";
export const APPS = "/apis/apps/v1/namespaces/{ns}";

export function configMap(data: Record<string, string>, name = "{name}", labels?: Record<string, string>) {
  // Labels that are empty would be a field that somebody manages.
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...(labels !== undefined && { labels }) }, data };
}

export function deployment(more: Record<string, unknown> = {}, image = "registry.simulated/web:1") {
  const labels = { app: "{name}" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "{name}", labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image }] } },
      ...more,
    },
  };
}

/** The usual first step of a case. */
export function create(path: string, body: unknown, more: Partial<Step> = {}): Step {
  return { as: "operator", method: "POST", path, body, status: 201, ...more };
}
