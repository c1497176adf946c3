import type { Bus } from "@parley/bus";
import {
  encodeEvent,
  subjects,
  type ConversationId,
  type StoredEvent,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";

/** One turn in the hands of the test. */
export interface FakeTurn {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  token(text: string): Promise<number>;
  /** Many tokens, one event each. */
  tokens(texts: readonly string[]): Promise<void>;
  /** Writes the answer's end, and takes the turn out of the queue. `recorded`: how it ended as the transcript has it. */
  complete(response: string, recorded?: TranscriptMessage["status"]): Promise<void>;
  /** Any other event of the chain, or of a tool when `channel` is given. */
  append(event: StoredEvent, channel?: string): Promise<number>;
}

export type FakeWorker = ReturnType<typeof createFakeWorker>;

/** Writes what an agent worker writes. */
export function createFakeWorker(bus: Bus) {
  return {
    take(conversation: ConversationId, turn: TurnId): FakeTurn {
      const subject = subjects.agent(bus.events.shardOf(conversation), conversation, turn);
      const common = { conversation_id: conversation, turn_id: turn, ts: 1, attempt: 1 };
      let n = 0;

      const append = async (event: StoredEvent, channel?: string): Promise<number> => {
        const target = channel === undefined ? subject : subject.replace(/a$/, channel);
        const result = await bus.events.append({ subject: target, data: encodeEvent(event) });
        if (result.kind !== "stored") throw new Error(`not stored: ${result.kind}`);
        return result.seq;
      };
      const token = (text: string): Promise<number> => append({ type: "token", ...common, n: n++, token: text });

      return {
        conversation,
        turn,
        append,
        token,
        async tokens(texts) {
          await Promise.all(texts.map(token));
        },
        async complete(response, recorded = "complete") {
          const usage = { input_tokens: 1, output_tokens: 1 };
          const shared = { response, message_id: `${turn}-a`, tool_calls: [], usage };
          const now = { turn_id: turn, conversation_id: conversation, ts: Date.now(), v: 1 as const };
          await bus.transcripts.append({
            ...now,
            message_id: `${turn}-a`,
            author: { role: "assistant" },
            message: response,
            status: recorded,
          });
          await append({ type: "complete", ...common, n: n++, ...shared, metadata: {} });
          const queued = await bus.turns.waiting(conversation);
          const mine = queued.find(({ request }) => request.turn_id === turn);
          if (mine !== undefined) await bus.turns.removeFirst(mine.seq);
        },
      };
    },
  };
}
