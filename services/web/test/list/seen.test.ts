// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { createSeenStore, isUnread, maxMarks } from "../../src/list/seen.ts";

const now = () => 1_000;
const options = { userId: "anna", storage: localStorage, now };
const storedKey = "parley.seen.anna";

beforeEach(() => localStorage.clear());

test("what had changed before somebody came here first is not unread; what changes later is", () => {
  const seen = createSeenStore(options).read();
  expect(isUnread(seen, "a", 999)).toBe(false);
  expect(isUnread(seen, "a", 1_001)).toBe(true);
});

test("a marked change is read, the next one is not", () => {
  const store = createSeenStore(options);
  store.mark("a", 2_000);
  expect(isUnread(store.read(), "a", 2_000)).toBe(false);
  expect(isUnread(store.read(), "a", 2_001)).toBe(true);
});

test("marks last over a reload, and each user has their own", () => {
  createSeenStore(options).mark("a", 2_000);
  expect(isUnread(createSeenStore({ ...options, now: () => 0 }).read(), "a", 2_000)).toBe(false);
  expect(isUnread(createSeenStore({ ...options, userId: "ben", now: () => 0 }).read(), "a", 2_000)).toBe(true);
});

test("a mark of another tab counts here, and an older one takes nothing back", () => {
  const store = createSeenStore({ ...options, tabs: window });
  let told = 0;
  store.subscribe(() => (told += 1));
  store.mark("a", 3_000);
  localStorage.setItem(storedKey, JSON.stringify({ sinceMs: 1_000, marks: { a: 2_000, b: 5_000 } }));
  window.dispatchEvent(new StorageEvent("storage", { key: storedKey }));
  expect(told).toBe(2);
  expect(isUnread(store.read(), "a", 3_000)).toBe(false);
  expect(isUnread(store.read(), "b", 5_000)).toBe(false);
});

test("marks are bounded, and what was forgotten does not become unread", () => {
  const marks = Object.fromEntries(Array.from({ length: maxMarks }, (_, i) => [`c${i}`, 2_000 + i]));
  localStorage.setItem(storedKey, JSON.stringify({ sinceMs: 1_000, marks }));
  const store = createSeenStore(options);
  for (const id of ["x", "y"]) store.mark(id, 8_000);
  expect(Object.keys(store.read().marks)).toHaveLength(maxMarks);
  expect(isUnread(store.read(), "c0", 2_000)).toBe(false);
  expect(isUnread(store.read(), "c0", 9_000)).toBe(true);
});

test.each(["", "null", "[]", '{"sinceMs":"x","marks":{}}', '{"sinceMs":1,"marks":null}', "{"])(
  "what is kept as %o is as if nothing was kept",
  (text) => {
    localStorage.setItem(storedKey, text);
    expect(createSeenStore(options).read()).toEqual({ sinceMs: 1_000, marks: {} });
  },
);

test("a conversation whose id is a word of the language's own is one like others", () => {
  const store = createSeenStore(options);
  expect(isUnread(store.read(), "constructor", 2_000)).toBe(true);
  store.mark("constructor", 2_000);
  expect(isUnread(store.read(), "constructor", 2_000)).toBe(false);
});

test("a storage that is full costs the marks only when the page is left", () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error("full");
    },
  };
  const store = createSeenStore({ ...options, storage: full });
  store.mark("a", 2_000);
  expect(isUnread(store.read(), "a", 2_000)).toBe(false);
});
