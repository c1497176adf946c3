import type { Bus } from "@parley/bus";
import type { AddressRules, Caller } from "@parley/protocol";
import { addCounts, addGauge, type Logger, type Registry } from "@parley/runtime";
import { longestBlockMs } from "./abuse-score.ts";
import { createAddressRules } from "./address-list.ts";
import { createBlockList, type Block, type Blocked } from "./block-list.ts";
import { createBlocks, type Blocks } from "./blocks.ts";
import type { Gate, Offence, Shut } from "./gate.ts";
import type { Identity } from "./identity.ts";
import { openRevocations, type Credentialed, type Revocations } from "./revocations.ts";

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

/** The gate with its doors: what keeps people out, and how that is changed. */
export interface GateStore extends Gate, Pick<Revocations, "revoke" | "reinstate">, Pick<Blocks, "block" | "lift"> {
  revocations: Revocations["list"];
  blocks: Blocks["all"];
  close(): void;
}

/** Opens the gate: resolves when all that was revoked is known. */
export async function openGateStore(deps: GateStoreDeps): Promise<GateStore> {
  const { bus, redis, isExempt = () => false, log, everyMs } = deps;
  const every = everyMs === undefined ? {} : { everyMs };
  const rules = createAddressRules(deps.addresses);
  rules.refresh();
  const listeners = new Set<(shut: Shut) => void>();
  const announce = (shut: Shut): void => listeners.forEach((listener) => listener(shut));
  const figures = createGateFigures();

  const revocations = await openRevocations({ gate: bus.gate, onRevoked: () => announce(revoked), log, ...every });
  const revoked: Shut = {
    reason: "revoked",
    matches: ({ caller }) => caller !== undefined && revocations.isRevoked(caller),
  };
  const isSpared = (address: string): boolean => isExempt(address) || rules.isAllowed(address);
  const blocks = createBlocks({
    list: redis === undefined ? undefined : createBlockList(redis),
    isExempt: isSpared,
    onBlocked: () => announce(blocked),
    onOwnBlock(block) {
      figures.blocked(block);
      log.warn({ ...auditOf(block), audit: true }, "somebody is blocked for what they did");
    },
    log,
    ...every,
  });
  const ofAddress = (address: string): number | undefined => {
    if (isSpared(address)) return undefined;
    return rules.isDenied(address) ? Date.now() + longestBlockMs : blocks.untilMs({ kind: "address", id: address });
  };
  // Whoever shares an address with an offender, and has shown who they are, stays.
  const blocked: Shut = {
    reason: "blocked",
    matches: ({ caller, address }) =>
      rules.isDenied(address) ||
      (caller === undefined
        ? ofAddress(address) !== undefined
        : blocks.untilMs({ kind: "user", id: caller.user.id }) !== undefined),
  };
  const watching = setInterval(() => {
    if (rules.refresh()) announce(blocked);
  }, everyMs ?? 1_000);
  watching.unref();
  addGateMetrics(deps.registry, { revocations, blocks, figures });

  return {
    blockedUntil: (address, userId) =>
      latest(ofAddress(address), userId === undefined ? undefined : blocks.untilMs({ kind: "user", id: userId })),
    isRevoked: (identity) => revocations.isRevoked(credentialOf(identity)),
    isCallerRevoked: (caller: Caller) => revocations.isRevoked(caller),
    note(offence, from) {
      figures.offences.set(offence, (figures.offences.get(offence) ?? 0) + 1);
      blocks.note(offence, from);
    },
    onShut(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    notes: revocations.notes,
    revoke: revocations.revoke,
    reinstate: revocations.reinstate,
    revocations: revocations.list,
    block: blocks.block,
    lift: blocks.lift,
    blocks: blocks.all,
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

const offences: readonly Offence[] = [
  "bad token",
  "invalid frame",
  "rate limit",
  "too many sockets",
  "no token in time",
];

function createGateFigures() {
  const blocked = new Map<string, number>([
    ["address", 0],
    ["user", 0],
  ]);
  return {
    offences: new Map<Offence, number>(offences.map((offence) => [offence, 0])),
    blocks: blocked,
    blocked: ({ kind }: Blocked): unknown => blocked.set(kind, (blocked.get(kind) ?? 0) + 1),
  };
}

interface Measured {
  readonly revocations: Revocations;
  readonly blocks: Blocks;
  readonly figures: ReturnType<typeof createGateFigures>;
}

function addGateMetrics(registry: Registry, { revocations, blocks, figures }: Measured): void {
  addGauge(registry, "parley_edge_revocations", "Revocations that hold, of 50,000 that are kept.", revocations.size);
  const ageHelp =
    "How long ago this edge knew of all revocations; above a second it may let somebody in who was revoked.";
  addGauge(registry, "parley_edge_revocations_age_seconds", ageHelp, () => revocations.ageMs() / 1_000);
  addGauge(registry, "parley_edge_blocks", "Addresses and users that are blocked.", blocks.size);
  addCounts(registry, {
    name: "parley_edge_offences_total",
    help: "What clients did that well-behaved ones do not do.",
    label: "offence",
    read: () => figures.offences,
  });
  addCounts(registry, {
    name: "parley_edge_blocks_made_total",
    help: "Blocks that this edge made for what somebody did, of addresses and of users.",
    label: "kind",
    read: () => figures.blocks,
  });
}
