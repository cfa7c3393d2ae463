// The package as npm would publish it, installed in an empty project.
import assert from "node:assert/strict";
import { join } from "node:path";
import { stackTest } from "../client/fixture.ts";
import { Project, ROOT } from "./project.ts";

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
  await using project = await Project.with("client", ["@supabase/supabase-js", "@types/node"]);
  assert.deepEqual(
    project.list("node_modules/@aura-servers/client"),
    ["README.md", "dist", "package.json"],
  );
  await project.write("program.ts", PROGRAM);
  await project.run(
    ...[join(ROOT, "node_modules/.bin/tsc"), "--module", "nodenext", "--target", "es2023"] as const,
    ...["--strict", "--types", "node", "--skipLibCheck", "program.ts"],
  );
  const answer = await project.run("node", "program.js", fixture.url, fixture.key, email, password);
  assert.equal(answer, "true\ntrue\n");
});
