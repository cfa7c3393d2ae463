import assert from "node:assert/strict";
import { Random } from "../random.ts";
import { Storm } from "./storm.ts";

const KILLS = 20;

Deno.test({
  name: "the stack loses, repeats and miscounts nothing while its parts are killed",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const random = Random.fromEnvironment();
    console.log(`AURA_SEED=${random.seed}`);
    const report = await Storm.run(random, (kills) => kills >= KILLS);
    console.log(report);
    assert.deepEqual(report.problems, []);
  },
});
