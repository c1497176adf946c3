import { sleep } from "@parley/runtime";
import { NotDoneError, ToolError, UnknownEffectError, type ToolContext, type ToolOutput } from "../tools/tool.ts";
import { foreignLine, outputOf, saidOf } from "./answer-text.ts";
import { ExchangeError, type Exchange, type HttpAnswer } from "./exchange.ts";
import type { HttpRequest } from "./http-request.ts";

/** One service, as all its tools ask it. */
export interface Service {
  /** Of its file. */
  readonly name: string;
  readonly exchange: Exchange;
  /** Credentials, by header. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface ServiceCall {
  readonly request: HttpRequest;
  readonly effect: "read" | "write";
  /** `GET /items/7`: what people know of it. */
  readonly asked: string;
}

const MAX_REDIRECTS = 3;
/** Answers after which the same may be asked again at once. */
const passing = new Set([429, 502, 503, 504]);
const RETRY_MS = 300;
const MAX_RETRY_MS = 2_000;

/**
 * What a call comes to. A read is asked once more when the connection broke or the service says that it cannot answer now. A change is sent once; when it may have come and no
 * answer says what became of it, nobody knows.
 */
export async function callService(
  service: Service,
  call: ServiceCall,
  context: Pick<ToolContext, "signal">,
): Promise<ToolOutput> {
  const { signal } = context;
  const answer = call.effect === "read" ? await read(service, call, signal) : await send(service, call, signal);
  return resultOf(service, call, answer);
}

async function read(service: Service, call: ServiceCall, signal: AbortSignal): Promise<HttpAnswer> {
  const first = await follow(service, call, signal).catch((error: unknown) => {
    if (!(error instanceof ExchangeError) || signal.aborted) throw failure(service, call, error);
    return undefined;
  });
  if (first !== undefined && !passing.has(first.status)) return first;
  const waitMs = first?.retryAfterMs ?? RETRY_MS;
  if (first !== undefined && waitMs > MAX_RETRY_MS) return first;
  await sleep(waitMs, signal);
  return follow(service, call, signal).catch((error: unknown) => {
    throw failure(service, call, error);
  });
}

/** Credentials go nowhere but to the service itself. */
async function follow(
  { exchange, secrets, name }: Service,
  call: ServiceCall,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { request } = call;
  let { url } = request;
  for (let redirects = 0; ; redirects++) {
    const answer = await exchange.send({ ...request, url, headers: { ...request.headers, ...secrets } }, signal, false);
    const { status, location } = answer;
    const isRedirect = status >= 301 && status <= 308 && status !== 304 && location !== undefined;
    if (!isRedirect || !["GET", "HEAD"].includes(request.method)) return answer;
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next === undefined || next.origin !== request.url.origin || next.username !== "")
      throw new ToolError(`The service ${name} leads elsewhere: ${foreignLine(location)}. That is not followed.`);
    if (redirects === MAX_REDIRECTS) throw new ToolError(`The service ${name} leads in circles.`);
    url = next;
  }
}

async function send({ exchange, secrets, name }: Service, call: ServiceCall, signal: AbortSignal): Promise<HttpAnswer> {
  const { request } = call;
  try {
    return await exchange.send({ ...request, headers: { ...request.headers, ...secrets } }, signal, true);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    if (!error.isUnsent)
      throw new UnknownEffectError(`the service ${name} was asked, and ${error.message}.`, { cause: error });
    const words = `The service ${name} was not reached: ${error.message}. Nothing was changed.`;
    throw signal.aborted ? new NotDoneError(words, { cause: error }) : new ToolError(words, { cause: error });
  }
}

function failure({ name }: Service, { asked }: ServiceCall, error: unknown): unknown {
  if (!(error instanceof ExchangeError)) return error;
  return new ToolError(`${asked} has no answer of the service ${name}: ${error.message}.`, { cause: error });
}

function resultOf(service: Service, call: ServiceCall, answer: HttpAnswer): ToolOutput {
  const { status } = answer;
  if (status >= 200 && status < 300) return outputOf(answer, call.asked, service.name);
  const words = `${call.asked} was answered with ${status} by the service ${service.name}.${saidOf(answer)}`;
  // 501: it knows no such method, so it did nothing.
  if (call.effect === "write" && ((status >= 500 && status !== 501) || status === 408))
    throw new UnknownEffectError(words);
  if (status === 401 || status === 407)
    throw new ToolError(
      `The service ${service.name} does not accept the credentials that it was asked with (${status}).`,
    );
  if (status >= 300 && status < 400)
    throw new ToolError(
      `${call.asked} leads elsewhere (${status}), and only reads follow that. Nothing was changed there.`,
    );
  throw new ToolError(words);
}
