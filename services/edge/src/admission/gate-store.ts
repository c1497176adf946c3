import type { Bus } from "@parley/bus";
import type { AddressRules, Caller } from "@parley/protocol";
import type { Logger, Registry } from "@parley/runtime";
import { createGateFigures } from "../figures/gate-figures.ts";
import { longestBlockMs } from "./abuse-score.ts";
import { createAddressRules } from "./address-list.ts";
import { createBlockList, type Block, type Blocked } from "./block-list.ts";
import { createBlocks, type Blocks } from "./blocks.ts";
import type { Gate, Shut } from "./gate.ts";
import type { Identity } from "./identity.ts";
import type { Credentialed } from "./known-revocations.ts";
import { openRevocations, type Revocations } from "./revocations.ts";

export interface GateStoreDeps {
  readonly bus: Pick<Bus, "gate">;
  /** Undefined: there is none; this edge blocks alone. */
  readonly redis: Parameters<typeof createBlockList>[0] | undefined;
  /** Addresses that are never blocked: trusted proxies, probes. */
  readonly isExempt?: (address: string) => boolean;
  /** Those of `config/limits.yaml`, as they are now. */
  readonly addresses: () => AddressRules;
  readonly registry: Registry;
  readonly log: Logger;
  /** How often others are asked what is new. Default: 400 ms the broker, 1 s Redis. */
  readonly everyMs?: number;
}

const rulesEveryMs = 1_000;

/** The gate with its doors: what keeps people out, and how that is changed. */
export interface GateStore
  extends Gate, Pick<Revocations, "revoke" | "reinstate" | "expel">, Pick<Blocks, "block" | "lift"> {
  revocations: Revocations["list"];
  revocationCount: Revocations["size"];
  blocks: Blocks["all"];
  close(): void;
}

/** Who may come from where: by the file, what is exempt, and what is blocked now. */
function createDoors({ isExempt = () => false, addresses }: GateStoreDeps, blocks: () => Blocks) {
  const rules = createAddressRules(addresses);
  rules.refresh();
  const isSpared = (address: string): boolean => isExempt(address) || rules.isAllowed(address);
  const ofUser = (id: string): number | undefined => blocks().untilMs({ kind: "user", id });
  const ofAddress = (address: string): number | undefined => {
    if (isSpared(address)) return undefined;
    return rules.isDenied(address) ? Date.now() + longestBlockMs : blocks().untilMs({ kind: "address", id: address });
  };
  return {
    refresh: rules.refresh,
    isSpared,
    blockedUntil: (address: string, userId?: string): number | undefined =>
      latest(ofAddress(address), userId === undefined ? undefined : ofUser(userId)),
    /** Whoever shares an address with an offender, and has shown who they are, stays. */
    isShut: (caller: Caller | undefined, address: string): boolean =>
      (rules.isDenied(address) && !isSpared(address)) ||
      (caller === undefined ? ofAddress(address) : ofUser(caller.user.id)) !== undefined,
  };
}

/** Opens the gate: resolves when all that was revoked is known. */
export async function openGateStore(deps: GateStoreDeps): Promise<GateStore> {
  const { bus, redis, registry, log, everyMs } = deps;
  const every = everyMs === undefined ? {} : { everyMs };
  const listeners = new Set<(shut: Shut) => void>();
  const announce = (shut: Shut): void => listeners.forEach((listener) => listener(shut));
  const figures = createGateFigures();

  const revocations = await openRevocations({ gate: bus.gate, onRevoked: () => announce(revoked), log, ...every });
  const { isRevoked, revoke, reinstate, expel, list, size, ageMs, caughtUp, notes } = revocations;
  const revoked: Shut = { reason: "revoked", matches: ({ caller }) => caller !== undefined && isRevoked(caller) };
  const doors = createDoors(deps, () => blocks);
  const blocked: Shut = { reason: "blocked", matches: ({ caller, address }) => doors.isShut(caller, address) };
  const blocks = createBlocks({
    list: redis === undefined ? undefined : createBlockList(redis),
    isExempt: doors.isSpared,
    onBlocked: () => announce(blocked),
    onOwnBlock(block) {
      figures.blocked(block.kind);
      log.warn({ ...auditOf(block), audit: true }, "somebody is blocked for what they did");
    },
    log,
    ...every,
  });
  const watching = setInterval(() => {
    if (doors.refresh()) announce(blocked);
  }, everyMs ?? rulesEveryMs);
  watching.unref();
  figures.addTo(registry, { revocations: size, revocationsAgeMs: ageMs, blocks: blocks.size });

  return {
    blockedUntil: doors.blockedUntil,
    isRevoked: (identity) => isRevoked(credentialOf(identity)),
    isCallerRevoked: isRevoked,
    caughtUp,
    note(offence, from) {
      figures.offence(offence);
      blocks.note(offence, from);
    },
    onShut(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ...{ notes, revoke, reinstate, expel, revocations: list, revocationCount: size },
    ...{ block: blocks.block, lift: blocks.lift, blocks: blocks.all },
    close() {
      clearInterval(watching);
      revocations.close();
      blocks.close();
    },
  };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function credentialOf({ user, session, tokenId: id, tokenHash: hash, issuedAtMs: issuedMs }: Identity): Credentialed {
  return { user, ...(session === undefined ? {} : { session }), credential: { id, hash, issuedMs } };
}

function auditOf({ kind, id, nth, reason, until_ms }: Block) {
  return { by: "gate", action: "block", on: { kind, id } satisfies Blocked, reason, nth, until_ms };
}
