import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** Good users among clients that flood, send garbage and huge frames, guess tokens and never authenticate. */
export const options = optionsWith({
  ...nothingLost,
  parley_first_token_share: ["p(95)<1000"],
  parley_turn_share: ["p(95)<2000"],
  parley_turns: ["count>0"],
  parley_abuser_closes: ["count>0"],
  parley_abusive_frames: ["count>0"],
});

export { handleSummary };
export default runCrowd;
