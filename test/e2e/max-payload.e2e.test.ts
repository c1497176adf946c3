import { startSystem, shownTurn } from "@parley/testkit";
import { expect, it } from "vitest";
import { startModelStub, type Said } from "./model-stub.ts";
import { devToken, person } from "./person.ts";

const small = 24 * 1024;
const patience = { timeout: 10_000 };
const usual = 1024 * 1024;
const shown = "a".repeat(20_000);

/** The log of a pod, of 31 KB. */
function logOf(results: readonly string[]): Said {
  if (results.length === 2) return { text: "done" };
  const pod = /storefront-[a-z0-9]+-[a-z0-9]+/.exec(results[0] ?? "")?.[0];
  if (pod === undefined) return { calls: [{ name: "k8s_list_pods", arguments: { namespace: "shop" } }] };
  return { calls: [{ name: "k8s_pod_logs", arguments: { pod, namespace: "shop", tail: 2_000 } }] };
}

interface Readiness {
  readonly status: number;
  readonly text: string;
}

async function readiness(url: string): Promise<Readiness> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

it("P1: a broker that takes less from now on is said to be unfit, and every turn ends, is cancelled and deleted as ever", async () => {
  let goOn = (): void => {};
  const lowered = new Promise<void>((resolve) => (goOn = resolve));
  await using model = await startModelStub(({ question, results }) => {
    if (question === "much") return { text: shown, more: { after: lowered, text: "b".repeat(200_000) } };
    if (question === "whole") return { text: shown, more: { after: lowered, text: shown } };
    if (question === "log") return logOf(results);
    if (question === "endless") return { text: "on and on", hangs: true };
    return { text: `You said ${question}.` };
  });
  await using system = await startSystem({
    env: { "agent-worker": { OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub" } },
  });
  const [edge, worker, tools] = [system.edges[0]!, system.agentWorkers[0]!, system.toolWorkers[0]!];
  using anna = await person(edge);
  const [much, whole] = [anna.conversation(), anna.conversation()];
  const running = await Promise.all([much.send("much"), whole.send("whole")]);
  for (const [i, chat] of [much, whole].entries())
    await expect.poll(() => shownTurn(chat.view, running[i]!.turn_id)?.text, patience).toBe(shown);

  await system.nats.setMaxPayload(small);
  const urls = [edge, worker, tools].map(({ adminPort }) => `http://127.0.0.1:${adminPort}/readyz`);
  for (const url of [...urls, `http://127.0.0.1:${edge.port}/health`])
    await expect
      .poll(() => readiness(url), patience)
      .toMatchObject({ status: 503, text: expect.stringContaining("max_payload must be") });
  goOn();

  // Nothing is shown that the end could not hold.
  const end = await much.untilEnd(running[0]!.turn_id);
  expect(end).toMatchObject({
    ...{ type: "error", code: "PROCESSING_ERROR" },
    error: "The answer is larger than the broker of this service takes.",
  });
  expect(end.response).toBe(shown);
  expect(await whole.untilEnd(running[1]!.turn_id)).toMatchObject({
    ...{ type: "error", code: "PROCESSING_ERROR", response: shown },
  });
  for (const [i, chat] of [much, whole].entries()) expect(shownTurn(chat.view, running[i]!.turn_id)?.text).toBe(shown);

  const log = anna.conversation();
  const logged = await log.untilEnd((await log.send("log", { agent: "kubernetes" })).turn_id);
  expect(logged).toMatchObject({ type: "complete", response: "done" });
  expect(logged.tool_calls[1]).toMatchObject({ tool_name: "k8s_pod_logs", status: "completed", truncated: true });

  for (const chat of [much, whole]) {
    const next = await chat.send("hello");
    expect(await chat.untilEnd(next.turn_id)).toMatchObject({ type: "complete", response: "You said hello." });
    const stopped = await chat.send("endless");
    await expect.poll(() => shownTurn(chat.view, stopped.turn_id)?.text, patience).toBe("on and on");
    chat.cancel(stopped.turn_id);
    expect(await chat.untilEnd(stopped.turn_id)).toMatchObject({ type: "cancelled", response: "on and on" });
    const headers = { authorization: `Bearer ${await devToken(edge, "anna")}` };
    const url = `http://127.0.0.1:${edge.port}/api/v1/conversations/${chat.id}`;
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(204);
  }
  await expect(anna.conversation().send("x".repeat(32_500))).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });

  await system.nats.setMaxPayload(usual);
  for (const url of urls) await expect.poll(async () => (await readiness(url)).status, patience).toBe(200);
  const again = anna.conversation();
  const { turn_id } = await again.send("whole");
  expect(await again.untilEnd(turn_id)).toMatchObject({ type: "complete", response: shown + shown });
});
