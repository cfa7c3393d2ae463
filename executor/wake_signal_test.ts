import assert from "node:assert/strict";
import { WakeSignal } from "./wake_signal.ts";

const NEVER = 2 ** 31 - 1;

Deno.test("WakeSignal wakes who waits", async () => {
  const signal = new WakeSignal();
  const waiting = signal.wait(NEVER);
  signal.ring();
  await waiting;
});

Deno.test("WakeSignal keeps one ring for the next to wait", async () => {
  const signal = new WakeSignal();
  signal.ring();
  signal.ring();
  await signal.wait(NEVER);
  let woken = false;
  const waiting = signal.wait(NEVER).then(() => woken = true);
  await Promise.resolve();
  assert.equal(woken, false);
  signal.ring();
  await waiting;
});

Deno.test("WakeSignal stops waiting after the time given", async () => {
  await new WakeSignal().wait(1);
});
