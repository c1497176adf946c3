// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { createEmbeddedDrafts } from "../../src/embed/embedded-drafts.ts";
import { createKeptStore, forgetKept } from "../../src/embed/kept.ts";

const server = "https://chat.example";
const plain = { server, agent: undefined, conversation: undefined, isKept: true };

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
  `{"conversation":"${"x".repeat(6_000)}"}`,
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

test("keeps the visitors of one browser apart, the last five of them", () => {
  const storeOf = (user: string) => {
    const store = createKeptStore(plain, window);
    store.become(user);
    return store;
  };
  for (let place = 1; place <= 6; place++) {
    expect(storeOf(`u${place}`).read()).toBeUndefined();
    storeOf(`u${place}`).write({ conversation: `c_${place}` });
  }
  expect(storeOf("u1").read()).toBeUndefined();
  expect(storeOf("u2").read()).toMatchObject({ conversation: "c_2" });
  // Until it is known who is here, it may be the last one.
  expect(createKeptStore(plain, window).read()).toMatchObject({ conversation: "c_6" });
});

test("what is seen before it is known who is here stays with whose conversation it is", () => {
  const store = createKeptStore(plain, window);
  store.become("anna");
  store.write({ conversation: "c_1" });
  createKeptStore(plain, window).write({ conversation: "c_1", seen: "m_1" });
  expect(store.read()).toEqual({ conversation: "c_1", seen: "m_1" });
});

test("what an older version has written is whoever comes next", () => {
  localStorage.setItem("parley.embed https://chat.example ", '{"conversation":"c_1","seen":"m_1"}');
  const store = createKeptStore(plain, window);
  store.become("anna");
  expect(store.read()).toEqual({ conversation: "c_1", seen: "m_1" });
});

test("drafts are a visitor's own, few and short, and none before it is known whose they are", () => {
  const anna = createEmbeddedDrafts(plain, window, "anna");
  anna.keep("c_1", "half a question");
  expect(createEmbeddedDrafts(plain, window, "anna").read("c_1")).toBe("half a question");
  expect(createEmbeddedDrafts(plain, window, "bert").read("c_1")).toBe("");
  createEmbeddedDrafts(plain, window, undefined).keep("c_1", "whose?");
  for (let place = 0; place < 20; place++) createEmbeddedDrafts(plain, window, `v${place}`).keep("c_1", "text");
  anna.keep("c_2", "x".repeat(17 * 1024));
  expect(Object.keys(localStorage)).toHaveLength(8);
  expect(JSON.stringify(localStorage)).not.toContain("whose?");
});

test("an element that keeps nothing leaves nothing, and takes away what it had left", () => {
  createKeptStore(plain, window).write({ conversation: "c_1" });
  createEmbeddedDrafts(plain, window, "anna").keep("c_1", "half a question");
  localStorage.setItem("of the page", "stays");
  const off = { ...plain, isKept: false };
  forgetKept(off, window);
  createKeptStore(off, window).write({ conversation: "c_2" });
  createEmbeddedDrafts(off, window, "anna").keep("c_2", "text");
  expect(Object.keys(localStorage)).toEqual(["of the page"]);
});
