import { CORE_RESOURCES } from "./core-resources.ts";
import type { ResourceKind } from "./resource-kind.ts";
import { WORKLOAD_RESOURCES } from "./workload-resources.ts";

/** Everything the API serves. */
export const RESOURCES: readonly ResourceKind[] = [...CORE_RESOURCES, ...WORKLOAD_RESOURCES];

export function findResource(group: string, version: string, plural: string): ResourceKind | undefined {
  return RESOURCES.find((kind) => kind.group === group && kind.version === version && kind.plural === plural);
}
