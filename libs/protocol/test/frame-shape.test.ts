import fc from "fast-check";
import { expect, test } from "vitest";
import { ServerFrame } from "@parley/protocol";
import { isServerFrame } from "@parley/protocol/fold";
import { anyFrame } from "./any-frame.ts";

test("every frame that the schemas take is taken without them, of each kind", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyFrame, (frame) => {
      seen.add(frame.type);
      expect(isServerFrame(frame), JSON.stringify(frame)).toBe(true);
    }),
    { numRuns: 400 },
  );
  expect([...seen].toSorted()).toEqual([...typesOf(ServerFrame)].toSorted());
});

/** The types that the schemas know. */
function typesOf(schema: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const options: unknown = Reflect.get(node, "options");
    if (Array.isArray(options)) return options.forEach(visit);
    const shape: unknown = Reflect.get(node, "shape");
    if (typeof shape !== "object" || shape === null) return;
    const type: unknown = Reflect.get(shape, "type");
    if (typeof type === "object" && type !== null) found.add(String(Reflect.get(type, "value")));
  };
  visit(schema);
  return found;
}

const token = { seq: 1, type: "token", conversation_id: "c1", turn_id: "t1", attempt: 1, n: 1, ts: 0, token: "a" };

test("a frame with more than is known is taken, also a part of a kind that is new", () => {
  expect(isServerFrame({ ...token, mood: "good" })).toBe(true);
  const snapshot = { type: "snapshot", conversation_id: "c1", seq: 1, status: "dreaming", ts: 0 };
  expect(isServerFrame({ ...snapshot, parts: [{ type: "hologram", url: 7 }] })).toBe(true);
});

test.each<[string, unknown]>([
  ["of a type that is not known", { ...token, type: "hologram" }],
  ["of the type of something that every object has", { ...token, type: "constructor" }],
  ["without a text where one is appended", { ...token, token: undefined }],
  ["with a cursor that is no whole number", { ...token, seq: 1.5 }],
  ["with a number that is none", { ...token, seq: Number.POSITIVE_INFINITY }],
  [
    "with a part without its text",
    { type: "snapshot", conversation_id: "c1", seq: 1, status: "idle", parts: [{ type: "text" }] },
  ],
  ["that ends a turn without its answer", { ...token, type: "error", error: "No.", code: "X", retryable: false }],
  ["that is a list", [token]],
  ["that is nothing", null],
])("a frame %s is not taken", (_, frame) => {
  expect(isServerFrame(frame)).toBe(false);
});
