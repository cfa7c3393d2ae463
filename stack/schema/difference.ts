// What one database has and another lacks, as SQL.
import { readIfThere } from "../files.ts";
import { supabase } from "../cli.ts";

/** The schemas that hold something of this project. */
const SCHEMAS = "hub,koji,public";

/**
 * The statements that make the first database's tables, functions, grants, policies and comments those
 * of the second; empty where both are the same. Rows and cron jobs are not compared.
 */
export async function difference(root: string, from: string, to: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".sql" });
  try {
    await supabase(root, [
      ...["db", "diff", "--use-pg-delta", "--schema", SCHEMAS, "--output", file],
      ...["--from", `${from}?sslmode=disable`, "--to", `${to}?sslmode=disable`],
    ]);
    return (await readIfThere(file) ?? "").trim();
  } finally {
    await Deno.remove(file);
  }
}
