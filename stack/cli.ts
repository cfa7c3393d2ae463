// The Supabase CLI, as a program.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Runs the Supabase CLI. Throws with what it printed when it fails. */
export async function supabase(root: string, args: string[]): Promise<string> {
  const command = new Deno.Command(cliPath(), {
    args: [...args, "--workdir", root],
    cwd: root,
    env: { DO_NOT_TRACK: "1", SUPABASE_NO_UPDATE_NOTIFIER: "1" },
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(
    `"supabase ${args.slice(0, 2).join(" ")}" failed:\n${text.decode(stdout)}${
      text.decode(stderr)
    }`,
  );
}

/** The program itself: starting it through its package's wrapper costs a Node process. */
function cliPath(): string {
  const require = createRequire(import.meta.url);
  const os = { linux: "linux", darwin: "darwin", windows: "windows" }[Deno.build.os as string];
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  for (const name of [`@supabase/cli-${os}-${arch}`, `@supabase/cli-${os}-${arch}-musl`]) {
    try {
      return join(dirname(require.resolve(`${name}/package.json`)), "bin/supabase");
    } catch (error) {
      if ((error as { code?: string }).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Error(`There is no Supabase CLI for this machine (${os}-${arch}).`);
}
