import type { Caller, Member, Person, Role, ServerRole } from "../rows.ts";
import { rows } from "./base.ts";
import { MeshCalls } from "./mesh.ts";

/** Who is who, and may do what. */
export class MemberCalls extends MeshCalls {
  /** Who is signed in, and as what; the limits and the version of the hub. */
  whoami(): Promise<Caller> {
    return this.rpc("whoami", {});
  }

  /** Who has a role of their own: all of them for admins, else the caller alone. */
  async fetchMembers(): Promise<Member[]> {
    return rows(await this.db.from("hub_members").select().order("user_id"));
  }

  /**
   * Gives somebody a role everywhere; admins.
   *
   * @throws {AuraError} user_not_found, role_required, last_admin
   */
  setMemberRole(userId: string, role: Role): Promise<Member> {
    return this.rpc("set_member_role", { user_id: userId, role });
  }

  /**
   * Who has an account, by name, the first 200. With a server, what they are there, for its admins; else
   * for those of the whole. `search` is an id, or a part of a name or an address.
   *
   * @throws {AuraError} role_required, server_not_found, content_too_long
   */
  listPeople(options: { server_id?: string; search?: string } = {}): Promise<Person[]> {
    return this.rpc("list_people", options);
  }

  /**
   * Gives somebody a role on one server; null takes it away again, and the server's default holds.
   *
   * @throws {AuraError} server_not_found, role_required, user_not_found
   */
  setServerRole(
    serverId: string,
    userId: string,
    role: ServerRole | null,
  ): Promise<{ server_id: string; user_id: string; role: ServerRole | null }> {
    return this.rpc("set_server_role", { server_id: serverId, user_id: userId, role });
  }
}
