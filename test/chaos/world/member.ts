import {
  startNatsProxy,
  startService,
  startTcpProxy,
  type NatsCluster,
  type Service,
  type ServiceName,
  type NatsProxy,
  type TcpProxy,
  type Treat,
} from "@parley/testkit";
import type { MemberKind } from "../faults/fault.ts";

/** One process of a service. */
export interface Member {
  readonly kind: MemberKind;
  readonly index: number;
  readonly service: Service;
  readonly proxy: TcpProxy | NatsProxy | undefined;
  /** Runs one action on it after the other: two faults of one process must not mix. */
  exclusively(action: () => Promise<void>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const serviceNames = {
  agent: "agent-worker",
  edge: "edge",
  tool: "tool-worker",
} as const satisfies Record<MemberKind, ServiceName>;

interface MemberOptions {
  readonly kind: MemberKind;
  readonly index: number;
  readonly env: Readonly<Record<string, string>>;
  readonly nats: NatsCluster;
  readonly isProxied: boolean;
  /** What happens to messages on their way to it. Undefined: nothing. */
  readonly treat: Treat | undefined;
}

function startProxy({ nats, isProxied, treat }: MemberOptions): Promise<TcpProxy | NatsProxy> | undefined {
  const targets = nats.servers.map(({ port }) => port);
  if (treat !== undefined) return startNatsProxy({ targets, treat });
  return isProxied ? startTcpProxy({ targets }) : undefined;
}

/** Faults and the people who chat take the machine's time, and so may whatever else runs on it. */
const startDeadlineMs = 60_000;

export async function startMember(options: MemberOptions): Promise<Member> {
  const { kind, index, env } = options;
  const proxy = await startProxy(options);
  const route = proxy === undefined ? {} : { NATS_URL: `nats://127.0.0.1:${proxy.port}` };
  let service: Service;
  try {
    service = await startService(serviceNames[kind], { ...env, ...route }, { startDeadlineMs });
  } catch (error) {
    await proxy?.[Symbol.asyncDispose]();
    throw error;
  }
  let last: Promise<void> = Promise.resolve();
  return {
    kind,
    index,
    service,
    proxy,
    exclusively(action) {
      // A failed action is its caller's to report; the next one goes on from where it stopped.
      last = last.then(action, action);
      return last;
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
    },
  };
}
