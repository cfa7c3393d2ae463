import type { Database, Json } from "../database.types.ts";
import type { Channel, HubModel, Server } from "../rows.ts";
import { BaseCalls, missing, row, rows } from "./base.ts";

type Tables = Database["public"]["Tables"];
type Insert<Table extends keyof Tables> = Tables[Table]["Insert"];
type Update<Table extends keyof Tables> = Tables[Table]["Update"];

/** Servers, channels, models and settings. */
export class ServerCalls extends BaseCalls {
  /** The servers that exist for the caller: those with a place in their order, then the others, oldest first. */
  async fetchServers(): Promise<Server[]> {
    const query = this.db.from("hub_servers").select();
    return rows(await query.order("position").order("created_at").order("name"));
  }

  /** The channels of one server, or of all, ordered as the servers are. */
  async fetchChannels(serverId?: string): Promise<Channel[]> {
    let query = this.db.from("hub_channels").select()
      .order("position").order("created_at").order("name");
    if (serverId) query = query.eq("server_id", serverId);
    return rows(await query);
  }

  /** The agents that a mesh may have, in their order; those that are not enabled too. */
  async fetchModels(): Promise<HubModel[]> {
    return rows(await this.db.from("hub_models").select().order("position").order("name"));
  }

  /**
   * Stops (or resumes) claiming of a server's tasks; operators of it.
   *
   * @throws {AuraError} server_not_found, role_required
   */
  setServerPaused(serverId: string, paused: boolean): Promise<Server> {
    return this.rpc("set_server_paused", { server_id: serverId, paused });
  }

  /** Makes a server; admins. */
  async createServer(server: Insert<"hub_servers">): Promise<Server> {
    return row(await this.db.from("hub_servers").insert(server).select().single());
  }

  /** Changes a server; admins. */
  async updateServer(serverId: string, changes: Update<"hub_servers">): Promise<Server> {
    const query = this.db.from("hub_servers").update(changes).eq("id", serverId);
    return row(await query.select().single());
  }

  /**
   * Puts the servers into this order, those that are not named after the others; admins.
   *
   * @returns all servers in their order
   * @throws {AuraError} role_required, server_not_found, bad_argument
   */
  orderServers(serverIds: string[]): Promise<Server[]> {
    return this.rpc("order_servers", { server_ids: serverIds });
  }

  /** Makes a channel; admins of its server. */
  async createChannel(channel: Insert<"hub_channels">): Promise<Channel> {
    return row(await this.db.from("hub_channels").insert(channel).select().single());
  }

  /** Changes a channel; admins of its server. */
  async updateChannel(channelId: string, changes: Update<"hub_channels">): Promise<Channel> {
    const query = this.db.from("hub_channels").update(changes).eq("id", channelId);
    return row(await query.select().single());
  }

  /** Deletes a channel with everything in it; admins of its server. */
  async deleteChannel(channelId: string): Promise<void> {
    const query = this.db.from("hub_channels").delete().eq("id", channelId);
    if (rows(await query.select("id")).length === 0) missing("channel", channelId);
  }

  /**
   * Puts the channels of a server into this order, those that are not named after the others; admins of it.
   *
   * @returns all channels of the server in their order
   * @throws {AuraError} server_not_found, role_required, channel_not_found, bad_argument
   */
  orderChannels(serverId: string, channelIds: string[]): Promise<Channel[]> {
    return this.rpc("order_channels", { server_id: serverId, channel_ids: channelIds });
  }

  /** Makes a model that tasks may be given to, or changes one; admins. */
  async saveModel(model: Insert<"hub_models">): Promise<HubModel> {
    return row(
      await this.db.from("hub_models").upsert(model, { onConflict: "name" }).select().single(),
    );
  }

  /**
   * Changes settings, and returns all of them; admins.
   *
   * @param changes by the names of the columns of `hub.settings`: numbers, and intervals as `"2 hours"`
   * @throws {AuraError} role_required, bad_argument
   */
  updateSettings(changes: Record<string, Json> = {}): Promise<Record<string, Json>> {
    return this.rpc("update_settings", { changes });
  }
}
