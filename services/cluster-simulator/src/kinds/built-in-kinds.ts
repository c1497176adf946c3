import type { Schemas } from "../schema/schemas.ts";
import type { ResourceKind } from "../store/resource-kind.ts";
import { CORE_KINDS } from "./core-kinds.ts";
import { DEFINITION_KIND } from "./custom-kinds.ts";
import { defineKind } from "./define.ts";
import { OTHER_KINDS } from "./other-kinds.ts";
import { WORKLOAD_KINDS } from "./workload-kinds.ts";

/** Every kind that the cluster has without a definition of its own. */
export function builtInKinds(schemas: Schemas): ResourceKind[] {
  return [...CORE_KINDS, ...WORKLOAD_KINDS, ...OTHER_KINDS, DEFINITION_KIND].map((definition) =>
    defineKind(schemas, definition),
  );
}
