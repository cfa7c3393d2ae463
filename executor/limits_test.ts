import assert from "node:assert/strict";
import { isPermanent, limitedUntil, Rests } from "./limits.ts";

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
    ["You've hit your limit · resets Dec 2 at 12pm (UTC)", "2026-12-02T12:00:59.000Z"],
    [
      "Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).",
      "2026-11-24T18:00:59.000Z",
    ],
    ["5-hour limit reached ∙ resets 12pm (UTC)", "2026-11-24T12:00:59.000Z"],
    ["limit reached, resets at 14:30 (UTC)", "2026-11-24T14:30:59.000Z"],
    ["limit reached, resets at 14:30 CET", "2026-11-24T13:30:59.000Z"],
    ["limit reached, resets Nov 30 at 18:05 (Europe/Berlin)", "2026-11-30T17:05:59.000Z"],
    ["usage limit, try again in 2 hours and 14 minutes.", "2026-11-24T10:24:00.000Z"],
    ["usage limit, try again in 1 day, 2 hours, and 1 minute", "2026-11-25T10:11:00.000Z"],
    ["usage limit, try again in 2 weeks", "2026-12-08T08:10:00.000Z"],
    ["usage limit, try again in 1 month", "2026-12-24T08:10:00.000Z"],
    ["rate limit, resets at 2026-11-24T14:30:00+02:00", "2026-11-24T12:30:00.000Z"],
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

Deno.test("limitedUntil() is null when the error names no time", () => {
  for (
    const text of [
      "API Error: Request rejected (429) · This request would exceed your account's rate limit.",
      "exceeded retry limit, last status: 429 Too Many Requests",
      "You've hit your usage limit. Try again later.",
    ]
  ) assert.equal(limitedUntil(text, now), null, text);
});

Deno.test("limitedUntil() does not take a time that has passed for tomorrow's", () => {
  for (
    const text of [
      "Claude AI usage limit reached|1700000000",
      "quota will reset after 0s",
      "5-hour limit reached ∙ resets 2am (UTC)",
      "limit reached, resets 7:30am (UTC)",
      "limit reached, resets Nov 20, 9am (UTC)",
      "rate limit, resets at 2026-11-20T14:30:00Z",
    ]
  ) assert.equal(limitedUntil(text, now), null, text);
  // The clocks differ by a few minutes.
  assert.equal(until("limit reached, resets 8:05am (UTC)"), "2026-11-24T08:10:10.000Z");
});

Deno.test("limitedUntil() reads a clock time across a change of the clock", () => {
  const before = new Date("2026-10-24T20:00:00Z");
  const at = limitedUntil("limit reached, resets 9am (Europe/Berlin)", before);
  assert.equal(at?.toISOString(), "2026-10-25T08:00:59.000Z");
});

Deno.test("limitedUntil() stays within what the hub takes", () => {
  const most = now.getTime() + 31 * 86_400_000;
  assert.ok(limitedUntil("usage limit, try again in 3 months", now)!.getTime() < most);
});

Deno.test("isPermanent() tells what no waiting mends", () => {
  for (
    const text of [
      "EDQUOT: disk quota exceeded, write",
      "ENOSPC: no space left on device",
      "429 insufficient_quota: You exceeded your current quota, please check your plan and billing details.",
      "Your credit balance is too low",
    ]
  ) {
    assert.equal(isPermanent(text, now), true, text);
    assert.equal(limitedUntil(text, now), undefined, text);
  }
  const passing = "You exceeded your current quota, please check your plan and billing details.\n" +
    "Suggested retry after 7200s.";
  assert.equal(isPermanent(passing, now), false);
  assert.equal(until(passing), "2026-11-24T10:10:00.000Z");
});

Deno.test("Rests.until() is longer each time, has a bound, and begins anew after an answer", () => {
  const rests = new Rests();
  const minutes = () => (rests.until("claude", now).getTime() - now.getTime()) / 60_000;
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(minutes), [10, 20, 40, 80, 160, 240]);
  rests.answered("claude");
  assert.equal(minutes(), 10);
});

Deno.test("limitedUntil() reads a clock time in an unknown zone as the machine's own", () => {
  const at = limitedUntil("usage limit reached, resets 11:30pm (Middle/Earth)", now)!;
  assert.equal(at.getHours(), 23);
  assert.equal(at.getMinutes(), 30);
});

Deno.test("limitedUntil() returns null for other errors", () => {
  for (
    const text of ["Not logged in · Please run /login", "TypeError: x is undefined", "line 429"]
  ) assert.equal(limitedUntil(text, now), undefined, text);
});
