import { streams } from "@parley/protocol";

/** Which streams a backup has, in which order, and what a restore does with each. */

/**
 * What refers comes before what it refers to, and so is at most as new: a transcript names results of tools (facts), files and documents, files name the parts that hold their bytes, and
 * everything sealed names its key. What is added between two snapshots is then in the later one, and nobody refers to it. Revocations are the last of what anybody may read: whoever was kept out
 * while the backup was made stays out.
 */
const order: readonly RegExp[] = [
  /^LOG_\d+$/,
  /^FACT_\d+$/,
  /^MEMORY$/,
  /^NOTICES$/,
  /^USAGE$/,
  /^WORKSHOP$/,
  /^CONNECTIONS$/,
  /^DOCUMENTS$/,
  /^FILES$/,
  /^OBJ_parley_/,
  /^AUDIT$/,
  /^PRIVACY$/,
  /^GATE$/,
];

/** Not in a backup, and why: a person reads it. */
const left: readonly (readonly [RegExp, string])[] = [
  [/^TURNS$/, "old turns would run again"],
  [/^EV_\d+$/, "viewers get a snapshot"],
  [/^TOKENS$/, "refresh tokens of then are used up"],
  // The knowledge of buckets that are not ours.
  [/^KV_/, "not of Parley"],
];

/** Apart from everything else: who has only the rest can read nothing that is sealed. */
const keyStreams = /^KEYS$/;

/**
 * What they hold since the backup must stay when the log under them is replaced: who was revoked, who did what, what people have booked, brought, and had forgotten, what is held, and who
 * wanted to be forgotten. Then the broker keeps its own.
 */
const keptIfThere: readonly string[] = [
  ...[streams.gate, streams.audit, streams.workshop, streams.memory, streams.notices],
  ...[streams.documents, streams.connections, streams.privacy],
];

export interface Chosen {
  /** In the order in which they are written. */
  readonly data: readonly string[];
  readonly keys: readonly string[];
  readonly left: readonly { readonly stream: string; readonly why: string }[];
}

/** Of those that a broker has. What this version does not know is taken as well, before what is last: it may be of a newer one. */
export function chosen(names: readonly string[]): Chosen {
  const notTaken = names.flatMap((stream) => {
    const why = left.find(([pattern]) => pattern.test(stream))?.[1];
    return why === undefined ? [] : [{ stream, why }];
  });
  const skipped = new Set(notTaken.map(({ stream }) => stream));
  const taken = names.filter((name) => !skipped.has(name));
  return {
    data: taken
      .filter((name) => !keyStreams.test(name))
      .toSorted((one, other) => placeOf(one) - placeOf(other) || one.localeCompare(other, "en", { numeric: true })),
    keys: taken.filter((name) => keyStreams.test(name)),
    left: notTaken,
  };
}

function placeOf(stream: string): number {
  const at = order.findIndex((pattern) => pattern.test(stream));
  return at === -1 ? order.findIndex((pattern) => pattern.test(streams.audit)) - 0.5 : at;
}

/** Whether a restore leaves it alone where it holds something already. */
export function isKept(stream: string): boolean {
  return keptIfThere.includes(stream);
}

/** Whether it is of a log: without one there is nothing to back up. */
export function isLog(stream: string): boolean {
  return /^LOG_\d+$/.test(stream);
}
