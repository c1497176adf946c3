import { createContext, use } from "react";
import { useWords, type Words } from "../words/use-words.ts";
import { ApiError } from "./api-error.ts";
import type { Api } from "./api.ts";

const ApiContext = createContext<Api | undefined>(undefined);

/** `<ApiProvider value={api}>` */
export const ApiProvider = ApiContext.Provider;

export function useApi(): Api {
  const api = use(ApiContext);
  if (api === undefined) throw new Error("There is no ApiProvider around this component.");
  return api;
}

/** What a person reads about a request that failed, or about a ChatError: a sentence in the person's language. */
export function useErrorSentence(): (error: unknown) => string {
  const words = useWords();
  return (error) => errorSentence(error, words);
}

/** Pure, for tests and for who is no component. */
export function errorSentence(error: unknown, { app, language }: Pick<Words, "app" | "language">): string {
  const { code, message } = toldBy(error);
  const own = { OFFLINE: app.api.offline, UNREACHABLE: app.api.unreachable, TIMEOUT: app.api.timeout };
  const known = new Map<string, string>(Object.entries({ ...own, UNREADABLE: app.api.unreadable }));
  // The server's sentences say more than a code, but in English.
  const translated = language === "en" ? undefined : Object.entries(app.codes).find(([known]) => known === code)?.[1];
  return known.get(code) ?? translated ?? (message === "" ? app.api.unreachable : message);
}

/** Of errors of the API and of the client alike; what else is thrown is a fault of ours and has no sentence for people. */
function toldBy(error: unknown): { code: string; message: string } {
  if (error instanceof ApiError) return error;
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return { code: error.code, message: error.message };
  }
  return { code: "UNREADABLE", message: "" };
}
