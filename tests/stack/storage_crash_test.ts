// What Storage keeps when its stack is killed.
import { createClient } from "@supabase/supabase-js";
import assert from "node:assert/strict";
import { join } from "node:path";
import { OwnStack } from "../runner/own_stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

Deno.test("Storage keeps what is whole, and nothing else, when it is killed", leaves, async () => {
  await using stack = await OwnStack.start();
  const api = createClient(stack.env.SUPABASE_URL!, stack.env.SUPABASE_SECRET_KEY!).storage;
  await api.createBucket("kept");
  assert.ifError((await api.from("kept").upload("whole.txt", "whole")).error);
  stack.kill("SIGKILL");
  await stack.ended();
  const folder = join(stack.settings.AURA_STATE_DIR!, "storage");
  // As left by an upload that was not at its end, and by one whose row was never written.
  for (const name of [`${crypto.randomUUID()}.new`, crypto.randomUUID()]) {
    await Deno.writeTextFile(join(folder, name), "half");
  }
  const next = new OwnStack(stack.settings);
  try {
    await next.ready();
    assert.equal([...Deno.readDirSync(folder)].length, 1);
    assert.equal(await (await api.from("kept").download("whole.txt")).data!.text(), "whole");
  } finally {
    await next.stop();
  }
});
