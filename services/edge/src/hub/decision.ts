import type { StoredFact } from "@parley/bus";
import type { FactOf } from "@parley/protocol";

/** What was asked of a person, and what was decided on it (docs/adr/0017), as far as it can be read. */

export type Asked = StoredFact<"asked"> & { readonly fact: FactOf<"asked"> };
export type Decision = StoredFact<"decided"> & { readonly fact: FactOf<"decided"> };

export function isAsked(found: StoredFact<"asked"> | undefined): found is Asked {
  return found?.fact.kind === "asked";
}

export function isDecision(found: StoredFact<"decided"> | undefined): found is Decision {
  return found?.fact.kind === "decided";
}
