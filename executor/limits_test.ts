import assert from "node:assert/strict";
import { limitedUntil } from "./limits.ts";

const now = new Date("2026-11-24T08:10:00Z");
const until = (text: string) => limitedUntil(text, now)?.toISOString();
const local = (...at: [number, number, number, number, number, number]) =>
  new Date(...at).toISOString();

Deno.test("limitedUntil() reads each agent's own words", () => {
  const cases: [string, string][] = [
    ["Claude AI usage limit reached|1795513236", "2026-11-24T09:40:36.000Z"],
    ["You've hit your 5-hour limit · resets 9:40am (UTC)", "2026-11-24T09:40:59.000Z"],
    ["You've hit your limit · resets 1am (Asia/Tokyo)", "2026-11-24T16:00:59.000Z"],
    ["You've hit your limit · resets Nov 27, 9am (UTC)", "2026-11-27T09:00:59.000Z"],
    ["You've hit your limit · resets Jan 2 at 12pm (UTC)", "2027-01-02T12:00:59.000Z"],
    [
      "Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).",
      "2026-11-24T18:00:59.000Z",
    ],
    ["5-hour limit reached ∙ resets 2am (UTC)", "2026-11-25T02:00:59.000Z"],
    [
      "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit " +
      "https://chatgpt.com/settings/usage to purchase more credits or try again at Nov 30th, 2026 3:04 PM.",
      local(2026, 10, 30, 15, 4, 59),
    ],
    [
      "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try " +
      "again in 2 days 17 hours 14 minutes.",
      "2026-11-27T01:24:00.000Z",
    ],
    [
      "rate limit exceeded: Rate limit reached for gpt-5 in organization org-x on tokens per min " +
      "(TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 41.5s.",
      "2026-11-24T08:10:41.500Z",
    ],
    [
      "You have exhausted your capacity on this model. Your quota will reset after 1h30m0s..",
      "2026-11-24T09:40:00.000Z",
    ],
    [
      "[API Error: You have exhausted your daily quota on this model.]",
      "2026-11-25T08:00:00.000Z",
    ],
    [
      "You exceeded your current quota. Suggested retry after 5400s.",
      "2026-11-24T09:40:00.000Z",
    ],
  ];
  for (const [text, expected] of cases) assert.equal(until(text), expected, text);
});

Deno.test("limitedUntil() gives ten minutes when the error names no time", () => {
  for (
    const text of [
      "API Error: Request rejected (429) · This request would exceed your account's rate limit.",
      "exceeded retry limit, last status: 429 Too Many Requests",
      "You've hit your usage limit. Try again later.",
    ]
  ) assert.equal(until(text), "2026-11-24T08:20:00.000Z", text);
});

Deno.test("limitedUntil() never names a time that has passed", () => {
  assert.equal(until("Claude AI usage limit reached|1700000000"), "2026-11-24T08:10:10.000Z");
  assert.equal(until("quota will reset after 0s"), "2026-11-24T08:20:00.000Z");
  assert.equal(until("limit reached, resets 8:05am (UTC)"), "2026-11-24T08:10:10.000Z");
});

Deno.test("limitedUntil() reads a clock time in an unknown zone as the machine's own", () => {
  const at = limitedUntil("usage limit reached, resets 11:30pm (Middle/Earth)", now)!;
  assert.equal(at.getHours(), 23);
  assert.equal(at.getMinutes(), 30);
});

Deno.test("limitedUntil() returns null for other errors", () => {
  for (
    const text of ["Not logged in · Please run /login", "TypeError: x is undefined", "line 429"]
  ) assert.equal(limitedUntil(text, now), null, text);
});
