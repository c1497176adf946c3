import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

const ANSWER_DEADLINE_MS = 2000;
const MAX_BODY_BYTES = 10_000;

/** Asks `/readyz`: undefined when it says yes, else why not. */
export function readinessProblem(address) {
  const request = address.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    // The simulated cluster signs its own certificate.
    const asked = request(
      address,
      { agent: false, timeout: ANSWER_DEADLINE_MS, rejectUnauthorized: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text) => (body = (body + text).slice(0, MAX_BODY_BYTES)));
        response.on("end", () => resolve(response.statusCode === 200 ? undefined : problemIn(body)));
      },
    );
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve("it does not answer yet"));
    asked.end();
  });
}

function problemIn(body) {
  try {
    const { problems } = JSON.parse(body);
    return Array.isArray(problems) && problems.length > 0 ? problems.join("; ") : "it is not ready yet";
  } catch {
    return "it is not ready yet";
  }
}
