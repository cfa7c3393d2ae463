import assert from "node:assert/strict";
import { Countdown } from "./countdown.ts";

Deno.test("Countdown rings when its time has passed, and not while it stands still", async () => {
  const over = Promise.withResolvers<string>();
  const countdown = new Countdown(20, () => over.resolve("over"));
  countdown.go();
  countdown.stop();
  let rung = false;
  over.promise.then(() => rung = true);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(rung, false);
  countdown.go();
  countdown.go();
  assert.equal(await over.promise, "over");
});
