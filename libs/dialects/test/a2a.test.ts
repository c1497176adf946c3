import {
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  textOf,
  type Outcome,
  type Parts,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { history } from "../../protocol/test/histories.ts";
import { conversationOfMessage, placeOfTask, taskIdOf } from "../src/a2a/addresses.ts";
import { checkVersion, decisionsIn, decodeParams, decodeRpc, SendParams, textOfMessage } from "../src/a2a/decode.ts";
import { createA2aSpeech, type A2aSpeechOptions } from "../src/a2a/dialect.ts";
import { A2aError } from "../src/a2a/faults.ts";
import { sessionConversation } from "../src/seed/addresses.ts";
import { createTurnSteps, partsUntilDecision } from "../src/turn/steps.ts";

const place = { conversation_id: "c", turn_id: "t" };
const caller = { user: { id: "ann" }, roles: [], address: "::1" };

const Part = z.looseObject({ text: z.string().optional() });
const Artifact = z.looseObject({ artifactId: z.string(), parts: z.array(Part).min(1) });
const Status = z.looseObject({ state: z.string(), message: z.looseObject({ messageId: z.string() }).optional() });
const Frame = z.looseObject({
  task: z.looseObject({ id: z.string(), status: Status, artifacts: z.array(Artifact) }).optional(),
  statusUpdate: z.looseObject({ taskId: z.string(), contextId: z.string(), status: Status }).optional(),
  artifactUpdate: z.looseObject({ artifact: Artifact, append: z.boolean() }).optional(),
});
type Frame = z.infer<typeof Frame>;
const Answer = z.object({ jsonrpc: z.literal("2.0"), id: z.literal(7), result: Frame });

const textOfArtifact = ({ parts }: z.infer<typeof Artifact>): string => parts.map((part) => part.text ?? "").join("");

/** A client as the specification describes it. */
function createClient(options: Partial<A2aSpeechOptions> = {}) {
  const speech = createA2aSpeech({ requestId: 7, ...options });
  const steps = createTurnSteps(speech.steps);
  const frames: Frame[] = [];
  let [text, state, next] = ["", "", "more"];
  const fold = (frame: Frame): void => {
    if ((frames.length === 0) !== (frame.task !== undefined))
      throw new Error("The first frame, and no other, is the task.");
    if (next !== "more") throw new Error("Something came behind the end.");
    frames.push(frame);
    const { task, statusUpdate, artifactUpdate: update } = frame;
    const status = task?.status ?? statusUpdate?.status;
    if (status !== undefined) state = status.state;
    if (task !== undefined) text = task.artifacts.map(textOfArtifact).join("");
    if (update !== undefined) text = (update.append ? text : "") + textOfArtifact(update.artifact);
  };
  return {
    frames,
    get has() {
      return { text, state, next };
    },
    take(view: TurnView): void {
      const said = speech.say(steps.advance(view), place);
      for (const bytes of said.bytes) {
        const line = Buffer.from(bytes).toString();
        expect(line).toMatch(/^data: [^\n]*\n\n$/);
        fold(Answer.parse(JSON.parse(line.slice("data: ".length))).result);
      }
      next = said.next;
    },
  };
}

const viewsOfTurn = history.map((events): TurnView[] => {
  const last = events.at(-1)?.event.turn_id ?? "t0";
  let view = createTurnView(last);
  const seen = events
    .filter(({ event }) => event.turn_id === last)
    .map(({ event }) => ({ event, view: (view = foldEvent(view, event)) }));
  return seen.filter(({ event }) => isVisible(event.type) || isTerminal(event.type)).map((one) => one.view);
});

/** Some of the views never come: a snapshot stands for them. */
const seenViews = fc
  .tuple(viewsOfTurn, fc.array(fc.boolean(), { minLength: 1 }))
  .map(([views, keep]) => views.filter((_, index) => index === views.length - 1 || keep[index % keep.length]));

function endStates(outcome: Outcome | undefined): string[] {
  if (outcome === undefined) return ["SUBMITTED", "WORKING", "INPUT_REQUIRED"].map((state) => `TASK_STATE_${state}`);
  if (outcome.type === "error") return ["TASK_STATE_FAILED", "TASK_STATE_REJECTED"];
  return [outcome.type === "complete" ? "TASK_STATE_COMPLETED" : "TASK_STATE_CANCELED"];
}

describe("a stream of A2A", () => {
  test("makes of its client what the view has, and ends with the turn", () => {
    fc.assert(
      fc.property(seenViews, (views) => {
        const client = createClient({ staysAtWait: true });
        for (const view of views) {
          client.take(view);
          expect(client.has.text).toBe(textOf(view.parts));
        }
        const outcome = views.at(-1)?.outcome;
        expect(client.has.next).toBe(outcome === undefined ? "more" : "end");
        expect(endStates(outcome)).toContain(client.has.state);
      }),
    );
  });
});

const asked = {
  type: "tool_call",
  call_id: "t-0-0",
  tool_name: "set",
  arguments: { to: 4 },
  approval: { summary: "Sets it to 4.", expires_at: 9 },
} as const;
const other = { ...asked, call_id: "t-0-1" };
const text = (said: string) => ({ type: "text", text: said }) as const;
const turn = (parts: Parts, status: TurnView["status"] = "running"): TurnView => ({
  ...createTurnView("t"),
  status,
  parts,
});

describe("a task that waits for a person", () => {
  test("ends the stream of who sent the message, and not of who subscribed", () => {
    for (const [staysAtWait, next] of [
      [false, "end"],
      [true, "more"],
    ] as const) {
      const client = createClient({ staysAtWait });
      client.take(turn([]));
      client.take(turn([text("I set it."), asked], "waiting"));
      expect(client.has).toEqual({ text: "I set it.", state: "TASK_STATE_INPUT_REQUIRED", next });
    }
  });

  test("goes on in the stream of who decided, which begins with the task as it is", () => {
    const before = [text("I set it."), asked];
    const client = createClient({ has: partsUntilDecision(before, new Set(["t-0-0"])) });
    // The copy of the decision may come later than the stream begins.
    client.take(turn(before, "waiting"));
    expect(client.has).toEqual({ text: "I set it.", state: "TASK_STATE_WORKING", next: "more" });
    const done = {
      ...asked,
      approval: { ...asked.approval, approved: true },
      status: "completed",
      result: "4",
    } as const;
    client.take(turn([text("I set it."), done, text(" Done.")]));
    expect(client.has).toEqual({ text: "I set it. Done.", state: "TASK_STATE_WORKING", next: "more" });
  });

  test("waits on while one of two calls is decided", () => {
    const client = createClient({ staysAtWait: true });
    client.take(turn([asked, other], "waiting"));
    client.take(turn([{ ...asked, approval: { ...asked.approval, approved: true } }, other], "waiting"));
    expect(client.has.state).toBe("TASK_STATE_INPUT_REQUIRED");
    expect(client.frames).toHaveLength(2);
  });
});

const said = (...parts: object[]) =>
  decodeParams(SendParams, { message: { messageId: "m", role: "ROLE_USER", parts } }).message;
const faultOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof A2aError) return error.fault;
    throw error;
  }
  return "none";
};

describe("a reply", () => {
  test.each([
    "yes",
    "approve",
    "ok, approved: true",
    '{"approved": true}',
    "approve t-0-0 please",
    "approve t-0-0\nand t-0-1",
  ])("in words decides nothing: %s", (words) => {
    expect(decisionsIn(said({ text: words }), [asked])).toEqual([]);
  });

  test("decides as data, or by the exact words for a call", () => {
    const [yes, no] = [
      { call_id: "t-0-0", approved: true },
      { call_id: "t-0-1", approved: false },
    ];
    expect(decisionsIn(said({ data: { approved: true } }), [asked])).toEqual([yes]);
    expect(decisionsIn(said({ data: yes }, { data: no }), [asked, other])).toEqual([yes, no]);
    expect(decisionsIn(said({ text: "approve t-0-0" }, { text: " deny t-0-1 " }), [asked, other])).toEqual([yes, no]);
    expect(decisionsIn(said({ text: "approve t-0-0" }, { text: "but wait" }), [asked])).toEqual([]);
  });

  test.each([
    [{ approved: "true" }],
    [{ approve: true }],
    [true],
    [{ approved: true, call_id: "t-9-9" }],
    [{ approved: true }, { approved: false }],
  ])("that cannot be meant is refused: %j", (...data) => {
    expect(faultOf(() => decisionsIn(said(...data.map((one) => ({ data: one }))), [asked]))).toBe("INVALID_PARAMS");
  });

  test("must name its call where several were asked about, also when the others are decided: the same reply never means another call", () => {
    const decided = { ...asked, approval: { ...asked.approval, approved: true } };
    for (const calls of [[asked, other], [decided, other], []])
      expect(faultOf(() => decisionsIn(said({ data: { approved: true } }), calls))).toBe("INVALID_PARAMS");
    expect(decisionsIn(said({ data: { approved: true } }), [decided])).toEqual([{ call_id: "t-0-0", approved: true }]);
  });
});

describe("a request", () => {
  test.each(["", "0.3", "1", "1.1", "2.0", "1.0.x"])("of another version is refused: '%s'", (version) => {
    expect(faultOf(() => checkVersion(version))).toBe("VERSION_NOT_SUPPORTED");
  });
  test.each(["1.0", "1.0.1"])("of version %s is read", (version) => {
    expect(faultOf(() => checkVersion(version))).toBe("none");
  });
  test.each([
    [[]],
    [[{ jsonrpc: "2.0", id: 1, method: "GetTask" }]],
    [{ jsonrpc: "1.0", id: 1, method: "GetTask" }],
    [{ jsonrpc: "2.0", method: "GetTask" }],
    [7],
  ])("that is no single request of JSON-RPC is refused: %j", (body) => {
    expect(faultOf(() => decodeRpc(body))).toBe("INVALID_REQUEST");
  });
  test.each([
    [{}, "INVALID_PARAMS"],
    [{ message: { messageId: "", role: "ROLE_USER", parts: [{ text: "a" }] } }, "INVALID_PARAMS"],
    [{ message: { messageId: "m", role: "ROLE_AGENT", parts: [{ text: "a" }] } }, "INVALID_PARAMS"],
    [{ message: { messageId: "m", role: "ROLE_USER", parts: [] } }, "INVALID_PARAMS"],
    [{ message: { messageId: "m", role: "ROLE_USER", parts: [{ text: 1 }] } }, "INVALID_PARAMS"],
    [{ message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "a", data: 1 }] } }, "INVALID_PARAMS"],
    [{ message: { messageId: "m", role: "ROLE_USER", parts: [{ url: "https://a" }] } }, "CONTENT_TYPE_NOT_SUPPORTED"],
    [{ message: { messageId: "m", role: "ROLE_USER", parts: [{ raw: "?!" }] } }, "INVALID_PARAMS"],
  ])("to send is refused: %j", (params, fault) => {
    expect(faultOf(() => decodeParams(SendParams, params))).toBe(fault);
  });
  test.each(["parts", "metadata"])(
    "whose %s are nested so deep that they could not be written again is refused",
    (field) => {
      const deep: unknown = JSON.parse(`${"[".repeat(15_000)}${"]".repeat(15_000)}`);
      const fields = { parts: [{ text: "a" }], [field]: field === "parts" ? [{ data: deep }] : { deep } };
      const params = { message: { messageId: "m", role: "ROLE_USER", ...fields } };
      expect(faultOf(() => textOfMessage(decodeParams(SendParams, params).message))).toBe("INVALID_PARAMS");
    },
  );
  test("gives structured data to the agent as JSON", () => {
    expect(textOfMessage(said({ text: "look" }, { data: { pods: [1] } }))).toBe('look\n{"pods":[1]}');
  });
});

describe("the id of a task", () => {
  test("leads back to its turn, and to what its user calls the context", () => {
    const context = "urn:trip/ä";
    const named = { conversation_id: sessionConversation("ann", context), turn_id: "t", context };
    for (const one of [place, named]) expect(placeOfTask(caller, taskIdOf(one))).toEqual(one);
    expect(placeOfTask({ ...caller, user: { id: "bob" } }, taskIdOf(named))).toBeUndefined();
  });
  test.each(["", "t", "t.", "t.c.d.e", "t.c.!", "t/.c", "t.*", `${"t".repeat(65)}.c`])("is none: %s", (id) => {
    expect(placeOfTask(caller, id)).toBeUndefined();
  });
  test("is the same for the same message of the same user", () => {
    expect(conversationOfMessage(caller, "m")).toBe(conversationOfMessage(caller, "m"));
    expect(conversationOfMessage(caller, "m")).not.toBe(conversationOfMessage({ ...caller, user: { id: "bob" } }, "m"));
  });
});
