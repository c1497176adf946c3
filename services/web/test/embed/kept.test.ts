// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { createKeptStore } from "../../src/embed/kept.ts";

const server = "https://chat.example";
const plain = { server, agent: undefined, conversation: undefined };

afterEach(() => {
  localStorage.clear();
  vi.restoreAllMocks();
});

test("keeps the conversation with a server and what was seen of it", () => {
  const store = createKeptStore(plain, window);
  expect(store.read()).toBeUndefined();
  store.write({ conversation: "c_1", seen: "m_1" });
  expect(createKeptStore(plain, window).read()).toEqual({ conversation: "c_1", seen: "m_1" });
});

test("keeps apart what is with other servers, with other agents, and what the page has named", () => {
  createKeptStore(plain, window).write({ conversation: "c_1" });
  const others = [
    { ...plain, server: "https://b.example" },
    { ...plain, agent: "k8s" },
    { ...plain, conversation: "c_9" },
  ];
  for (const other of others) expect(createKeptStore(other, window).read()).toBeUndefined();
});

test.each([
  "{",
  "null",
  "[]",
  '"c_1"',
  '{"conversation":1}',
  '{"conversation":""}',
  `{"conversation":"${"x".repeat(2_000)}"}`,
])("takes %s for nothing", (text) => {
  const store = createKeptStore(plain, window);
  store.write({ conversation: "c_1" });
  const [key = ""] = Object.keys(localStorage);
  localStorage.setItem(key, text);
  expect(store.read()).toBeUndefined();
});

test("keeps it as long as the page is open where nothing may be stored", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new Error("full");
  });
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(() => {
    throw new Error("forbidden");
  });
  const store = createKeptStore(plain, window);
  store.write({ conversation: "c_1" });
  expect(store.read()).toMatchObject({ conversation: "c_1" });
});

test("tells what other tabs write of it, until that is ended", () => {
  const store = createKeptStore(plain, window);
  store.write({ conversation: "c_1" });
  const [key = ""] = Object.keys(localStorage);
  const heard = vi.fn<() => void>();
  const stop = store.onOther(heard);
  window.dispatchEvent(new StorageEvent("storage", { key: "other" }));
  expect(heard).toHaveBeenCalledTimes(0);
  window.dispatchEvent(new StorageEvent("storage", { key }));
  window.dispatchEvent(new StorageEvent("storage", { key: null }));
  stop();
  window.dispatchEvent(new StorageEvent("storage", { key }));
  expect(heard).toHaveBeenCalledTimes(2);
});
