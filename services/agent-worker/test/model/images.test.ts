import { createLogger } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { createModelAbilities } from "../../src/model/abilities.ts";
import { hasImages } from "../../src/model/images.ts";
import type { ModelRequest } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const provider = providerFrom({ OPENAI_BASE_URL: "https://host/v1", OPENAI_API_KEY: "k", OPENAI_MODEL: "m" });
const asked = (): ModelRequest => ({
  messages: [{ role: "user", content: "What is this?\n\n<mark/>" }],
  images: [{ mark: "<mark/>", name: "a.png", url: "data:image/png;base64,AA" }],
  ...{ tools: [], requestId: "r" },
});
const refused = (words: string, status = 400) => ({ status, words });

describe("a model that sees no images", () => {
  it("gets the same request without them, and others too, for ten minutes", () => {
    let now = 0;
    const abilities = createModelAbilities({ provider, log, clock: () => now });
    const request = asked();
    expect(hasImages(abilities.bodyOf(request))).toBe(true);
    expect(abilities.leftOut(request)).toEqual([]);
    expect(abilities.learn(request, refused("Image input is not supported by this model."))).toBe(true);
    expect(abilities.bodyOf(request).messages[0]?.content).toContain("you cannot see images");
    expect(abilities.leftOut(request)).toEqual([{ type: "without_images" }]);
    abilities.answered(request);
    expect(hasImages(abilities.bodyOf(asked()))).toBe(false);
    now = 11 * 60_000;
    expect(hasImages(abilities.bodyOf(asked()))).toBe(true);
  });

  it("is asked without one image that it does not take, and gets the images of others", () => {
    const abilities = createModelAbilities({ provider, log });
    const request = asked();
    abilities.bodyOf(request);
    expect(abilities.learn(request, refused("Could not process image"))).toBe(true);
    expect(hasImages(abilities.bodyOf(request))).toBe(false);
    abilities.answered(request);
    expect(hasImages(abilities.bodyOf(asked()))).toBe(true);
  });

  it("is asked again once, and never where a rule says what it takes", () => {
    const abilities = createModelAbilities({ provider, log });
    const request = asked();
    abilities.bodyOf(request);
    abilities.learn(request, refused("no images"));
    abilities.bodyOf(request);
    expect(abilities.learn(request, refused("no images"))).toBe(false);
    const ruled = createModelAbilities({ provider, log, rules: [{ model: "*", server: "*", images: true }] });
    const other = asked();
    ruled.bodyOf(other);
    expect(ruled.learn(other, refused("no images"))).toBe(false);
  });

  it("learns nothing of images where the request has none", () => {
    const abilities = createModelAbilities({ provider, log });
    const { images: _images, ...request } = asked();
    abilities.bodyOf(request);
    expect(abilities.learn(request, refused("image input is not supported"))).toBe(false);
  });
});
