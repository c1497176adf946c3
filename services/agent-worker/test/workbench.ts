import { randomUUID } from "node:crypto";
import { openBus, type Bus } from "@parley/bus";
import {
  decodeJson,
  encodeJson,
  isTerminal,
  messageIdOf,
  subjects,
  type CallerRights,
  type GivenContext,
  type Outcome,
  StoredEvent,
  type TurnRequest,
} from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNats, startRedis, startService, type Broker, type Service } from "@parley/testkit";

/** Real brokers and a simulated model; the test stands where the edge stands. */
export interface Workbench {
  readonly bus: Bus;
  readonly nats: Broker;
  readonly redis: Broker;
  readonly model: Service;
  addWorker(env?: Record<string, string>): Promise<Service>;
  /** Queues a message as an edge would; `sim` is a directive for the simulated model, `isUnmarked`: as edges did that did not say whether it came alone. */
  ask(
    message: string,
    options?: {
      conversation?: string;
      sim?: string;
      agent?: string;
      acceptedAt?: number;
      isUnmarked?: boolean;
      user?: string;
      caller?: CallerRights;
      given?: GivenContext;
      model?: string;
    },
  ): Promise<TurnRequest>;
  cancel(turn: TurnRequest): Promise<void>;
  events(turn: TurnRequest): Promise<{ seq: number; subject: string; event: StoredEvent }[]>;
  /** Waits until the turn's chain has such an event. */
  seen(turn: TurnRequest, is: (event: StoredEvent) => boolean): Promise<void>;
  ended(turn: TurnRequest): Promise<StoredEvent & Outcome>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `natsArgs`: more arguments of nats-server. `eventWindowMs`: how long events are kept; workers are to be told. */
export async function startWorkbench(
  natsArgs: readonly string[] = [],
  bounds: { readonly eventWindowMs?: number } = {},
): Promise<Workbench> {
  const [nats, redis, model] = await Promise.all([
    startNats({ args: natsArgs }),
    startRedis(),
    startService("model-simulator"),
  ]);
  const log = createLogger({ service: "test", level: "error", format: "pretty" });
  const ackWaitMs = 2_000;
  const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs, ...bounds });
  const workers: Service[] = [];

  const events = async (turn: TurnRequest) => {
    const stored = await bus.events.read(turn.conversation_id, { fromSeq: 1 });
    return stored
      .filter(({ subject }) => subject.includes(`.${turn.turn_id}.`))
      .map(({ subject, seq, data }) => ({ subject, seq, event: decodeJson(StoredEvent, data) }));
  };
  const find = async (turn: TurnRequest, is: (event: StoredEvent) => boolean): Promise<StoredEvent> => {
    let found: StoredEvent | undefined;
    await eventually(
      async () => {
        found = (await events(turn)).map(({ event }) => event).find(is);
        return found !== undefined;
      },
      { timeoutMs: 25_000, what: `an event of turn ${turn.turn_id}` },
    );
    if (found === undefined) throw new Error("the event vanished");
    return found;
  };

  return {
    bus,
    nats,
    redis,
    model,
    events,
    async addWorker(env = {}) {
      const worker = await startService("agent-worker", {
        NATS_URL: nats.url,
        REDIS_URL: redis.url,
        OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1`,
        OPENAI_API_KEY: "simulated",
        OPENAI_MODEL: "parley-simulated",
        ACK_WAIT_MS: String(ackWaitMs),
        // Most tests have no tool worker, on purpose.
        TOOLS_WAIT_MS: "0",
        LOG_LEVEL: "warn",
        ...env,
      });
      workers.push(worker);
      return worker;
    },
    async ask(
      message,
      {
        conversation = `c_${randomUUID()}`,
        sim,
        agent,
        acceptedAt = Date.now(),
        isUnmarked = false,
        user = "tester",
        caller,
        given,
        model: chosen,
      } = {},
    ) {
      const turn_id = randomUUID().replaceAll("-", "");
      const request: TurnRequest = {
        v: 1,
        turn_id,
        conversation_id: conversation,
        user: { id: user },
        id: turn_id,
        message_id: messageIdOf(turn_id, "user"),
        message: sim === undefined ? message : `${message}\n/sim ${sim}`,
        accepted_at: acceptedAt,
        ...(agent === undefined ? {} : { agent }),
        ...(given === undefined ? {} : { given }),
        ...(chosen === undefined ? {} : { model: chosen }),
        ...(caller === undefined ? {} : { caller }),
      };
      if (isUnmarked) await bus.events.append({ subject: subjects.turns(conversation), data: encodeJson(request) });
      else await bus.turns.submit(request);
      return request;
    },
    async cancel({ conversation_id, turn_id }) {
      await bus.events.writeOnce(subjects.control(bus.events.shardOf(conversation_id), conversation_id, turn_id), {
        type: "cancel_requested",
        conversation_id,
        turn_id,
        ts: Date.now(),
        by: "tester",
        reason: "cancelled by user",
      });
    },
    seen: async (turn, is) => void (await find(turn, is)),
    async ended(turn) {
      const event = await find(turn, ({ type }) => isTerminal(type));
      if (event.type !== "complete" && event.type !== "cancelled" && event.type !== "error")
        throw new Error(event.type);
      return event;
    },
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker[Symbol.asyncDispose]();
      await bus.close();
      for (const process of [model, nats, redis]) await process[Symbol.asyncDispose]();
    },
  };
}
