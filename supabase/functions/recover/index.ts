import { endpoint } from "../_shared/endpoint.ts";
import { Input, recover } from "./handler.ts";

export default { fetch: endpoint(["user", "secret"], Input, recover) };
