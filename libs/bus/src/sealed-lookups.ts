import type { Opening } from "./opening.ts";
import type { PatientLookups } from "./patient-lookups.ts";

/** Look-ups that give what was sealed opened. */
export function createSealedLookups(jsm: PatientLookups, { found }: Pick<Opening, "found">): PatientLookups {
  return {
    ...jsm,
    lookUp: async (stream, query) => found(await jsm.lookUp(stream, query)),
    lookUpKept: async (stream, seq) => found(await jsm.lookUpKept(stream, seq)),
    streams: {
      ...jsm.streams,
      getMessage: async (stream, query) => found(await jsm.streams.getMessage(stream, query)),
    },
  };
}
