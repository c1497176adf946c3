import { expect, test } from "vitest";
import { KubeError } from "../../../src/kubernetes/api-failure.ts";
import { changeOf, type Plan } from "../../../src/kubernetes/write/change.ts";
import { NotDoneError, ToolError, UnknownEffectError, type ToolContext } from "../../../src/tools/tool.ts";

const context = (callId = "t-0-0", signal = new AbortController().signal): ToolContext => {
  return { callId, user: { id: "u" }, signal, progress: () => {} };
};
const conflict = () => new KubeError("changed", { status: 409, notDone: true });

/** Makes plans that say these texts in turn, and whose sending ends as told in turn; counts both. */
function scripted(texts: readonly string[], ends: readonly (Error | "done")[] = ["done"]) {
  let plans = 0;
  let sent = 0;
  const makePlan = async (): Promise<Plan> => {
    const text = texts[Math.min(plans++, texts.length - 1)] ?? "";
    return {
      preview: { kind: "diff", text },
      async send() {
        const end = ends[Math.min(sent++, ends.length - 1)];
        if (end instanceof Error) throw end;
        return `did ${text}`;
      },
    };
  };
  return { change: changeOf(makePlan), plans: () => plans, sent: () => sent };
}

test("what was shown is what is sent, without another plan", async () => {
  const { change, plans } = scripted(["+1", "+2"]);
  expect(await change.preview({}, context())).toEqual({ kind: "diff", text: "+1" });
  expect(await change.run({}, context())).toBe("did +1");
  expect(plans()).toBe(1);
});

test("a call that was shown elsewhere, or to nobody, is planned when it runs", async () => {
  const { change, plans } = scripted(["+1", "+2"]);
  await change.preview({}, context("other"));
  expect(await change.run({}, context())).toBe("did +2");
  expect(plans()).toBe(2);
});

test("a new version of the object in which the change is the same is changed", async () => {
  const { change, plans, sent } = scripted(["+1"], [conflict(), conflict(), "done"]);
  await change.preview({}, context());
  expect(await change.run({}, context())).toBe("did +1");
  expect([plans(), sent()]).toEqual([3, 3]);
});

test("a new version in which it would be another change is not changed", async () => {
  const { change, sent } = scripted(["+1", "+2"], [conflict(), "done"]);
  await change.preview({}, context());
  await expect(change.run({}, context())).rejects.toThrow(NotDoneError);
  expect(sent()).toBe(1);
});

test("an object that never stands still is not changed", async () => {
  const { change, sent } = scripted(["+1"], [conflict()]);
  await expect(change.run({}, context())).rejects.toThrow(NotDoneError);
  expect(sent()).toBe(4);
});

test.each([
  ["refuses it", new KubeError("no", { status: 422, notDone: true }), NotDoneError],
  ["cannot be reached", new KubeError("away", { notDone: true }), NotDoneError],
  ["has an error of its own", new KubeError("error", { status: 500, notDone: false }), UnknownEffectError],
  ["is lost on the way", new KubeError("lost", { notDone: false }), UnknownEffectError],
])("nothing is told as done or not done that may be otherwise: the cluster %s", async (_, end, type) => {
  const { change, sent } = scripted(["+1"], [end]);
  const outcome: unknown = await change.run({}, context()).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(type);
  expect(outcome).toBeInstanceOf(ToolError);
  expect(sent()).toBe(1);
});

test("a call that is stopped before it is sent has changed nothing, and says so", async () => {
  const { change, sent } = scripted(["+1"]);
  await expect(change.run({}, context("t-0-0", AbortSignal.abort()))).rejects.toThrow(NotDoneError);
  expect(sent()).toBe(0);
});

test("a call that is stopped while it is planned has changed nothing, and says so", async () => {
  const change = changeOf(() => Promise.reject(new Error("stopped")));
  await expect(change.run({}, context())).rejects.toThrow(NotDoneError);
});

test("what is kept of calls that never run is bounded", async () => {
  const { change, plans } = scripted(["+1"]);
  for (let at = 0; at < 100; at++) await change.preview({}, context(`t-0-${at}`));
  await change.run({}, context("t-0-99"));
  expect(plans()).toBe(100);
  await change.run({}, context("t-0-0"));
  expect(plans()).toBe(101);
});
