import assert from "node:assert/strict";
import { Progress } from "./progress.ts";

/** Collects timers instead of waiting for them; `ring` runs the one that is set. */
function stopTheClock() {
  const { setTimeout, clearTimeout } = globalThis;
  let set: { run: () => void; wait: number } | null = null;
  globalThis.setTimeout = ((run: () => void, wait: number) => {
    assert.equal(set, null, "two timers at once");
    set = { run, wait };
    return 1;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = (() => set = null) as typeof clearTimeout;
  return {
    ring(): number | null {
      const due = set;
      set = null;
      due?.run();
      return due?.wait ?? null;
    },
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    },
  };
}

function recorded() {
  const sent: string[] = [];
  const progress = new Progress((text) => {
    sent.push(text);
    return Promise.resolve();
  });
  return { sent, progress };
}

Deno.test("Progress adds to what it has shown, and sends nothing without news", async () => {
  using clock = stopTheClock();
  const { sent, progress } = recorded();
  progress.add(["one", "", "two"]);
  progress.add(["two"]);
  clock.ring();
  assert.equal(clock.ring(), null);
  progress.add(["three"]);
  clock.ring();
  await progress.stop();
  assert.deepEqual(sent, ["one\ntwo", "one\ntwo\nthree"]);
});

Deno.test("Progress shows the newest of many steps and counts the others", async () => {
  using clock = stopTheClock();
  const { sent, progress } = recorded();
  progress.add(Array.from({ length: 1000 }, (_, index) => `step ${index}`));
  clock.ring();
  await progress.stop();
  const shown = sent[0]!.split("\n");
  assert.equal(shown[0], "… 988 more steps");
  assert.equal(shown.length, 13);
  assert.equal(shown.at(-1), "step 999");
});

Deno.test("Progress waits longer each time, so that fifteen updates cover an hour", async () => {
  using clock = stopTheClock();
  const { progress } = recorded();
  const waits: number[] = [];
  for (let update = 0; update < 15; update++) {
    progress.add([`step ${update}`]);
    waits.push(clock.ring()!);
  }
  await progress.stop();
  assert.deepEqual(waits, waits.toSorted((one, other) => one - other));
  const minutes = waits.reduce((sum, wait) => sum + wait) / 60_000;
  assert.ok(minutes >= 60, `${minutes} minutes`);
});

Deno.test("Progress sends nothing after stop()", async () => {
  using clock = stopTheClock();
  const { sent, progress } = recorded();
  progress.add(["one"]);
  await progress.stop();
  assert.equal(clock.ring(), null);
  assert.deepEqual(sent, []);
});
