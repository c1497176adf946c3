import { startSystem, shownTurn } from "@parley/testkit";
import { expect, it } from "vitest";
import { startModelStub } from "./model-stub.ts";
import { person } from "./person.ts";

const patience = { timeout: 15_000 };

it("P1, P2: text that a viewer saw stays, in the view and in the transcript, when the model fails after it, here or at a worker that took over", async () => {
  await using model = await startModelStub(({ question, round }) => {
    if (round > 0) return { status: 401 };
    return question === "break" ? { text: "Hello, wor", breaks: true } : { text: "Hello, wor", hangs: true };
  });
  await using system = await startSystem({
    env: { "agent-worker": { OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub", ACK_WAIT_MS: "2000" } },
  });
  using anna = await person(system.edges[0]!);
  const [broken, lost] = [anna.conversation(), anna.conversation()];
  const restarts: string[] = [];
  for (const chat of [broken, lost]) chat.on("frame", ({ type }) => type === "turn_restarted" && restarts.push(type));

  const retried = await broken.send("break");
  expect(await broken.untilEnd(retried.turn_id)).toMatchObject({ type: "error", response: "Hello, wor" });
  expect(shownTurn(broken.view, retried.turn_id)?.text).toBe("Hello, wor");

  const taken = await lost.send("hang");
  await expect.poll(() => shownTurn(lost.view, taken.turn_id)?.text, patience).toBe("Hello, wor");
  const worker = system.agentWorkers[0]!;
  await system.add("agent-worker");
  await worker.kill("SIGKILL");
  expect(await lost.untilEnd(taken.turn_id)).toMatchObject({ type: "error", response: "Hello, wor" });
  expect(shownTurn(lost.view, taken.turn_id)?.text).toBe("Hello, wor");
  expect(restarts).toEqual([]);

  using again = await person(system.edges[0]!);
  for (const { id } of [broken, lost]) {
    const chat = again.conversation(id);
    await chat.subscribe();
    await expect.poll(() => chat.view.transcript.at(-1)?.message, patience).toBe("Hello, wor");
  }
});
