import { endpoint } from "../_shared/aura/endpoint.ts";
import { Input, recover } from "./handler.ts";

export default { fetch: endpoint(["user", "secret"], Input, recover) };
