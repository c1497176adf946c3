import { isDeepStrictEqual } from "node:util";
import type { Bus, StoredMessage } from "@parley/bus";
import {
  callPart,
  createTurnView,
  createView,
  encodeEvent,
  foldEvent,
  foldFrame,
  isTerminal,
  messageIdOf,
  subjects,
  textOf,
  toolCallsOf,
  turn as turnIn,
  type ConversationView,
  type Outcome,
  type ServerFrame,
  type SnapshotFrame,
  type StoredEvent,
  type TurnId,
} from "@parley/protocol";
import { generationOffset } from "../../src/cursor.ts";
import type { EdgeUnderTest, Lose, World } from "./edge-fixture.ts";
import type { TestClient } from "./test-client.ts";

/** Parts of a run in which one conversation's writers, its copies and its viewers do things in any order. */

/** Where the copies of all conversations wait, each subject's in its order, until the test passes them on. */
export function createHeldRoute() {
  const held = new Map<string, (() => void)[]>();
  const lose: Lose = ({ subject }: StoredMessage, pass) => {
    held.set(subject, [...(held.get(subject) ?? []), pass]);
    return true;
  };
  const chosen = (choice: number): (() => void)[] => {
    const waiting = [...held.values()].filter(({ length }) => length > 0);
    return waiting[choice % Math.max(1, waiting.length)] ?? [];
  };
  return {
    lose,
    /** Passes on the oldest copies of one subject. */
    pass(choice: number, copies: number): void {
      for (const passOn of chosen(choice).splice(0, copies)) passOn();
    },
    /** The oldest copy of one subject never comes. */
    drop: (choice: number): void => void chosen(choice).shift(),
    passAll(): void {
      for (let choice = 0; [...held.values()].some(({ length }) => length > 0); choice++) this.pass(choice, 1);
    },
    clear: (): void => held.clear(),
  };
}

interface Turn {
  readonly id: TurnId;
  readonly queueSeq: number;
  text: string;
  attempts: number;
  calls: number;
  outcome: Outcome | undefined;
}

/** An event of the conversation, and where it is stored. */
interface StoredAt {
  readonly seq: number;
  readonly event: StoredEvent;
}

/** Writes what edges, agent workers and tool workers write into one conversation, each in its own order. */
export function createWriters(bus: Bus, conversation_id: string) {
  const shard = bus.events.shardOf(conversation_id);
  const turns: Turn[] = [];
  const ended: Turn[] = [];
  const log: StoredAt[] = [];
  let n = 0;

  const append = async (subject: string, event: StoredEvent): Promise<void> => {
    const result = await bus.events.append({ subject, data: encodeEvent(event) });
    if (result.kind !== "stored") throw new Error(`not stored: ${result.kind}`);
    log.push({ seq: result.seq, event });
  };
  const common = (turn: Turn) => ({ conversation_id, turn_id: turn.id, ts: 1 });
  const placeIn = (turn: Turn) => ({ ...common(turn), attempt: 1, n: n++ });
  const chain = (turn: Turn, eventAt: (place: ReturnType<typeof placeIn>) => StoredEvent): Promise<void> =>
    append(subjects.agent(shard, conversation_id, turn.id), eventAt(placeIn(turn)));

  const end = async (turn: Turn, type: "complete" | "cancelled"): Promise<void> => {
    const shared = {
      response: turn.text,
      message_id: messageIdOf(turn.id, "assistant"),
      tool_calls: [],
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    const outcome: Outcome =
      type === "complete" ? { type, ...shared, metadata: {} } : { type, ...shared, reason: "cancelled by user" };
    await chain(turn, (place) => ({ type: "ending", ...place, outcome }));
    const record = { v: 1 as const, conversation_id, turn_id: turn.id, ts: 1, status: "complete" as const };
    await bus.transcripts.append(
      { ...record, message_id: messageIdOf(turn.id, "user"), author: { role: "user" }, message: questionOf(turn.id) },
      { ...record, message_id: shared.message_id, author: { role: "assistant" }, message: turn.text, status: type },
    );
    await chain(turn, (place) => ({ ...outcome, ...place }));
    turn.outcome = outcome;
    ended.push(turn);
  };

  /** The turn that runs: the first that has not left the queue. */
  const running = async (): Promise<Turn | undefined> => {
    while (turns[0]?.outcome !== undefined) {
      await bus.turns.removeFirst(turns[0].queueSeq);
      turns.shift();
    }
    return turns[0];
  };

  return {
    /** All that was stored so far. */
    log: log as readonly StoredAt[],

    async say(): Promise<void> {
      if (turns.length >= 4) return;
      const id = `${conversation_id}-t${turns.length + ended.length}-${n++}`;
      const request = { conversation_id, turn_id: id, id, message_id: messageIdOf(id, "user") };
      const said = { user: { id: "ann" }, message: questionOf(id), accepted_at: 1 };
      const { seq } = await bus.turns.submit({ v: 1, ...request, ...said });
      const turn: Turn = { id, queueSeq: seq, text: "", attempts: 0, calls: 0, outcome: undefined };
      turns.push(turn);
      const { message_id } = request;
      await append(subjects.user(shard, conversation_id, id), {
        type: "message",
        ...common(turn),
        message_id,
        id,
        author: { role: "user", id: "ann" },
        message: questionOf(id),
      });
    },

    async token(): Promise<void> {
      const turn = await running();
      if (turn === undefined) return;
      const token = `w${n} `;
      turn.text += token;
      await chain(turn, (place) => ({ type: "token", ...place, token }));
    },

    async tool(): Promise<void> {
      const turn = await running();
      if (turn === undefined) return;
      const call = { call_id: `${turn.id}-${turn.calls++}`, tool_name: "look", arguments: {} };
      await chain(turn, (place) => ({ type: "tool_call_start", ...place, ...call }));
      const result = { ...call, status: "completed" as const, result: "ok", duration_ms: 1 };
      await append(subjects.toolResult(shard, conversation_id, turn.id, call.call_id), {
        type: "tool_call_end",
        ...common(turn),
        ...result,
      });
    },

    async endRunning(): Promise<void> {
      const turn = await running();
      if (turn === undefined) return;
      await end(turn, "complete");
      await running();
    },

    /** A whole turn, and the beginning of the next. */
    async answer(): Promise<void> {
      await this.say();
      await this.tool();
      await this.say();
      await this.token();
      await this.endRunning();
      await this.token();
    },

    /** A turn that waits: it ends at once, and stays in the queue until its time comes. */
    async cancelWaiting(): Promise<void> {
      const turn = turns.findLast(({ outcome }) => outcome === undefined);
      if (turn === undefined || turn === (await running()) || turn.outcome !== undefined) return;
      await append(subjects.control(shard, conversation_id, turn.id), {
        type: "cancel_requested",
        ...common(turn),
        by: "ann",
        reason: "cancelled by user",
      });
      await end(turn, "cancelled");
    },

    /** All turns, ended ones first. */
    all: (): readonly Turn[] => [...ended, ...turns.filter(({ outcome }) => outcome === undefined)],
  };
}

export function questionOf(turn: TurnId): string {
  return `question of ${turn}`;
}

/** What a snapshot at this place says that is not what was stored up to there, and what it leaves out. There are too few messages to leave any out. */
function faultsOf(frame: SnapshotFrame, log: readonly StoredAt[], seq: number): string[] {
  const { turn_id, messages, text, tool_calls = [] } = frame;
  const faults: string[] = [];
  const before = log.filter((at) => at.seq <= seq).map(({ event }) => event);
  if (messages !== undefined) {
    const said = before.flatMap((event) => ("message_id" in event ? event.message_id : []));
    const told = messages.map(({ message_id }) => message_id);
    for (const id of said) if (!told.includes(id)) faults.push(`the snapshot at ${seq} lacks ${id}`);
    for (const id of told)
      if (!said.includes(id)) faults.push(`the snapshot at ${seq} has ${id}, which was stored later`);
  }
  if (turn_id === undefined) return faults;
  const stored = before.filter((event) => event.turn_id === turn_id).reduce(foldEvent, createTurnView(turn_id));
  if (textOf(stored) !== text) faults.push(`the snapshot at ${seq} has another text of ${turn_id}`);
  if (!isDeepStrictEqual(toolCallsOf(stored), tool_calls.map(callPart)))
    faults.push(`the snapshot at ${seq} has other calls of ${turn_id}`);
  return faults;
}

type SeenFrame = Extract<ServerFrame, { seq: number; ts: number }>;

/** One person who looks at the conversation, from one connection after the other. `log`: what is stored of it, whenever that is asked. */
export function createOnlooker(world: World, conversation_id: string, log: readonly StoredAt[]) {
  let offset = 0;
  let view = createView(conversation_id);
  const faults: string[] = [];
  const told = new Set<TurnId>();
  let client: TestClient | undefined;
  let read = 0;

  const noteSnapshot = (frame: SnapshotFrame): void => {
    const { turn_id = "", messages = [] } = frame;
    faults.push(...faultsOf(frame, log, frame.seq - offset));
    for (const { turn_id: of, author } of messages) if (author.role === "assistant") told.add(of);
    if (told.has(turn_id)) faults.push(`a snapshot shows ${turn_id} open, which has ended`);
  };
  /** The fold puts right what an end shows to be wrong: it is looked at before. */
  const noteEvent = (frame: Extract<SeenFrame, { turn_id: TurnId }>): void => {
    const text = textOf(turnIn(view, frame.turn_id) ?? []);
    if ("response" in frame && text !== frame.response) faults.push(`${frame.turn_id} ended with another text`);
    if (told.has(frame.turn_id)) faults.push(`${frame.type} of ${frame.turn_id} came after its end`);
    if (isTerminal(frame.type)) told.add(frame.turn_id);
  };
  const note = (frame: ServerFrame): void => {
    if (!("seq" in frame) || !("ts" in frame)) return;
    if (frame.seq <= view.seq) faults.push(`${frame.type} at ${frame.seq} came after ${view.seq}`);
    if (frame.type === "snapshot") noteSnapshot(frame);
    else if ("turn_id" in frame) noteEvent(frame);
    view = foldFrame(view, frame);
  };
  const fold = (): ConversationView => {
    const { frames } = client ?? { frames: [] };
    for (; read < frames.length; read++) note(frames[read]!);
    return view;
  };

  return {
    faults,
    fold,
    isConnected: (): boolean => client !== undefined,

    /** Joins, or comes back with its cursor. */
    async come(edge: EdgeUnderTest): Promise<void> {
      if (client !== undefined) return;
      client = await world.connect(edge);
      offset = generationOffset((await world.bus.events.state(0)).createdMs);
      read = 0;
      const after = view.seq === 0 ? {} : { after: view.seq };
      client.send({ type: "subscribe", conversation_id, ...after });
    },

    /** Whatever was sent to it has come. */
    async catchBreath(): Promise<void> {
      client?.send({ type: "ping" });
      await client?.next("pong");
      fold();
    },

    cut(): void {
      fold();
      client?.terminate();
      client = undefined;
    },
  };
}
