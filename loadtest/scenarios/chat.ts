import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** People who chat: how long they wait for Parley, beyond the time that the model takes. */
export const options = optionsWith({
  ...nothingLost,
  parley_first_token_share: ["p(95)<1000"],
  parley_turn_share: ["p(95)<2000"],
  parley_turns: ["count>0"],
});

export { handleSummary };
export default runCrowd;
