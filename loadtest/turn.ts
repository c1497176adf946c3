import { type AnswerCheck, createAnswerCheck, type Finding } from "./answer-check.ts";
import { expectedAnswer, type Pace, scheduledGapMs, scheduledMs, shareOf, wordsIn } from "./schedule.ts";
import type { CountName, Tally } from "./tally.ts";
import { endsTurn, type Frame } from "./wire.ts";

/** A question that was asked, and what came of it: every word is checked, every time measured. */
export interface Turn {
  readonly id: string;
  readonly text: string;
  isAccepted(): boolean;
  accepted(turn: string, atMs: number): void;
  /** An event of the conversation. Returns how the turn ended, if it did. */
  event(frame: Frame, atMs: number): string | undefined;
  /** A snapshot of the conversation. Returns how the turn ended, if it had. */
  snapshot(frame: Frame): string | undefined;
}

export interface TurnOptions {
  readonly id: string;
  readonly text: string;
  readonly pace: Pace;
  /** The answer's text begins with something else, and takes as long as the tools do. */
  readonly hasTools: boolean;
  readonly tally: Tally;
}

/** As what a finding counts. */
export const findings: Readonly<Record<Finding, CountName | undefined>> = {
  right: undefined,
  gap: "gaps",
  repeat: "repeats",
  wrong: "wrong",
};

export function createTurn(options: TurnOptions): Turn {
  const { id, text, pace, hasTools, tally } = options;
  const expected = expectedAnswer(pace);
  const check = createAnswerCheck(expected);
  const clock = createTurnClock(options);
  const calls = new Map<string, number>();
  let turn = "";

  const find = (finding: Finding): void => {
    const name = findings[finding];
    if (name !== undefined) tally.count(name);
  };
  const token = (frame: Frame, atMs: number): void => {
    const piece = hasTools && check.seen() === 0 ? withoutPreface(frame.text) : frame.text;
    clock.token(wordsIn(piece), frame.writtenMs, atMs);
    if (piece !== "") find(check.token(piece));
  };
  const toolEnd = (frame: Frame, atMs: number): void => {
    tally.time("tool_wait", shareOf(atMs - (calls.get(frame.call) ?? atMs), frame.durationMs));
    if (frame.status !== "completed") tally.error(`a tool ended: ${frame.status}`);
  };
  const endOf = (whole: string): string => (hasTools ? withoutPreface(whole) : whole);

  return {
    id,
    text,
    isAccepted: () => turn !== "",
    accepted(turnId, atMs) {
      if (turn === "") clock.accepted(atMs);
      turn = turnId;
    },
    event(frame, atMs) {
      if (turn !== "" && frame.turn !== turn) return undefined;
      if (frame.type === "token") token(frame, atMs);
      if (frame.type === "turn_restarted") {
        tally.count("restarts");
        find(check.replace(endOf(frame.text), true));
      }
      if (frame.type === "tool_call_start") calls.set(frame.call, atMs);
      if (frame.type === "tool_call_end") toolEnd(frame, atMs);
      if (!endsTurn(frame.type)) return undefined;
      if (frame.type !== "complete") return frame.type === "error" ? `error ${frame.code}` : frame.type;
      find(check.end(endOf(frame.text)));
      clock.complete(atMs);
      return "complete";
    },
    snapshot: (frame) => readSnapshot(frame, { turn, check, find, endOf }),
  };
}

interface SnapshotReader {
  readonly turn: string;
  readonly check: AnswerCheck;
  readonly find: (finding: Finding) => void;
  readonly endOf: (whole: string) => string;
}

function readSnapshot(frame: Frame, { turn, check, find, endOf }: SnapshotReader): string | undefined {
  if (frame.turn === turn && frame.status !== "idle") find(check.replace(endOf(frame.text), false));
  const answer = frame.answers.find((known) => known.turn === turn);
  if (answer === undefined) return undefined;
  find(check.replace(endOf(answer.text), false));
  find(check.end(endOf(answer.text)));
  return answer.status;
}

/** A model that calls a tool says so first. */
function withoutPreface(text: string): string {
  const start = text.search(/w0\b/);
  return start < 0 ? "" : text.slice(start);
}

/** The times of one turn, each as it is and less what the model takes by its own schedule. */
function createTurnClock({ pace, hasTools, tally }: TurnOptions) {
  const askedMs = Date.now();
  let lastMs = 0;

  return {
    accepted: (atMs: number): void => tally.time("accepted", Math.max(0, atMs - askedMs)),
    token(words: number, writtenMs: number, atMs: number): void {
      tally.count("tokens", words);
      if (writtenMs > 0) tally.time("delivery", Math.max(0, atMs - writtenMs));
      if (lastMs === 0) {
        tally.time("first_token", atMs - askedMs);
        tally.time("first_token_share", shareOf(atMs - askedMs, scheduledMs(1, pace)));
      } else {
        tally.time("token_gap", atMs - lastMs);
        if (!hasTools) tally.time("token_gap_share", shareOf(atMs - lastMs, scheduledGapMs(words, pace)));
      }
      lastMs = atMs;
    },
    complete(atMs: number): void {
      tally.time("turn", atMs - askedMs);
      if (!hasTools) tally.time("turn_share", shareOf(atMs - askedMs, scheduledMs(pace.tokens, pace)));
    },
  };
}
