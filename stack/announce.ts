// What to try, once everything runs.
import { join, relative } from "node:path";
import process from "node:process";
import type { Settings } from "./settings.ts";

export function announce({ url, state }: Settings): void {
  const near = relative(process.cwd(), join(state, "env"));
  const env = near.startsWith("..") ? join(state, "env") : near;
  console.log(`
Aura Servers is ready.

  Console   ${url}/
  API       ${url}
  Settings  set -a; . ${env}; set +a

Try "npm run hub" in another terminal. Ctrl-C stops everything; "npm run reset" deletes the state.
`);
}
