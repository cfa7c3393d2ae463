// What a claim costs in front of a backlog: of tasks that the device may run, and of tasks that only
// another platform may.
import type { Sql } from "postgres";
import { percentile, type Samples, timed } from "../measure.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, seedTasks } from "../seed.ts";
import { makeDevices, tokenOf } from "../tokens.ts";

/** Claims of one sample: few enough that the devices have room for all samples. */
const CLAIMS = 100;

export const backlog: Scenario = {
  name: "backlog",
  needs: "postgres",
  run: async ({ sql, admin, quick }: Context): Promise<Result[]> => {
    const sizes = quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000];
    const results: Result[] = [];
    for (const kind of ["own", "foreign"] as const) {
      const samples: Samples = {};
      for (const size of sizes) samples[name(size)] = await measure(sql, admin, kind, size);
      const label = `a claim in front of ${
        kind === "own" ? "its own" : "another platform's"
      } backlog`;
      for (const size of sizes.slice(1)) {
        const target = size === sizes.at(-1) ? { atMost: 1.2 } : undefined;
        results.push(
          compare("backlog", label, "ms", samples, [name(size), name(sizes[0]!)], target),
        );
      }
    }
    return results;
  },
};

function name(size: number): string {
  return `${size.toLocaleString("en")} waiting`;
}

/**
 * Three samples of the milliseconds of a claim, each the lower quartile of many: the sizes cannot take
 * turns, and so what else the machine does and the wait for its disk are kept out.
 */
async function measure(
  sql: Sql,
  admin: Sql,
  kind: "own" | "foreign",
  size: number,
): Promise<number[]> {
  await clearTasks(admin);
  await makeDevices(admin, 4);
  await seedTasks(admin, { count: size, platform: kind === "own" ? "linux" : "macos" });
  if (kind === "foreign") await seedTasks(admin, { count: 1000, platform: "linux" });
  const connection = await sql.reserve();
  await connection`set synchronous_commit = off`;
  const claim = (call: number) =>
    timed(() => connection`select public.claim_tasks(${tokenOf(call % 4)})`);
  const samples: number[] = [];
  for (let sample = 0; sample < 4; sample++) {
    const times: number[] = [];
    for (let call = 0; call < CLAIMS; call++) times.push(await claim(call));
    samples.push(percentile(times, 0.25));
  }
  await connection`reset synchronous_commit`;
  connection.release();
  // The first one warmed the connection.
  return samples.slice(1);
}
