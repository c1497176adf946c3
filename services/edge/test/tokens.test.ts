import { expect, it } from "vitest";
import { createTokens } from "../src/admission/tokens.ts";

const [older, newer] = ["the-secret-that-was-there-before-it", "the-secret-that-takes-its-place-now"];

it("accepts tokens of the previous secret while there is one, and signs with the new one", async () => {
  const before = createTokens({ secret: older });
  const during = createTokens({ secret: newer, previousSecret: older });
  const after = createTokens({ secret: newer });
  const old = await before.sign({ id: "ann" }, 60_000);
  expect((await during.verify(old.token)).user).toEqual({ id: "ann" });
  await expect(after.verify(old.token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
  const fresh = await during.sign({ id: "bob" }, 60_000);
  expect((await after.verify(fresh.token)).user).toEqual({ id: "bob" });
});

it("does not try the previous secret on a token that has run out", async () => {
  const during = createTokens({ secret: newer, previousSecret: older });
  const { token } = await during.sign({ id: "ann" }, -60_000);
  await expect(during.verify(token)).rejects.toMatchObject({ code: "AUTH_EXPIRED" });
});
