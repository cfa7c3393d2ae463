// Makes dist/hub.js of this package: the program as one file, for Node.
import { bundle } from "../bundle.mjs";

await bundle(import.meta.url, { hub: "main.ts" }, {
  banner: "#!/usr/bin/env node",
  codeSplitting: false,
});
