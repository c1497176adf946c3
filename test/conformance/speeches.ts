import {
  createA2aSpeech,
  createAgUiSpeech,
  createAiSdkSpeech,
  createChatCompletionsSpeech,
  createMcpSpeech,
  createResponsesSpeech,
  type TurnSpeech,
} from "@parley/dialects";

/** How each protocol is asked to say the shared cases; the folder of its frames has this name. */
export const speeches: readonly (readonly [name: string, create: () => TurnSpeech])[] = [
  ["ai-sdk-5", () => createAiSdkSpeech({ version: 5 })],
  ["ai-sdk-6", () => createAiSdkSpeech({ version: 6 })],
  ["ai-sdk-7", () => createAiSdkSpeech({ version: 7 })],
  [
    "chat-completions",
    () =>
      createChatCompletionsSpeech({ model: "parley", createdS: 1_780_000_000, hasUsage: true, hasReasoning: true }),
  ],
  ["ag-ui-0", () => createAgUiSpeech({ ...run, isOne: false })],
  ["ag-ui-1", () => createAgUiSpeech({ ...run, isOne: true })],
  ["a2a", () => createA2aSpeech({ requestId: 1 })],
  ["mcp", () => createMcpSpeech({ requestId: 1, progressToken: "p", address: "https://chat.example" })],
  ["responses", () => createResponsesSpeech(response)],
];
