// The executor from its package: what somebody has on a Mac who has nothing else of this project.
import assert from "node:assert/strict";
import { join } from "node:path";
import { meshTest } from "../executor/mesh.ts";
import { Project } from "./project.ts";

meshTest("@aura-servers/executor runs tasks from its package", async (mesh, fixture) => {
  await using project = await Project.with("executor", ["deno"]);
  const program = join(project.folder, "node_modules/.bin/aura-executor");
  assert.match(await project.run(program, "--help"), /enroll/);
  assert.match(await project.run(program, "service", "--for", "systemd"), /dist\/main\.js" "run"/);

  const device = await mesh.device({ program: [program] });
  await device.start();
  const task = await mesh.task(await fixture.channel("flat_task_pipeline"), "Say hello");
  const { status, claimed_by, error } = await mesh.ended(task.id);
  assert.deepEqual({ status, claimed_by, error }, {
    status: "complete",
    claimed_by: device.name,
    error: null,
  });
  await device.end();
});
