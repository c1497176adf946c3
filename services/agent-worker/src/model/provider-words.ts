/** What a provider says went wrong, in whatever shape. */
export interface ProviderWords {
  /** For people of the provider's side. Its sentences may quote the request; its fields that repeat it are left out. */
  readonly words: string;
  /** The same with everything that the error names: its parameter, code and type. */
  readonly all: string;
  /** Of the error itself, where it names one or its name stands for one. */
  readonly status: number | undefined;
  /** The first of its names: `insufficient_quota`, `RESOURCE_EXHAUSTED`, `BadRequestError`. */
  readonly name: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value in a stream, or in place of one, is an error: OpenAI's and most others', vLLM's, Anthropic's, Gemini's in an array. */
export function isErrorValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && isErrorValue(value[0]);
  if (!isFields(value)) return false;
  if (value["object"] === "error" || value["type"] === "error") return true;
  const { error } = value;
  return (typeof error === "string" && error !== "") || (isFields(error) && !isBlank(error));
}

/** Some servers have an error with nothing in it in every chunk. */
export function isBlank(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isBlank);
  return value === undefined || value === null || value === "" || value === 0 || value === false;
}

/** Whether a whole body is an error: there FastAPI's `detail` and bare messages are one too. */
export function isErrorBody(value: unknown): boolean {
  if (isErrorValue(value)) return true;
  if (!isFields(value) || "choices" in value) return false;
  return "detail" in value || "errors" in value || typeof value["message"] === "string";
}

/** Reads the shapes of OpenAI, vLLM, FastAPI, Gemini, Mistral, Anthropic, Ollama and of plain text. */
export function wordsOf(body: unknown): ProviderWords {
  const outer = firstOf(body);
  if (!isFields(outer)) {
    const words = ownWords(body);
    return { words, all: words, status: undefined, name: undefined };
  }
  const inner = outer["error"] ?? firstOf(outer["errors"]) ?? outer["message"] ?? outer["detail"] ?? outer;
  const codes = [inner, outer]
    .filter(isFields)
    .flatMap((fields) => [fields["code"], fields["status"], fields["status_code"], fields["type"]]);
  const names = codes.filter((code): code is string => typeof code === "string" && code !== "" && code !== "error");
  const words = ownWords(saidBy(inner));
  const param = isFields(inner) ? inner["param"] : undefined;
  return {
    words,
    all: [words, ...names, ...(typeof param === "string" ? [param] : [])].join(" "),
    status: codes.map(numberedStatus).find((status) => status !== undefined) ?? namedStatus(names),
    name: names[0],
  };
}

function saidBy(error: unknown): unknown {
  return isFields(error) ? (error["message"] ?? error["detail"] ?? error["msg"] ?? error) : error;
}

function firstOf(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const first: unknown = value[0];
  return first;
}

/** Where servers say what is wrong, and where. Others, as `input` and `ctx`, repeat what was sent. */
const ownFields = [
  "loc",
  "path",
  "field",
  "error",
  "message",
  "msg",
  "detail",
  "description",
  "reason",
  "errors",
  "type",
];

function ownWords(value: unknown): string {
  if (Array.isArray(value))
    return value
      .map(ownWords)
      .filter((words) => words !== "")
      .join("; ");
  if (typeof value === "string") return value;
  if (!isFields(value)) return value === null || value === undefined ? "" : JSON.stringify(value);
  return ownFields
    .map((name) => (Array.isArray(value[name]) && isPlace(name) ? placeOf(value[name]) : ownWords(value[name])))
    .filter((words) => words !== "")
    .join(": ");
}

function isPlace(name: string): boolean {
  return name === "loc" || name === "path";
}

/** `["body", "tools", 0, "type"]`: body.tools[0].type */
function placeOf(parts: readonly unknown[]): string {
  return parts
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .slice(1);
}

function numberedStatus(code: unknown): number | undefined {
  const status = typeof code === "string" ? Number(code) : code;
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** Errors inside of a response with status 200 say by name what others say by status. The first that fits. */
const statusByName: readonly (readonly [RegExp, number])[] = [
  [/insufficient_quota|billing|credit/i, 402],
  [/rate.?limit|too.?many|exhausted|throttl/i, 429],
  [/authentication|unauthori[sz]ed|unauthenticated|api.?key/i, 401],
  [/permission|forbidden/i, 403],
  [/not.?found/i, 404],
  [/overloaded|unavailable|server.?error|internal|time.?out|api_error|bad_gateway/i, 503],
  [/invalid|bad.?request|unprocessable|context_length/i, 400],
];

function namedStatus(names: readonly string[]): number | undefined {
  return statusByName.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}
