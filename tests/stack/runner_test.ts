// The runner's own rules, on programs that do as they are told.
import assert from "node:assert/strict";
import { Runner, type Service } from "../../stack/runner.ts";
import { until } from "../stack.ts";

/** A runner in a folder of its own. */
async function withRunner(run: (runner: Runner, broken: Error[]) => Promise<void>): Promise<void> {
  const logs = await Deno.makeTempDir();
  const broken: Error[] = [];
  const runner = new Runner(logs, (error) => broken.push(error));
  try {
    await run(runner, broken);
  } finally {
    await runner.stop();
    await Deno.remove(logs, { recursive: true });
  }
}

function service(line: () => string, ready: () => Promise<void>): Service {
  return {
    name: "test",
    command: () => ({ program: "sh", args: ["-c", line()] }),
    ready,
    stopSignal: "SIGTERM",
  };
}

Deno.test("Runner starts a service again that ends, however often", async () => {
  await withRunner(async (runner, broken) => {
    let starts = 0;
    await runner.start(service(() => ++starts < 8 ? "exit 1" : "exec sleep 600", async () => {}));
    await until(() => starts === 8, "the eighth start");
    assert.deepEqual(broken, []);
  });
});

Deno.test("Runner gives a service up that cannot be started again", async () => {
  await withRunner(async (runner, broken) => {
    let starts = 0;
    const ready = () => starts === 1 ? Promise.resolve() : Promise.reject(new Error("Never."));
    await runner.start(service(() => `exit ${++starts}`, ready));
    await until(() => broken.length > 0, "the end of patience");
    assert.match(broken[0]!.message, /"test" could not be started 5 times in a row/);
    assert.equal(starts, 6);
  });
});
