import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createView, foldFrame, messages } from "../src/fold.ts";
import { changedMessage, changedTurns } from "../src/changed-messages.ts";
import { Reaction, changeEventOf, type ChangesRecord, type MessageChanges } from "../src/message-changes.ts";
import type { ConversationEventFrame, SnapshotFrame } from "../src/server-frames.ts";
import type { TranscriptMessage } from "../src/transcript-message.ts";

const ids = ["t1-u", "t1-a", "t2-u"] as const;
const conversation_id = "c";

const written: readonly TranscriptMessage[] = ids.map((message_id) => ({
  ...{ message_id, turn_id: message_id.slice(0, 2), message: `as written ${message_id}`, status: "complete", ts: 1 },
  author: { role: message_id.endsWith("u") ? "user" : "assistant" },
}));

/** All records of a conversation, in the order in which they were stored. */
const stored = fc
  .array(
    fc.record({ id: fc.constantFrom(...ids), kind: fc.constantFrom("edit", "react", "delete"), text: fc.string() }),
    {
      maxLength: 12,
    },
  )
  .map((steps) => {
    const last = new Map<string, MessageChanges>();
    const records: ChangesRecord[] = [];
    for (const { id, kind, text } of steps) {
      const before = last.get(id) ?? { message_id: id, n: 0, reactions: [] };
      if (before.deleted_at !== undefined) continue;
      const n = before.n + 1;
      const by = { role: "user", id: "ann" };
      const common = { v: 1, kind: "changes" as const, conversation_id, ts: n };
      const changes =
        kind === "delete"
          ? { message_id: id, n, deleted_at: n, reactions: [] }
          : kind === "edit"
            ? { ...before, n, message: text, edited_at: n }
            : { ...before, n, reactions: [{ reaction: "x", by: [{ id: String(n) }] }] };
      const told =
        kind === "delete"
          ? { type: "message_deleted" as const, by }
          : kind === "edit"
            ? { type: "message_edited" as const, by }
            : { type: "reaction" as const, by, reaction: "x", on: true };
      last.set(id, changes);
      records.push({ ...common, changes, told });
    }
    return records;
  });

function standsAfter(records: readonly ChangesRecord[]): Map<string, MessageChanges> {
  return new Map(
    records.flatMap(({ changes }) => (changes === undefined ? [] : [[changes.message_id, changes] as const])),
  );
}

function snapshotAt(seq: number, changes: ReadonlyMap<string, MessageChanges>): SnapshotFrame {
  const now = written.map((message) => changedMessage(message, changes.get(message.message_id)));
  return {
    type: "snapshot",
    conversation_id,
    seq,
    messages: now,
    changes: [...changes.values()],
    status: "idle",
    ts: 1,
  };
}

describe("the changes of messages", () => {
  it("come to what is stored, whatever a viewer missed, and however far snapshots are ahead of their cursor", () => {
    const moves = fc.array(fc.record({ snapshot: fc.boolean(), ahead: fc.nat(3), lost: fc.boolean() }), {
      maxLength: 14,
    });
    fc.assert(
      fc.property(stored, moves, (records, choices) => {
        let view = foldFrame(createView(conversation_id), snapshotAt(1, new Map()));
        records.forEach((record, i) => {
          const { snapshot, ahead, lost } = choices[i] ?? { snapshot: false, ahead: 0, lost: false };
          const seq = 2 + 2 * i;
          // One that was never told, as its edge died: the next of its message, or a snapshot, tells as much.
          const isLast = !records
            .slice(i + 1)
            .some(({ changes }) => changes?.message_id === record.changes?.message_id);
          const event = changeEventOf(record);
          if (event !== undefined && (!lost || isLast))
            view = foldFrame(view, { ...event, seq } as ConversationEventFrame);
          if (snapshot) view = foldFrame(view, snapshotAt(seq + 1, standsAfter(records.slice(0, i + 1 + ahead))));
        });
        const stands = standsAfter(records);
        expect(view.changes).toEqual(Object.fromEntries(stands));
        const texts = written.map((message) => changedMessage(message, stands.get(message.message_id)).message);
        const shown = messages(view).map(({ parts }) =>
          parts.map((part) => ("text" in part ? part.text : "")).join(""),
        );
        expect(shown).toEqual(texts);
      }),
    );
  });

  it("leave what has not changed as the same objects", () => {
    const view = foldFrame(createView(conversation_id), snapshotAt(1, new Map()));
    const edited = { message_id: "t1-u", n: 1, message: "new", reactions: [] };
    const changed = foldFrame(view, snapshotAt(2, new Map([["t1-u", edited]])));
    expect(messages(view)).toBe(messages(view));
    expect(messages(changed)).toBe(messages(changed));
    expect(messages(changed)[0]).toMatchObject({ parts: [{ type: "text", text: "new" }], changes: edited });
    const turns = [{ turn_id: "t1", seq: 1, question: written[0], answer: written[1] }];
    expect(changedTurns(turns, new Map())).toBe(turns);
    expect(changedTurns(turns, new Map([["t9-u", edited]]))[0]).toBe(turns[0]);
  });

  it("leave of a deleted answer its place alone", () => {
    const answer = {
      ...{
        message_id: "t1-a",
        turn_id: "t1",
        author: { role: "assistant" },
        message: "secret",
        status: "error",
        ts: 1,
      },
      ...{ code: "MODEL_TRUNCATED" as const, error: "secret", usage: { input_tokens: 1, output_tokens: 1 } },
      tool_calls: [
        {
          call_id: "t1-0-0",
          tool_name: "x",
          arguments: { q: "secret" },
          status: "completed",
          result: "secret",
          duration_ms: 1,
        },
      ],
      metadata: { agent: "general", context: { sources: [{ title: "secret" }] } },
    };
    const left = changedMessage(answer, { message_id: "t1-a", n: 1, deleted_at: 1, reactions: [] });
    expect(JSON.stringify(left)).not.toContain("secret");
    expect(left).toMatchObject({ message_id: "t1-a", message: "", parts: [], tool_calls: [], status: "error" });
  });

  it("have reactions without white space and controls, of at most 32 characters", () => {
    for (const text of ["👍", "👩‍👩‍👧", "+1", "🎉".repeat(32)])
      expect([text, Reaction.safeParse(text).success]).toEqual([text, true]);
    for (const text of ["", "a b", "\u0000", "x".repeat(33), "\u200b", "a\n"])
      expect([text, Reaction.safeParse(text).success]).toEqual([text, false]);
  });
});
