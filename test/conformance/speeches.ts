import {
  createA2aSpeech,
  createAgUiSpeech,
  createAiSdkSpeech,
  createChatCompletionsSpeech,
  createResponsesSpeech,
  type TurnSpeech,
} from "@parley/dialects";

const createdMs = 1_780_000_000_000;
const completion = { model: "parley", createdS: createdMs / 1_000, hasUsage: true, hasReasoning: true };
const response = { createdMs, model: "parley", previous: null, background: false, metadata: {} };
const run = { threadId: "c_case", runId: "r_case", thread: [] };

/** How each protocol is asked to say the shared cases. The folder of its frames has this name. */
export const speeches: Readonly<Record<string, () => TurnSpeech>> = {
  "ai-sdk-5": () => createAiSdkSpeech({ version: 5 }),
  "ai-sdk-6": () => createAiSdkSpeech({ version: 6 }),
  "ai-sdk-7": () => createAiSdkSpeech({ version: 7 }),
  "chat-completions": () => createChatCompletionsSpeech(completion),
  responses: () => createResponsesSpeech({ ...response, segment: 0 }),
  // What follows once people have decided.
  "responses-after-approval": () => createResponsesSpeech({ ...response, segment: 1 }),
  "ag-ui-0": () => createAgUiSpeech({ ...run, isOne: false }),
  "ag-ui-1": () => createAgUiSpeech({ ...run, isOne: true }),
  a2a: () => createA2aSpeech({ requestId: 1 }),
};
