import { connectRedis, openBus, type Bus } from "@parley/bus";
import { AddressRules } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { signedIn } from "@parley/testkit";
import { SignJWT } from "jose";
import { openGateStore, type GateStore, type GateStoreDeps } from "../../src/admission/gate-store.ts";
import type { EdgeOptions } from "../../src/edge.ts";
import { createWorld, jwtSecret, log, type EdgeUnderTest, type World } from "./edge-fixture.ts";

export type GatedEdge = EdgeUnderTest & { readonly gate: GateStore };

export interface GatedOptions extends Partial<Pick<GateStoreDeps, "redis" | "isExempt" | "addresses">> {
  /** Where it finds the broker, when not at the broker itself. */
  readonly natsUrl?: string;
  readonly edge?: Partial<Pick<EdgeOptions, "tokens" | "deadlines" | "maxConnections">>;
}

const noRules = AddressRules.parse({});

/** Another reader of the same gate, as a process that starts now. */
function openGate(bus: Pick<Bus, "gate">, options: GatedOptions = {}): Promise<GateStore> {
  const { redis, isExempt, addresses = () => noRules } = options;
  const registry = createMetrics({ service: "gate" });
  return openGateStore({ bus, redis, addresses, registry, log, ...(isExempt === undefined ? {} : { isExempt }) });
}

export interface GateWorld extends AsyncDisposable {
  readonly world: World;
  /** An edge with a gate of its own. */
  addEdge(options?: GatedOptions): Promise<GatedEdge>;
  /** One more reader of what is kept, as a process that starts now. */
  openGate(options?: GatedOptions): Promise<GateStore>;
}

export async function createGateWorld(): Promise<GateWorld> {
  const world = await createWorld();
  const opened: { close(): unknown }[] = [];
  const open = async (options: GatedOptions = {}): Promise<GateStore> => {
    const bus = await openBus({ servers: options.natsUrl ?? world.nats.url, name: "gate under test", log });
    const gate = await openGate(bus, options);
    opened.push(bus, gate);
    return gate;
  };
  return {
    world,
    openGate: open,
    async addEdge(options = {}) {
      const { natsUrl, edge = {} } = options;
      const gate = await open(options);
      return { ...(await world.addEdge({ gate, ...(natsUrl === undefined ? {} : { natsUrl }), ...edge })), gate };
    },
    async [Symbol.asyncDispose]() {
      for (const one of opened.toReversed()) await one.close();
      await world[Symbol.asyncDispose]();
    },
  };
}

export interface TokenClaims {
  readonly jti?: string;
  readonly sid?: string;
  readonly groups?: readonly string[];
  /** When it was made; default: now. */
  readonly issuedMs?: number;
}

export function signToken(user: string, { issuedMs = Date.now(), ...claims }: TokenClaims = {}): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setIssuedAt(Math.floor(issuedMs / 1_000))
    .setExpirationTime("1h")
    .sign(Buffer.from(jwtSecret));
}

export function connectCache(url: string): ReturnType<typeof connectRedis> {
  return connectRedis({ url: signedIn(url, "edge"), role: "cache", log });
}
