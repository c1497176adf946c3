import { choice, said, stop, type Deviation } from "./deviation.ts";

const call = (more: object = {}) => ({ index: 0, id: "a", function: { name: "look", arguments: '{"x":1}' }, ...more });
const look: [string, string][] = [["look", '{"x":1}']];

const contents: Deviation[] = [
  [
    "parts of text",
    said([
      { type: "text", text: "Hel" },
      { type: "text", text: "lo" },
    ]),
    { text: "Hello" },
  ],
  ["one part", said({ type: "text", text: "Hello" }), { text: "Hello" }],
  ["texts in a list", said(["Hel", "lo"]), { text: "Hello" }],
  ["a part without a type", said([{ text: "Hello" }]), { text: "Hello" }],
  ["output_text", said([{ type: "output_text", text: "Hello" }]), { text: "Hello" }],
  ["a part with a value", said([{ type: "text", text: { value: "Hello" } }]), { text: "Hello" }],
  [
    "thinking in parts",
    said([
      { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
      { type: "text", text: "Hello" },
    ]),
    { text: "Hello", reasoning: "hm" },
  ],
  [
    "thinking as text in a part",
    said([
      { type: "thinking", thinking: "hm" },
      { type: "text", text: "Hello" },
    ]),
    { text: "Hello", reasoning: "hm" },
  ],
  ["a part of reasoning", said([{ type: "reasoning", text: "hm" }, "Hello"]), { text: "Hello", reasoning: "hm" }],
  ["a refusal in a part", said([{ type: "refusal", refusal: "No." }]), { text: "No." }],
  [
    "parts that nobody knows",
    said([
      { type: "image_url", image_url: { url: "x" } },
      { type: "text", text: "Hello" },
    ]),
    { text: "Hello" },
  ],
  ["a number", said(42), { text: "42" }],
  ["zero", said(0), { text: "0" }],
  ["true", [choice({ content: true }), ...said("Hello")], { text: "Hello" }],
  ["null", [choice({ content: null }), ...said("Hello")], { text: "Hello" }],
  ["an empty list", [choice({ content: [] }), ...said("Hello")], { text: "Hello" }],
  ["parts that are null", said([null, { type: "text", text: null }, "Hello"]), { text: "Hello" }],
  ["a list in a list too deep", said([[[[[[[[[["deep"]]]]]]]]], "Hello"]), { text: "Hello" }],
];

const chunks: Deviation[] = [
  ["no choices", [{}, ...said("Hello")], { text: "Hello" }],
  ["choices null", [{ choices: null }, ...said("Hello")], { text: "Hello" }],
  ["no choice in choices", [{ choices: [] }, ...said("Hello")], { text: "Hello" }],
  ["a choice that is null", [{ choices: [null] }, ...said("Hello")], { text: "Hello" }],
  ["one choice as an object", [{ choices: { delta: { content: "Hello" }, finish_reason: "stop" } }], { text: "Hello" }],
  [
    "choices under their numbers",
    [{ choices: { 0: { delta: { content: "Hello" }, finish_reason: "stop" } } }],
    { text: "Hello" },
  ],
  ["delta null", [choice(null), ...said("Hello")], { text: "Hello" }],
  ["a text as delta", [choice("Hello"), stop], { text: "Hello" }],
  ["a list as delta", [choice([1]), ...said("Hello")], { text: "Hello" }],
  ["delta.text", [choice({ text: "Hello" }), stop], { text: "Hello" }],
  ["the older completions", [{ choices: [{ index: 0, text: "Hello", finish_reason: "stop" }] }], { text: "Hello" }],
  [
    "a message in place of a delta",
    [{ choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }] }],
    { text: "Hello" },
  ],
  [
    "a message beside delta null",
    [{ choices: [{ delta: null, message: { content: "Hello" }, finish_reason: "stop" }] }],
    { text: "Hello" },
  ],
  [
    "the whole message after its deltas",
    [
      choice({ content: "Hel" }),
      choice({ content: "lo" }),
      { choices: [{ index: 0, message: { content: "Hello" }, finish_reason: "stop" }] },
    ],
    { text: "Hello" },
  ],
  [
    "several choices in one chunk",
    [
      {
        choices: [
          { index: 0, delta: { content: "Hello" } },
          { index: 1, delta: { content: "Bye" }, finish_reason: "length" },
        ],
      },
      stop,
    ],
    { text: "Hello", finish: "stop" },
  ],
  [
    "several choices in turn",
    [
      { choices: [{ index: 1, delta: { content: "B" } }] },
      { choices: [{ index: 0, delta: { content: "H" } }] },
      { choices: [{ index: 1, delta: { content: "ye" }, finish_reason: "stop" }] },
    ],
    { text: "Bye" },
  ],
  [
    "another choice whose role comes first",
    [
      { choices: [{ index: 1, delta: { role: "assistant", content: "" } }] },
      { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
      { choices: [{ index: 1, delta: { content: "Bye" }, finish_reason: "length" }] },
      ...said("Hello"),
    ],
    { text: "Hello", finish: "stop" },
  ],
  [
    "the index of a choice as text",
    [{ choices: [{ index: "0", delta: { content: "Hello" }, finish_reason: "stop" }] }],
    { text: "Hello" },
  ],
  [
    "one choice without an index",
    [choice({ content: "Hel" }), { choices: [{ delta: { content: "lo" }, finish_reason: "stop" }] }],
    { text: "Hello" },
  ],
  [
    "fields that nobody knows",
    [{ ...choice({ content: "Hello", padding: "xx", audio: null }), nonce: {}, created: "now", provider: 7 }, stop],
    { text: "Hello" },
  ],
  ["a chunk that is a text", ["ping", ...said("Hello")], { text: "Hello" }],
  ["a chunk that is null", [null, ...said("Hello")], { text: "Hello" }],
  ["a chunk that is a list", [[1], ...said("Hello")], { text: "Hello" }],
  ["no error as error", [{ ...choice({ content: "Hello" }), error: null }, stop], { text: "Hello" }],
];

const reasonings: Deviation[] = [
  ["reasoning_content", [choice({ reasoning_content: "hm" }), ...said("Hello")], { text: "Hello", reasoning: "hm" }],
  [
    "the same under two names",
    [choice({ reasoning: "hm", reasoning_content: "hm" }), ...said("Hello")],
    { reasoning: "hm" },
  ],
  [
    "reasoning and its details",
    [choice({ reasoning: "hm", reasoning_details: [{ type: "reasoning.text", text: "hm" }] }), ...said("Hello")],
    { reasoning: "hm" },
  ],
  [
    "details alone",
    [
      choice({
        reasoning_details: [
          { type: "reasoning.summary", summary: "hm" },
          { type: "reasoning.encrypted", data: "x" },
        ],
      }),
      ...said("Hello"),
    ],
    { text: "Hello", reasoning: "hm" },
  ],
  ["reasoning as an object", [choice({ reasoning: { content: "hm" } }), ...said("Hello")], { reasoning: "hm" }],
  ["reasoning as a list", [choice({ reasoning: [{ text: "h" }, "m"] }), ...said("Hello")], { reasoning: "hm" }],
  ["thinking", [choice({ thinking: "hm" }), ...said("Hello")], { reasoning: "hm" }],
  [
    "reasoning false",
    [choice({ reasoning: false, reasoning_content: null }), ...said("Hello")],
    { text: "Hello", reasoning: "" },
  ],
  [
    "white space between reasoning and text",
    [choice({ reasoning_content: "hm" }), ...said("\n\nHello")],
    { text: "Hello", reasoning: "hm" },
  ],
  ["think tags", said("<think>hm</think>\n\nHello"), { text: "Hello", reasoning: "hm" }],
  ["think tags after white space", said("\n <think>\nhm\n</think>Hello"), { text: "Hello", reasoning: "\nhm\n" }],
  ["empty think tags", said("<think>\n\n</think>\n\nHello"), { text: "Hello", reasoning: "\n\n" }],
  ["think tags in capitals", said("<THINK>hm</THINK>\n\nHello"), { text: "Hello", reasoning: "hm" }],
  [
    "Harmony",
    said("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello"),
    { text: "Hello", reasoning: "hm" },
  ],
  ["thinking tags", said("<thinking>hm</thinking>Hello"), { text: "Hello", reasoning: "hm" }],
  ["reasoning tags", said("<reasoning>hm</reasoning>Hello"), { text: "Hello", reasoning: "hm" }],
  ["thought tags", said("<thought>hm</thought>Hello"), { text: "Hello", reasoning: "hm" }],
  ["Magistral's tags", said("[THINK]hm[/THINK]Hello"), { text: "Hello", reasoning: "hm" }],
  ["two reasonings", said("<think>a</think>\n<think>b</think>Hello"), { text: "Hello", reasoning: "ab" }],
  ["the end of reasoning alone", said("hm\n</think>\n\nHello"), { text: "Hello", reasoning: "hm\n" }],
  [
    "the end of reasoning alone, later",
    [choice({ content: "hm" }), choice({ content: "</think>" }), ...said("Hello")],
    { text: "Hello", reasoning: "hm" },
  ],
  ["a left-over end of reasoning", said("</think>Hello"), { text: "Hello", reasoning: "" }],
  ["tags in the middle", said("Use <think>hm</think> for it."), { text: "Use <think>hm</think> for it." }],
  ["tags in code", said("Write `a</think>b` here."), { text: "Write `a</think>b` here." }],
  ["a quoted tag", said('The tag "</think>" ends it.'), { text: 'The tag "</think>" ends it.' }],
  ...["1. First\n2. </think>\n3. Third", "> </think>\n> said", "- </think>\n- <think>", "# </think>\n\nEnds it."].map(
    (text): Deviation => [`a tag that is an item: ${text}`, said(text), { text }],
  ),
  ["a tag as a word", said("A </think> ends it."), { text: "A </think> ends it." }],
  ["other tags", said("<thin>x</thin> <b>Hello</b>"), { text: "<thin>x</thin> <b>Hello</b>" }],
  [
    "a tag in the text of a server that tells reasoning apart",
    [choice({ reasoning: "hm" }), ...said("a</think>b")],
    { text: "a</think>b", reasoning: "hm" },
  ],
  ["reasoning that never ends", said("<think>hm"), { text: "", reasoning: "hm", finish: "empty" }],
  ["reasoning alone", [choice({ reasoning_content: "hm" }), stop], { text: "", reasoning: "hm", finish: "empty" }],
];

/** A message beside a delta that says nothing. */
const beside = (delta: object, message: object, finish: string) => [choice(delta, finish, { message })];
const besides: Deviation[] = [
  ["an empty delta", beside({}, { role: "assistant", content: "Hello" }, "stop"), { text: "Hello", finish: "stop" }],
  ["an empty delta, and a call", beside({}, { tool_calls: [call()] }, "tool_calls"), { calls: look }],
  [
    "a delta of null, and a call",
    beside({ role: "assistant", content: null }, { content: null, tool_calls: [call()] }, "tool_calls"),
    { calls: look },
  ],
  [
    "deltas that said it all",
    [choice({ content: "Hello" }), ...beside({}, { content: "Hello" }, "stop")],
    { text: "Hello", finish: "stop" },
  ],
  [
    "a delta that says it all",
    beside({ content: "Hello" }, { content: "Hello" }, "stop"),
    { text: "Hello", finish: "stop" },
  ],
  [
    "a delta with only the role before",
    [
      choice({ role: "assistant", content: "" }),
      { choices: [{ message: { content: "Hello" }, finish_reason: "stop" }] },
    ],
    { text: "Hello", finish: "stop" },
  ],
];

const finishes: Deviation[] = [
  ...["end_turn", "eos", "eos_token", "stop_sequence", "COMPLETE", "STOP", "FINISH_REASON_STOP", "end"].map(
    (reason): Deviation => [reason, [choice({ content: "Hello" }, reason)], { text: "Hello", finish: "stop" }],
  ),
  ...["length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "model_context_window_exceeded"].map(
    (reason): Deviation => [reason, [choice({ content: "Hel" }, reason)], { text: "Hel", finish: "length" }],
  ),
  ...["content_filter", "SAFETY", "RECITATION", "sensitive", "refusal", "PROHIBITED_CONTENT"].map(
    (reason): Deviation => [reason, [choice({ content: "Hel" }, reason)], { text: "Hel", finish: "content_filter" }],
  ),
  ...["content_filter: RECITATION", "content_filter: PROHIBITED_CONTENT"].map((reason): Deviation => [
    reason,
    [choice({ content: "Hel" }, reason)],
    { text: "Hel", finish: "content_filter" },
  ]),
  ["a filter with its reason, and nothing", [choice({}, "content_filter: SPII")], { finish: "content_filter" }],
  ["a reason that nobody knows", [choice({ content: "Hello" }, "tired")], { text: "Hello", finish: "other" }],
  [
    "finishReason beside a null",
    [choice({ content: "Hel" }, null, { finishReason: "MAX_TOKENS" })],
    { finish: "length" },
  ],
  ["a number as reason", [choice({ content: "Hello" }, 7)], { text: "Hello", finish: "other" }],
  ["an object as reason", [choice({ content: "Hello" }, {})], { text: "Hello", finish: "stop" }],
  [
    "stop in every chunk",
    [choice({ content: "Hel" }, "stop"), choice({ content: "lo" }, "stop")],
    { text: "Hello", finish: "stop" },
  ],
  [
    "no reason until there is one",
    [choice({ content: "Hel" }, "null"), choice({ content: "lo" }, ""), stop],
    { text: "Hello", finish: "stop" },
  ],
  ["stop after length", [choice({ content: "Hel" }, "length"), stop], { text: "Hel", finish: "length" }],
  [
    "text after its end",
    [choice({ content: "Hel" }, "stop"), choice({ content: "lo" })],
    { text: "Hello", finish: "stop" },
  ],
  [
    "calls announced, and text instead",
    [choice({ content: "Hello" }, "tool_calls")],
    { text: "Hello", finish: "stop" },
  ],
  ["nothing", [stop], { text: "", finish: "empty" }],
  ["white space alone", said(" \n"), { text: " \n", finish: "empty" }],
  ["calls announced, and nothing", [choice({}, "tool_calls")], { finish: "empty" }],
  ["nothing, cut by a filter", [choice({}, "content_filter")], { finish: "content_filter" }],
  ["nothing, cut by length", [choice({ reasoning: "hm" }, "length")], { finish: "length" }],
];

const calls: Deviation[] = [
  ["one call by itself", [choice({ tool_calls: call() }, "tool_calls")], { calls: look, finish: "tool_calls" }],
  [
    "calls under their numbers",
    [
      choice({ tool_calls: { 0: { id: "a", function: { name: "look", arguments: '{"x"' } } } }),
      choice({ tool_calls: { 0: { function: { arguments: ":1}" } } } }, "tool_calls"),
    ],
    { calls: look },
  ],
  ["calls null", [choice({ content: "Hello", tool_calls: null }), stop], { text: "Hello", calls: [] }],
  [
    "no calls in calls",
    [choice({ content: "Hello", tool_calls: [] }), stop],
    { text: "Hello", calls: [], finish: "stop" },
  ],
  [
    "calls that are none",
    [choice({ content: "Hello", tool_calls: ["x", null, 7] }), stop],
    { text: "Hello", calls: [] },
  ],
  [
    "the old function_call",
    [
      choice({ function_call: { name: "look", arguments: '{"x"' } }),
      choice({ function_call: { arguments: ":1}" } }, "function_call"),
    ],
    { calls: look, finish: "tool_calls" },
  ],
  ["function_call null", [choice({ content: "Hello", function_call: null }), stop], { text: "Hello", calls: [] }],
  ["stop beside calls", [choice({ tool_calls: [call()] }), stop], { calls: look, finish: "tool_calls" }],
  ["tool_use", [choice({ tool_calls: [call()] }, "tool_use")], { calls: look, finish: "tool_calls" }],
  [
    "calls in the message after the deltas",
    [
      choice({ tool_calls: [call()] }),
      { choices: [{ index: 0, message: { tool_calls: [call()] }, finish_reason: "tool_calls" }] },
    ],
    { calls: look },
  ],
  [
    "calls beside text and reasoning",
    [choice({ content: "Hel", reasoning: "hm", tool_calls: [call()] }), choice({ content: "lo" }, "tool_calls")],
    { text: "Hello", reasoning: "hm", calls: look },
  ],
  [
    "calls of a foreign choice",
    [
      {
        choices: [
          { index: 1, delta: { tool_calls: [call()] } },
          { index: 0, delta: { content: "Hello" } },
        ],
      },
      stop,
    ],
    { text: "Hello", calls: [] },
  ],
  [
    "an output limit after whole calls",
    [choice({ tool_calls: [call()] }, "length")],
    { calls: look, finish: "tool_calls" },
  ],
  [
    "a filter after calls",
    [choice({ tool_calls: [call()] }, "content_filter")],
    { calls: [], finish: "content_filter" },
  ],
];

export const deviations: readonly Deviation[] = [
  ...contents.map(([name, ...rest]): Deviation => [`content: ${name}`, ...rest]),
  ...chunks.map(([name, ...rest]): Deviation => [`chunk: ${name}`, ...rest]),
  ...reasonings.map(([name, ...rest]): Deviation => [`reasoning: ${name}`, ...rest]),
  ...besides.map(([name, ...rest]): Deviation => [`a message beside ${name}`, ...rest]),
  ...finishes.map(([name, ...rest]): Deviation => [`finish: ${name}`, ...rest]),
  ...calls.map(([name, ...rest]): Deviation => [`calls: ${name}`, ...rest]),
];
