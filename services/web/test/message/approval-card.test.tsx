// @vitest-environment happy-dom
import { ChatError } from "@parley/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ApprovalCard, type AskedCall } from "../../src/message/approval-card.tsx";
import { closeRendered, rendered } from "./rendered.tsx";

afterEach(closeRendered);

type Approval = NonNullable<AskedCall["approval"]>;

const asked = (more: Approval = {}): AskedCall => ({
  call_id: "c1",
  tool_name: "delete_pod",
  approval: { summary: "Delete pod web-1.", expires_at: Date.now() + 600_000, ...more },
});
const agree = () =>
  vi.fn<(approved: boolean, said: object) => Promise<unknown>>(() => Promise.resolve({ approved: true }));

describe("a call that waits for a person", () => {
  test("is approved with what was said, and cannot be decided twice", async () => {
    const decide = agree();
    const card = await rendered(<ApprovalCard call={asked({ like_ms: 600_000 })} decide={decide} />);
    await card.acting(() => card.find("input[type=checkbox]").click());
    await card.press("Add a reason");
    await card.type("input[type=text]", "It hangs.");
    await card.press("Approve");
    expect(decide.mock.calls).toEqual([[true, { reason: "It hangs.", like_ms: 600_000 }]]);
    expect(card.button("Approve").disabled).toBe(true);
    expect(card.button("Deny").disabled).toBe(true);
    expect(card.box.textContent).toContain("Sending your decision");
  });

  test("is not approved before the word was typed", async () => {
    const decide = agree();
    const card = await rendered(<ApprovalCard call={asked({ confirm: "web-1" })} decide={decide} />);
    expect(card.button("Approve").disabled).toBe(true);
    await card.type('[aria-label="Type web-1 to confirm"]', "web-");
    expect(card.button("Approve").disabled).toBe(true);
    await card.type('[aria-label="Type web-1 to confirm"]', " web-1 ");
    await card.press("Approve");
    expect(decide.mock.calls).toEqual([[true, { confirm: "web-1" }]]);
  });

  test("is denied without the word", async () => {
    const decide = agree();
    const card = await rendered(<ApprovalCard call={asked({ confirm: "web-1" })} decide={decide} />);
    await card.press("Deny");
    expect(decide.mock.calls).toEqual([[false, {}]]);
  });

  test("can only be denied by who asked for it where four eyes are wanted", async () => {
    const card = await rendered(<ApprovalCard call={asked({ four_eyes: true })} decide={agree()} />);
    expect(card.has("Approve")).toBe(false);
    expect(card.has("Deny")).toBe(true);
    await card.show(<ApprovalCard call={asked({ four_eyes: true })} decide={agree()} isOther />);
    expect(card.has("Approve")).toBe(true);
  });

  test.each([
    ["CONFLICT", "It was decided otherwise in the meantime"],
    ["APPROVAL_EXPIRED", "The time to decide is over."],
    ["NOT_FOUND", "This does not wait for a decision any more."],
    ["OVERLOADED", "The service is overloaded"],
  ] as const)("says why it was not decided: %s", async (code, sentence) => {
    const decide = () => Promise.reject(new ChatError(code));
    const card = await rendered(<ApprovalCard call={asked()} decide={decide} />);
    await card.press("Approve");
    expect(card.find("[role=alert]").textContent).toContain(sentence);
    expect(card.button("Approve").disabled).toBe(false);
  });

  test("says without a connection that the decision is sent later", async () => {
    const card = await rendered(<ApprovalCard call={asked()} decide={() => new Promise(() => undefined)} isOffline />);
    await card.press("Deny");
    expect(card.box.textContent).toContain("You are offline. Your decision is sent");
  });

  test("counts by the server's clock", async () => {
    const call = asked({ expires_at: Date.now() + 30_000 });
    const card = await rendered(<ApprovalCard call={call} decide={agree()} aheadMs={3_600_000} />);
    expect(card.find("[role=timer]").textContent).toMatch(/1 h 0 min left/u);
  });

  test("is still asked when its time is over here: only the server knows", async () => {
    const card = await rendered(<ApprovalCard call={asked({ expires_at: Date.now() - 1 })} decide={agree()} />);
    expect(card.find("[role=timer]").textContent).toBe("The time to decide is over.");
    expect(card.button("Approve").disabled).toBe(false);
  });

  test("tells added and removed lines by words too", async () => {
    const card = await rendered(
      <ApprovalCard call={asked({ preview: { kind: "diff", text: "-a: 1\n+a: 2" } })} decide={agree()} />,
    );
    expect([...card.box.querySelectorAll(".text-diff .ui-hidden")].map(({ textContent }) => textContent)).toEqual([
      "Removed: ",
      "Added: ",
    ]);
  });

  test("has a form, which is sent once it fits", async () => {
    const decide = agree();
    const form = [{ name: "replicas", type: "integer", title: "Replicas", required: true as const }];
    const card = await rendered(<ApprovalCard call={asked({ form })} decide={decide} />);
    await card.press("Approve");
    expect(card.find("[role=alert]").textContent).toBe("Fill in “Replicas”.");
    await card.type("input[type=text]", "3");
    await card.press("Approve");
    expect(decide.mock.calls).toEqual([[true, { content: { replicas: 3 } }]]);
  });
});

describe("a call that was decided", () => {
  test.each<[Approval, string]>([
    [{ approved: true, by: { id: "u1", name: "Ada" } }, "Approved by Ada"],
    [{ approved: true, by: { id: "u1" }, like_for_ms: 60_000 }, "Approved by u1 · calls like this run for a minute"],
    [{ approved: false, by: { id: "u1", name: "Ada" }, reason: "No." }, "Denied by Ada · “No.”"],
    [{ approved: false, reason: "expired" }, "Nobody decided in time, so it was not run"],
  ])("says by whom and why: %j", async (decision, sentence) => {
    const card = await rendered(<ApprovalCard call={asked(decision)} decide={agree()} />);
    expect(card.find(".message-approval-kind").textContent).toBe(sentence);
    expect(card.has("Approve")).toBe(false);
  });

  test("does not wait when its answer was stopped before", async () => {
    const card = await rendered(<ApprovalCard call={asked()} decide={agree()} isOver />);
    expect(card.find(".message-approval-kind").textContent).toBe("The answer was stopped before anybody decided.");
    expect(card.has("Deny")).toBe(false);
  });
});
