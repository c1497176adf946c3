import { expect, test } from "vitest";
import { freePort } from "@parley/testkit";

test("gives no port twice", async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, () => freePort()));
  expect(new Set(ports).size).toBe(100);
});
