import { describe, expect, test, vi } from "vitest";
import { createSaidStore, type TabChannel } from "../../src/chat/said-here.ts";

/** Tabs of one browser: each hears what the others post, and not itself. */
function createTabs() {
  const all: { channel: TabChannel; hear: (data: unknown) => void }[] = [];
  return {
    post: (data: unknown) => all.forEach(({ hear }) => hear(data)),
    open(): TabChannel {
      const heard: ((event: MessageEvent) => void)[] = [];
      const hear = (data: unknown): void =>
        heard.forEach((listener) => listener(new MessageEvent("message", { data })));
      const channel: TabChannel = {
        postMessage: (data: unknown) => all.filter((tab) => tab.channel !== channel).forEach((tab) => tab.hear(data)),
        addEventListener: (_type: string, listener: unknown) => {
          if (typeof listener === "function") heard.push((event) => void Reflect.apply(listener, undefined, [event]));
        },
      };
      all.push({ channel, hear });
      return channel;
    },
  };
}

describe("what was said in one tab", () => {
  test("is known in the other tabs at once, and taken back there too", () => {
    const tabs = createTabs();
    const [here, there] = [createSaidStore(tabs.open), createSaidStore(tabs.open)];
    const changed = vi.fn();
    there.onChange(changed);
    here.keep("m1", { rating: "up", comment: "thanks" });
    expect(there.of("m1")).toEqual({ said: { rating: "up", comment: "thanks" } });
    here.keep("m1", undefined);
    expect(there.of("m1")).toEqual({ said: undefined });
    here.restore("m1", undefined);
    expect(there.of("m1")).toBeUndefined();
    expect(changed).toHaveBeenCalledTimes(3);
  });

  test.each([
    [undefined],
    ["m1"],
    [{ messageId: 1 }],
    [{ messageId: "m1", here: { said: { rating: "maybe" } } }],
    [{ messageId: "m1", here: 7 }],
  ])("passes over what another version of the page says: %j", (data) => {
    const tabs = createTabs();
    const store = createSaidStore(tabs.open);
    store.onChange(() => {});
    tabs.post(data);
    expect(store.of("m1")).toBeUndefined();
  });
});

test("what was said last counts, also that it was taken back", () => {
  const store = createSaidStore();
  expect(store.of("m1")).toBeUndefined();
  store.keep("m1", { rating: "up" });
  expect(store.of("m1")).toEqual({ said: { rating: "up" } });
  store.keep("m1", undefined);
  expect(store.of("m1")).toEqual({ said: undefined });
});

test("a refusal brings back what was there before", () => {
  const store = createSaidStore();
  store.keep("m1", { rating: "up" });
  store.restore("m1", undefined);
  expect(store.of("m1")).toBeUndefined();
  const before = store.keep("m1", { rating: "down" });
  store.keep("m1", { rating: "up" });
  store.restore("m1", before);
  expect(store.of("m1")).toEqual({ said: { rating: "down" } });
});

test("no more than five hundred are kept", () => {
  const store = createSaidStore();
  for (let index = 0; index <= 500; index++) store.keep(`m${index}`, { rating: "up" });
  expect(store.of("m0")).toBeUndefined();
  expect(store.of("m500")).toBeDefined();
});
