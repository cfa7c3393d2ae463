import assert from "node:assert/strict";
import { lost } from "./check.ts";
import type { Report } from "./report.ts";
import { compare } from "./result.ts";

const run = (own: number[]): Report => ({
  measured: "now",
  rounds: own.length,
  quick: false,
  machine: {},
  results: [
    compare("queue", "claims", "tasks/s", { own, other: [100, 100, 100] }, ["own", "other"], {
      atLeast: 1,
    }),
  ],
});

Deno.test("lost() names what was met before and is missed in every round", () => {
  assert.deepEqual(lost(run([90, 80, 95]), run([100, 110, 120])), ["queue: claims"]);
});

Deno.test("lost() lets noise be: one round reached the target", () => {
  assert.deepEqual(lost(run([90, 80, 101]), run([100, 110, 120])), []);
});

Deno.test("lost() says nothing of what was never met, or not measured before", () => {
  assert.deepEqual(lost(run([90, 80, 95]), run([10, 10, 10])), []);
  assert.deepEqual(lost(run([90, 80, 95]), undefined), []);
});
