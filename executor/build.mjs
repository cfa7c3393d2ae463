// Makes dist/ of this package: the executor and the programs that it starts of its own, one file each.
import { bundle } from "../bundle.mjs";

await bundle(import.meta.url, { main: "main.ts", watcher: "watcher.ts", mcp: "mcp/server.ts" });
