import { openSync, writeSync } from "node:fs";

/** What `unhandledErrors` of vitest has of an error, in one line that also says where it came up. */
function sayError({ name, message, type, VITEST_TEST_PATH: file, VITEST_TEST_NAME: test }) {
  return { kind: type ?? "Unhandled Error", message: `${name ?? "Error"}: ${message ?? ""}`, file, test };
}

function failedTests(testModule) {
  return [...testModule.children.allTests("failed")].map((testCase) => ({
    test: testCase.fullName,
    message: testCase.result().errors?.[0]?.message ?? "",
  }));
}

/** Of hooks: those of the file itself, and of each `describe` in it. */
function suiteErrors(testModule) {
  const suites = [testModule, ...testModule.children.allSuites()];
  return suites.flatMap((suite) => suite.errors()).map(({ message }) => message);
}

function countOf(testModule, state) {
  return [...testModule.children.allTests(state)].length;
}

function summaryOf(testModule) {
  return {
    at: "file-end",
    file: testModule.moduleId,
    passed: countOf(testModule, "passed"),
    skipped: countOf(testModule, "skipped"),
    failures: failedTests(testModule),
    errors: suiteErrors(testModule),
    isFailed: testModule.state() === "failed",
    isLoaded: testModule.children.size > 0,
  };
}

/**
 * Reporter for vitest: writes what happens as one line of JSON each, at once, to the file that `PARLEY_TEST_REPORT` names. Vitest's own JSON comes
 * at the very end, so that a run that is killed leaves nothing behind, and lacks the errors outside of tests.
 */
export default class OutcomeReporter {
  #report = openSync(process.env.PARLEY_TEST_REPORT, "a");
  #ended = new Set();

  #write(event) {
    writeSync(this.#report, `${JSON.stringify(event)}\n`);
  }

  onTestModuleStart({ moduleId }) {
    this.#write({ at: "file-begin", file: moduleId });
  }

  onTestCaseReady({ id, fullName, module }) {
    this.#write({ at: "test-begin", id, file: module.moduleId, test: fullName });
  }

  onTestCaseResult({ id }) {
    this.#write({ at: "test-end", id });
  }

  onTestModuleEnd(testModule) {
    this.#ended.add(testModule);
    this.#write(summaryOf(testModule));
  }

  onTestRunEnd(testModules, unhandledErrors, reason) {
    // Their processes died.
    for (const testModule of testModules)
      if (!this.#ended.has(testModule)) this.#write({ ...summaryOf(testModule), isCut: true });
    for (const error of unhandledErrors) this.#write({ at: "unhandled", ...sayError(error) });
    this.#write({ at: "end", reason });
  }
}
