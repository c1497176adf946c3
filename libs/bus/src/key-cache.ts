import type { DataKey } from "./seal-format.ts";

export interface CachedKey {
  readonly key: DataKey;
  /** Of its record. */
  readonly seq: number;
  /** Of its scope. */
  readonly hash: string;
}

interface Entry extends CachedKey {
  loadedMs: number;
  /** A look is under way. */
  isDue: boolean;
}

const most = 20_000;
/** So old, it is looked at again when it is used; and beyond the second it is not used without that: a deletion of which this process did not hear. */
const [dueMs, lifeMs] = [30_000, 60_000];
const youngMs = 1_000;

/** Of keys that are there. */
function createUse(entries: ReadonlyMap<string, Entry>) {
  return {
    /** Undefined: it is not here, or too old. */
    ready(scope: string): DataKey | undefined {
      const entry = entries.get(scope);
      if (entry === undefined) return undefined;
      const ageMs = performance.now() - entry.loadedMs;
      if (ageMs < dueMs) return entry.key;
      if (ageMs < lifeMs) {
        entry.isDue = true;
        return entry.key;
      }
      return undefined;
    },
    /** Whether it is to be looked at again; said once. */
    isDue(scope: string): boolean {
      const entry = entries.get(scope);
      const isDue = entry?.isDue === true;
      if (entry !== undefined) entry.isDue = false;
      return isDue;
    },
    isYoung(scope: string): boolean {
      const entry = entries.get(scope);
      return entry !== undefined && performance.now() - entry.loadedMs < youngMs;
    },
  };
}

/** Data keys by their scope. The clock is monotonic, so a process that stood still uses nothing that is too old. */
export function createKeyCache() {
  const entries = new Map<string, Entry>();
  const scopes = new Map<string, string>();
  let generation = 0;

  const remove = (scope: string): void => {
    const entry = entries.get(scope);
    if (entry === undefined) return;
    entries.delete(scope);
    scopes.delete(entry.hash);
  };

  return {
    ...createUse(entries),
    size: (): number => entries.size,
    /** Another one when something was forgotten: what was asked before that may be of before. */
    generation: (): number => generation,

    /** However old. */
    peek: (scope: string): CachedKey | undefined => entries.get(scope),
    add(scope: string, { key, seq, hash }: CachedKey): void {
      remove(scope);
      const [oldest] = entries.keys();
      if (entries.size >= most && oldest !== undefined) remove(oldest);
      entries.set(scope, { key, seq, hash, loadedMs: performance.now(), isDue: false });
      scopes.set(hash, scope);
    },
    forget: remove,
    forgetHash(hash: string): void {
      generation++;
      const scope = scopes.get(hash);
      if (scope !== undefined) remove(scope);
    },
    forgetAll(): void {
      generation++;
      entries.clear();
      scopes.clear();
    },
  };
}
