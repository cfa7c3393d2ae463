import assert from "node:assert/strict";
import { killFamily } from "./kill.ts";
import { processesOf, processTable } from "./processes.ts";

/** A leader, a child that ignores SIGTERM, and a grandchild in a session of its own. */
const FAMILY = `
  trap '' TERM
  (trap '' TERM; while :; do sleep 1; done) &
  setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &
  echo ready
  wait
`;

async function startFamily(marker: string) {
  const child = new Deno.Command("sh", {
    args: ["-c", FAMILY],
    env: { AURA_RUN: marker },
    detached: true,
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

Deno.test("processTable() finds this process and its parent", async () => {
  const table = await processTable();
  const self = table.find(({ pid }) => pid === Deno.pid)!;
  assert.equal(self.ppid, Deno.ppid);
  assert.ok(self.started);
});

Deno.test("killFamily() ends children that ignore SIGTERM or have left the group", async () => {
  const marker = crypto.randomUUID();
  const child = await startFamily(marker);
  assert.ok((await processesOf(child.pid, marker)).length >= 3);
  await killFamily({ leader: child.pid, marker }, 200);
  assert.deepEqual(await processesOf(child.pid, marker), []);
  assert.equal((await child.status).signal, "SIGKILL");
  await child.stdout.cancel();
});

Deno.test({
  name: "killFamily() finds orphans by what they inherited",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const marker = crypto.randomUUID();
    const child = await startFamily(marker);
    child.kill("SIGKILL");
    await child.status;
    assert.ok((await processesOf(null, marker)).length >= 2);
    await killFamily({ leader: null, marker }, 0);
    assert.deepEqual(await processesOf(null, marker), []);
    await child.stdout.cancel();
  },
});

Deno.test("killFamily() lets a process end by itself first", async () => {
  const marker = crypto.randomUUID();
  const child = new Deno.Command("sh", {
    args: ["-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"],
    env: { AURA_RUN: marker },
    detached: true,
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await killFamily({ leader: child.pid, marker }, 5_000);
  assert.equal((await child.status).code, 7);
  await reader.cancel();
});
