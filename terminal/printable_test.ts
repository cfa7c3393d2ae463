import assert from "node:assert/strict";
import { printable, printableJson } from "./printable.ts";

Deno.test("printable() keeps lines, tabs and all that is written", () => {
  for (const text of ["a\tb\nc", "ä – 日本語 👩‍💻 ✅", "{}[]\\;#"]) {
    assert.equal(printable(text), text);
  }
  assert.equal(printable("a\r\nb"), "a\nb");
});

Deno.test("printable() drops what a terminal would obey", () => {
  const cases: [text: string, shown: string][] = [
    ["\x1b[2J\x1b[31mred\x1b[0m", "red"],
    ["\x1b]0;title\x07text", "text"],
    ["\x9b2Jtext", "text"],
    ["over\rwritten", "overwritten"],
    ["a\x08\x7f\x00b", "ab"],
    ["\u202eright to left\u202c \u2066a\u2069 \u200e\u200f\u061c", "right to left a "],
    ["half \ud800", "half \ufffd"],
  ];
  for (const [text, shown] of cases) assert.equal(printable(text), shown);
});

Deno.test("printableJson() writes the same value with nothing to obey", () => {
  const value = { text: "\x1b[2J \x7f \x9b2J \u202e ä 👍\n\t", "\u0085": [1, null] };
  const json = printableJson(value);
  assert.deepEqual(JSON.parse(json), value);
  // deno-lint-ignore no-control-regex -- these are looked for
  assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(json), json);
  assert(json.includes("\\u009b") && json.includes("\\u007f") && json.includes("ä 👍"));
});

Deno.test("guardConsole() lets nothing but printable text out", async () => {
  const script = `
    import { guardConsole } from ${JSON.stringify(new URL("./printable.ts", import.meta.url).href)};
    guardConsole();
    const bad = String.fromCharCode(27) + "[2J" + String.fromCharCode(13) + "x";
    console.log("a", bad);
    console.error(new Error(bad), { bad });`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(text.startsWith("a x\n"), text);
  // deno-lint-ignore no-control-regex -- these are looked for
  assert(!/[\x00-\x08\x0b-\x1f]/.test(text), JSON.stringify(text));
});
