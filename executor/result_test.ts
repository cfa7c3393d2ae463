import assert from "node:assert/strict";
import { join } from "node:path";
import { fitResult } from "./result.ts";

const task = { short_id: "abcd1234", attempt: 2 };

Deno.test("fitResult() leaves a result alone that fits", () => {
  assert.equal(fitResult("done", task, { stateFolder: "/nowhere", device: "mac" }), "done");
});

Deno.test("fitResult() cuts a longer one, keeps it whole in a file and says so", () => {
  const stateFolder = Deno.makeTempDirSync();
  const whole = "😀".repeat(600_000);
  const fitted = fitResult(whole, task, { stateFolder, device: "mac" });
  const path = join(stateFolder, "results/abcd1234-2.txt");
  assert.ok([...fitted].length < 1_000_000);
  assert.ok(fitted.isWellFormed());
  assert.ok(fitted.endsWith(`1200000 characters. The whole result is in "${path}" on mac.)`));
  assert.equal(Deno.readTextFileSync(path), whole);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  Deno.removeSync(stateFolder, { recursive: true });
});

Deno.test("fitResult() closes a code block that it cuts, and loses nothing to a full disk", () => {
  const whole = "```\n" + "code\n".repeat(300_000);
  const fitted = fitResult(whole, task, { stateFolder: "/dev/null", device: "mac" });
  assert.match(
    fitted,
    /…\n```\n\n\(Cut: 1500004 characters\. The whole result could not be kept on mac/,
  );
  assert.match(
    fitResult(whole, task, { stateFolder: "/dev/null", device: "mac" }, "a.md"),
    /as "a.md"/,
  );
});
