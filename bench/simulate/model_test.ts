import assert from "node:assert/strict";
import { waiting } from "./erlang.ts";
import { type Costs, type Mesh, simulate } from "./model.ts";

const FREE: Costs = { dispatch: 0, claim: 0, progress: 0, complete: 0, post: 0 };
const MESH: Mesh = {
  executors: 1,
  channels: 1,
  databases: 1,
  cores: 1,
  arrivals: 0.7,
  workSeconds: 1,
  reports: 0,
};

for (const [executors, load] of [[1, 0.7], [5, 0.8], [50, 0.9]] as const) {
  Deno.test(`simulate() waits as M/M/${executors} does at a load of ${load}`, () => {
    const arrivals = load * executors;
    const { wait, throughput } = simulate({ ...MESH, executors, arrivals }, FREE, 400_000);
    const expected = waiting(arrivals, 1, executors);
    assertNear(wait.mean, expected.mean, 0.05);
    assertNear(wait.p99, expected.percentile(0.99), 0.05);
    assertNear(throughput, arrivals, 0.01);
  });
}

Deno.test("waiting() is 1/(μ-λ) - 1/μ for one server", () => {
  const { mean, share } = waiting(0.5, 1, 1);
  assertNear(mean, 1, 1e-12);
  assertNear(share, 0.5, 1e-12);
});

Deno.test("simulate() uses the cores as much as arrivals times costs", () => {
  const mesh = { ...MESH, executors: 100, arrivals: 20, cores: 2, channels: 10, reports: 3 };
  const costs = { dispatch: 10, claim: 4, progress: 6, complete: 8, post: 1 };
  const { utilisation } = simulate(mesh, costs, 50_000);
  assertNear(utilisation, 20 * (10 + 4 + 3 * 6 + 8) / 1000 / 2, 0.02);
});

Deno.test("simulate() keeps up in one channel while its row allows it, and in many beyond", () => {
  // One message when dispatched, one when complete, 10 ms each: 50 requests a second at most.
  const mesh = { ...MESH, executors: 1000, cores: 64, workSeconds: 0.1 };
  const throughput = (arrivals: number, channels: number) =>
    simulate({ ...mesh, arrivals, channels }, { ...FREE, post: 10 }, 20_000).throughput;
  assertNear(throughput(45, 1), 45, 0.05);
  assert.ok(throughput(80, 1) < 50);
  assertNear(throughput(80, 100), 80, 0.05);
});

Deno.test("simulate() keeps up with two databases where one is full", () => {
  // 2,000 requests a second at most in each.
  const mesh = { ...MESH, executors: 4000, channels: 1000, arrivals: 3000, workSeconds: 0.1 };
  const run = (databases: number) =>
    simulate({ ...mesh, databases }, { ...FREE, dispatch: 0.5 }, 40_000);
  assert.ok(run(1).throughput < 2000);
  assertNear(run(2).throughput, 3000, 0.05);
  assertNear(run(2).utilisation, 0.75, 0.05);
});

Deno.test("simulate() is repeated by its seed", () => {
  const run = (seed: number) => simulate({ ...MESH, executors: 3, arrivals: 2 }, FREE, 1000, seed);
  assert.deepEqual(run(7), run(7));
  assert.notDeepEqual(run(7), run(8));
});

function assertNear(actual: number, expected: number, tolerance: number): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.abs(expected),
    `${actual} is not within ${tolerance * 100} % of ${expected}.`,
  );
}
