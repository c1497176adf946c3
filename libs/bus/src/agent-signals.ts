import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import { subjects, type ConversationId, type TurnId, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";

export type AgentSignals = ReturnType<typeof createAgentSignals>;

/**
 * What agent workers say to each other; nothing of it is stored. None of it is needed for anything to be right: a signal that is lost, or
 * that the broker's permissions do not let through, costs time until somebody looks for itself.
 */
export function createAgentSignals(nc: NatsConnection, log: Logger) {
  /** The broker's permissions are those of before there were such signals. */
  let isRefused = false;

  const refuse = (err: unknown): void => {
    if (!isRefused)
      log.warn({ err }, "agent workers may not talk to each other: turns that wait begin some seconds late");
    isRefused = true;
  };
  /** Calls back for each message; what it throws must not reach the client's read loop. */
  const listen = (subject: string, onMessage: (data: string, reply: string) => void): (() => void) => {
    const subscription = nc.subscribe(subject, {
      callback: (error, message) => {
        try {
          if (error !== null) return refuse(error);
          onMessage(message.string(), message.reply ?? "");
        } catch (err) {
          log.warn({ err, subject }, "a signal of another agent worker could not be handled");
        }
      },
    });
    return () => subscription.unsubscribe();
  };
  const say = (subject: string, text: string): void => {
    // The connection may be closing: the others will look for themselves.
    if (!isRefused && !nc.isClosed() && !nc.isDraining()) nc.publish(subject, text);
  };

  return {
    /** The turn has ended, and left the queue if it was the first of its conversation. */
    turnLeft: ({ conversation_id, turn_id }: Pick<TurnRequest, "conversation_id" | "turn_id">): void =>
      say(subjects.turnLeft(conversation_id), turn_id),

    /** Calls the listener with each turn of the conversation that has left the queue. Returns how to stop. */
    onTurnLeft: (conversation: ConversationId, listener: (turn: TurnId) => void): (() => void) =>
      listen(subjects.turnLeft(conversation), listener),

    /** Answers for the turns that run here. Returns how to stop. */
    answer: (isRunning: (turn: TurnId) => boolean): (() => void) =>
      listen(subjects.agentQuestion, (turn, reply) => {
        if (reply !== "" && isRunning(turn)) say(reply, turn);
      }),

    /** Whether some worker says within the time that it runs the turn. False proves nothing: it may be frozen, or cut off. */
    async isRunning(turn: TurnId, withinMs: number): Promise<boolean> {
      // Not the client's own inbox: an agent worker may publish to none.
      const reply = subjects.agentAnswer(createInbox().split(".").at(-1) ?? turn);
      return nc.request(subjects.agentQuestion, turn, { noMux: true, reply, timeout: withinMs }).then(
        () => true,
        () => false,
      );
    },
  };
}
