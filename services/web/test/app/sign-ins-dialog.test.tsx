// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { ApiProvider } from "../../src/api/use-api.ts";
import { SignInsDialog } from "../../src/app/sign-ins-dialog.tsx";
import type { Identity } from "../../src/identity/identity.ts";

test("opens with the button that changes nothing: a browser gives the focus to the first one", async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const place = document.createElement("div");
  const root = createRoot(place);
  const api = createApi(() => new Promise(() => undefined));
  const identity = {} as unknown as Identity;
  await act(async () =>
    root.render(
      <ApiProvider value={api}>
        <SignInsDialog identity={identity} onClose={() => undefined} />
      </ApiProvider>,
    ),
  );
  expect(place.querySelector("button")?.textContent).toBe("Close");
  act(() => root.unmount());
});
