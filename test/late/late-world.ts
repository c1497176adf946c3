import { createLogger } from "@parley/runtime";
import { openBus, type Bus } from "@parley/bus";
import { isTerminal } from "@parley/protocol";
import {
  startNatsProxy,
  startService,
  startSystem,
  type NatsProxy,
  type Service,
  type System,
  type Treatment,
} from "@parley/testkit";
import { createRawDevice } from "../chaos/clients/raw-device.ts";
import type { Answer, Device } from "../chaos/clients/device.ts";
import { createToken } from "../chaos/clients/token.ts";
import { liveCopyOf, type LiveCopy } from "../chaos/faults/late-copies.ts";
import type { ConversationHistory, StoredAt, Violation } from "../chaos/history.ts";
import { checkViewer } from "../chaos/invariants/viewer.ts";
import { wireOffsetsOf } from "../chaos/invariants/wire-offset.ts";
import { createRandom } from "../chaos/plan/random.ts";
import { readConversation } from "../chaos/read-history.ts";
import { asPromised } from "../chaos/scenario.ts";
import { openAnswerStream, type AnswerStream } from "./answer-stream.ts";

/** On its way to an edge. */
export type Copy = LiveCopy & { readonly text: string };

/** An edge behind a proxy of its own. */
export interface LateEdge {
  readonly service: Service;
  readonly proxy: NatsProxy;
  readonly url: string;
  /** What happens to copies on their way to it; may be set at any time. */
  treat: (copy: Copy) => Treatment | undefined;
}

export interface LateWorld extends AsyncDisposable {
  readonly system: System;
  readonly edges: readonly [LateEdge, LateEdge];
  readonly bus: Bus;
  /** A device that goes to the next of these edges with each connection. All of a conversation share a user. */
  device(conversation: string, edges: readonly LateEdge[]): Device;
  /** Asks over HTTP and reads the answer as a stream. */
  stream(conversation: string, edges: readonly LateEdge[], question: { id: string; message: string }): AnswerStream;
  /** The last things that each of them did and got, for a test that fails. */
  lately(conversation: string): readonly string[];
  /** What the devices of the conversation saw that is not as it is stored. */
  violations(conversation: string, copiesLateMs: number): Promise<Violation[]>;
  events(conversation: string): Promise<readonly StoredAt[]>;
}

const log = createLogger({ service: "late", level: "silent", format: "json" });

async function startEdge(system: System): Promise<LateEdge> {
  const proxy = await startNatsProxy({
    targets: [system.nats.port],
    treat(message) {
      const copy = liveCopyOf(message);
      return copy === undefined ? undefined : edge.treat({ ...copy, text: message.payload.toString("utf8") });
    },
  });
  const service = await startService("edge", {
    NATS_URL: `nats://127.0.0.1:${proxy.port}`,
    REDIS_URL: system.redis.url,
    AUTH_DEV: "1",
    AUTH_JWT_SECRET: system.jwtSecret,
  });
  const edge: LateEdge = {
    proxy,
    service,
    url: `ws://127.0.0.1:${service.port}/ws/chat`,
    treat: () => undefined,
  };
  return edge;
}

export async function startLateWorld(): Promise<LateWorld> {
  const system = await startSystem({ edges: 0, env: { "tool-worker": { DEMO_TOOLS: "1" } } });
  const edges = [await startEdge(system), await startEdge(system)] as const;
  const bus = await openBus({ servers: system.nats.url, name: "late", log });
  const devices = new Map<string, (Device | AnswerStream)[]>();
  const startedAt = performance.now();
  const token = (user: string): string => createToken(system.jwtSecret, user);
  const now = (): number => performance.now() - startedAt;
  /** All of a conversation share a user. */
  const commonOf = (conversation: string) => {
    const name = `${conversation} ${devices.get(conversation)?.length ?? 0}`;
    return { name, conversation, token: token(`user of ${conversation}`), now };
  };
  const keep = <T extends Device | AnswerStream>(conversation: string, device: T): T => {
    devices.set(conversation, [...(devices.get(conversation) ?? []), device]);
    return device;
  };
  return {
    system,
    edges,
    bus,
    device(conversation, ways) {
      const common = commonOf(conversation);
      const device = createRawDevice({
        ...common,
        edges: () => ways.map(({ url }) => url),
        firstEdge: 0,
        random: createRandom(common.name),
      });
      device.connect();
      return keep(conversation, device);
    },
    stream(conversation, ways, asked) {
      const ports = ways.map(({ service }) => service.port);
      return keep(conversation, openAnswerStream({ ...commonOf(conversation), ...asked, edges: ports }));
    },
    lately: (conversation) =>
      (devices.get(conversation) ?? [])
        .flatMap(({ recording: { device, entries } }) =>
          entries.slice(-12).map((entry) => `${device}: ${JSON.stringify(entry).slice(0, 200)}`),
        )
        .concat(edges.map(({ service }) => service.output().slice(-3_000))),
    events: async (conversation) => (await readConversation({ bus }, conversation)).events,
    async violations(conversation, copiesLateMs) {
      const stored = await readConversation({ bus }, conversation);
      const own = devices.get(conversation) ?? [];
      const recordings = own.map(({ recording }) => recording);
      const plan = { id: conversation, user: "", devices: [], turns: [] };
      const said = { views: [], answers: [], askedCalls: [], strangersTries: [] };
      const history: ConversationHistory = { plan, ...stored, recordings, ...said, queued: new Map() };
      const [offset] = wireOffsetsOf(stored.events, recordings);
      const expected = { ...asPromised, copiesLateMs };
      return own.flatMap((device) => {
        const found = checkViewer(history, device.recording, offset, expected);
        if (!("turn" in device)) return found;
        const later = turnsEndedAfter(history, device.turn());
        return found.filter(({ promise, turn = "" }) => promise !== "P1" || !later.has(turn));
      });
    },
    async [Symbol.asyncDispose]() {
      for (const device of [...devices.values()].flat()) device.close();
      await bus.close();
      for (const { service, proxy } of edges) {
        await service[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
      }
      await system[Symbol.asyncDispose]();
    },
  };
}

/** What the reader of an answer is not told: its stream ends with the turn. */
function turnsEndedAfter({ events }: ConversationHistory, turn: string | undefined): ReadonlySet<string> {
  const ends = events.filter(({ event }) => isTerminal(event.type));
  const own = ends.find((at) => at.turn === turn)?.seq ?? 0;
  return new Set(ends.filter(({ seq }) => seq > own).map((end) => end.turn));
}

/** The turn of a message that was accepted. */
export async function accepted(answer: Promise<Answer>): Promise<string> {
  const given = await answer;
  if (given.kind === "refused") throw new Error(`refused: ${given.code}`);
  return given.turn;
}

/** Something that is settled by whoever waits for it. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
