import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { useClient } from "../src/index.ts";

it("says which component is missing where a hook stands outside the provider", () => {
  const Outside = () => <p>{useClient().state.name}</p>;
  expect(() => renderToString(<Outside />)).toThrow("There is no ParleyProvider around this component.");
});
