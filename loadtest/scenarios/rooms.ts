import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** What people say in rooms is seen once by each of them, in one order, and every question is answered, whichever worker dies. */
export const options = optionsWith({
  ...nothingLost,
  parley_posts: ["count>0"],
  parley_turns: ["count>0"],
  parley_said_seen: ["p(95)<1000"],
});

export { handleSummary };
export default runCrowd;
