import type { ModelImage, ModelMessage } from "./model.ts";

/**
 * Images of a request. All that is done with messages before (windows, joins, masks, counts) is done with texts alone: an image is a mark in the text of a user's message until
 * the body is made. Pure.
 */

/** The messages as the model takes them: with the images behind the texts in which they are marked, or with a word for each that it is not given. */
export function withImages(
  messages: readonly ModelMessage[],
  images: readonly ModelImage[] | undefined,
  isTaken: boolean,
): readonly ModelMessage[] {
  if (images === undefined) return messages;
  return messages.map((message) => {
    const { role, content } = message;
    if (role !== "user" || typeof content !== "string") return message;
    const here = images.filter(({ mark }) => content.includes(mark));
    if (here.length === 0) return message;
    const text = here.reduce((told, { mark, name }) => told.replaceAll(mark, labelOf(name, isTaken)), content);
    if (!isTaken) return { ...message, content: text };
    const urls = here.map(({ url }) => ({ type: "image_url", image_url: { url } }) as const);
    return { ...message, content: [{ type: "text", text }, ...urls] };
  });
}

function labelOf(name: string, isTaken: boolean): string {
  return isTaken
    ? `[Image attached: ${name}]`
    : `[An image is attached, ${name}, but you cannot see images: say so if it matters.]`;
}

export function hasImages({ messages }: { readonly messages: readonly ModelMessage[] }): boolean {
  return messages.some(({ content }) => Array.isArray(content) && content.some(({ type }) => type === "image_url"));
}

/** vLLM, llama.cpp, Ollama, OpenAI, OpenRouter, DeepSeek's serde, Bedrock, Mistral. */
const imageWords = /image|multi-?modal|vision|mmproj|content type|content\.str|valid string|should be a valid string/i;
/** It is about this image, and says nothing of others. */
const thisImage =
  /too (?:large|many|big|small)|exceed|larger than|at most [1-9]|corrupt|malformed|could not (?:process|decode|be (?:decoded|read|processed|identified))|(?:cannot|failed to|unable to) (?:process|decode|identify|load|read|download)|invalid (?:image|base64)|image (?:format|type|data|size|dimensions?|url)|pixels|unsafe|content[_ ]policy/i;

/** `none`: the model takes no images. `not these`: it does not take those of this request. Undefined: the refusal is about something else. */
export function imageRefusal(words: string): "none" | "not these" | undefined {
  if (!imageWords.test(words)) return undefined;
  return thisImage.test(words) ? "not these" : "none";
}
