import { z } from "zod";
import { ToolError } from "../tools/tool.ts";

/** Which namespaces may be read. */
export interface NamespaceRule {
  /** The only ones; undefined: all. Never empty. */
  readonly only: readonly string[] | undefined;
  /** Throws a ToolError for one that may not be read. */
  check(namespace: string): void;
  allows(namespace: string): boolean;
}

export function createNamespaceRule(only: readonly string[] | undefined): NamespaceRule {
  const allowed = only === undefined ? undefined : new Set(only);
  const allows = (namespace: string): boolean => allowed === undefined || allowed.has(namespace);
  return {
    only,
    allows,
    check(namespace) {
      if (allows(namespace)) return;
      throw new ToolError(`The namespace ${namespace} may not be read; these may: ${only?.join(", ") ?? ""}.`);
    },
  };
}

/** Kubernetes' rule for names of namespaces (RFC 1123 label). */
export const Namespace = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "is not a name of a namespace");

/** Kubernetes' rule for names of most objects (RFC 1123 subdomain). */
export const ObjectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, "is not a name of an object");

export const Selector = z.string().max(512);
