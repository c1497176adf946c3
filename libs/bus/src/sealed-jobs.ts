import { NoticeJob, ToolJob } from "@parley/protocol";
import { z } from "zod";
import type { SealedTexts, TextPlace } from "./sealed-texts.ts";

/**
 * Jobs of Redis whose words are sealed. What decides whose turn it is (user, rights) and where a job belongs stays as it is.
 */
const SealedJob = z.object({ sealed: z.string(), conversation_id: z.string() });

const placeOf = (conversation: string, id: string): TextPlace => ({ scope: `c:${conversation}`, place: `job.${id}` });

/** Its data for the queue. `id`: of the job. Throws SealedError where there is no key. */
export async function sealToolJob(texts: SealedTexts, id: string, job: ToolJob): Promise<object> {
  if (!texts.seals) return job;
  const { v, call_id, conversation_id, turn_id, user, caller } = job;
  const sealed = await texts.seal(placeOf(conversation_id, id), JSON.stringify(job));
  return { v, call_id, conversation_id, turn_id, user: { id: user.id }, caller, sealed };
}

export async function sealNoticeJob(texts: SealedTexts, id: string, job: NoticeJob): Promise<object> {
  if (!texts.seals) return job;
  const { conversation_id } = job.notice;
  return { v: job.v, conversation_id, sealed: await texts.seal(placeOf(conversation_id, id), JSON.stringify(job)) };
}

async function opened(texts: SealedTexts, id: string, data: unknown): Promise<unknown> {
  const job = SealedJob.safeParse(data).data;
  if (job === undefined) return data;
  const text = await texts.open(placeOf(job.conversation_id, id), job.sealed);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Undefined: it is none as this version knows it, or its conversation was deleted. Throws SealedError. */
export async function openToolJob(texts: SealedTexts, id: string, data: unknown): Promise<ToolJob | undefined> {
  return ToolJob.safeParse(await opened(texts, id, data)).data;
}

export async function openNoticeJob(texts: SealedTexts, id: string, data: unknown): Promise<NoticeJob | undefined> {
  return NoticeJob.safeParse(await opened(texts, id, data)).data;
}
