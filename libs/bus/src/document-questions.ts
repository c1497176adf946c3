import { createInbox, type Msg } from "@nats-io/transport-node";
import {
  ChatError,
  DocumentAnswer,
  DocumentQuestion,
  documentReaders,
  encodeJson,
  parseStored,
  subjects,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { BrokerLink } from "./nats-connection.ts";

export type DocumentQuestions = ReturnType<typeof createDocumentQuestions>;

interface Waiting {
  readonly resolve: (answer: DocumentAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  /** Whoever has the question has said something. */
  readonly heard: () => void;
  readonly stop: () => void;
}

/** Asked at once by one edge, and answered at once by one worker. */
const mostAsked = 256;
const mostAnswered = 16;
/** A worker that is at it says so each second. One that was killed or stands still says nothing: then another one is asked as well, and the first answer counts. */
const tellEveryMs = 1_000;
const silenceMs = 3_000;
const mostTries = 3;

/**
 * What edges ask agent workers about documents: one worker answers each question. Not stored. The answers go to a subject of its own and not to an inbox, as an
 * agent worker may publish to none.
 */
export function createDocumentQuestions({ nc }: Pick<BrokerLink, "nc">, log: Logger) {
  return { ask: createAsking(nc), answer: createAnswering(nc, log) };
}

function createAsking(nc: BrokerLink["nc"]) {
  const edge = createInbox().split(".").at(-1) ?? "edge";
  const waiting = new Map<string, Waiting>();
  let next = 0;
  let isListening = false;

  const take = (id: string): Waiting | undefined => {
    const entry = waiting.get(id);
    waiting.delete(id);
    clearTimeout(entry?.timer);
    entry?.stop();
    return entry;
  };
  const onAnswer = ({ subject, data }: Msg): void => {
    const id = subject.split(".").at(-1) ?? "";
    // Where no worker listens the broker answers, with nothing.
    const answer = DocumentAnswer.safeParse(parseStored(data)).data;
    if (answer?.kind === "working") return waiting.get(id)?.heard();
    const entry = take(id);
    if (answer === undefined) entry?.reject(nobody());
    else entry?.resolve(answer);
  };
  /** The first who asks: most edges never do. */
  const listen = (): void => {
    if (isListening) return;
    isListening = true;
    nc.subscribe(subjects.documentAnswer(edge, "*"), {
      callback: (error, message) => {
        if (error === null) onAnswer(message);
        else isListening = false;
      },
    });
  };

  /** Throws OVERLOADED when no worker answers in time. */
  return (question: DocumentQuestion, timeoutMs: number): Promise<DocumentAnswer> =>
    new Promise((resolve, reject) => {
      if (waiting.size >= mostAsked) return reject(nobody());
      listen();
      const id = String(next++);
      const timer = setTimeout(() => take(id)?.reject(nobody()), timeoutMs);
      const send = (): void => {
        try {
          const reply = subjects.documentAnswer(edge, id);
          nc.publish(subjects.documentQuestion, encodeJson({ ...question, tells: true }), { reply });
        } catch (cause) {
          take(id)?.reject(nobody(cause));
        }
      };
      waiting.set(id, { resolve, reject, timer, ...askAgain(send) });
      send();
    });
}

/** Asks again each time when nobody was heard for a while. */
function askAgain(ask: () => void): Pick<Waiting, "heard" | "stop"> {
  let tries = 1;
  const silence = setTimeout(() => {
    if (++tries < mostTries) silence.refresh();
    ask();
  }, silenceMs);
  return { heard: () => void silence.refresh(), stop: () => clearTimeout(silence) };
}

function nobody(cause?: unknown): ChatError {
  const message = "No agent worker can read documents at the moment. Try again.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 2_000, cause });
}

const answers = subjects.documentAnswer("", "").replace(/\.*$/, ".");

function createAnswering(nc: BrokerLink["nc"], log: Logger) {
  /** Answers questions until the returned function is called. What `reply` throws is told as busy: another worker may know better. */
  return (reply: (question: DocumentQuestion) => Promise<DocumentAnswer>): (() => void) => {
    let running = 0;
    const handle = async (data: Uint8Array, tell: (answer: DocumentAnswer) => void): Promise<DocumentAnswer> => {
      const question = DocumentQuestion.safeParse(parseStored(data)).data;
      if (question === undefined || running >= mostAnswered) return { kind: "busy" };
      running++;
      const telling = question.tells && setInterval(() => tell({ kind: "working" }), tellEveryMs);
      try {
        return await reply(question);
      } catch (err) {
        log.warn({ err, question: question.kind }, "a question about documents could not be answered");
        return { kind: "busy" };
      } finally {
        running--;
        clearInterval(telling);
      }
    };
    const subscription = nc.subscribe(subjects.documentQuestion, {
      queue: documentReaders,
      callback: (error, message) => {
        if (error !== null) return log.warn({ err: error }, "questions about documents are not heard here");
        const to = message.reply ?? "";
        if (!to.startsWith(answers)) return;
        // The data is borrowed.
        const tell = (answer: DocumentAnswer): void => {
          if (!nc.isClosed() && !nc.isDraining()) nc.publish(to, encodeJson(answer));
        };
        void handle(Buffer.from(message.data), tell).then(tell);
      },
    });
    return () => subscription.unsubscribe();
  };
}
