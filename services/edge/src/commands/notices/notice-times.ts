import { presenceMs } from "../../signals/asking.ts";

/** So long before a notice is due it is looked whether it still holds: asking other edges takes half of it. */
export const lookBeforeMs = 2 * presenceMs;

/** With less the look would come before the others have said who is there. */
export const minNoticeDelayMs = lookBeforeMs + 500;
