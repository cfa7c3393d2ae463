// `npm run reset`: deletes the state, so that the next start begins afresh.
import { claimState } from "./claims.ts";
import { removeIfThere } from "./files.ts";
import { clusterOf, databaseHome, stopLeftover } from "./postgres.ts";
import { copyRuntime } from "./runtime.ts";
import { loadSecrets } from "./secrets.ts";
import { readSettings } from "./settings.ts";
import { join } from "node:path";

const settings = readSettings(Deno.env.get);
try {
  await claimState(settings.state);
  const home = await databaseHome(settings.state);
  const bin = settings.postgresBin ?? await copyRuntime(join(home, "postgres"));
  await stopLeftover(clusterOf(settings, home, bin), await loadSecrets(settings.state));
  await removeIfThere(home);
  await removeIfThere(settings.state);
  console.log(`Deleted "${settings.state}".`);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
