import { expect, test } from "vitest";
import type { StoredMessage } from "@parley/client";
import { createIndexedDbStore, type IndexedDbFactory, type IndexedDbOptions } from "@parley/client/indexed-db";

// With the real IndexedDB: test/browser/client-page.page.test.ts.

const message: StoredMessage = {
  ...{ user_id: "u1", conversation_id: "c1", kept_at: 0 },
  frame: { type: "message", id: "m1", message: "hi", conversation_id: "c1" },
};

function refuse(): never {
  throw new Error("denied");
}

const refusing: IndexedDbFactory = { open: refuse };
/** Another tab has an older version open and does not let go. */
const blocked: IndexedDbFactory = {
  open: () => ({
    get result() {
      return refuse();
    },
    addEventListener: () => undefined,
  }),
};

test.each<[string, IndexedDbOptions]>([
  ["there is no IndexedDB", {}],
  ["it may not be used", { indexedDB: refusing }],
  ["another tab blocks it", { indexedDB: blocked }],
])("messages live as long as the page where %s", async (_, options) => {
  const store = createIndexedDbStore("test", { openMs: 5, ...options });
  await store.save(message);
  await store.save({ ...message, kept_at: 1 });
  expect(await store.load()).toEqual([{ ...message, kept_at: 1 }]);
  await store.remove(message);
  expect(await store.load()).toEqual([]);
});
