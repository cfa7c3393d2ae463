// Installing by hand, chapter by chapter, to stop half-way.
import { join } from "node:path";
import type { Sql } from "postgres";

const MIGRATIONS = join(import.meta.dirname!, "../../../supabase/migrations");

/** The chapters in their order. */
export async function chapters(): Promise<string[]> {
  const names = [...Deno.readDirSync(MIGRATIONS)].map(({ name }) => name).sort();
  return await Promise.all(names.map((name) => Deno.readTextFile(join(MIGRATIONS, name))));
}

/** Runs each chapter in a transaction, as `supabase db push` does. */
export async function install(sql: Sql, texts: string[]): Promise<void> {
  for (const text of texts) await sql.begin((transaction) => transaction.unsafe(text).simple());
}

/** Runs the first half of a chapter's statements, each by itself, and stops. */
export async function installHalf(sql: Sql, text: string): Promise<void> {
  const statements = statementsOf(text);
  for (const statement of statements.slice(0, Math.ceil(statements.length / 2))) {
    await sql.unsafe(statement).simple();
  }
}

/** Cuts at the empty lines that are not within a body between dollars. */
function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let open = "";
  for (const part of text.split("\n\n")) {
    open += `${part}\n\n`;
    if (open.split("$$").length % 2 === 1) {
      statements.push(open);
      open = "";
    }
  }
  return statements;
}
