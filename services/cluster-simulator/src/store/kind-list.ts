import type { KubeObject } from "../kube-object.ts";
import type { ResourceKind } from "./resource-kind.ts";

export type KindList = ReturnType<typeof createKindList>;

/** The kinds that are served: those that are built in, and those that definitions in the cluster add. */
export function createKindList(
  builtIn: readonly ResourceKind[],
  custom: () => readonly KubeObject[],
  kindsOf: (definition: KubeObject) => ResourceKind[],
) {
  let known: { from: readonly string[]; kinds: ResourceKind[] } = { from: [], kinds: [] };

  function customKinds(): ResourceKind[] {
    const definitions = custom();
    const from = definitions.map(({ metadata }) => metadata.resourceVersion);
    if (from.join() !== known.from.join()) known = { from, kinds: definitions.flatMap(kindsOf) };
    return known.kinds;
  }

  return {
    all: (): ResourceKind[] => [...builtIn, ...customKinds()],
    find: (group: string, version: string, plural: string): ResourceKind | undefined =>
      [...builtIn, ...customKinds()].find(
        (kind) => kind.group === group && kind.version === version && kind.plural === plural,
      ),
    /** By the names that objects give of each other. */
    ofObject: (apiVersion: string, kind: string): ResourceKind | undefined =>
      [...builtIn, ...customKinds()].find(
        (known) =>
          known.kind === kind &&
          (known.group === "" ? known.version : `${known.group}/${known.version}`) === apiVersion,
      ),
    /** A kind that is certainly there. */
    named(kind: string): ResourceKind {
      const found = builtIn.find((known) => known.kind === kind);
      if (found === undefined) throw new Error(`the simulated cluster has no kind ${kind}`);
      return found;
    },
  };
}
