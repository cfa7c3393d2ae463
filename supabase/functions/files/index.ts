import { endpoint } from "../_shared/aura/endpoint.ts";
import { files, Input } from "./handler.ts";

// A device has no user: its token, in the body, is asked by the database.
export default { fetch: endpoint(["publishable", "user"], Input, files) };
