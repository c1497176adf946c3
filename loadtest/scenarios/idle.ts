import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** Connections that are only there: what one costs, and how many a process holds. */
export const options = optionsWith({ ...nothingLost, parley_auth: ["p(99)<2000"] });

export { handleSummary };
export default runCrowd;
