/**
 * Every call to the database, by name: the reads are plain REST on the tables, the writes are RPCs
 * (docs/errors.md lists what each may refuse). Nothing else in this package talks to PostgREST. They
 * are in `calls/`, a file for each subject, each of which goes on with the class of the one before.
 */
import { MemberCalls } from "./calls/members.ts";

export type { MessageView, Page } from "./calls/base.ts";
export type { MessagePage } from "./calls/messages.ts";
export type { Answer } from "./calls/questions.ts";
export type { DispatchOptions, TeamOptions } from "./calls/tasks.ts";

/**
 * The calls, for whoever the client is signed in as. Each may throw an `AuraError` with `not_signed_in` (401) or
 * `role_required` (403), and an `UnavailableError` where nobody answers or somebody else holds what it writes
 * (`busy`): that one may be tried again. The errors named below are the further ones; docs/errors.md has all of them.
 */
export class Calls extends MemberCalls {}
