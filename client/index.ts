export {
  type Answer,
  type DispatchOptions,
  type MessagePage,
  type MessageView,
  type Page,
  type TeamOptions,
} from "./calls.ts";
export { AuraClient, type PollOptions, type SubscribeOptions } from "./client.ts";
export type { Database, Json } from "./database.types.ts";
export { AuraError, NotSignedInError, UnavailableError } from "./errors.ts";
export { eventOf, MESSAGE_EVENTS, type MessageEvent } from "./events.ts";
export type { Change } from "./feed.ts";
export { mediaTypeOf } from "./files.ts";
export { type HighlightPart, highlightParts } from "./highlight.ts";
export type { Cursor } from "./paging.ts";
export type * from "./rows.ts";
export { VERSION, versionProblem } from "./version.ts";
export { characters, commandText } from "./texts.ts";
