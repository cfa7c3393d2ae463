import assert from "node:assert/strict";
import { trends } from "./growth.ts";
import type { Sample } from "./meter.ts";

const samples = (memory: (n: number) => number): Sample[] =>
  Array.from({ length: 90 }, (_, n) => ({
    at: n,
    memory: memory(n),
    database: 100,
    connections: 20,
    deadRows: 1_000 * (n % 10),
    ready: 5,
    oldest: 1,
  }));

const grown = (memory: (n: number) => number) =>
  trends(samples(memory)).filter(({ grew }) => grew).map(({ figure }) => figure);

Deno.test("trends() finds what grows without bound, and nothing else", () => {
  assert.deepEqual(grown((n) => 150 + 10 * n), ["memory"]);
  assert.deepEqual(grown(() => 150), []);
  // A program that warms up, and one that takes and gives back.
  assert.deepEqual(grown((n) => Math.min(150 + 10 * n, 300)), []);
  assert.deepEqual(grown((n) => 150 + (n % 7) * 30), []);
});
