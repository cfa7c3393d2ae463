import assert from "node:assert/strict";
import { stackTest } from "../client/fixture.ts";
import { openHub } from "./hub.ts";

const PATCH = "diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-a\x1b[31m\n+b\xe9\n";

stackTest("hub diff and hub publish go on with what a task changed", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("flat_task_pipeline");
  const { aura } = await fixture.user();
  const name = `test-${crypto.randomUUID().slice(0, 8)}`;
  const { token } = await aura.registerDevice(name, "linux", ["claude"]);
  const { task } = await aura.dispatchTask(channel.id, "Tidy up", { priority: 100 });
  const nothing = await hub.run("diff", task.id);
  assert.deepEqual([nothing.code, nothing.out], [
    0,
    `${task.id.slice(0, 8)} changed nothing on a branch of its own.\n`,
  ]);
  assert.match((await hub.run("publish", task.id)).err, /has no changes on a branch of its own/);

  const changes = {
    base: "main",
    branch: "aura/1",
    additions: 3,
    deletions: 1,
    file_count: 3,
    files: [
      { path: "a.ts", status: "modified", additions: 3, deletions: 1 },
      { path: "new.png", old_path: "old.png", status: "renamed", additions: null, deletions: null },
    ],
  };
  await fixture.sql`select device_heartbeat(${token})`;
  await fixture.sql`
    select complete_task(${token}, ${task.id}, c.claim_id, 'Done.', changes => ${
    fixture.sql.json(changes)
  })
    from (select (claim_tasks(${token}) -> 0 ->> 'claim_id')::uuid as claim_id) as c`;
  const stat = await hub.run("diff", task.id, "--stat");
  assert.equal(
    stat.out,
    "modified\t+3 −1\ta.ts\nrenamed\tbinary\told.png → new.png\n… 1 more\n" +
      "3 files +3 −1 on aura/1, against main\n",
  );
  const without = await hub.run("diff", task.id);
  assert.deepEqual([without.code, without.out], [1, stat.out]);
  assert.match(without.err, /The patch is not here; the branch is aura\/1/);

  const bytes = Uint8Array.from(PATCH, (character) => character.charCodeAt(0));
  const file = await aura.sendFile(channel.id, "changes.patch", new Blob([bytes]));
  await fixture.sql`
    update hub_files set direction = 'out', task_id = ${task.id} where id = ${file.id}`;
  const patch = await hub.run("diff", task.id);
  assert.deepEqual([patch.code, patch.err], [0, ""]);
  assert.equal(patch.out, new TextDecoder().decode(bytes));
  assert.equal((await hub.json("diff", task.id)).patch, new TextDecoder().decode(bytes));

  const published = await hub.run("publish", task.id);
  assert.match(published.out, /^⏳ [0-9a-f]{8} queued: Publish aura\/1\n$/);
  assert.equal((await hub.json("publish", task.id)).kind, "publish");
  await fixture.sql`delete from mesh_devices where name = ${name}`;
});
