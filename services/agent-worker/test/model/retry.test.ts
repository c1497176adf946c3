import type { ServerResponse } from "node:http";
import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import type { ModelEvent } from "../../src/model/model.ts";
import { streamWithRetry, type RestartEvent, type RetryNotice, type RetryOptions } from "../../src/model/retry.ts";
import {
  chunk,
  never,
  question,
  sendJson,
  sendStream,
  startProvider,
  writeChunks,
  type Answer,
} from "./fake-provider.ts";

const busy =
  (headers: Record<string, string> = {}): Answer =>
  (res) =>
    sendJson(res, 503, { error: { message: "busy" } }, headers);
const good = (res: ServerResponse) => sendStream(res, chunk({ content: "good" }), chunk({}, "stop"));
/** Some text, then a clean end without finish_reason. */
const broken =
  (text: string): Answer =>
  (res) => {
    writeChunks(res, chunk({ content: text }));
    res.end();
  };

/** Plays one answer per request; the last one again and again. Waits are drawn as 0. */
async function run(answers: Answer[], options: Partial<RetryOptions> = {}) {
  await using provider = await startProvider((res, request, turn) =>
    answers[Math.min(turn, answers.length - 1)]?.(res, request, turn),
  );
  const notices: RetryNotice[] = [];
  const events: (ModelEvent | RestartEvent)[] = [];
  let error: unknown;
  try {
    await streamWithRetry(provider.client(), question, {
      signal: never(),
      random: () => 0,
      onRetry: (notice) => notices.push(notice),
      onEvents: (more) => void events.push(...more),
      ...options,
    });
  } catch (thrown) {
    error = thrown;
  }
  return {
    said: events.map((event) => ("text" in event ? event.text : event.type)),
    error,
    notices,
    requests: provider.requests,
  };
}

describe("before anything was emitted", () => {
  test("repeats silently until it works; what a kept connection dropped costs no repetition", async () => {
    const { said, notices, requests } = await run([busy(), (res) => res.destroy(), busy(), good]);
    expect(said).toEqual(["good", "end"]);
    expect(notices.map(({ attempt, code }) => [attempt, code])).toEqual([
      [1, "MODEL_UNAVAILABLE"],
      [2, "MODEL_UNAVAILABLE"],
    ]);
    expect(requests.map((request) => request.headers["x-client-request-id"])).toEqual([
      "turn-1-0",
      "turn-1-0-r1",
      "turn-1-0-r1",
      "turn-1-0-r2",
    ]);
  });

  test("gives up after the given number of requests, with the last error", async () => {
    const { said, error, requests } = await run([busy()], { attempts: 3 });
    expect(said).toEqual([]);
    expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(requests).toHaveLength(3);
  });

  test("repeats while only tool calls have begun, for nobody has seen them", async () => {
    const half = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "clock", arguments: "{" } }] });
    const { said } = await run([(res) => (writeChunks(res, half), res.end()), good]);
    expect(said).toEqual(["good", "end"]);
  });
});

test.each([400, 401, 402, 403, 404, 413])("repeats no %i", async (status) => {
  const { error, requests } = await run([(res) => sendJson(res, status, { error: { message: "no" } }), good]);
  expect(error).toBeDefined();
  expect(requests).toHaveLength(1);
});

describe("after something was emitted", () => {
  test("restarts once, and says so right before the new answer", async () => {
    expect(await run([broken("bad"), good])).toMatchObject({
      said: ["bad", "restart", "good", "end"],
      error: undefined,
    });
  });

  test("restarts no second time", async () => {
    const { said, error, requests } = await run([broken("bad"), broken("worse"), good], { attempts: 5 });
    expect(said).toEqual(["bad", "restart", "worse"]);
    expect(error).toMatchObject({ code: "MODEL_TRUNCATED" });
    expect(requests).toHaveLength(2);
  });

  test("goes on repeating silently while the new answer has not begun", async () => {
    expect((await run([broken("bad"), busy(), good])).said).toEqual(["bad", "restart", "good", "end"]);
  });

  test("says nothing of a restart when no new answer comes, so that the text stays", async () => {
    const { said, error } = await run([broken("bad"), busy()], { attempts: 3 });
    expect(said).toEqual(["bad"]);
    expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE" });
  });
});

describe("waits", () => {
  test("for as long as the provider asks", async () => {
    const startedAt = performance.now();
    const { said, notices } = await run([busy({ "retry-after-ms": "300" }), good]);
    expect(said).toEqual(["good", "end"]);
    expect(notices[0]?.waitMs).toBe(300);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
  });

  test("not at all when the provider asks for more than 20 s; the error says how long", async () => {
    const { error, requests } = await run([busy({ "retry-after": "21" }), good]);
    expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE", retryAfterMs: 21_000 });
    expect(requests).toHaveLength(1);
  });

  test("between 0 and a bound that doubles from 0.5 s to 8 s", async () => {
    const { notices } = await run([busy()], { attempts: 7, random: () => 0.01 });
    expect(notices.map(({ waitMs }) => waitMs)).toEqual([5, 10, 20, 40, 80, 80]);
  });
});

test("ends at once, with the signal's reason, when aborted in a wait", async () => {
  const stop = new AbortController();
  const reason = new Error("cancelled by its owner");
  const answer: Answer = (res, ...rest) => {
    busy({ "retry-after": "15" })(res, ...rest);
    res.on("close", () => setTimeout(() => stop.abort(reason), 50));
  };
  await using provider = await startProvider(answer);
  const startedAt = performance.now();
  const running = streamWithRetry(provider.client(), question, { signal: stop.signal, onEvents: () => {} });
  await expect(running).rejects.toBe(reason);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(provider.requests).toHaveLength(1);
});

test("does not repeat what failed because of the caller", async () => {
  const mine = new ChatError("MODEL_TRUNCATED");
  const onEvents = () => {
    throw mine;
  };
  const { error, requests } = await run([good], { onEvents });
  expect(error).toBe(mine);
  expect(requests).toHaveLength(1);
});

/** Reasoning, then a clean end without finish_reason. */
const musing: Answer = (res) => {
  writeChunks(res, chunk({ reasoning_content: "hm" }));
  res.end();
};

test("begins anew as often as it takes while only reasoning has come, and says so right before what comes then", async () => {
  const { said, requests, error } = await run([musing, broken("Hel"), good]);
  expect(error).toBeUndefined();
  expect(said).toEqual(["hm", "restart", "Hel", "restart", "good", "end"]);
  expect(requests).toHaveLength(3);
});
