import { expect, it } from "vitest";
import { createSharedSecret } from "../src/admission/shared-secret.ts";
import { tokensUnderTest } from "./support/token-fixture.ts";

const [older, newer] = ["the-secret-that-was-there-before-it", "the-secret-that-takes-its-place-now"];

it("accepts tokens of the previous secret while there is one, and signs with the new one", async () => {
  const before = createSharedSecret({ secret: older });
  const during = createSharedSecret({ secret: newer, previousSecret: older });
  using after = tokensUnderTest({ sharedSecret: { secret: newer } });
  const old = await before.sign({ id: "ann" }, 60_000);
  expect((await during.verify(old.token)).user).toEqual({ id: "ann" });
  await expect(after.verify(old.token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
  const fresh = await during.sign({ id: "bob" }, 60_000);
  expect((await after.verify(fresh.token)).user).toEqual({ id: "bob" });
});

it("does not try the previous secret on a token that has run out", async () => {
  using during = tokensUnderTest({ sharedSecret: { secret: newer, previousSecret: older } });
  const { token } = (await during.sign?.({ id: "ann" }, -60_000)) ?? { token: "" };
  await expect(during.verify(token)).rejects.toMatchObject({ code: "AUTH_EXPIRED" });
});
