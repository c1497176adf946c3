/** How a turn is recorded in `LOG` (docs/adr/0016). 1: a record for each message. 2: one for the turn. Both are read by all versions that know 2. */
export type RecordFormat = 1 | 2;

/**
 * Description of a log stream that is made now: no version that has ever used this log is too old for records of turns. It lives and dies with the stream,
 * also in backups, so that all processes of a deployment go by the same; metadata would be the place, but NATS has it only from 2.10 on.
 */
export const recordMark = "Every version of Parley that has used this log reads records of turns (parley.records=2).";

const marked = /(?:^|[\s(])parley\.records=([1-9][0-9]{0,2})(?![0-9])/;

/** What all versions that have used a log can read, by its description; 1 where that does not say so. A newer version may say more than this one knows. */
export function markedFormat(description: string | undefined): RecordFormat {
  const [, format = "1"] = marked.exec(description ?? "") ?? [];
  return Number(format) >= 2 ? 2 : 1;
}
