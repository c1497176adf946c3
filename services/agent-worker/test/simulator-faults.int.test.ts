import type { Outcome, StoredEvent } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { Control, Deviation } from "../../model-simulator/src/control.ts";
import { modelsFile } from "./models-file.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** What comes of a fault where nobody else can be asked: the code of an error, or what is said of a complete answer. */
interface Fault {
  /** For the simulator, as the header `x-sim` of its server. */
  readonly sim: string;
  readonly code?: string;
  /** Of the answer: what was told before the fault stays. */
  readonly text?: string | RegExp;
  readonly finish?: string;
  /** The model has not said what it used. */
  readonly isEstimated?: boolean;
  readonly tools?: boolean;
}

/** Every fault of the model simulator (services/model-simulator/src/control.ts). */
const faults: readonly Fault[] = [
  { sim: "status=400", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=401", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=402", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=403", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=404", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=408", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=413", code: "CONTEXT_TOO_LARGE", text: "" },
  { sim: "status=429", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=429;retry_after=60", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=500", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=503", code: "MODEL_UNAVAILABLE", text: "" },
  { sim: "status=503;times=1;tokens=2", text: "w0 w1" },
  { sim: "hang=headers", code: "MODEL_TIMEOUT", text: "" },
  { sim: "first_ms=60000;tokens=2", code: "MODEL_TIMEOUT", text: "" },
  { sim: "stall=0", code: "MODEL_TIMEOUT", text: "" },
  { sim: "tokens=9;stall=3", code: "MODEL_TIMEOUT", text: /^w0 w1 w2 ?$/ },
  { sim: "tokens=9;keepalive=3", code: "MODEL_TIMEOUT", text: /^w0 w1 w2 ?$/ },
  { sim: "tokens=100000;rate=50", code: "MODEL_TIMEOUT", text: /^w0 w1 / },
  { sim: "cut=0", code: "MODEL_TRUNCATED", text: "" },
  { sim: "tokens=9;cut=4", code: "MODEL_TRUNCATED", text: /^w0 w1 w2 w3 ?$/ },
  { sim: "tokens=9;reset=4", code: "MODEL_TRUNCATED", text: /^w0 w1 w2 w3 ?$/ },
  { sim: "tokens=9;deviate=midchunkerror", code: "MODEL_UNAVAILABLE", text: /^w0 w1 ?$/ },
  // What hurts nobody: passed over, or an end that says so.
  { sim: "tokens=4;deviate=badjson", text: "w0 w1 w2 w3", finish: "other" },
  { sim: "tokens=4;deviate=emptychoices", text: "w0 w1 w2 w3" },
  { sim: "tokens=4;deviate=onechunk", text: "w0 w1 w2 w3" },
  { sim: "tokens=4;deviate=nousage", text: "w0 w1 w2 w3", isEstimated: true },
  { sim: "tokens=4;think=3", text: "w0 w1 w2 w3" },
  // Nobody has sent one.
  { sim: "tokens=4;images=refuse", text: "w0 w1 w2 w3" },
  { sim: "tokens=4;finish=length", text: "w0 w1 w2 w3", finish: "length" },
  { sim: "tokens=4;finish=content_filter", text: "w0 w1 w2 w3", finish: "content_filter" },
  { sim: "tokens=0", text: "The language model gave no answer.", finish: "empty" },
  ...[
    "badargs=1",
    ...["noindex", "sameindex", "stopreason", "objectargs", "noid"].map((name) => `deviate=${name}`),
  ].map((pairs) => ({ sim: `tool=nowhere;args={"a":1};${pairs}`, tools: true })),
];

const placed = faults.map((fault, at) => ({ ...fault, at }));

const names = { alone: (at: number) => `alone-${at}`, safe: (at: number) => `safe-${at}`, good: "good" };

/** A server for each fault, with one model that has nobody in its place, and one that has. */
function tableOf(address: string): object {
  const brief = { id: "parley-simulated", attempts: 2, first_token_ms: 1_500, idle_ms: 1_000, total_ms: 8_000 };
  return {
    // What one model does to the other is no matter of this test.
    breaker: { failures: 1_000 },
    servers: [
      { name: "sound", address, headers: { "x-sim": "tokens=3" } },
      ...faults.map(({ sim }, at) => ({ name: `server-${at}`, address, headers: { "x-sim": sim } })),
    ],
    models: [
      { name: names.good, server: "sound", id: "parley-simulated", context_tokens: 1_000_000 },
      ...faults.flatMap((_fault, at) => [
        { name: names.alone(at), server: `server-${at}`, ...brief },
        { name: names.safe(at), server: `server-${at}`, ...brief, context_tokens: 8_000, fallbacks: [names.good] },
      ]),
    ],
  };
}

it("the table has every fault that the simulator knows", () => {
  const pairs = new Set(faults.flatMap(({ sim }) => sim.split(";").map((pair) => pair.split("=", 1)[0])));
  expect(Object.keys(Control.shape).filter((name) => !pairs.has(name))).toEqual([]);
  const deviations = faults.map(({ sim }) => sim).join(" ");
  expect(Deviation.options.filter((name) => !deviations.includes(`deviate=${name}`))).toEqual([]);
});

describe("every fault of the model simulator", { timeout: 60_000 }, () => {
  let bench: Workbench;
  let file: Awaited<ReturnType<typeof modelsFile>>;
  beforeAll(async () => {
    bench = await startWorkbench();
    file = await modelsFile(tableOf(`http://127.0.0.1:${bench.model.port}/v1`));
    await bench.addWorker({ ...file.env, SLOTS: "32" });
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  });

  const answered = async (model: string): Promise<{ end: Outcome; events: StoredEvent[] }> => {
    const turn = await bench.ask("hello", { model });
    const end = await bench.ended(turn);
    const events = (await bench.events(turn)).map(({ event }) => event);
    expectSoundChain(events);
    expect(textOf(events)).toBe(end.response);
    return { end, events };
  };
  const expectFault = (end: Outcome, { code, text, finish, isEstimated }: Fault): void => {
    if (code === undefined) expect(end).toMatchObject({ type: "complete", metadata: { finish: finish ?? "stop" } });
    else expect(end).toMatchObject({ type: "error", code });
    if (text instanceof RegExp) expect(end.response).toMatch(text);
    else if (text !== undefined) expect(end.response).toBe(text);
    if (isEstimated === true) expect(end.usage).toMatchObject({ estimated: true });
  };

  it.concurrent.each(placed)("$sim ends with $code where nobody else can be asked", async ({ at, ...fault }) => {
    const { end, events } = await answered(names.alone(at));
    expectFault(end, fault);
    expect(events.some((event) => event.type === "progress" && event.model !== undefined)).toBe(false);
  });

  it.concurrent.each(placed.filter(({ code }) => code !== undefined))(
    "$sim ends with an answer where another model can be asked",
    async ({ at, text }) => {
      const { end, events } = await answered(names.safe(at));
      const told = events.flatMap((event) => (event.type === "progress" && event.model !== undefined ? [event] : []));
      expect(end).toMatchObject({ type: "complete", response: "w0 w1 w2" });
      expect(told).toMatchObject([{ step: "model", model: names.good }]);
      expect(told[0]?.message).toContain(names.safe(at));
      // Viewers who have text of the other model are told that it goes.
      expect(events.some(({ type }) => type === "turn_restarted")).toBe(text !== "");
    },
  );

  it.concurrent.each(placed.filter(({ code }) => code === undefined))(
    "$sim needs no other model, and none is asked",
    async ({ at, ...fault }) => {
      const { end, events } = await answered(names.safe(at));
      expectFault(end, fault);
      expect(events.some((event) => event.type === "progress" && event.model !== undefined)).toBe(false);
    },
  );
});
