import { JetStreamApiError, type DirectMsgRequest, type JetStreamManager, type MsgRequest } from "@nats-io/jetstream";
import { createBackoff, sleep } from "@parley/runtime";

/** An answer that was under way when the connection broke never comes, so a look-up asks again soon. */
export const askTimeoutMs = 2_000;
const patienceMs = 10_000;

/** Tries a look-up again until the broker answers, for up to 10 s. What the broker does say, also a refusal, counts at once. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const backoff = createBackoff({ minMs: 50, maxMs: 500 });
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof JetStreamApiError || performance.now() > deadline) throw error;
    }
    await sleep(backoff.nextMs());
  }
}

export type PatientLookups = ReturnType<typeof createPatientLookups>;

/** The look-ups this library makes, none of which is lost to a broker that is away for a moment. */
export function createPatientLookups(jsm: JetStreamManager) {
  return {
    direct: {
      getMessage: (stream: string, query: DirectMsgRequest) => patiently(() => jsm.direct.getMessage(stream, query)),
    },
    streams: {
      getMessage: (stream: string, query: MsgRequest) => patiently(() => jsm.streams.getMessage(stream, query)),
      info: (stream: string) => patiently(() => jsm.streams.info(stream)),
      purge: jsm.streams.purge.bind(jsm.streams),
      deleteMessage: jsm.streams.deleteMessage.bind(jsm.streams),
    },
    consumers: {
      info: (stream: string, consumer: string) => patiently(() => jsm.consumers.info(stream, consumer)),
      // Not repeated by itself: a consumer that was made although the answer is lost would deliver to the same inbox.
      add: jsm.consumers.add.bind(jsm.consumers),
      delete: jsm.consumers.delete.bind(jsm.consumers),
    },
  };
}
