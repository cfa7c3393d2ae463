// The package as npm would publish it, installed in an empty project.
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { stackTest } from "./fixture.ts";

const root = resolve(import.meta.dirname!, "../..");

const PROGRAM = `
import { createClient } from "@supabase/supabase-js";
import { AuraClient, NotSignedInError, type Server } from "@aura-servers/client";

const [url, key, email, password] = process.argv.slice(2) as [string, string, string, string];
// Node 20 has no WebSocket, which supabase-js wants even if nothing is subscribed to.
const transport = globalThis.WebSocket ?? class {};
const supabase = createClient(url, key, { realtime: { transport } });
const aura = new AuraClient(supabase);
const refusal = await aura.fetchServers().catch((error: unknown) => error);
console.log(refusal instanceof NotSignedInError);
await supabase.auth.signInWithPassword({ email, password });
const servers: Server[] = await aura.fetchServers();
console.log(servers.some(({ name }) => name === "cloud-hub"));
process.exit(0);
`;

stackTest("@aura-servers/client works from its package, typed, on Node", async (fixture) => {
  const { email, password } = await fixture.user("viewer");
  const project = await Deno.makeTempDir();
  const run = (program: string, ...args: string[]) => output(project, program, args);
  try {
    await output(join(root, "client"), "npm", ["pack", "--pack-destination", project]);
    await Deno.writeTextFile(join(project, "package.json"), `{ "type": "module" }`);
    await Deno.writeTextFile(join(project, "program.ts"), PROGRAM);
    // Linked from here, so that nothing has to come from a registry.
    const linked = ["@supabase/supabase-js", "@types/node"].map((name) =>
      join(root, "node_modules", name)
    );
    const tarball = [...Deno.readDirSync(project)].find(({ name }) => name.endsWith(".tgz"))!.name;
    await run("npm", "install", "--offline", "--no-audit", `./${tarball}`, ...linked);

    assert.deepEqual(
      [...Deno.readDirSync(join(project, "node_modules/@aura-servers/client"))]
        .map(({ name }) => name).sort(),
      ["README.md", "dist", "package.json"],
    );
    await run(
      ...[join(root, "node_modules/.bin/tsc"), "--module", "nodenext", "--target", "es2023"],
      ...["--strict", "--types", "node", "--skipLibCheck", "program.ts"],
    );
    const answer = await run("node", "program.js", fixture.url, fixture.key, email, password);
    assert.equal(answer, "true\ntrue\n");
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

async function output(cwd: string, program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`"${program}" failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
}
