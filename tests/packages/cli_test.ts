// hub from its package, on Node alone.
import assert from "node:assert/strict";
import { join } from "node:path";
import { stackTest } from "../client/fixture.ts";
import { Project } from "./project.ts";

stackTest("@aura-servers/cli works from its package", async (fixture) => {
  const { email, password } = await fixture.user("viewer");
  await using project = await Project.with("cli");
  const env = {
    AURA_SESSION_FILE: join(project.folder, "session.json"),
    SUPABASE_URL: fixture.url,
    SUPABASE_PUBLISHABLE_KEY: fixture.key,
    AURA_USER_EMAIL: email,
    AURA_USER_PASSWORD: password,
    // For a Node before 22, which has no WebSocket of its own accord.
    NODE_OPTIONS: "--experimental-websocket --no-warnings",
  };
  const hub = (...args: string[]) =>
    project.run(
      "env",
      ...Object.entries(env).map((pair) => pair.join("=")),
      "node_modules/.bin/hub",
      ...args,
    );
  assert.match(await hub("login"), new RegExp(`Signed in to .* as ${email}`));
  assert.match(await hub("servers"), /cloud-hub/);
  assert.equal(JSON.parse(await hub("--json", "whoami")).role, "viewer");
});
