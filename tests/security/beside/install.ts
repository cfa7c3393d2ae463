// Installing by hand, chapter by chapter, to stop half-way.
import { join } from "node:path";
import type { Sql } from "postgres";
import { readChapters } from "../../../stack/schema/chapters.ts";

/** The texts of the chapters in their order. */
export async function chapters(): Promise<string[]> {
  return (await readChapters(join(import.meta.dirname!, "../../.."))).map(({ text }) => text);
}

/** The texts of the migrations in their order. */
export async function migrations(): Promise<string[]> {
  const folder = join(import.meta.dirname!, "../../../supabase/migrations");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return await Promise.all(names.map((name) => Deno.readTextFile(join(folder, name))));
}

/** Runs each chapter in a transaction. */
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
