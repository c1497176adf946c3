import { messageRecordsOf, turnOfRecord, type NewTurnRecord } from "@parley/protocol";

type TurnRecord = Extract<NewTurnRecord, { kind: "turn" }>;

/** A whole turn as version 2 stores it. */
export function turnRecord(turn_id: string, more: Partial<TurnRecord> = {}): TurnRecord {
  const text = (what: string) => [{ type: "text", text: `${turn_id} ${what}` }];
  return {
    ...{ v: 2, kind: "turn", conversation_id: "c1", turn_id },
    question: {
      ...{ message_id: `${turn_id}-u`, id: turn_id, ts: 1 },
      ...{ author: { role: "user" }, parts: text("asked") },
    },
    answer: {
      ...{ message_id: `${turn_id}-a`, status: "complete", usage: { input_tokens: 1, output_tokens: 1 }, ts: 1 },
      ...{ author: { role: "assistant" }, parts: text("answered") },
    },
    ...more,
  };
}

/** The same as version 1 stores it: its question, and its answer. */
export function messageRecords(turn: string, more: Partial<TurnRecord> = {}): [NewTurnRecord, NewTurnRecord] {
  const record = turnRecord(turn, more);
  const [question, answer] = messageRecordsOf(record, turnOfRecord(record, 0));
  if (question === undefined || answer === undefined) throw new Error("a turn has two messages");
  return [question, answer];
}

export type RecordsOf = (turn: string, more?: Partial<TurnRecord>) => [NewTurnRecord, ...NewTurnRecord[]];
