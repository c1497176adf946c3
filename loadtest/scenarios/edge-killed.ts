import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** Half of the viewers lose their edge, half of those in mid-answer, and come back to the other with their cursor. */
export const options = optionsWith({
  ...nothingLost,
  parley_reconnects: ["count>0"],
  parley_resume: ["max<10000"],
});

export { handleSummary };
export default runCrowd;
