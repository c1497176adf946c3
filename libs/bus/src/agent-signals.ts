import { createInbox } from "@nats-io/transport-node";
import { subjects, type ConversationId, type TurnId, type TurnRequest } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { BrokerLink } from "./nats-connection.ts";
import { createListening } from "./listening.ts";
import type { Outbox } from "./outbox.ts";

export type AgentSignals = ReturnType<typeof createAgentSignals>;

/** Whether some worker has a turn. `unknown`: nothing can be asked now, so that nobody says so proves nothing. */
export type RunningAnswer = "yes" | "no" | "unknown";

/** An answer that nobody gives as a turn: this process heard its own question. */
const echo = "";

/** Questions to all workers, and the answers of this one. */
function createQuestions({ listen, say }: ReturnType<typeof createListening>) {
  /** Where the answers to our own questions go. */
  const asked = new Set<string>();

  return {
    answer: (isRunning: (turn: TurnId) => boolean): (() => void) =>
      listen(subjects.agentQuestion, (turn, reply) => {
        if (reply === "") return;
        if (turn !== echo && isRunning(turn)) say(reply, turn);
        else if (asked.has(reply)) say(reply, echo);
      }),

    /** Ends at once when one says yes, or when an empty question came back; else after the time. */
    async ask(turn: TurnId, withinMs: number): Promise<RunningAnswer> {
      // Not the client's own inbox: an agent worker may publish to none.
      const reply = subjects.agentAnswer(createInbox().split(".").at(-1) ?? turn);
      const settled = new AbortController();
      let found: RunningAnswer = "unknown";
      const stopListening = listen(reply, (answer) => {
        if (found !== "yes") found = answer === echo ? "no" : "yes";
        if (found === "yes" || turn === echo) settled.abort();
      });
      asked.add(reply);
      say(subjects.agentQuestion, turn, reply);
      await sleep(withinMs, settled.signal);
      asked.delete(reply);
      stopListening();
      return found;
    },
  };
}

/** How long a question to oneself may take before the way is taken for shut. */
const echoMs = 5_000;

/**
 * What agent workers say to each other; nothing of it is stored. None of it is needed for anything to be right: a signal that is lost, or
 * that the broker's permissions do not let through, costs time until somebody looks for itself.
 */
export function createAgentSignals(
  link: Pick<BrokerLink, "nc" | "onReconnect" | "onDisconnect">,
  outbox: Outbox,
  log: Logger,
) {
  const listening = createListening(link, log, {
    of: "another agent worker",
    refused: "agent workers may not talk to each other: turns that wait begin some seconds late",
  });
  const { listen, say } = listening;
  const questions = createQuestions(listening);
  let isHeard = false;
  /** A later look is the one that counts. */
  let looks = 0;

  const lookIfHeard = async (): Promise<void> => {
    const look = ++looks;
    const answer = await questions.ask(echo, echoMs);
    if (look === looks) isHeard = answer !== "unknown";
  };

  return {
    /** The turn has ended, and left the queue if it was the first of its conversation. Goes with others in a moment. */
    turnLeft: ({ conversation_id, turn_id }: Pick<TurnRequest, "conversation_id" | "turn_id">): void =>
      outbox.join(() => say(subjects.turnLeft(conversation_id), turn_id)),

    /** A turn of the conversation waits for a person: those behind it are to be put back. It has not left the queue, so none is named. */
    turnSuspended: ({ conversation_id }: Pick<TurnRequest, "conversation_id">): void =>
      say(subjects.turnLeft(conversation_id), ""),

    /**
     * Calls the listener with each turn of the conversation that has left the queue, and with none ("") when something else is to be looked at. Returns
     * how to stop.
     */
    onTurnLeft: (conversation: ConversationId, listener: (turn: TurnId) => void): (() => void) =>
      listen(subjects.turnLeft(conversation), listener),

    /** Answers for the turns that run here. Returns how to stop. */
    answer(isRunning: (turn: TurnId) => boolean): () => void {
      const stopAnswering = questions.answer(isRunning);
      const stopLooking = link.onReconnect(() => void lookIfHeard());
      const stopWatching = link.onDisconnect(() => {
        looks++;
        isHeard = false;
      });
      void lookIfHeard();
      return () => {
        for (const stop of [stopAnswering, stopLooking, stopWatching]) stop();
      };
    },

    /** Whether questions reach this process and its answers go out, as it has seen with one of its own. */
    isHeard: (): boolean => isHeard,

    /**
     * Whether some worker says within the time that it has the turn. "no" is said only by who answers questions itself, and heard its own; it
     * proves nothing of a worker that is frozen, cut off or not heard.
     */
    isRunning: (turn: TurnId, withinMs: number): Promise<RunningAnswer> => questions.ask(turn, withinMs),
  };
}
