// `npm run types`: writes database.types.ts from what the migrations make on a stack of its own.
import { join } from "node:path";
import { supabase } from "../stack/cli.ts";
import { OwnStack } from "../tests/runner/own_stack.ts";

export const typesFile = join(import.meta.dirname!, "database.types.ts");

/** What database.types.ts has to hold for the database at this address. */
export async function generateTypes(root: string, databaseUrl: string): Promise<string> {
  const remote = `--remote=${databaseUrl}?sslmode=disable`;
  return await format(await supabase(root, ["gen", "types", "--schema", "public", remote]));
}

async function format(code: string): Promise<string> {
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "100", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = fmt.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { success, stdout } = await fmt.output();
  if (!success) throw new Error("The generated types cannot be formatted.");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  await using stack = await OwnStack.start();
  const root = join(import.meta.dirname!, "..");
  await Deno.writeTextFile(typesFile, await generateTypes(root, stack.env.SUPABASE_DB_URL!));
}
