// Two devices, three models: what one model cannot do now, the next one does.
import assert from "node:assert/strict";
import { meshTest } from "./mesh.ts";

meshTest(
  "run gives a throttled model's task to the next model, here or elsewhere",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const suffix = crypto.randomUUID().slice(0, 4);
    const studio = await mesh.device({ name: `studio-${suffix}`, models: ["claude", "codex"] });
    const laptop = await mesh.device({ name: `laptop-${suffix}`, models: ["gemini"] });
    await Promise.all([studio.start(), laptop.start()]);

    const first = await mesh.ended((await mesh.task(channel, "limit claude")).id);
    assert.equal(first.result, "done by codex");
    assert.equal(first.claimed_by, studio.name);
    const second = await mesh.ended((await mesh.task(channel, "limit claude codex")).id);
    assert.equal(second.result, "done by gemini");
    assert.equal(second.claimed_by, laptop.name);

    const attempts = await fixture.sql`
    select left(a.task_id::text, 8) as task, a.device, a.model, a.outcome
    from hub_task_attempts as a where a.task_id in ${fixture.sql([first.id, second.id])}
    order by a.started_at`;
    assert.deepEqual(attempts.map(({ model, outcome }) => `${model} ${outcome}`), [
      "claude rate_limited",
      "codex complete",
      "codex rate_limited",
      "gemini complete",
    ]);
    // A limit costs no attempt.
    assert.deepEqual([first.attempt, second.attempt], [1, 1]);

    const devices = await mesh.operator.aura.fetchDevices();
    const limits = devices.filter(({ name }) => name.endsWith(suffix))
      .flatMap(({ models }) =>
        models.map(({ model, rate_limited_until }) => [
          model,
          rate_limited_until !== null && new Date(rate_limited_until) > new Date(),
        ])
      );
    assert.deepEqual(Object.fromEntries(limits), { claude: true, codex: true, gemini: false });
  },
);
