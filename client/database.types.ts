export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      hub_servers: {
        Row: {
          id: string
          name: string
          display_name: string
          description: string | null
          icon: string
          architecture_type: string
          is_default: boolean
          channel_count: number
          metadata: Json
          created_at: string
          updated_at: string
          paused_at: string | null
        }
        Insert: {
          id?: string
          name?: string
          display_name?: string
          description?: string | null
          icon?: string
          architecture_type?: string
          is_default?: boolean
          channel_count?: number
          metadata?: Json
          created_at?: string
          updated_at?: string
          paused_at?: string | null
        }
        Update: {
          id?: string
          name?: string
          display_name?: string
          description?: string | null
          icon?: string
          architecture_type?: string
          is_default?: boolean
          channel_count?: number
          metadata?: Json
          created_at?: string
          updated_at?: string
          paused_at?: string | null
        }
        Relationships: []
      }
      hub_channels: {
        Row: {
          id: string
          server_id: string
          name: string
          display_name: string
          description: string | null
          category_group: string | null
          project_path: string | null
          model_preference: string
          is_read_only: boolean
          message_count: number
          last_message_at: string | null
          metadata: Json
          created_at: string
          idle_after: unknown
          archive_after: unknown
        }
        Insert: {
          id?: string
          server_id?: string
          name?: string
          display_name?: string
          description?: string | null
          category_group?: string | null
          project_path?: string | null
          model_preference?: string
          is_read_only?: boolean
          message_count?: number
          last_message_at?: string | null
          metadata?: Json
          created_at?: string
          idle_after?: unknown
          archive_after?: unknown
        }
        Update: {
          id?: string
          server_id?: string
          name?: string
          display_name?: string
          description?: string | null
          category_group?: string | null
          project_path?: string | null
          model_preference?: string
          is_read_only?: boolean
          message_count?: number
          last_message_at?: string | null
          metadata?: Json
          created_at?: string
          idle_after?: unknown
          archive_after?: unknown
        }
        Relationships: []
      }
      hub_task_threads: {
        Row: {
          id: string
          channel_id: string
          task_id: string | null
          team_id: string | null
          name: string
          status: string
          message_count: number
          last_activity_at: string
          archived_at: string | null
          metadata: Json
          created_at: string
          session_id: string | null
          session_device: string | null
          next_transition_at: string | null
        }
        Insert: {
          id?: string
          channel_id?: string
          task_id?: string | null
          team_id?: string | null
          name?: string
          status?: string
          message_count?: number
          last_activity_at?: string
          archived_at?: string | null
          metadata?: Json
          created_at?: string
          session_id?: string | null
          session_device?: string | null
          next_transition_at?: string | null
        }
        Update: {
          id?: string
          channel_id?: string
          task_id?: string | null
          team_id?: string | null
          name?: string
          status?: string
          message_count?: number
          last_activity_at?: string
          archived_at?: string | null
          metadata?: Json
          created_at?: string
          session_id?: string | null
          session_device?: string | null
          next_transition_at?: string | null
        }
        Relationships: []
      }
      hub_channel_messages: {
        Row: {
          id: string
          channel_id: string
          task_thread_id: string | null
          sender_type: string
          sender_id: string | null
          sender_label: string | null
          content: string
          content_type: string
          embed_data: Json | null
          reply_to: string | null
          is_progress: boolean
          metadata: Json
          created_at: string
        }
        Insert: {
          id?: string
          channel_id?: string
          task_thread_id?: string | null
          sender_type?: string
          sender_id?: string | null
          sender_label?: string | null
          content?: string
          content_type?: string
          embed_data?: Json | null
          reply_to?: string | null
          is_progress?: boolean
          metadata?: Json
          created_at?: string
        }
        Update: {
          id?: string
          channel_id?: string
          task_thread_id?: string | null
          sender_type?: string
          sender_id?: string | null
          sender_label?: string | null
          content?: string
          content_type?: string
          embed_data?: Json | null
          reply_to?: string | null
          is_progress?: boolean
          metadata?: Json
          created_at?: string
        }
        Relationships: []
      }
      mac_tasks: {
        Row: {
          id: string
          content: string
          project: string | null
          status: string
          model_preference: string | null
          claimed_by: string | null
          partial_output: string | null
          result: string | null
          channel_id: string | null
          task_thread_id: string | null
          team_id: string | null
          kind: string
          task_type: string | null
          platform: string | null
          priority: number
          run_at: string
          attempt: number
          max_attempts: number | null
          claim_id: string | null
          lease_expires_at: string | null
          started_at: string | null
          finished_at: string | null
          error: string | null
          model_used: string | null
          progress_count: number
          cancel_requested_at: string | null
          cancelled_at: string | null
          delivered_at: string | null
          idempotency_key: string | null
          created_by: string | null
          session_id: string | null
          usage: Json | null
          metadata: Json
          created_at: string
          updated_at: string
        }
        Insert: {
          id?: string
          content?: string
          project?: string | null
          status?: string
          model_preference?: string | null
          claimed_by?: string | null
          partial_output?: string | null
          result?: string | null
          channel_id?: string | null
          task_thread_id?: string | null
          team_id?: string | null
          kind?: string
          task_type?: string | null
          platform?: string | null
          priority?: number
          run_at?: string
          attempt?: number
          max_attempts?: number | null
          claim_id?: string | null
          lease_expires_at?: string | null
          started_at?: string | null
          finished_at?: string | null
          error?: string | null
          model_used?: string | null
          progress_count?: number
          cancel_requested_at?: string | null
          cancelled_at?: string | null
          delivered_at?: string | null
          idempotency_key?: string | null
          created_by?: string | null
          session_id?: string | null
          usage?: Json | null
          metadata?: Json
          created_at?: string
          updated_at?: string
        }
        Update: {
          id?: string
          content?: string
          project?: string | null
          status?: string
          model_preference?: string | null
          claimed_by?: string | null
          partial_output?: string | null
          result?: string | null
          channel_id?: string | null
          task_thread_id?: string | null
          team_id?: string | null
          kind?: string
          task_type?: string | null
          platform?: string | null
          priority?: number
          run_at?: string
          attempt?: number
          max_attempts?: number | null
          claim_id?: string | null
          lease_expires_at?: string | null
          started_at?: string | null
          finished_at?: string | null
          error?: string | null
          model_used?: string | null
          progress_count?: number
          cancel_requested_at?: string | null
          cancelled_at?: string | null
          delivered_at?: string | null
          idempotency_key?: string | null
          created_by?: string | null
          session_id?: string | null
          usage?: Json | null
          metadata?: Json
          created_at?: string
          updated_at?: string
        }
        Relationships: []
      }
      hub_task_attempts: {
        Row: {
          task_id: string
          attempt: number
          claim_id: string
          device: string
          model: string | null
          started_at: string
          ended_at: string | null
          outcome: string | null
          error: string | null
        }
        Insert: {
          task_id?: string
          attempt?: number
          claim_id?: string
          device?: string
          model?: string | null
          started_at?: string
          ended_at?: string | null
          outcome?: string | null
          error?: string | null
        }
        Update: {
          task_id?: string
          attempt?: number
          claim_id?: string
          device?: string
          model?: string | null
          started_at?: string
          ended_at?: string | null
          outcome?: string | null
          error?: string | null
        }
        Relationships: []
      }
      hub_teams: {
        Row: {
          id: string
          channel_id: string
          task_thread_id: string | null
          goal: string
          status: string
          created_by: string | null
          created_at: string
          finished_at: string | null
        }
        Insert: {
          id?: string
          channel_id?: string
          task_thread_id?: string | null
          goal?: string
          status?: string
          created_by?: string | null
          created_at?: string
          finished_at?: string | null
        }
        Update: {
          id?: string
          channel_id?: string
          task_thread_id?: string | null
          goal?: string
          status?: string
          created_by?: string | null
          created_at?: string
          finished_at?: string | null
        }
        Relationships: []
      }
      mesh_devices: {
        Row: {
          id: string
          name: string
          platform: string
          status: string
          max_running: number
          last_seen_at: string | null
          metadata: Json
          created_at: string
        }
        Insert: {
          id?: string
          name?: string
          platform?: string
          status?: string
          max_running?: number
          last_seen_at?: string | null
          metadata?: Json
          created_at?: string
        }
        Update: {
          id?: string
          name?: string
          platform?: string
          status?: string
          max_running?: number
          last_seen_at?: string | null
          metadata?: Json
          created_at?: string
        }
        Relationships: []
      }
      mesh_device_models: {
        Row: {
          device_id: string
          model: string
          version: string | null
          rate_limited_until: string | null
        }
        Insert: {
          device_id?: string
          model?: string
          version?: string | null
          rate_limited_until?: string | null
        }
        Update: {
          device_id?: string
          model?: string
          version?: string | null
          rate_limited_until?: string | null
        }
        Relationships: []
      }
      hub_members: {
        Row: {
          user_id: string
          role: string
        }
        Insert: {
          user_id?: string
          role?: string
        }
        Update: {
          user_id?: string
          role?: string
        }
        Relationships: []
      }
    }
    Views: { [_ in never]: never }
    Functions: {
      execute_command: { Args: { channel_id: string; command: string }; Returns: Json }
      list_commands: { Args: never; Returns: Json }
      dispatch_task: { Args: { channel_id: string; content: string; task_thread_id?: string; model?: string; priority?: number; run_at?: string; idempotency_key?: string }; Returns: Json }
      dispatch_team: { Args: { channel_id: string; goal: string; subtasks?: string[]; model?: string; idempotency_key?: string }; Returns: Json }
      create_task_thread: { Args: { channel_id: string; task_id: string }; Returns: Json }
      update_thread_status: { Args: { thread_id: string; status: string }; Returns: Json }
      cancel_task: { Args: { task_id: string }; Returns: Json }
      retry_task: { Args: { task_id: string }; Returns: Json }
      explain_task: { Args: { task_id: string }; Returns: Json }
      register_device: { Args: { name: string; platform: string; models: Json; max_running?: number }; Returns: Json }
      set_device_draining: { Args: { device_id: string; draining: boolean }; Returns: Json }
      set_server_paused: { Args: { server_id: string; paused: boolean }; Returns: Json }
      set_member_role: { Args: { user_id: string; role: string }; Returns: Json }
      whoami: { Args: Record<PropertyKey, never>; Returns: Json }
      mesh_activity: { Args: { hours?: number }; Returns: Json }
    }
    Enums: { [_ in never]: never }
    CompositeTypes: { [_ in never]: never }
  }
}
