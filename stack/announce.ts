// What to try, once everything runs.
import { relative } from "node:path";
import process from "node:process";
import type { Settings } from "./settings.ts";

export function announce(settings: Settings): void {
  const env = `${relative(process.cwd(), settings.state) || "."}/env`;
  console.log(`
Aura Servers is ready.

  API       ${settings.url}
  Console   ${settings.url}/
  Settings  source ${env}

Stop it with Ctrl-C; "npm run reset" deletes its state.
`);
}
