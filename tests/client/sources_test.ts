import assert from "node:assert/strict";
import type { Calls } from "../../client/calls.ts";
import type { Message } from "../../client/rows.ts";
import { messageSource } from "../../client/sources.ts";

Deno.test("messageSource() tells rows apart that are microseconds apart", async () => {
  let asked: string | null | undefined;
  const calls = {
    fetchMessagesSince: (_view: unknown, since: string | null) => {
      asked = since;
      return Promise.resolve([]);
    },
    fetchMessages: () => Promise.resolve([]),
  };
  const at = (created_at: string) => ({ id: created_at, created_at, metadata: {} }) as Message;
  const held = [at("2026-01-02T03:04:05.12345+00:00"), at("2026-01-02T03:04:05.123451+00:00")];
  const source = messageSource(calls as unknown as Calls, { channelId: "c" });
  source.start(held);
  held.forEach(source.note);
  assert.deepEqual(
    ["05.123449", "05.12345", "05.123451", "05.2"].map((second) =>
      source.isOlder(at(`2026-01-02T03:04:${second}+00:00`))
    ),
    [true, false, false, false],
  );
  await source.missed();
  assert.equal(asked, held[0]!.created_at);
});
