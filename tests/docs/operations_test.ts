// The SQL that docs/operations.md and docs/koji.md tell an administrator to run.
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect, type Connection } from "../stack.ts";

const DOCS = join(import.meta.dirname!, "../../docs");

for (const page of ["operations.md", "koji.md"]) {
  Deno.test(`every statement of docs/${page} does something`, async () => {
    const text = await Deno.readTextFile(join(DOCS, page));
    const statements = [...text.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, block]) =>
      statementsOf(block!)
    );
    assert(statements.length > 0);
    await using sql = connect({ max: 1 });
    await assert.rejects(
      sql.begin(async (tx) => {
        const taskId = await prepare(tx as unknown as Connection);
        for (const statement of statements) {
          const rows = await tx.unsafe(statement.replaceAll("…", taskId)).catch((error) => {
            throw new Error(`${statement}\n${error.message}`, { cause: error });
          });
          // Only what takes a running task back finds none.
          if (/^update/.test(statement) && !statement.includes("status = 'running'")) {
            assert.notEqual(rows.count, 0, `${statement} changes nothing`);
          }
        }
        throw new RollBack();
      }),
      RollBack,
    );
  });
}

class RollBack extends Error {}

/** Statements of a block: each ends with a semicolon at the end of a line or before a comment. */
function statementsOf(block: string): string[] {
  const statements: string[] = [];
  let current = "";
  let quoted = false;
  for (const line of block.split("\n")) {
    current += line + "\n";
    if ((line.match(/\$\$/g) ?? []).length % 2) quoted = !quoted;
    if (!quoted && /;\s*(--.*)?$/.test(line)) {
      statements.push(current.replace(/^(\s*--.*\n|\s*\n)+/, "").trim());
      current = "";
    }
  }
  return statements;
}

/** What the statements name: a device, a user, and a waiting task, whose id is returned. */
async function prepare(tx: Connection): Promise<string> {
  await tx`insert into auth.users (id, email) values (gen_random_uuid(), 'ann@example.com')`;
  const [device] = await tx`
    select register_device('mac-1', 'macos', '["claude", "codex", "gemini"]') ->> 'token' as token`;
  const [task] = await tx`
    select dispatch_task(c.id, 'Look') #>> '{task,id}' as id
    from hub_channels as c where c.name = 'quick'`;
  await tx`select device_heartbeat(${device!.token})`;
  return task!.id;
}
