import { z } from "zod";
import type { OfferedTool } from "./chat-request.ts";

/** What a question says about the call, by meaning. `fitArguments` gives each the name that the tool's schema uses. */
export type Wish = {
  namespace?: string;
  allNamespaces?: boolean;
  name?: string;
  kind?: string;
  apiVersion?: string;
  container?: string;
  previous?: boolean;
  tail?: number;
  status?: string;
  replicas?: number;
};

const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  namespace: ["namespace", "ns"],
  allNamespaces: ["allNamespaces", "all_namespaces"],
  name: ["pod", "podName", "pod_name", "name", "resource_name", "deployment", "deployment_name"],
  kind: ["kind", "resource_type", "resourceType", "resource"],
  apiVersion: ["apiVersion", "api_version"],
  container: ["container", "container_name"],
  previous: ["previous"],
  tail: ["tail", "tailLines", "tail_lines", "lines"],
  status: ["status"],
  replicas: ["replicas"],
} satisfies Record<keyof Wish, readonly string[]>;

const property = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
});

/** Arguments that the tool's own JSON Schema knows; what it does not know is left out, what it requires is filled: texts with `subject`. */
export function fitArguments(tool: OfferedTool, wish: Wish, subject = ""): string {
  const properties = tool.parameters?.properties ?? {};
  const fitted: Record<string, unknown> = {};
  for (const [meaning, value] of Object.entries(wish)) {
    const spelling = SPELLINGS[meaning]?.find((name) => name in properties);
    if (spelling !== undefined && allows(properties[spelling], value)) fitted[spelling] = value;
  }
  for (const name of tool.parameters?.required ?? []) fitted[name] ??= fallback(properties[name], subject);
  return JSON.stringify(fitted);
}

function allows(schema: unknown, value: unknown): boolean {
  const choices = property.safeParse(schema).data?.enum;
  return choices === undefined || choices.includes(value);
}

function fallback(schema: unknown, subject: string): unknown {
  const known = property.safeParse(schema).data ?? {};
  if (known.default !== undefined) return known.default;
  if (known.enum?.[0] !== undefined) return known.enum[0];
  const byType: Record<string, unknown> = { number: 0, integer: 0, boolean: false, array: [], object: {} };
  return byType[known.type ?? ""] ?? subject;
}
