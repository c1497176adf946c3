import { z } from "zod";
import type { ErrorCode as KnownCode } from "./chat-error.ts";
import { isErrorCode } from "./error-table.ts";

export type ErrorCode = KnownCode;
export const ErrorCode = z.custom<ErrorCode>(isErrorCode, "is not a known error code");

/** A code as it is read: a newer version may know more. The sentence and `retryable` that come with it hold, whether it is known or not. */
export const AnyErrorCode = z.string();
