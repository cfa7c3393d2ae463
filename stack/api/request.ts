// The HTTP request that a query belongs to, for what sees queries alone.
import { AsyncLocalStorage } from "node:async_hooks";

export const currentRequest = new AsyncLocalStorage<Request>();
