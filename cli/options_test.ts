import assert from "node:assert/strict";
import { Command, InvalidArgumentError } from "commander";
import { contentLast, moment } from "./options.ts";

const program = new Command("hub").option("--json");
program.command("send").argument("<where>").argument("[content...]").option("-f, --follow")
  .option("--key <text>");
program.command("tail").argument("<where>").option("-n, --lines <count>");

Deno.test("contentLast() takes nothing for an option after the first word of a content", () => {
  for (
    const [args, expected] of [
      ["send ch use sed --key value now", "send ch -- use sed --key value now"],
      ["--json send --key k ch use -f", "--json send --key k ch -- use -f"],
      ["send --key=k ch -f Work", "send --key=k ch -f -- Work"],
      ["send ch -f", "send ch -f"],
      ["send ch -- -f", "send ch -- -f"],
      ["tail ch -n 5", "tail ch -n 5"],
    ] as const
  ) {
    assert.deepEqual(contentLast(args.split(" "), program), expected.split(" "));
  }
});

Deno.test("moment() takes times to come and nothing else", () => {
  assert.equal(moment("2999-01-31T08:00:00Z"), "2999-01-31T08:00:00.000Z");
  assert.equal(moment("2999-01-31 08:00+02:00"), "2999-01-31T06:00:00.000Z");
  assert(Date.parse(moment("2h")) > Date.now() + 7_000_000);
  for (
    const text of [
      "5",
      "tomorrow 9",
      "Nov 26 08:00",
      "2999-02-31",
      "2001-01-01",
      "2h30m",
      "",
      "now",
    ]
  ) {
    assert.throws(() => moment(text), InvalidArgumentError, text);
  }
});
