import assert from "node:assert/strict";
import { Bell } from "./bell.ts";

const NEVER = 2 ** 31 - 1;

Deno.test("Bell wakes who waits", async () => {
  const bell = new Bell();
  const waiting = bell.wait(NEVER);
  bell.ring();
  await waiting;
});

Deno.test("Bell keeps one ring for the next to wait", async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.wait(NEVER);
  let woken = false;
  const waiting = bell.wait(NEVER).then(() => woken = true);
  await Promise.resolve();
  assert.equal(woken, false);
  bell.ring();
  await waiting;
});

Deno.test("Bell stops waiting after the time given", async () => {
  await new Bell().wait(1);
});
