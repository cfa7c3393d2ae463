// What the client's docstrings say of errors is what the calls' own comments in the database say.
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../stack.ts";

const folder = join(import.meta.dirname!, "../../client/calls");
const text = [...Deno.readDirSync(folder)].map(({ name }) =>
  Deno.readTextFileSync(join(folder, name))
)
  .join("\n\n");

/** The public methods of all calls, each with its docstring and the RPC that it calls, if any. */
const methods = [
  ...text.matchAll(
    /\n\n(?<docs> {2}\/\*\*(?:(?!\*\/).)*\*\/\n)? {2}(?:async )?(?<name>[a-z]\w*)\((?<body>.*?)\n {2}}(?=\n)/gs,
  ),
].map(({ groups }) => ({
  name: groups!.name!,
  docs: groups!.docs ?? "",
  rpc: /this\.rpc(?:<[^(]*>)?\("(\w+)"/.exec(groups!.body!)?.[1],
}));

Deno.test("every call of the client has a docstring", () => {
  assert(methods.length > 50 && methods.filter(({ rpc }) => rpc).length > 20);
  assert.deepEqual(methods.filter(({ docs }) => !docs).map(({ name }) => name), ["constructor"]);
});

Deno.test("a docstring names the errors that the call's comment in the database names", async () => {
  await using sql = connect();
  const comments = await sql<{ name: string; errors: string | null }[]>`
    select proname as name, substring(obj_description(oid) from 'Errors: ([^.;]*)') as errors
    from pg_proc where pronamespace = 'public'::regnamespace`;
  const wrong = methods.flatMap(({ name, docs, rpc }) => {
    const told = comments.find((comment) => comment.name === rpc)?.errors;
    const missing = named(told ?? "").filter((error) =>
      // Those that any call has, or that its types prevent.
      !["role_required", "not_signed_in", "bad_argument"].includes(error) && !docs.includes(error)
    );
    return missing.length > 0 ? [`${name}(): ${missing.join(", ")}`] : [];
  });
  assert.deepEqual(wrong, []);
});

Deno.test("a docstring names errors that are registered", async () => {
  await using sql = connect();
  const registered = await sql<{ name: string }[]>`select name from hub.errors`;
  const known = new Set(registered.map(({ name }) => name));
  // What the client finds missing by itself, from an empty answer.
  known.add("team_not_found");
  const strange = methods.flatMap(({ name, docs }) => {
    const listed = docs.split("@throws {AuraError}")[1] ?? "";
    return named(listed).filter((error) => !known.has(error)).map((error) => `${name}(): ${error}`);
  });
  assert.deepEqual(strange, []);
});

/** The names in a list of errors, without what is said about them in brackets. */
function named(list: string): string[] {
  const plain = list.replaceAll(/\([^)]*\)|`[^`]*`|\n +\*/g, " ");
  return [...plain.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)].map(([name]) => name)
    .filter((name) => !/^those|^dispatch_task$/.test(name));
}
