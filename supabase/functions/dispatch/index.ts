import { endpoint } from "../_shared/aura/endpoint.ts";
import { dispatch, Input } from "./handler.ts";

export default { fetch: endpoint(["user", "secret"], Input, dispatch) };
