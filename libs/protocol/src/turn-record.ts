import { z } from "zod";
import { addressFields } from "./address-fields.ts";
import { AnyErrorCode } from "./errors.ts";
import { AnswerMetadata } from "./answer-metadata.ts";
import { Author } from "./author.ts";
import { Usage } from "./usage.ts";
import { TurnId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";
import { Part } from "./parts.ts";
import { RecordLink } from "./record-link.ts";

const message = {
  message_id: z.string(),
  author: Author,
  parts: z.array(Part),
  ts: z.number(),
};

/** The content of a turn's record; a later version may store it sealed. */
const turn = {
  question: z.object({ ...message, id: z.string(), ...addressFields }),
  answer: z.object({
    ...message,
    status: openEnum(["complete", "cancelled", "error"]),
    code: AnyErrorCode.optional(),
    retryable: z.boolean().optional(),
    usage: Usage,
    metadata: AnswerMetadata.optional(),
  }),
};

/**
 * One record of `LOG` from version 2 on: a whole turn, question and answer (docs/adr/0016). Records of version 1 are one message each
 * (`LogRecord`).
 */
export const TurnRecord = z.object({
  /** 2; of a newer version what this one knows of it. */
  v: z.number().int().min(2),
  kind: z.literal("turn"),
  ...RecordLink.shape,
  turn_id: TurnId,
  /** The turn behind which it was asked, where that is not the one before. `beginning`: none. */
  parent: TurnId.optional(),
  /** The turn in whose place it was asked. */
  supersedes: TurnId.optional(),
  /** Sequence of the turn in `TURNS`: turns are told in this order. */
  place: z.number().int().positive().optional(),
  /** When the broker put the turn into the queue, by its own clock, ms since 1970. */
  queued_at: z.number().optional(),
  ...turn,
});
export type TurnRecord = z.infer<typeof TurnRecord>;
