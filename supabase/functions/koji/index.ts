import { endpoint } from "../_shared/aura/endpoint.ts";
import { Input, koji } from "./handler.ts";

export default { fetch: endpoint(["user", "secret"], Input, koji) };
