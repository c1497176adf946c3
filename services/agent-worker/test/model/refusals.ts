import type { Abilities } from "../../src/model/model-rules.ts";

/** Words of real servers, and what they teach about a request with a system prompt, tools, a call and its result. */
export const refusals: [name: string, status: number, words: string, lesson: Partial<Abilities>][] = [
  ["OpenAI, stream_options", 400, "Unrecognized request argument supplied: stream_options", { stream_options: false }],
  [
    "FastAPI, stream_options",
    422,
    '[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]',
    { stream_options: false },
  ],
  [
    "OpenAI, streams",
    400,
    "Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported.",
    { stream: false },
  ],
  [
    "OpenAI, streams for some",
    400,
    "Your organization must be verified to stream this model. Please go to: https://platform.openai.com",
    { stream: false },
  ],
  ["parallel_tool_calls", 400, "Unknown field parallel_tool_calls", { parallel_tool_calls: false }],
  [
    "parallel tool calls in words",
    400,
    "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
    { parallel_tool_calls: false },
  ],
  [
    "OpenAI, max_tokens",
    400,
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    { output_limit_field: "max_completion_tokens" },
  ],
  [
    "Mistral, call ids",
    400,
    "Tool call id was call_123 but must be a-z, A-Z, 0-9, with a length of 9.",
    { call_ids: "alphanumeric9" },
  ],
  [
    "OpenAI, call ids",
    400,
    "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 66 instead.",
    { call_ids: "alphanumeric9" },
  ],
  [
    "Anthropic, call ids",
    400,
    "messages.1.content.0.tool_use.id: String should match pattern for tool_call_id '^[a-zA-Z0-9_-]+$'",
    { call_ids: "alphanumeric9" },
  ],
  [
    "Gemini, results",
    400,
    "* GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty.",
    { result_names: true },
  ],
  ["pydantic, results", 422, "body.messages[3].name: Field required: missing", { result_names: true }],
  [
    "Gemini, schemas",
    400,
    "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
    { tool_schemas: "plain" },
  ],
  ["llama.cpp, schemas", 400, "failed to parse grammar", { tool_schemas: "plain" }],
  [
    "Moonshot, schemas",
    400,
    "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, details: <unknown keyword>",
    { tool_schemas: "plain" },
  ],
  [
    "OpenAI, schemas",
    400,
    "Invalid schema for function 'look': In context=(), 'pattern' is not permitted. invalid_function_parameters",
    { tool_schemas: "plain" },
  ],
  ["Anthropic, schemas", 400, "tools.0.custom.input_schema: JSON schema is invalid.", { tool_schemas: "plain" }],
  [
    "LiteLLM, tools",
    400,
    "litellm.UnsupportedParamsError: ollama does not support parameters: ['tools'], for model=m.",
    { tools: false },
  ],
  ["KoboldCpp, tools", 400, "This model has no tool support", { tools: false }],
  [
    "LMDeploy, tools",
    400,
    "Please launch the api_server with --tool-call-parser if you want to use tool.",
    { tools: false },
  ],
  ["tools, in Chinese", 400, "该模型不支持工具调用", { tools: false }],
  ["OpenAI, content", 400, "Invalid value for 'content': expected a string, got null.", { null_content: false }],
  [
    "pydantic, content",
    422,
    '[{"type":"string_type","loc":["body","messages",2,"content"],"msg":"Input should be a valid string"}]',
    { null_content: false },
  ],
  [
    "serde, content",
    422,
    "Failed to deserialize the JSON body into the target type: messages[2].content: invalid type: null, expected a string",
    { null_content: false },
  ],
  ["Jinja, content", 400, 'can only concatenate str (not "NoneType") to str', { null_content: false }],
  ["llama.cpp, content", 500, "Missing 'content' in message: content is required", { null_content: false }],
  ["Ollama, content", 400, "invalid message content type: <nil>", { null_content: false }],
  ["llama.cpp, content of a kind", 500, "Expected 'content' to be a string or an array", { null_content: false }],
  [
    "TGI, content",
    422,
    "Failed to deserialize the JSON body into the target type: messages[2]: data did not match any variant of untagged enum MessageBody at line 1",
    { null_content: false },
  ],
  [
    "LM Studio, content",
    400,
    'Invalid \'messages\' in payload: [ { "code": "invalid_union", "path": ["messages",2,"content"], "message": "Invalid input" } ]',
    { null_content: false },
  ],
  [
    "Bedrock, call ids",
    400,
    "1 validation error detected: Value 'functions.x:0' at 'messages.2.member.content.1.member.toolUse.toolUseId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
    { call_ids: "alphanumeric9" },
  ],
  [
    "Anthropic, ids of uses",
    400,
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    { call_ids: "alphanumeric9" },
  ],
  ["Mistral's roles", 400, "Only user, assistant and tool roles are supported!", { system_role: "user" }],
  ["roles with system", 400, "Only system, user and assistant roles are supported!", { tools: false }],
  ["streams with tools", 400, "Streaming is not supported with tools", { tools: false }],
  ["streams with tools, turned", 400, "Streaming with tools is not supported", { tools: false }],
  ["Bedrock, tools", 400, "This model doesn't support tool use in streaming mode.", { tools: false }],
  ["LM Studio, tools", 400, "This model does not have tool use capabilities", { tools: false }],
  ["Gemma's template", 400, "System role not supported", { system_role: "user" }],
  ["Gemini, Gemma", 400, "Developer instruction is not enabled for models/gemma-3-27b-it", { system_role: "user" }],
  [
    "OpenAI, o1-mini",
    400,
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    { system_role: "user" },
  ],
  [
    "a newer model",
    400,
    "The role 'system' is not supported with this model; use 'developer'.",
    { system_role: "developer" },
  ],
  [
    "llama.cpp, roles",
    500,
    "Jinja Exception: After the optional system message, conversation roles must alternate user/assistant",
    { alternating_roles: true },
  ],
  ["Llama's template", 400, "This model only supports single tool-calls at once!", { calls_per_message: "one" }],
  ["Ollama, tools", 400, "registry.ollama.ai/library/gemma:latest does not support tools", { tools: false }],
  [
    "OpenRouter, tools",
    404,
    "No endpoints found that support tool use. To learn more about provider routing, visit the docs.",
    { tools: false },
  ],
  [
    "vLLM, tools",
    400,
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    { tools: false },
  ],
  ["llama.cpp, tools", 500, "tools param requires --jinja flag", { tools: false }],
  ["OpenAI, tools", 400, "Unrecognized request argument supplied: tools", { tools: false }],
  [
    "pydantic, tools",
    422,
    '[{"type":"extra_forbidden","loc":["body","tools"],"msg":"Extra inputs are not permitted"}]',
    { tools: false },
  ],
  ["functions", 400, "Function calling is not enabled for this model", { tools: false }],
  ["a role", 400, "Unsupported role: tool", { tools: false }],
  [
    "DeepSeek",
    400,
    "The `reasoning_content` in the thinking mode must be passed back to the API.",
    { reasoning_back: "always" },
  ],
  [
    "Moonshot",
    400,
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
    { reasoning_back: "always" },
  ],
  [
    "opaque fields",
    400,
    "messages.2.tool_calls.0.extra_content: Extra inputs are not permitted",
    { call_fields: false },
  ],
];

/** Words that stay the same, and what they teach each time. */
export const repeatedRefusals: [words: string, ...lessons: Partial<Abilities>[]][] = [
  [
    "messages.2.content must be a non-empty string",
    { null_content: false },
    { null_content: false, empty_content: false },
  ],
  [
    "Each message must have at least one content element.",
    { null_content: false },
    { null_content: false, empty_content: false },
  ],
  [
    "After the (optional) system message(s), user and assistant roles should be alternating.",
    { alternating_roles: true },
  ],
  [
    "body.messages[0].role: Input should be 'user' or 'assistant': literal_error",
    { system_role: "user" },
    { system_role: "user", tools: false },
  ],
  ["Please use a valid role: user, model.", { system_role: "user" }, { system_role: "user", tools: false }],
  [
    "the role of message with even index in the messages must be assistant",
    { alternating_roles: true },
    { alternating_roles: true, system_role: "user" },
  ],
  [
    "Conversation roles must alternate user/assistant/user/assistant/...",
    { alternating_roles: true },
    { alternating_roles: true, system_role: "user" },
  ],
  ["Only user and assistant roles are supported!", { system_role: "user" }, { system_role: "user", tools: false }],
];

/** Words that teach nothing: the request is wrong in another way, or nothing is. */
export const otherRefusals: [name: string, status: number, words: string][] = [
  ["a size", 400, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens."],
  ["a length", 400, "body.messages[1].content: String should have at most 10 characters: string_too_long"],
  ["an unknown call", 400, "Failed to call a function. Please adjust your prompt. tool_use_failed"],
  ["an id that has no result", 400, "unexpected `tool_use_id` found: each must have a corresponding `tool_use` block"],
  ["a context", 400, "This model's maximum context length is 8192 tokens."],
  [
    "arguments",
    400,
    "tool call validation failed: parameters for tool look did not match the JSON schema: tool_use_failed",
  ],
  [
    "a missing result",
    400,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
  ],
  ["a signature", 400, "Function call is missing a thought_signature in functionCall parts. INVALID_ARGUMENT"],
  ["a model", 404, "The model `m` does not exist or you do not have access to it."],
  ["a key", 401, "stream_options"],
  ["a rate", 429, "tools are not supported at this rate"],
  ["a failure", 500, "stream_options"],
  ["an error with empty fields", 400, '{"message":"Bad request","param":null,"code":null}'],
];

/** Words about a request that has calls and no tools, and teaches nothing about the tools of others. */
export const refusalsWithoutTools: [name: string, words: string][] = [
  ["Bedrock", "The toolConfig field must be defined when using toolUse and toolResult content blocks."],
  [
    "LiteLLM",
    "litellm.UnsupportedParamsError: Bedrock doesn't support tool calling without `tools=` param specified. Pass `tools=` param OR set `litellm.modify_params = True`",
  ],
  [
    "LiteLLM, before Anthropic",
    "Anthropic expects the `tools=` param to be passed in since `tool_calls` is present in history.",
  ],
  ["Anthropic", "Requests which include `tool_use` or `tool_result` blocks must define tools"],
  ["a model without tools", "m does not support tools"],
  ["a template", "Only user and assistant roles are supported!"],
];
