import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** Everybody comes at once, as after a restart of a proxy. */
export const options = optionsWith({ ...nothingLost, parley_auth: ["p(99)<5000"] });

export { handleSummary };
export default runCrowd;
