import assert from "node:assert/strict";
import type { Message, Thread } from "../../client/index.ts";
import { stackTest } from "./fixture.ts";

stackTest("fetchChannelMessages() pages through messages of one microsecond", async (fixture) => {
  const { aura } = await fixture.user("viewer");
  const channel = await fixture.channel("flat_task_pipeline");
  await fixture.sql`
    insert into hub_channel_messages (channel_id, sender_type, content, created_at)
    select ${channel.id}, 'system', 'message ' || n,
      timestamptz '2026-01-02 03:04:05.000006+00' + n / 10 * interval '1 microsecond'
    from generate_series(0, 99) as n`;

  const pages: Message[][] = [];
  for (let before: Message | undefined;; before = pages[0]![0]) {
    const page = await aura.fetchChannelMessages(channel.id, { limit: 7, before });
    if (page.length === 0) break;
    pages.unshift(page);
  }

  const expected = await fixture.sql`
    select id from hub_channel_messages where channel_id = ${channel.id} order by created_at, id`;
  assert.deepEqual(pages.flat().map(({ id }) => id), expected.map(({ id }) => id));
});

stackTest("fetchTaskThreads() pages through threads of one microsecond", async (fixture) => {
  const { aura } = await fixture.user("viewer");
  const channel = await fixture.channel("threaded_task_isolation");
  await fixture.sql`
    insert into hub_task_threads (channel_id, name, created_at, next_transition_at)
    select ${channel.id}, 'thread ' || n, '2026-01-02 03:04:05.000006+00', 'infinity'
    from generate_series(1, 20) as n`;

  const threads: Thread[] = [];
  while (true) {
    const page = await aura.fetchTaskThreads(channel.id, { limit: 3, before: threads.at(-1) });
    if (page.length === 0) break;
    threads.push(...page);
  }

  const expected = await fixture.sql`
    select id from hub_task_threads where channel_id = ${channel.id} order by id desc`;
  assert.deepEqual(threads.map(({ id }) => id), expected.map(({ id }) => id));
});

stackTest("fetchMessagesSince() reads more than one page, from a moment on", async (fixture) => {
  const { aura } = await fixture.user("viewer");
  const channel = await fixture.channel("flat_task_pipeline");
  await fixture.sql`
    insert into hub_channel_messages (channel_id, sender_type, content, created_at)
    select ${channel.id}, 'system', 'message ' || n,
      timestamptz '2026-01-02 03:04:05+00' + n / 700 * interval '1 second'
    from generate_series(0, 1399) as n`;

  const all = await aura.fetchMessagesSince({ channelId: channel.id }, null);
  const later = await aura.fetchMessagesSince({ channelId: channel.id }, "2026-01-02T03:04:06Z");

  assert.equal(new Set(all.map(({ id }) => id)).size, 1400);
  assert.deepEqual(later, all.slice(700));
});
