import { hash } from "node:crypto";
import {
  isRevocationOver,
  limits,
  revocable,
  revocationHolds,
  type Caller,
  type Revocable,
  type RevocationRecord,
} from "@parley/protocol";

/** Whose credential somebody has, as far as revocations ask for it. */
export type Credentialed = Pick<Caller, "user" | "session" | "credential">;

/** Whether a record of what somebody comes in with is about theirs. */
function holdsFor(record: RevocationRecord, { user, credential }: Credentialed): boolean {
  return revocationHolds(record, user.id, credential?.issuedMs);
}

/**
 * How somebody is called here who was erased: their credentials stay bad until they have run out, and nobody can read whose they are. No id of a user begins so by accident.
 */
const hashedPrefix = "erased:";
export function erasedName(userId: string): string {
  return `${hashedPrefix}${hash("sha256", userId, "base64url")}`;
}

/** Records by what they are about: its id, and for some whose it must be. */
function createShelves() {
  const byWhat: Record<Revocable, Map<string, RevocationRecord[]>> = {
    user: new Map(),
    session: new Map(),
    token: new Map(),
  };
  return {
    all: (): RevocationRecord[] => revocable.flatMap((what) => [...byWhat[what].values()].flat()),
    of: (what: Revocable, id: string): readonly RevocationRecord[] | undefined => byWhat[what].get(id),
    put(what: Revocable, id: string, records: RevocationRecord[]): void {
      if (records.length === 0) byWhat[what].delete(id);
      else byWhat[what].set(id, records);
    },
  };
}

/** What is revoked, in memory, where it is asked for: at most as much as is kept. */
export function createKnownRevocations() {
  const shelves = createShelves();
  let size = 0;
  /** Users by their hashes are among them: only then it is worth one. */
  let hasHashed = false;

  const drop = ({ what, id, user }: RevocationRecord): void => {
    const records = shelves.of(what, id) ?? [];
    const others = records.filter((one) => one.user !== user);
    size -= records.length - others.length;
    shelves.put(what, id, others);
  };
  const makeRoom = (): void => {
    for (const record of shelves.all()) if (isRevocationOver(record)) drop(record);
    const [oldest] = shelves.all();
    // Only after the stream was lost with what is known here.
    if (size >= limits.revocations && oldest !== undefined) drop(oldest);
  };
  const isAmong = (what: Revocable, id: string | undefined, caller: Credentialed): boolean =>
    id !== undefined && shelves.of(what, id)?.some((record) => holdsFor(record, caller)) === true;

  return {
    size: (): number => size,
    /** Those that hold, the newest first. */
    list: (): RevocationRecord[] => shelves.all().toSorted((one, other) => other.ts - one.ts),

    isRevoked(caller: Credentialed): boolean {
      if (size === 0) return false;
      const { user, session, credential } = caller;
      return (
        isAmong("user", user.id, caller) ||
        (hasHashed && isAmong("user", erasedName(user.id), caller)) ||
        isAmong("session", session, caller) ||
        isAmong("token", credential?.id, caller) ||
        isAmong("token", credential?.hash, caller)
      );
    },

    /** Returns whether something is revoked now that was not before. */
    set(record: RevocationRecord): boolean {
      const { what, id } = record;
      const before = shelves.of(what, id)?.find(({ user }) => user === record.user);
      drop(record);
      if (record.lifted === true || isRevocationOver(record)) return false;
      if (size >= limits.revocations) makeRoom();
      shelves.put(what, id, [...(shelves.of(what, id) ?? []), record]);
      if (what === "user" && id.startsWith(hashedPrefix)) hasHashed = true;
      size++;
      return before === undefined || (record.before_ms ?? 0) > (before.before_ms ?? 0);
    },
  };
}
