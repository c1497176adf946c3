import { createAnswerCheck, type AnswerCheck, type Finding } from "../../answer-check.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";
import type { Dialect, Reading } from "./dialects.ts";
import { answerTo, questionFor, thinkMs, type Workload } from "./workload.ts";

/** How an answer ended: whole and exact, or what was wrong with it. */
export type Outcome = Exclude<Finding, "right"> | "right" | "failed" | "lost";

export interface PersonOptions {
  readonly number: number;
  readonly run: string;
  readonly port: number;
  readonly secret: string;
  readonly dialect: Dialect;
  readonly workload: Workload;
  /** 0: asks on and on. */
  readonly turns: number;
  readonly onFirst: (afterMs: number) => void;
  readonly onEnd: (outcome: Outcome, afterMs: number) => void;
}

export interface Person {
  ask(): void;
  /** Begins to look for silence in the answer that runs. */
  mark(): void;
  readonly state: PersonState;
  close(): void;
}

export interface PersonState {
  /** Characters of the answer that runs. */
  seen: number;
  isWaiting: boolean;
  /** The longest time without a token of the answer since the mark. */
  silenceMs: number;
}

/** A conversation goes on for so long, then a new one begins: else each question would cost more than the one before. */
const turnsPerConversation = 5;

function createAsking({ number, run, dialect, workload }: PersonOptions) {
  let asked = 0;
  return {
    asked: () => asked,
    next(): string {
      const conversation = `${run}-${number}-${Math.floor(asked / turnsPerConversation)}`;
      const id = `${run}-${number}-m${asked++}`;
      return dialect.ask({ conversation, id, text: questionFor(workload), hasTool: workload.hasTool });
    },
  };
}

interface Waiting {
  readonly check: AnswerCheck;
  readonly askedAt: number;
  fault: Finding;
  isBegun: boolean;
}

/** The answer that is waited for, and what has been seen of it. */
function createReader({ workload, onFirst }: PersonOptions, onOver: (outcome: Outcome, afterMs: number) => void) {
  const expected = answerTo(workload);
  const state: PersonState = { seen: 0, isWaiting: false, silenceMs: 0 };
  let waiting: Waiting | undefined;
  let markedAt: number | undefined;

  const token = (turn: Waiting): void => {
    const now = performance.now();
    if (!turn.isBegun) onFirst(now - turn.askedAt);
    turn.isBegun = true;
    if (markedAt === undefined) return;
    state.silenceMs = Math.max(state.silenceMs, now - markedAt);
    markedAt = now;
  };
  const end = (outcome: Outcome): void => {
    if (waiting === undefined) return;
    const afterMs = performance.now() - waiting.askedAt;
    waiting = undefined;
    state.isWaiting = false;
    onOver(outcome, afterMs);
  };
  return {
    state,
    end,
    mark: () => (markedAt = performance.now()),
    begin() {
      waiting = { check: createAnswerCheck(expected), askedAt: performance.now(), fault: "right", isBegun: false };
      Object.assign(state, { seen: 0, isWaiting: true, silenceMs: 0 });
    },
    forget: () => (waiting = undefined),
    read(reading: Reading): void {
      if (waiting === undefined) return;
      if (reading.kind === "token") token(waiting);
      const finding = findingOf(waiting.check, reading);
      if (waiting.fault === "right") waiting.fault = finding;
      state.seen = waiting.check.seen();
      if (reading.kind === "end") end(reading.isComplete ? waiting.fault : "failed");
    },
  };
}

/** Somebody who is connected, asks, reads every word of the answer, thinks, and asks again. */
export async function openPerson(options: PersonOptions): Promise<Person> {
  const { number, port, secret, dialect, workload, turns, onEnd } = options;
  const asking = createAsking(options);
  const protocol = dialect.protocol(secret, `person-${number}`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ready = (): void => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));

  const reader = createReader(options, (outcome, afterMs) => {
    onEnd(outcome, afterMs);
    if (outcome === "lost" || (turns > 0 && asking.asked() >= turns)) return;
    // Half as long or half as much longer: else all would ask at the same time, and again and again.
    timer = setTimeout(ask, thinkMs(workload) * (0.5 + Math.random()));
  });
  const ask = (): void => {
    reader.begin();
    socket.send(asking.next());
  };
  const opening: Promise<RawSocket> = openRawSocket({
    ...{ port, path: dialect.path },
    ...(protocol === undefined ? {} : { protocol }),
    onFrame(payload) {
      const reading = dialect.read(payload.toString());
      if (reading.kind === "ready") ready();
      else if (reading.kind === "reply") void opening.then((opened) => opened.send(reading.text));
      else reader.read(reading);
    },
    onClose() {
      clearTimeout(timer);
      reader.end("lost");
    },
  });
  const socket = await opening;
  await isReady;
  return {
    ask,
    state: reader.state,
    mark: reader.mark,
    close() {
      reader.forget();
      clearTimeout(timer);
      socket.destroy();
    },
  };
}

function findingOf(check: AnswerCheck, reading: Reading): Finding {
  if (reading.kind === "token") return check.token(reading.text);
  if (reading.kind === "replaced") return check.replace(reading.text, true);
  return reading.kind === "end" && reading.isComplete ? check.end(reading.text) : "right";
}
