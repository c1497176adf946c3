import { createInbox, type Msg } from "@nats-io/transport-node";
import type { Logger } from "@parley/runtime";
import type { BrokerLink } from "./nats-connection.ts";
import type { Outbox } from "./outbox.ts";

interface Waiting {
  readonly resolve: (message: Msg) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: number;
  readonly subject: string;
}

export type Requests = ReturnType<typeof createRequests>;

const sweepMs = 100;

/** What was asked and not answered. Each question leaves it once. */
function createWaiting() {
  const waiting = new Map<string, Waiting>();
  let next = 0;

  const take = (id: string): Waiting | undefined => {
    const entry = waiting.get(id);
    waiting.delete(id);
    return entry;
  };
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const [id, { deadline, subject }] of waiting)
      if (deadline <= now) take(id)?.reject(new Error(`${subject} was not answered in time`));
  }, sweepMs);
  sweep.unref();

  return {
    take,
    add(entry: Waiting): string {
      const id = String(next++);
      waiting.set(id, entry);
      return id;
    },
    rejectAll(why: string): void {
      for (const id of [...waiting.keys()]) take(id)?.reject(new Error(why));
    },
    stop: (): void => clearInterval(sweep),
  };
}

/**
 * Questions to the broker and their answers over one inbox subscription. The client library's own `request` makes a timer and an error with a stack for
 * each, answered or not: a third of what a look-up costs this process. One sweep timer serves all deadlines.
 */
export function createRequests(
  { nc, onReconnect }: Pick<BrokerLink, "nc" | "onReconnect">,
  outbox: Outbox,
  log: Logger,
) {
  const inbox = createInbox();
  const waiting = createWaiting();

  const onAnswer = (message: Msg): void => {
    const entry = waiting.take(message.subject.slice(inbox.length + 1));
    if (entry === undefined) return;
    if (message.data.length === 0 && message.headers?.code === 503)
      entry.reject(new Error(`nobody answers ${entry.subject}`));
    else entry.resolve(message);
  };
  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      // An exception here would stop the client's read loop for good.
      try {
        if (error === null) onAnswer(message);
      } catch (err) {
        log.error({ err }, "an answer of the broker could not be read");
      }
    },
  });
  // Answers to what was asked before the connection broke will never come.
  const stopListening = onReconnect(() => waiting.rejectAll("the connection to the broker broke"));

  return {
    /** Rejects when nobody answers in time, when nobody listens, and when the connection breaks. Whether it was received is not known then. */
    ask(subject: string, payload: string | Uint8Array, timeoutMs: number): Promise<Msg> {
      return new Promise((resolve, reject) => {
        const id = waiting.add({ resolve, reject, deadline: performance.now() + timeoutMs, subject });
        outbox.send(() => {
          try {
            nc.publish(subject, payload, { reply: `${inbox}.${id}` });
          } catch (error) {
            // The connection is closing or gone.
            waiting.take(id)?.reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    },

    close(): void {
      waiting.stop();
      stopListening();
      subscription.unsubscribe();
      waiting.rejectAll("the connection to the broker is closed");
    },
  };
}
