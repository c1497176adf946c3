// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { createDraftsOf, createKeptTexts } from "../../src/chat/kept-texts.ts";

/** As browsers have it, so far as it is used. */
function memoryStorage(maxEntries = Number.POSITIVE_INFINITY): Storage {
  const entries = new Map<string, string>();
  return {
    get length() {
      return entries.size;
    },
    key: (index) => [...entries.keys()][index] ?? null,
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => {
      if (entries.size >= maxEntries) throw new Error("QuotaExceededError");
      entries.set(key, value);
    },
    removeItem: (key) => void entries.delete(key),
    clear: () => entries.clear(),
  };
}

const prefix = "draft.";

test("a text is there again until it is emptied", () => {
  const storage = memoryStorage();
  const drafts = createKeptTexts({ prefix, storage });
  drafts.keep("c1", "half a thou");
  expect(createKeptTexts({ prefix, storage }).read("c1")).toBe("half a thou");
  expect(drafts.read("c2")).toBe("");
  drafts.keep("c1", "");
  expect(storage.length).toBe(0);
});

test("fifty conversations keep theirs: the one touched longest ago goes first", () => {
  const storage = memoryStorage();
  let time = 0;
  const drafts = createKeptTexts({ prefix, storage, now: () => ++time });
  storage.setItem("of somebody else", "stays");
  for (let index = 0; index <= 50; index++) drafts.keep(`c${index}`, "text");
  expect(drafts.read("c0")).toBe("");
  expect(drafts.read("c1")).toBe("text");
  expect(drafts.read("c50")).toBe("text");
  expect(storage.length).toBe(51);
});

test("after two weeks a text is forgotten", () => {
  let time = 0;
  const drafts = createKeptTexts({ prefix, storage: memoryStorage(), now: () => time });
  drafts.keep("c1", "old");
  time += 14 * 86_400_000 + 1;
  expect(drafts.read("c1")).toBe("");
});

test("a full storage, a forbidden one and one that somebody has spoiled cost nothing but the draft", () => {
  const full = createKeptTexts({ prefix, storage: memoryStorage(0) });
  expect(() => full.keep("c1", "text")).not.toThrow();
  const none = createKeptTexts({ prefix, storage: undefined });
  none.keep("c1", "text");
  expect(none.read("c1")).toBe("");
  const storage = memoryStorage();
  for (const spoiled of ["{", "null", '{"text":1,"ts":2}', '"text"']) {
    storage.setItem("draft.c1", spoiled);
    expect(createKeptTexts({ prefix, storage }).read("c1")).toBe("");
  }
});

test("a text of more than the limit is not kept, and neither is its beginning", () => {
  const storage = memoryStorage();
  const drafts = createKeptTexts({ prefix, storage });
  drafts.keep("c1", "short");
  drafts.keep("c1", "x".repeat(65 * 1024));
  expect(drafts.read("c1")).toBe("");
});

test("each person has drafts of their own", () => {
  createDraftsOf("anna").keep("new", "only for my eyes");
  expect(createDraftsOf("bert").read("new")).toBe("");
  expect(createDraftsOf("anna").read("new")).toBe("only for my eyes");
});
