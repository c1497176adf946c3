/** Conversations and records about as large as those of short questions and answers. */

const question = "Which of the pods in the namespace shop were restarted in the last hour, and why? ".padEnd(120, "x");
const answer = "Two of them, because they ran out of memory. ".padEnd(400, "y");

export function conversationOf(index: number): string {
  return `c_${index.toString(36).padStart(22, "0")}`;
}

export function ownerRecord(): string {
  return JSON.stringify({ v: 1, user_id: "0123456789abcdef0123456789abcdef", ts: 1_764_000_000_000 });
}

const usage = { input_tokens: 100, output_tokens: 80 };
const ts = 1_764_000_000_000;

export function turnRecord(conversation_id: string, turn: number) {
  const turn_id = `t${String(turn).padStart(21, "0")}`;
  return {
    ...{ v: 2, kind: "turn" as const, conversation_id, turn_id, place: 1_000 + turn, queued_at: ts },
    question: {
      ...{ message_id: `${turn_id}-u`, id: `m${turn}`, ts, author: { role: "user", id: "user-7" } },
      parts: [{ type: "text", text: question }],
    },
    answer: {
      ...{ message_id: `${turn_id}-a`, ts, author: { role: "assistant" }, status: "complete", usage },
      parts: [{ type: "text", text: answer }],
      metadata: { agent: "general", confidence: 0.5, model: "simulated", finish: "stop" },
    },
  };
}

export function turnRecordText(conversation: string, turn: number): string {
  return JSON.stringify({ ...turnRecord(conversation, turn), prev: 0 });
}
