import { isHttpAddress, StartError } from "@parley/runtime";

export type Provider = {
  readonly name: "openai" | "openrouter" | "simulated" | "openai-compatible";
  readonly baseURL: string;
  readonly apiKey: string;
  /** Used when a request names none. */
  readonly model: string;
  /** Answers are not from a real model; whoever shows one must say so. */
  readonly simulated: boolean;
  readonly headers: Readonly<Record<string, string>>;
};

export type ProviderSettings = {
  readonly OPENAI_API_KEY?: string | undefined;
  readonly OPENAI_BASE_URL?: string | undefined;
  readonly OPENAI_MODEL?: string | undefined;
  readonly OPENROUTER_API_KEY?: string | undefined;
};

const OPENAI_URL = "https://api.openai.com/v1";
export const OPENAI_DEFAULT_MODEL = "gpt-4.1-mini";
export const OPENAI_TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe";
const OPENROUTER_URL = "https://openrouter.ai/api/v1";
export const OPENROUTER_DEFAULT_MODEL = "meta-llama/llama-3.1-8b-instruct:free";
/** How Parley's own model simulator is named; `npm start` passes both when no model is configured. */
const SIMULATED_KEY = "simulated";
const SIMULATED_MODEL = "parley-simulated";

/** OpenRouter names the calling application by these (openrouter.ai/docs/app-attribution). */
const attribution = { "HTTP-Referer": "http://localhost", "X-OpenRouter-Title": "Parley" };

/**
 * The provider that the settings describe. `OPENAI_*` wins over `OPENROUTER_API_KEY`, and a key goes to no host but its
 * own. Throws a StartError when nothing is configured or the address cannot be used.
 */
export function providerFrom(settings: ProviderSettings): Provider {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseURL, OPENROUTER_API_KEY: routerKey } = settings;
  if (baseURL !== undefined) return providerAt(baseURL, settings);
  if (key !== undefined) return openai(OPENAI_URL, key, settings.OPENAI_MODEL);
  if (routerKey !== undefined) return openrouter(OPENROUTER_URL, routerKey, settings.OPENAI_MODEL);
  throw new StartError("No language model is configured: set OPENAI_API_KEY, OPENROUTER_API_KEY or OPENAI_BASE_URL.");
}

/** A server that `models.yaml` names, and one model there. */
export interface NamedServer {
  readonly address: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Its address says what is known of it, as for `OPENAI_BASE_URL`. */
export function serverProvider({ address, key = "none", headers }: NamedServer, model: string): Provider {
  const { hostname } = new URL(address);
  const provider =
    hostname === new URL(OPENAI_URL).hostname
      ? openai(address, key, model)
      : hostname === new URL(OPENROUTER_URL).hostname
        ? openrouter(address, key, model)
        : compatible(address, key, model);
  return { ...provider, headers: { ...provider.headers, ...headers } };
}

/** Whether the settings say anything of a model. */
export function namesProvider(settings: ProviderSettings): boolean {
  return [settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, settings.OPENROUTER_API_KEY].some(
    (setting) => setting !== undefined,
  );
}

function providerAt(baseURL: string, settings: ProviderSettings): Provider {
  const { OPENAI_API_KEY: key, OPENAI_MODEL: model, OPENROUTER_API_KEY: routerKey } = settings;
  const { hostname } = parseAddress(baseURL);
  if (hostname === new URL(OPENAI_URL).hostname) {
    if (key === undefined) throw new StartError("OPENAI_API_KEY is not set, but OPENAI_BASE_URL is OpenAI's address.");
    return openai(baseURL, key, model);
  }
  if (hostname === new URL(OPENROUTER_URL).hostname) {
    const ownKey = key ?? routerKey;
    if (ownKey === undefined)
      throw new StartError("OPENROUTER_API_KEY is not set, but OPENAI_BASE_URL is OpenRouter's.");
    return openrouter(baseURL, ownKey, model);
  }
  return compatible(baseURL, key, model);
}

function parseAddress(text: string): URL {
  if (!isHttpAddress(text)) throw new StartError("OPENAI_BASE_URL is not an http or https address.");
  const url = new URL(text);
  // fetch refuses such an address only at the first request, with the password in its message.
  if (url.username !== "" || url.password !== "") {
    throw new StartError("OPENAI_BASE_URL must not contain a user name or password: use OPENAI_API_KEY.");
  }
  return url;
}

function openai(baseURL: string, apiKey: string, model = OPENAI_DEFAULT_MODEL): Provider {
  return { name: "openai", baseURL, apiKey, model, simulated: false, headers: {} };
}

function openrouter(baseURL: string, apiKey: string, model = OPENROUTER_DEFAULT_MODEL): Provider {
  return { name: "openrouter", baseURL, apiKey, model, simulated: false, headers: attribution };
}

/** Any other server. Local ones want no key, but the header must not be empty. */
function compatible(baseURL: string, apiKey = "none", named?: string): Provider {
  const simulated = apiKey === SIMULATED_KEY || named?.startsWith(SIMULATED_MODEL) === true;
  const model = named ?? (simulated ? SIMULATED_MODEL : undefined);
  // A name that is made up here would fail each turn, or silently be another model than the one that was meant.
  if (model === undefined) {
    throw new StartError("OPENAI_MODEL is not set, but OPENAI_BASE_URL is not OpenAI's: name a model of that server.");
  }
  return {
    name: simulated ? "simulated" : "openai-compatible",
    baseURL,
    apiKey,
    model,
    simulated,
    headers: {},
  };
}
