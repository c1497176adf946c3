import fc from "fast-check";
import { expect, test } from "vitest";
import { approvalHash, callerHash, callHash, type ApprovedCall } from "../src/approval-hash.ts";

const call: ApprovedCall = {
  ...{ tool_name: "demo_change", arguments: { text: "x", confirm: true }, user_id: "u", conversation_id: "c" },
  ...{ turn_id: "t", call_id: "t-0-0", preview: { kind: "diff", text: "+x" } },
};

const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
const args = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), json, { maxKeys: 5, noNullPrototype: true });
const text = fc.string({ unit: "binary", maxLength: 8 });
const calls = fc.record({
  ...{ tool_name: text, arguments: args, user_id: text, conversation_id: text, turn_id: text, call_id: text },
  preview: fc.option(fc.record({ kind: text, text }), { nil: undefined }),
});

/** The same with the keys of all its objects in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, entry]) => [key, reversed(entry)]),
  );
}

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === "object" && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : entry,
  );

test("the hash of a call is one and the same in each version: what was agreed to before an upgrade runs after it", () => {
  expect(approvalHash(call)).toBe("6bc26e278d14d713719bbf4f9df7e4489cc7617a0b708fc5096dd788452616e0");
});

test("the order of keys does not matter, at any depth", () => {
  fc.assert(
    fc.property(args, (some) => {
      const turned = Object.fromEntries(
        Object.entries(some)
          .toReversed()
          .map(([key, entry]) => [key, reversed(entry)]),
      );
      expect(approvalHash({ ...call, arguments: turned })).toBe(approvalHash({ ...call, arguments: some }));
    }),
  );
});

test("two calls have the same hash only if they are the same call", () => {
  fc.assert(
    fc.property(calls, calls, (one, other) => {
      expect(approvalHash(one) === approvalHash(other)).toBe(sorted(one) === sorted(other));
    }),
  );
});

const fields = ["tool_name", "user_id", "conversation_id", "turn_id", "call_id", "arguments", "preview"] as const;

test.each(fields)("another value of `%s` is another hash", (field) => {
  fc.assert(
    fc.property(calls, calls, (one, other) => {
      fc.pre(sorted({ value: one[field] }) !== sorted({ value: other[field] }));
      expect(approvalHash({ ...one, [field]: other[field] })).not.toBe(approvalHash(one));
    }),
  );
});

test("a preview that says nothing is not the same as none, nor is one of another kind", () => {
  const hashes = [undefined, { kind: "diff", text: "" }, { kind: "text", text: "" }].map((preview) =>
    approvalHash({ ...call, preview }),
  );
  expect(new Set(hashes).size).toBe(3);
});

test("what is demanded of whoever agrees is covered, and a call of which nothing is demanded has the hash that it had before", () => {
  const demands: Pick<ApprovedCall, "confirm" | "four_eyes">[] = [
    ...[{}, { confirm: "web" }, { confirm: "db" }],
    ...[{ four_eyes: true as const }, { confirm: "web", four_eyes: true as const }],
  ];
  expect(new Set(demands.map((of) => approvalHash({ ...call, ...of }))).size).toBe(5);
  expect(approvalHash({ ...call, confirm: undefined, four_eyes: undefined })).toBe(approvalHash(call));
});

const owner = { user: { id: "u1" }, caller: { tenant: "t1", roles: ["sre"], scopes: ["tool:run"] } };

test.each<[string, Parameters<typeof callerHash>[0]]>([
  ["user", { ...owner, user: { id: "u2" } }],
  ["tenant", { ...owner, caller: { ...owner.caller, tenant: "t2" } }],
  ["roles", { ...owner, caller: { ...owner.caller, roles: ["sre", "operator"] } }],
  ["scopes", { ...owner, caller: { ...owner.caller, scopes: undefined } }],
  ["rights at all", { user: owner.user }],
])("another caller by its %s is another hash, and so is that of their call", (_, other) => {
  expect(callerHash(other)).not.toBe(callerHash(owner));
  const asked = { tool_name: "scale", arguments: { replicas: 3 } };
  expect(callHash({ ...asked, ...other })).not.toBe(callHash({ ...asked, ...owner }));
});

test("what a newer version knows of a caller beside that changes nothing: older ones could not compute it", () => {
  const newer = { ...owner, caller: { ...owner.caller, badge: 7 } };
  expect(callerHash(newer)).toBe(callerHash(owner));
});

test.each([
  ["a list and a text", [1], "[1]"],
  ["a number and a text", 1, "1"],
  ["null and a text", null, "null"],
  ["nothing and null", undefined, null],
  ["one text and two", ["a,b"], ["a", "b"]],
])("%s are two values", (_, one, other) => {
  expect(approvalHash({ ...call, arguments: { value: one } })).not.toBe(
    approvalHash({ ...call, arguments: { value: other } }),
  );
});
