import type { Subscription } from "@nats-io/transport-node";
import type { Logger } from "@parley/runtime";
import type { BrokerLink } from "./nats-connection.ts";

type OnMessage = (data: string, reply: string) => void;

export interface ListeningWords {
  /** Whose signals they are. */
  readonly of: string;
  /** What it means that the broker refuses them. */
  readonly refused: string;
}

/** Subscriptions that outlive a refusal: the client forgets one that the broker refuses, also when the permissions are mended later. */
export function createListening(
  { nc, onReconnect }: Pick<BrokerLink, "nc" | "onReconnect">,
  log: Logger,
  words: ListeningWords,
) {
  /** The broker's permissions are those of before there were such signals. */
  let isRefused = false;
  const refused = new Set<() => void>();

  onReconnect(() => {
    isRefused = false;
    const again = [...refused];
    refused.clear();
    for (const subscribe of again) subscribe();
  });

  return {
    /** Calls back for each message; what it throws must not reach the client's read loop. */
    listen(subject: string, onMessage: OnMessage): () => void {
      let subscription: Subscription;
      const refuse = (err: unknown): void => {
        if (!isRefused) log.warn({ err }, words.refused);
        isRefused = true;
        refused.add(subscribe);
      };
      const subscribe = (): void => {
        subscription = nc.subscribe(subject, {
          callback: (error, message) => {
            try {
              if (error !== null) return refuse(error);
              onMessage(message.string(), message.reply ?? "");
            } catch (err) {
              log.warn({ err, subject }, `a signal of ${words.of} could not be handled`);
            }
          },
        });
      };
      subscribe();
      return () => {
        refused.delete(subscribe);
        subscription.unsubscribe();
      };
    },

    say(subject: string, text: string, reply?: string): void {
      // The connection may be closing: the others will look for themselves.
      if (isRefused || nc.isClosed() || nc.isDraining()) return;
      nc.publish(subject, text, reply === undefined ? {} : { reply });
    },
  };
}
