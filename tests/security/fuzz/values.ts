// Arguments as nobody should send them, beside some that are in order.
import fc from "fast-check";
import { Random } from "../../random.ts";

/** Stands for something that exists when the request is sent: the n-th id of a kind. */
export class Existing {
  constructor(readonly kind: string, readonly index: number) {}
}

/** Something large that is made when it is sent, and printed in a word. */
export class Made {
  constructor(readonly name: string, readonly make: () => unknown) {}

  [fc.toStringMethod](): string {
    return `<${this.name}>`;
  }
}

/** JSON of so many levels, which JSON.stringify cannot write. */
export class Nested {
  static readonly MARK = "levels of JSON: ";

  constructor(readonly depth: number) {}

  toJSON(): string {
    return `${Nested.MARK}${this.depth}`;
  }

  /** Puts the levels in where the marks are. */
  static expand(json: string): string {
    return json.replace(new RegExp(`"${Nested.MARK}(\\d+)"`, "g"), (_, depth) => {
      const half = Number(depth) / 2;
      return "[".repeat(Math.ceil(half)) + '{"a":'.repeat(half) + "1" + "}".repeat(half) +
        "]".repeat(Math.ceil(half));
    });
  }
}

const LONG = [32_000, 32_001, 1_000_001];

/** Text that no compression makes short enough for an index; the same in each run. */
function incompressible(length: number): string {
  const random = new Random(length);
  return Array.from({ length }, () => random.below(36).toString(36)).join("");
}

const strings: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 80 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "",
      " \n\t ",
      "\0",
      "a\0b",
      "\ud800", // half of a pair
      "\u202eabc\u2066",
      "a\u0301\u0301\u0301".repeat(50),
      "\u200b\ufeff",
      "\x1b[31m\x07\x7f\x85",
      "%s %1$s %n %",
      "$1 ${x} {{x}}",
      "'; drop table public.hub_channels; --",
      "\\",
      '"',
      "<script>alert(1)</script>",
      "**[x](javascript:alert(1))**",
      "=1+1",
      "null",
      "NaN",
      "Infinity",
      "any",
      "claude",
      "active",
      "archived",
      "admin",
      "linux",
      "!hot brooklyn",
      "!export",
      "!send-samples 1",
      "!sweep Oslo",
      "!lead 99999999999999999999",
      "- one\n- two\n- three",
      "[".repeat(20_000),
      '{"a":'.repeat(5_000),
      "fix ".repeat(7_000),
    ),
  },
);

const long = fc.oneof(
  fc.constantFrom(...LONG).map((length) => new Made(`${length} x`, () => "x".repeat(length))),
  fc.constantFrom(300, 10_000).map((length) =>
    new Made(`${length} letters at random`, () => incompressible(length))
  ),
  fc.constantFrom("[", '{"a":', "fix ", "write a ", "\n- ", "\u202e").map((text) =>
    new Made(`a lot of ${text}`, () => text.repeat(32_000 / text.length))
  ),
);

const numbers = fc.oneof(
  fc.integer({ min: -101, max: 101 }),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 63, 1e308, -1e308, 0.5, -0, 1e-320),
);

const times = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom(
    "now",
    "tomorrow",
    "infinity",
    "-infinity",
    "epoch",
    "294277-01-01",
    "4714-11-24 BC",
    "2026-02-30",
    "2026-11-24T25:00:00Z",
    "2026-11-24T08:00:00+99:99",
    "2027-06-01T00:00:00Z",
    "0000-00-00",
  ),
);

const ids = fc.oneof(
  fc.uuid(),
  fc.constantFrom(
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
    "00000000000000000000000000000000",
    "00000000-0000-0000-0000-00000000000",
    "g0000000-0000-0000-0000-000000000000",
    "",
  ),
);

const deep = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(999, 1_000, 20_000)).map(
  (depth) => new Made(`JSON ${depth} deep`, () => new Nested(depth)),
);

const json: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: fc.array(strings, { maxLength: 30 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      ["claude"],
      [{ model: "codex", version: "1" }],
      [{ model: ["claude"] }],
      [null],
      [[]],
      {},
      { max_attempts: 5 },
      { max_attempts: 1e9, idle_after: "1 fortnight" },
      { idle_after: "infinity", task_lease: "-1 s" },
      { default_role: "root", id: false },
      { title: "x", color: 16777216, fields: [{ name: "", value: 1 }] },
      { title: "x", color: 1, fields: [{ name: "a", value: "b", inline: true }] },
      [{ name: "Cafe", rating: 5 }, { name: "=cmd", rating: -1 }],
      [{ name: "Cafe", rating: 4.5 }],
      Array.from({ length: 101 }, (_, n) => `Task ${n}`),
    ),
  },
);

/** One of the right type or not, plausible or not; undefined is a key left out. */
export function valueOf(name: string, type: string): fc.Arbitrary<unknown> {
  const right = type === "uuid[]"
    ? fc.array(fc.oneof(existing("task"), ids, fc.constant(null)), { maxLength: 5 })
    : type === "uuid"
    ? ids
    : /^(integer|smallint|bigint|numeric)/.test(type)
    ? numbers
    : type === "boolean"
    ? fc.boolean()
    : type.startsWith("timestamp") || type === "interval"
    ? times
    : type === "jsonb"
    ? json
    : fc.oneof({ weight: 12, arbitrary: strings }, { weight: 1, arbitrary: long });
  const kind = kindOf(name);
  return fc.oneof(
    { weight: kind ? 12 : 0, arbitrary: existing(kind ?? "none") },
    { weight: 6, arbitrary: right },
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.oneof(strings, numbers, fc.boolean(), times, json) },
  );
}

function existing(kind: string): fc.Arbitrary<Existing> {
  return fc.nat(1_000).map((index) => new Existing(kind, index));
}

function kindOf(name: string): string | undefined {
  if (name === "channel") return "channel_name";
  if (name === "token") return "token";
  const [, noun] =
    /^(?:task_)?(channel|thread|task|team|device|server|user|claim|sweep)_id$/.exec(name) ?? [];
  if (noun) return noun;
  return name === "reply_to" ? "message" : undefined;
}

export { json, strings };
