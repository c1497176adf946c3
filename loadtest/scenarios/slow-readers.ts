import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** The good users beside slow readers, whom the driver plays: k6 cannot stop reading a socket. */
export const options = optionsWith({
  ...nothingLost,
  parley_first_token_share: ["p(95)<1000"],
  parley_turn_share: ["p(95)<2000"],
  parley_turns: ["count>0"],
});

export { handleSummary };
export default runCrowd;
