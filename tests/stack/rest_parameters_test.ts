// What REST reads from an address, without a database.
import assert from "node:assert/strict";
import { Refusal } from "../../stack/api/errors.ts";
import { parseFilter, parseGroup } from "../../stack/rest/filter.ts";
import { wanted } from "../../stack/rest/media.ts";
import { parseOrder } from "../../stack/rest/order.ts";
import { parseParameters } from "../../stack/rest/parameters.ts";
import { parsePreferences } from "../../stack/rest/preferences.ts";
import { parseSelect } from "../../stack/rest/select.ts";
import { arrayLiteral, name, Values } from "../../stack/rest/sql.ts";
import { originsOf } from "../../stack/rest/view_columns.ts";

const field = { name: "a", path: [] };

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error.body.code;
    throw error;
  }
  return "nothing";
}

Deno.test("parseSelect() reads fields, steps into JSON, casts and aggregates", () => {
  const { fields } = parseSelect('id,n:name::text,"a b",meta->a->>0,x.sum()::int,count()');
  assert.deepEqual(
    fields.map(({ name, alias, cast, aggregate, aggregateCast }) =>
      [name, alias, cast, aggregate, aggregateCast].filter((each) => each !== undefined)
    ),
    [["id"], ["name", "n", "text"], ["a b"], ["meta"], ["x", "sum", "int"], ["*", "count"]],
  );
  assert.deepEqual(fields[3]!.path, [
    { asText: false, key: "a", isIndex: false },
    { asText: true, key: "0", isIndex: true },
  ]);
});

Deno.test("parseSelect() reads embedded resources with alias, hint, join and spread", () => {
  const { embeds } = parseSelect("a:b!c!inner(id,d(*)),...e(f),g()");
  const [first, second, third] = embeds;
  assert.deepEqual([first!.name, first!.alias, first!.hint, first!.inner], ["b", "a", "c", true]);
  assert.equal(first!.select.embeds[0]!.name, "d");
  assert.deepEqual([second!.name, second!.spread], ["e", true]);
  assert.deepEqual(third!.select, { fields: [], embeds: [] });
});

Deno.test("parseSelect() refuses what it cannot read", () => {
  for (
    const text of ["a,", "a(b", "a)", "a::", "a->", ",a", "a!(b)", 'a"b', "a::x;y", "a.exec()"]
  ) {
    assert.equal(refused(() => parseSelect(text)), "PGRST100", text);
  }
});

Deno.test("parseFilter() reads operators, and leaves alone what has none", () => {
  const read = (text: string) => parseFilter(field, text);
  assert.equal(read("5"), undefined);
  assert.equal(read("equal.5"), undefined);
  assert.equal(read("eq(some).5"), undefined);
  assert.deepEqual(
    ["not.eq.a.b", "like(any).{a*,b}", "fts(english).x", "is.NULL"].map((text) => {
      const { not, operator, quantifier, language, value } = read(text)!;
      return [not, operator, quantifier, language, value];
    }),
    [
      [true, "eq", undefined, undefined, "a.b"],
      [false, "like", "any", undefined, "{a*,b}"],
      [false, "fts", undefined, "english", "x"],
      [false, "is", undefined, undefined, "null"],
    ],
  );
  assert.deepEqual(read('in.(a,"b, c","d\\"e",)')!.values, ["a", "b, c", 'd"e', ""]);
  assert.deepEqual(read("in.()")!.values, []);
  assert.equal(refused(() => read("is.nothing")), "PGRST100");
  assert.equal(refused(() => read("in.(a")), "PGRST100");
});

Deno.test("parseGroup() reads groups in groups, and values in quotation marks and braces", () => {
  const group = parseGroup(
    "not.or",
    '(a.eq."x, (y)",and(b.cs.{1,2},not.or(c.is.null)),d.in.(1,2))',
  );
  assert.deepEqual([group.not, group.operator, group.members.length], [true, "or", 3]);
  const [first, second, third] = group.members as unknown as [
    { value: string },
    { members: [{ value: string }, { not: boolean; operator: string }] },
    { values: string[] },
  ];
  assert.equal(first.value, "x, (y)");
  assert.equal(second.members[0].value, "{1,2}");
  assert.deepEqual([second.members[1].not, second.members[1].operator], [true, "or"]);
  assert.deepEqual(third.values, ["1", "2"]);
  assert.equal(refused(() => parseGroup("or", "(a.eq.1")), "PGRST100");
  assert.equal(refused(() => parseGroup("or", "or(".repeat(100))), "PGRST100");
  assert.equal(refused(() => parseGroup("or", `${"(or".repeat(100)}`)), "PGRST100");
});

Deno.test("parseOrder() reads directions, nulls and embedded fields", () => {
  assert.deepEqual(
    parseOrder("a.desc.nullslast,b->>c,d(e).asc").map(({ embed, field, direction, nulls }) => [
      embed,
      field.name,
      direction,
      nulls,
    ]),
    [[undefined, "a", "desc", "last"], [undefined, "b", undefined, undefined], [
      "d",
      "e",
      "asc",
      undefined,
    ]],
  );
  assert.equal(refused(() => parseOrder("a.up")), "PGRST100");
});

Deno.test("parseParameters() leads each parameter to the resource that it concerns", () => {
  const { concerns } = parseParameters(
    new URLSearchParams(
      'a=eq.1&b.c=eq.2&b.order=x&b.limit=3&b.d.not.or=(e.eq.1,f.eq.2)&"g.h"=eq.4&i->>j=eq.5',
    ),
  );
  const shown = [...concerns.values()].map(({ path, conditions, orders, range }) => [
    path.join("/"),
    conditions.map((each) => "field" in each ? each.field.name : each.operator),
    orders.length,
    range.limit,
  ]);
  assert.deepEqual(shown, [
    ["", ["a", "g.h", "i"], 0, undefined],
    ["b", ["c"], 1, 3],
    ["b/d", ["or"], 0, undefined],
  ]);
});

Deno.test("parsePreferences() takes what it knows, and refuses the rest where that is strict", () => {
  const zones = new Set(["UTC"]);
  const read = (text: string) => parsePreferences(text, zones, false);
  assert.deepEqual({ ...read("return=minimal, count=exact, tx=rollback, x=y") }, {
    return: "minimal",
    count: "exact",
    maxAffected: undefined,
  });
  assert.equal(read("max-affected=1").maxAffected, undefined);
  assert.equal(read("handling=strict, max-affected=1").maxAffected, 1);
  assert.equal(refused(() => read("handling=strict, x=y")), "PGRST122");
  assert.equal(parsePreferences("tx=rollback", zones, true).tx, "rollback");
});

Deno.test("wanted() takes the first form that there is", () => {
  const kind = (accept: string | null) => wanted(accept, false).form.kind;
  assert.deepEqual(
    [null, "*/*", "text/html, application/json", "text/csv", "application/vnd.pgrst.object+json"]
      .map(kind),
    ["rows", "rows", "rows", "csv", "row"],
  );
  assert.equal(wanted("application/vnd.pgrst.array+json;nulls=stripped", false).form.strip, true);
  assert.equal(refused(() => wanted("application/geo+json", false)), "PGRST107");
  assert.equal(refused(() => wanted("application/vnd.pgrst.plan+json", false)), "PGRST107");
  const plan = 'application/vnd.pgrst.plan+json; for="text/csv"; options=verbose|evil|wal';
  assert.equal(wanted(plan, true).explain, "format json, verbose, wal");
});

Deno.test("names and values stay what they are in SQL", () => {
  assert.equal(name('a"; drop table b; --\0'), '"a""; drop table b; --"');
  assert.equal(arrayLiteral(['a"b', "c\\d", "e,f}"]), '{"a\\"b","c\\\\d","e,f}"}');
  const values = new Values();
  assert.deepEqual([values.add("x"), values.add("x"), values.list], ["$1", "$2", ["x", "x"]]);
});

Deno.test("originsOf() reads the outermost target list alone", () => {
  const entry = (column: string, table: number, number: number, inner = "") =>
    `{TARGETENTRY :expr {VAR :varno 1 ${inner}} :resno 1 :resname ${column} :ressortgroupref 0 ` +
    `:resorigtbl ${table} :resorigcol ${number} :resjunk false}`;
  const inner = `{QUERY :targetList (${entry("hidden", 9, 9)}) :x 1}`;
  const action = `({QUERY :rtable ({RTE :subquery ${inner} :alias a\\}b}) ` +
    `:targetList (${entry("shown\\ name", 5, 2, "{CONST :v \\{}")} ${
      entry("computed", 0, 0)
    }) :y <>})`;
  assert.deepEqual(originsOf(action), [{ column: "shown name", table: 5, number: 2 }]);
});
