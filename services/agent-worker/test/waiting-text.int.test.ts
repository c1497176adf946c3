import { messageIdOf, toChatError, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

const slow = "tokens=15 rate=50";

/** What the transcript has of the question, and what the model was asked as it says itself. */
async function answered(bench: Workbench, turn: TurnRequest) {
  const end = await bench.ended(turn);
  const recorded = await bench.bus.transcripts.find(turn.conversation_id, turn.turn_id, 0);
  return { response: end.response, question: recorded?.question?.message };
}

/** The message as viewers were told it last. */
async function shown(bench: Workbench, turn: TurnRequest): Promise<string | undefined> {
  const messages = (await bench.events(turn)).flatMap(({ event }) => (event.type === "message" ? event.message : []));
  return messages.at(-1);
}

it("answers the text that was stored before it began, and each later change is refused", async () => {
  await using bench = await startWorkbench();
  await Promise.all([bench.addWorker(), bench.addWorker()]);
  const refusals: string[] = [];
  let changes = 0;
  const race = async (nth: number): Promise<void> => {
    const conversation = `c_race_${nth}`;
    const first = await bench.ask("the first", { conversation, sim: slow });
    const second = await bench.ask("as it was sent", { conversation, sim: "tokens=1" });
    await bench.seen(first, ({ type }) => type === "token");
    // Around the moment at which the second one begins: again and again, until it is refused.
    let last = "as it was sent\n/sim tokens=1";
    for (let i = 1; ; i++) {
      const text = `number ${i}\n/sim tokens=${i + 1}`;
      const changed = await bench.bus.waitingTexts.change(second, text).catch((error: unknown) => error);
      if (changed instanceof Error) {
        refusals.push(toChatError(changed).code);
        break;
      }
      await bench.bus.waitingTexts.tell(second, { n: i, message: text });
      last = text;
      changes++;
    }
    const { response, question } = await answered(bench, second);
    expect(question).toBe(last);
    // So many words as that text asks for.
    expect(response.split(" ")).toHaveLength(Number(last.split("=")[1]));
    expect(await shown(bench, second)).toBe(last);
    const order = (await bench.events(second)).map(({ event }) => event.type);
    expect(order.lastIndexOf("message")).toBeLessThan(order.indexOf("thinking"));
  };
  await Promise.all(Array.from({ length: 20 }, (_, nth) => race(nth)));
  expect(refusals).toEqual(Array.from({ length: 20 }, () => "CONFLICT"));
  expect(changes).toBeGreaterThan(20);
}, 120_000);

it("tells the changed text where its edge died before it had, and asks nothing of a turn that never waited", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const conversation = "c_told_later";
  const first = await bench.ask("the first", { conversation, sim: slow });
  const second = await bench.ask("as it was sent", { conversation });
  await bench.bus.waitingTexts.change(second, "what is wanted");
  expect(await answered(bench, second)).toMatchObject({ question: "what is wanted" });
  expect(await shown(bench, second)).toBe("what is wanted");
  expect(await bench.bus.waitingTexts.read(second)).toMatchObject({ n: 1, state: "closed" });
  expect(await bench.bus.waitingTexts.read(first)).toBeUndefined();
});

it("goes on with the changed text when a worker is lost after it had begun", async () => {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker();
  const conversation = "c_taken_over";
  await bench.ask("the first", { conversation, sim: slow });
  const second = await bench.ask("as it was sent", { conversation });
  await bench.bus.waitingTexts.change(second, "what is wanted\n/sim tokens=60 rate=20");
  await bench.seen(second, ({ type }) => type === "token");
  await worker.kill("SIGKILL");
  await expect(bench.bus.waitingTexts.change(second, "too late")).rejects.toMatchObject({ code: "CONFLICT" });
  await bench.addWorker();
  const end = await answered(bench, second);
  expect(end.question).toBe("what is wanted\n/sim tokens=60 rate=20");
  expect(end.response).toMatch(/^w0 w1 .*w59$/s);
}, 60_000);

it("ends a turn that was taken back, also where its edge died before it had asked for that", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const conversation = "c_taken_back";
  await bench.ask("the first", { conversation, sim: slow });
  const second = await bench.ask("as it was sent", { conversation });
  const third = await bench.ask("the third", { conversation });
  await bench.bus.waitingTexts.takeBack(second);
  expect(await bench.ended(second)).toMatchObject({ type: "cancelled", reason: "taken back", response: "" });
  expect(await bench.ended(third)).toMatchObject({ type: "complete" });
  await eventually(async () => (await bench.bus.turns.first(conversation)) === undefined, { what: "an empty queue" });
  expect((await bench.events(second)).some(({ event }) => event.type === "thinking")).toBe(false);
});

it("keeps the changed text of a turn that is cancelled while it waits", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const conversation = "c_cancelled";
  await bench.ask("the first", { conversation, sim: "tokens=60 rate=20" });
  const second = await bench.ask("as it was sent", { conversation });
  await bench.bus.waitingTexts.change(second, "what is wanted");
  await bench.cancel(second);
  expect(await bench.ended(second)).toMatchObject({ type: "cancelled" });
  expect((await answered(bench, second)).question).toBe("what is wanted");
  expect(messageIdOf(second.turn_id, "user")).toBe(second.message_id);
});
