import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** A short run that must be spotless: 1,200 connections, a quarter of them chatting. */
export const options = optionsWith({
  ...nothingLost,
  parley_connected: ["count>=1200"],
  parley_turns: ["count>=300"],
});

export { handleSummary };
export default runCrowd;
