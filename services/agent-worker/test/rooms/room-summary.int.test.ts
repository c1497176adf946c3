import { randomUUID } from "node:crypto";
import { messageIdOf, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { chunk, sendStream, startProvider } from "../model/fake-provider.ts";
import { startWorkbench, type Workbench } from "../workbench.ts";
import { ann, people, posts } from "./room-bench.ts";

interface Told {
  readonly role: string;
  readonly content: string;
}

/** Keeps what it is asked to summarise. */
async function startSummarising() {
  const asked: string[] = [];
  const answered: string[] = [];
  const provider = await startProvider((res, { body }) => {
    const messages = body["messages"] as unknown as Told[];
    const isSummary = messages[0]?.content.startsWith("Summarise this conversation") ?? false;
    (isSummary ? asked : answered).push(messages.map(({ content }) => content).join("\n"));
    sendStream(res, chunk({ content: isSummary ? "Bob has a number." : "Noted." }), chunk({}, "stop"));
  });
  return { ...provider, asked, answered };
}

async function say(bench: Workbench, conversation: string, message: string): Promise<TurnRequest> {
  const turn_id = randomUUID().replaceAll("-", "");
  const request: TurnRequest = {
    ...{ v: 1, turn_id, conversation_id: conversation, user: ann, id: turn_id, message, room: true },
    ...{ message_id: messageIdOf(turn_id, "user"), accepted_at: Date.now(), caller: { roles: [] } },
  };
  await bench.bus.turns.submit(request);
  await bench.ended(request);
  return request;
}

it(
  "what people wrote between turns is in the summary, and not told again behind it",
  { timeout: 120_000 },
  async () => {
    await using bench = await startWorkbench();
    await using provider = await startSummarising();
    const env = {
      OPENAI_BASE_URL: provider.baseURL,
      OPENAI_MODEL: "test-model",
      SUMMARIES: "on",
      HISTORY_MESSAGES: "16",
    };
    await bench.addWorker(env);
    const conversation = `c_${randomUUID()}`;
    await people(bench, conversation, { posts: true });
    const first = await say(bench, conversation, "Hello.");
    await posts(bench, conversation, [{ message: "My number is 4711.", after: first.turn_id }]);
    for (let n = 0; n < 8; n++) await say(bench, conversation, `This is message ${n}.`);
    await eventually(async () => (await bench.bus.summaries.of(conversation)) !== undefined, { what: "a summary" });
    expect(provider.asked[0]).toContain("User: [Ann]: Hello.");
    expect(provider.asked[0]).toContain("Assistant (mechanic): Noted.");
    expect(provider.asked[0]).toContain("User: [Bob]: My number is 4711.");
    await say(bench, conversation, "And now?");
    const last = provider.answered.at(-1) ?? "";
    expect(last).toContain("Bob has a number.");
    expect(last).not.toContain("4711");
  },
);
