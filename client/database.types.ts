export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  "public": {
    Tables: {
      "hub_channel_messages": {
        Row: {
          "channel_id": string;
          "content": string;
          "content_type": string;
          "created_at": string;
          "embed_data": Json | null;
          "id": string;
          "is_progress": boolean;
          "metadata": NonNullable<Json>;
          "reply_to": string | null;
          "sender_id": string | null;
          "sender_label": string | null;
          "sender_type": string;
          "task_thread_id": string | null;
        };
        ComputedFields: never;
        Insert: {
          "channel_id": string;
          "content": string;
          "content_type"?: string;
          "created_at"?: string;
          "embed_data"?: Json | null;
          "id"?: string;
          "is_progress"?: boolean;
          "metadata"?: NonNullable<Json>;
          "reply_to"?: string | null;
          "sender_id"?: string | null;
          "sender_label"?: string | null;
          "sender_type"?: string;
          "task_thread_id"?: string | null;
        };
        Update: {
          "channel_id"?: string;
          "content"?: string;
          "content_type"?: string;
          "created_at"?: string;
          "embed_data"?: Json | null;
          "id"?: string;
          "is_progress"?: boolean;
          "metadata"?: NonNullable<Json>;
          "reply_to"?: string | null;
          "sender_id"?: string | null;
          "sender_label"?: string | null;
          "sender_type"?: string;
          "task_thread_id"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "hub_channel_messages_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_channel_messages_reply_to_fkey";
            columns: ["reply_to"];
            isOneToOne: false;
            referencedRelation: "hub_channel_messages";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_channel_messages_task_thread_id_fkey";
            columns: ["task_thread_id", "channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id", "channel_id"];
          },
        ];
      };
      "hub_channels": {
        Row: {
          "archive_after": string | null;
          "category_group": string | null;
          "created_at": string;
          "description": string | null;
          "display_name": string;
          "id": string;
          "idle_after": string | null;
          "is_read_only": boolean;
          "keep_for": string | null;
          "last_message_at": string | null;
          "message_count": number;
          "metadata": NonNullable<Json>;
          "model_preference": string;
          "name": string;
          "position": number | null;
          "project_path": string | null;
          "server_id": string;
        };
        ComputedFields: never;
        Insert: {
          "archive_after"?: string | null;
          "category_group"?: string | null;
          "created_at"?: string;
          "description"?: string | null;
          "display_name": string;
          "id"?: string;
          "idle_after"?: string | null;
          "is_read_only"?: boolean;
          "keep_for"?: string | null;
          "last_message_at"?: string | null;
          "message_count"?: number;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string;
          "name": string;
          "position"?: number | null;
          "project_path"?: string | null;
          "server_id": string;
        };
        Update: {
          "archive_after"?: string | null;
          "category_group"?: string | null;
          "created_at"?: string;
          "description"?: string | null;
          "display_name"?: string;
          "id"?: string;
          "idle_after"?: string | null;
          "is_read_only"?: boolean;
          "keep_for"?: string | null;
          "last_message_at"?: string | null;
          "message_count"?: number;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string;
          "name"?: string;
          "position"?: number | null;
          "project_path"?: string | null;
          "server_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_channels_server_id_fkey";
            columns: ["server_id"];
            isOneToOne: false;
            referencedRelation: "hub_servers";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_files": {
        Row: {
          "channel_id": string;
          "created_at": string;
          "created_by": string | null;
          "direction": string;
          "error": string | null;
          "id": string;
          "media_type": string;
          "message_id": string | null;
          "name": string;
          "path": string;
          "sha256": string | null;
          "size": number;
          "state": string;
          "task_id": string | null;
          "task_thread_id": string | null;
        };
        ComputedFields: never;
        Insert: {
          "channel_id": string;
          "created_at"?: string;
          "created_by"?: string | null;
          "direction": string;
          "error"?: string | null;
          "id"?: string;
          "media_type"?: string;
          "message_id"?: string | null;
          "name": string;
          "path"?: never;
          "sha256"?: string | null;
          "size": number;
          "state"?: string;
          "task_id"?: string | null;
          "task_thread_id"?: string | null;
        };
        Update: {
          "channel_id"?: string;
          "created_at"?: string;
          "created_by"?: string | null;
          "direction"?: string;
          "error"?: string | null;
          "id"?: string;
          "media_type"?: string;
          "message_id"?: string | null;
          "name"?: string;
          "path"?: never;
          "sha256"?: string | null;
          "size"?: number;
          "state"?: string;
          "task_id"?: string | null;
          "task_thread_id"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "hub_files_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_files_message_id_fkey";
            columns: ["message_id"];
            isOneToOne: false;
            referencedRelation: "hub_channel_messages";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_files_task_id_fkey";
            columns: ["task_id"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_files_task_thread_id_fkey";
            columns: ["task_thread_id", "channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id", "channel_id"];
          },
        ];
      };
      "hub_members": {
        Row: {
          "created_at": string;
          "role": string;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "role": string;
          "user_id": string;
        };
        Update: {
          "created_at"?: string;
          "role"?: string;
          "user_id"?: string;
        };
        Relationships: [];
      };
      "hub_models": {
        Row: {
          "created_at": string;
          "enabled": boolean;
          "label": string;
          "name": string;
          "position": number;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "enabled"?: boolean;
          "label": string;
          "name": string;
          "position"?: number;
        };
        Update: {
          "created_at"?: string;
          "enabled"?: boolean;
          "label"?: string;
          "name"?: string;
          "position"?: number;
        };
        Relationships: [];
      };
      "hub_questions": {
        Row: {
          "allow_text": boolean;
          "answer": string | null;
          "answered_at": string | null;
          "answered_by": string | null;
          "answered_by_label": string | null;
          "asked_at": string;
          "channel_id": string;
          "claim_id": string;
          "detail": string | null;
          "expires_at": string | null;
          "id": string;
          "kind": string;
          "option_id": string | null;
          "options": NonNullable<Json>;
          "state": string;
          "task_id": string;
          "task_thread_id": string | null;
          "title": string;
          "told_claim_id": string | null;
          "tool_call_id": string;
        };
        ComputedFields: never;
        Insert: {
          "allow_text"?: boolean;
          "answer"?: string | null;
          "answered_at"?: string | null;
          "answered_by"?: string | null;
          "answered_by_label"?: string | null;
          "asked_at"?: string;
          "channel_id": string;
          "claim_id": string;
          "detail"?: string | null;
          "expires_at"?: string | null;
          "id"?: string;
          "kind": string;
          "option_id"?: string | null;
          "options"?: NonNullable<Json>;
          "state"?: string;
          "task_id": string;
          "task_thread_id"?: string | null;
          "title": string;
          "told_claim_id"?: string | null;
          "tool_call_id": string;
        };
        Update: {
          "allow_text"?: boolean;
          "answer"?: string | null;
          "answered_at"?: string | null;
          "answered_by"?: string | null;
          "answered_by_label"?: string | null;
          "asked_at"?: string;
          "channel_id"?: string;
          "claim_id"?: string;
          "detail"?: string | null;
          "expires_at"?: string | null;
          "id"?: string;
          "kind"?: string;
          "option_id"?: string | null;
          "options"?: NonNullable<Json>;
          "state"?: string;
          "task_id"?: string;
          "task_thread_id"?: string | null;
          "title"?: string;
          "told_claim_id"?: string | null;
          "tool_call_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_questions_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_questions_task_id_fkey";
            columns: ["task_id"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_questions_task_thread_id_fkey";
            columns: ["task_thread_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_reads": {
        Row: {
          "channel_id": string | null;
          "id": string;
          "last_read_at": string;
          "task_thread_id": string | null;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "channel_id"?: string | null;
          "id"?: string;
          "last_read_at": string;
          "task_thread_id"?: string | null;
          "user_id": string;
        };
        Update: {
          "channel_id"?: string | null;
          "id"?: string;
          "last_read_at"?: string;
          "task_thread_id"?: string | null;
          "user_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_reads_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_reads_task_thread_id_fkey";
            columns: ["task_thread_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_server_members": {
        Row: {
          "created_at": string;
          "role": string;
          "server_id": string;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "role": string;
          "server_id": string;
          "user_id": string;
        };
        Update: {
          "created_at"?: string;
          "role"?: string;
          "server_id"?: string;
          "user_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_server_members_server_id_fkey";
            columns: ["server_id"];
            isOneToOne: false;
            referencedRelation: "hub_servers";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_servers": {
        Row: {
          "architecture_type": string;
          "channel_count": number;
          "created_at": string;
          "default_role": string | null;
          "description": string | null;
          "display_name": string;
          "icon": string;
          "id": string;
          "is_default": boolean;
          "metadata": NonNullable<Json>;
          "name": string;
          "paused_at": string | null;
          "position": number | null;
          "updated_at": string;
        };
        ComputedFields: never;
        Insert: {
          "architecture_type": string;
          "channel_count"?: number;
          "created_at"?: string;
          "default_role"?: string | null;
          "description"?: string | null;
          "display_name": string;
          "icon"?: string;
          "id"?: string;
          "is_default"?: boolean;
          "metadata"?: NonNullable<Json>;
          "name": string;
          "paused_at"?: string | null;
          "position"?: number | null;
          "updated_at"?: string;
        };
        Update: {
          "architecture_type"?: string;
          "channel_count"?: number;
          "created_at"?: string;
          "default_role"?: string | null;
          "description"?: string | null;
          "display_name"?: string;
          "icon"?: string;
          "id"?: string;
          "is_default"?: boolean;
          "metadata"?: NonNullable<Json>;
          "name"?: string;
          "paused_at"?: string | null;
          "position"?: number | null;
          "updated_at"?: string;
        };
        Relationships: [];
      };
      "hub_task_attempts": {
        Row: {
          "attempt": number;
          "claim_id": string;
          "device": string;
          "ended_at": string | null;
          "error": string | null;
          "model": string;
          "outcome": string | null;
          "started_at": string;
          "task_id": string;
        };
        ComputedFields: never;
        Insert: {
          "attempt": number;
          "claim_id": string;
          "device": string;
          "ended_at"?: string | null;
          "error"?: string | null;
          "model": string;
          "outcome"?: string | null;
          "started_at"?: string;
          "task_id": string;
        };
        Update: {
          "attempt"?: number;
          "claim_id"?: string;
          "device"?: string;
          "ended_at"?: string | null;
          "error"?: string | null;
          "model"?: string;
          "outcome"?: string | null;
          "started_at"?: string;
          "task_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_task_attempts_task_id_fkey";
            columns: ["task_id"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_task_inputs": {
        Row: {
          "channel_id": string;
          "claim_id": string | null;
          "content": string;
          "created_at": string;
          "created_by": string | null;
          "id": string;
          "idempotency_key": string | null;
          "interrupt": boolean;
          "message_id": string | null;
          "moved_to": string | null;
          "state": string;
          "taken_at": string | null;
          "task_id": string;
        };
        ComputedFields: never;
        Insert: {
          "channel_id": string;
          "claim_id"?: string | null;
          "content": string;
          "created_at"?: string;
          "created_by"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "interrupt"?: boolean;
          "message_id"?: string | null;
          "moved_to"?: string | null;
          "state"?: string;
          "taken_at"?: string | null;
          "task_id": string;
        };
        Update: {
          "channel_id"?: string;
          "claim_id"?: string | null;
          "content"?: string;
          "created_at"?: string;
          "created_by"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "interrupt"?: boolean;
          "message_id"?: string | null;
          "moved_to"?: string | null;
          "state"?: string;
          "taken_at"?: string | null;
          "task_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "hub_task_inputs_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_task_inputs_message_id_fkey";
            columns: ["message_id"];
            isOneToOne: false;
            referencedRelation: "hub_channel_messages";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_task_inputs_moved_to_fkey";
            columns: ["moved_to"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_task_inputs_task_id_fkey";
            columns: ["task_id"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_task_threads": {
        Row: {
          "archived_at": string | null;
          "channel_id": string;
          "created_at": string;
          "id": string;
          "last_activity_at": string;
          "message_count": number;
          "metadata": NonNullable<Json>;
          "name": string;
          "next_transition_at": string | null;
          "session_device": string | null;
          "session_id": string | null;
          "status": string;
          "task_id": string | null;
          "team_id": string | null;
        };
        ComputedFields: never;
        Insert: {
          "archived_at"?: string | null;
          "channel_id": string;
          "created_at"?: string;
          "id"?: string;
          "last_activity_at"?: string;
          "message_count"?: number;
          "metadata"?: NonNullable<Json>;
          "name": string;
          "next_transition_at"?: string | null;
          "session_device"?: string | null;
          "session_id"?: string | null;
          "status"?: string;
          "task_id"?: string | null;
          "team_id"?: string | null;
        };
        Update: {
          "archived_at"?: string | null;
          "channel_id"?: string;
          "created_at"?: string;
          "id"?: string;
          "last_activity_at"?: string;
          "message_count"?: number;
          "metadata"?: NonNullable<Json>;
          "name"?: string;
          "next_transition_at"?: string | null;
          "session_device"?: string | null;
          "session_id"?: string | null;
          "status"?: string;
          "task_id"?: string | null;
          "team_id"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "hub_task_threads_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_task_threads_task_id_fkey";
            columns: ["task_id"];
            isOneToOne: false;
            referencedRelation: "mac_tasks";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_task_threads_team_id_fkey";
            columns: ["team_id"];
            isOneToOne: false;
            referencedRelation: "hub_teams";
            referencedColumns: ["id"];
          },
        ];
      };
      "hub_teams": {
        Row: {
          "channel_id": string;
          "created_at": string;
          "created_by": string | null;
          "finished_at": string | null;
          "goal": string;
          "id": string;
          "idempotency_key": string | null;
          "metadata": NonNullable<Json>;
          "model_preference": string | null;
          "status": string;
          "task_thread_id": string | null;
        };
        ComputedFields: never;
        Insert: {
          "channel_id": string;
          "created_at"?: string;
          "created_by"?: string | null;
          "finished_at"?: string | null;
          "goal": string;
          "id"?: string;
          "idempotency_key"?: string | null;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string | null;
          "status"?: string;
          "task_thread_id"?: string | null;
        };
        Update: {
          "channel_id"?: string;
          "created_at"?: string;
          "created_by"?: string | null;
          "finished_at"?: string | null;
          "goal"?: string;
          "id"?: string;
          "idempotency_key"?: string | null;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string | null;
          "status"?: string;
          "task_thread_id"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "hub_teams_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "hub_teams_task_thread_id_fkey";
            columns: ["task_thread_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id"];
          },
        ];
      };
      "mac_tasks": {
        Row: {
          "attempt": number;
          "cancel_requested_at": string | null;
          "cancelled_at": string | null;
          "changes": Json | null;
          "channel_id": string | null;
          "claim_id": string | null;
          "claimed_by": string | null;
          "content": string;
          "created_at": string;
          "created_by": string | null;
          "delivered_at": string | null;
          "error": string | null;
          "finished_at": string | null;
          "id": string;
          "idempotency_key": string | null;
          "kind": string;
          "lease_expires_at": string | null;
          "losses": number;
          "max_attempts": number | null;
          "metadata": NonNullable<Json>;
          "model_preference": string | null;
          "model_used": string | null;
          "partial_output": string | null;
          "platform": string | null;
          "priority": number;
          "progress_count": number;
          "project": string | null;
          "refusals": Json | null;
          "result": string | null;
          "run_at": string | null;
          "session_id": string | null;
          "started_at": string | null;
          "status": string;
          "task_thread_id": string | null;
          "task_type": string | null;
          "team_id": string | null;
          "updated_at": string;
          "usage": Json | null;
        };
        ComputedFields: never;
        Insert: {
          "attempt"?: number;
          "cancel_requested_at"?: string | null;
          "cancelled_at"?: string | null;
          "changes"?: Json | null;
          "channel_id"?: string | null;
          "claim_id"?: string | null;
          "claimed_by"?: string | null;
          "content": string;
          "created_at"?: string;
          "created_by"?: string | null;
          "delivered_at"?: string | null;
          "error"?: string | null;
          "finished_at"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "kind"?: string;
          "lease_expires_at"?: string | null;
          "losses"?: number;
          "max_attempts"?: number | null;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string | null;
          "model_used"?: string | null;
          "partial_output"?: string | null;
          "platform"?: string | null;
          "priority"?: number;
          "progress_count"?: number;
          "project"?: string | null;
          "refusals"?: Json | null;
          "result"?: string | null;
          "run_at"?: string | null;
          "session_id"?: string | null;
          "started_at"?: string | null;
          "status"?: string;
          "task_thread_id"?: string | null;
          "task_type"?: string | null;
          "team_id"?: string | null;
          "updated_at"?: string;
          "usage"?: Json | null;
        };
        Update: {
          "attempt"?: number;
          "cancel_requested_at"?: string | null;
          "cancelled_at"?: string | null;
          "changes"?: Json | null;
          "channel_id"?: string | null;
          "claim_id"?: string | null;
          "claimed_by"?: string | null;
          "content"?: string;
          "created_at"?: string;
          "created_by"?: string | null;
          "delivered_at"?: string | null;
          "error"?: string | null;
          "finished_at"?: string | null;
          "id"?: string;
          "idempotency_key"?: string | null;
          "kind"?: string;
          "lease_expires_at"?: string | null;
          "losses"?: number;
          "max_attempts"?: number | null;
          "metadata"?: NonNullable<Json>;
          "model_preference"?: string | null;
          "model_used"?: string | null;
          "partial_output"?: string | null;
          "platform"?: string | null;
          "priority"?: number;
          "progress_count"?: number;
          "project"?: string | null;
          "refusals"?: Json | null;
          "result"?: string | null;
          "run_at"?: string | null;
          "session_id"?: string | null;
          "started_at"?: string | null;
          "status"?: string;
          "task_thread_id"?: string | null;
          "task_type"?: string | null;
          "team_id"?: string | null;
          "updated_at"?: string;
          "usage"?: Json | null;
        };
        Relationships: [
          {
            foreignKeyName: "mac_tasks_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "hub_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "mac_tasks_task_thread_id_fkey";
            columns: ["task_thread_id"];
            isOneToOne: false;
            referencedRelation: "hub_task_threads";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "mac_tasks_team_id_fkey";
            columns: ["team_id"];
            isOneToOne: false;
            referencedRelation: "hub_teams";
            referencedColumns: ["id"];
          },
        ];
      };
      "mesh_device_models": {
        Row: {
          "device_id": string;
          "model": string;
          "rate_limited_until": string | null;
          "version": string | null;
        };
        ComputedFields: never;
        Insert: {
          "device_id": string;
          "model": string;
          "rate_limited_until"?: string | null;
          "version"?: string | null;
        };
        Update: {
          "device_id"?: string;
          "model"?: string;
          "rate_limited_until"?: string | null;
          "version"?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "mesh_device_models_device_id_fkey";
            columns: ["device_id"];
            isOneToOne: false;
            referencedRelation: "mesh_devices";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "mesh_device_models_model_fkey";
            columns: ["model"];
            isOneToOne: false;
            referencedRelation: "hub_models";
            referencedColumns: ["name"];
          },
        ];
      };
      "mesh_devices": {
        Row: {
          "agent_version": string | null;
          "created_at": string;
          "draining": boolean;
          "id": string;
          "last_seen_at": string | null;
          "max_running": number;
          "metadata": NonNullable<Json>;
          "name": string;
          "platform": string;
          "registered_by": string | null;
          "server_ids": (string)[] | null;
          "status": string;
        };
        ComputedFields: never;
        Insert: {
          "agent_version"?: string | null;
          "created_at"?: string;
          "draining"?: boolean;
          "id"?: string;
          "last_seen_at"?: string | null;
          "max_running"?: number;
          "metadata"?: NonNullable<Json>;
          "name": string;
          "platform": string;
          "registered_by"?: string | null;
          "server_ids"?: (string)[] | null;
          "status"?: string;
        };
        Update: {
          "agent_version"?: string | null;
          "created_at"?: string;
          "draining"?: boolean;
          "id"?: string;
          "last_seen_at"?: string | null;
          "max_running"?: number;
          "metadata"?: NonNullable<Json>;
          "name"?: string;
          "platform"?: string;
          "registered_by"?: string | null;
          "server_ids"?: (string)[] | null;
          "status"?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      "answer_question": {
        Args: { "answer"?: string; "option_id"?: string; "question_id": string };
        Returns: Json;
      };
      "ask_question": {
        Args: {
          "allow_text"?: boolean;
          "claim_id": string;
          "detail"?: string;
          "kind": string;
          "options"?: Json;
          "task_id": string;
          "title": string;
          "token": string;
          "tool_call_id"?: string;
        };
        Returns: Json;
      };
      "cancel_task": { Args: { "task_id": string }; Returns: Json };
      "claim_sweep": { Args: Record<PropertyKey, never>; Returns: Json };
      "claim_tasks": { Args: { "max_tasks"?: number; "token": string }; Returns: Json };
      "complete_sweep": {
        Args: { "error"?: string; "prospects"?: Json; "sweep_id": string };
        Returns: Json;
      };
      "complete_task": {
        Args: {
          "changes"?: Json;
          "claim_id": string;
          "model_used"?: string;
          "refusals"?: Json;
          "result": string;
          "session_id"?: string;
          "task_id": string;
          "token": string;
          "usage"?: Json;
        };
        Returns: Json;
      };
      "create_file": {
        Args: {
          "channel_id": string;
          "media_type"?: string;
          "name": string;
          "sha256"?: string;
          "size"?: number;
        };
        Returns: Json;
      };
      "create_task_thread": { Args: { "channel_id": string; "task_id": string }; Returns: Json };
      "device_heartbeat": {
        Args: {
          "agent_version"?: string;
          "models"?: Json;
          "running"?: (string)[];
          "token": string;
        };
        Returns: Json;
      };
      "dispatch_task": {
        Args: {
          "channel_id": string;
          "content"?: string;
          "file_ids"?: (string)[];
          "idempotency_key"?: string;
          "model"?: string;
          "priority"?: number;
          "run_at"?: string;
          "task_thread_id"?: string;
        };
        Returns: Json;
      };
      "dispatch_team": {
        Args: {
          "channel_id": string;
          "goal": string;
          "idempotency_key"?: string;
          "model"?: string;
          "subtasks"?: Json;
        };
        Returns: Json;
      };
      "execute_command": { Args: { "channel_id": string; "command": string }; Returns: Json };
      "explain_route": { Args: { "channel_id": string; "content": string }; Returns: Json };
      "explain_task": { Args: { "task_id": string }; Returns: Json };
      "fail_task": {
        Args: {
          "claim_id": string;
          "elsewhere"?: boolean;
          "error": string;
          "retryable"?: boolean;
          "task_id": string;
          "token": string;
        };
        Returns: Json;
      };
      "files_to_remove": { Args: { "removed"?: Json }; Returns: Json };
      "list_commands": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_people": { Args: { "search"?: string; "server_id"?: string }; Returns: Json };
      "list_routing_rules": { Args: Record<PropertyKey, never>; Returns: Json };
      "mark_read": {
        Args: { "channel_id"?: string; "read_at"?: string; "task_thread_id"?: string };
        Returns: Json;
      };
      "mesh_activity": { Args: { "hours"?: number }; Returns: Json };
      "offer_file": {
        Args: {
          "claim_id": string;
          "error"?: string;
          "media_type"?: string;
          "name": string;
          "sha256"?: string;
          "size"?: number;
          "task_id": string;
          "token": string;
        };
        Returns: Json;
      };
      "order_channels": { Args: { "channel_ids": (string)[]; "server_id": string }; Returns: Json };
      "order_servers": { Args: { "server_ids": (string)[] }; Returns: Json };
      "park_task": {
        Args: { "claim_id": string; "session_id"?: string; "task_id": string; "token": string };
        Returns: Json;
      };
      "publish_changes": { Args: { "pull_request"?: boolean; "task_id": string }; Returns: Json };
      "read_file": {
        Args: { "claim_id": string; "file_id": string; "task_id": string; "token": string };
        Returns: Json;
      };
      "recover": { Args: Record<PropertyKey, never>; Returns: Json };
      "register_device": {
        Args: {
          "max_running"?: number;
          "models": Json;
          "name": string;
          "platform": string;
          "servers"?: (string)[];
        };
        Returns: Json;
      };
      "release_task": {
        Args: { "claim_id": string; "task_id": string; "token": string };
        Returns: Json;
      };
      "remove_device": { Args: { "device_id": string }; Returns: Json };
      "remove_routing_rule": { Args: { "rule": number }; Returns: Json };
      "report_progress": {
        Args: {
          "claim_id": string;
          "partial_output"?: string;
          "session_id"?: string;
          "task_id": string;
          "token": string;
        };
        Returns: Json;
      };
      "report_rate_limit": {
        Args: {
          "claim_id": string;
          "model": string;
          "task_id": string;
          "token": string;
          "until": string;
        };
        Returns: Json;
      };
      "retry_task": { Args: { "task_id": string }; Returns: Json };
      "review_changes": {
        Args: {
          "comments": Json;
          "content"?: string;
          "idempotency_key"?: string;
          "task_id": string;
        };
        Returns: Json;
      };
      "save_routing_rule": {
        Args: {
          "model"?: string;
          "pattern": string;
          "platform"?: string;
          "rule": number;
          "task_type": string;
        };
        Returns: Json;
      };
      "search_messages": {
        Args: {
          "before"?: string;
          "channel_id"?: string;
          "max_rows"?: number;
          "query": string;
          "server_id"?: string;
        };
        Returns: Json;
      };
      "send_input": {
        Args: {
          "content": string;
          "idempotency_key"?: string;
          "interrupt"?: boolean;
          "task_id": string;
        };
        Returns: Json;
      };
      "set_device_draining": { Args: { "device_id": string; "draining": boolean }; Returns: Json };
      "set_device_servers": { Args: { "device_id": string; "servers": (string)[] }; Returns: Json };
      "set_member_role": { Args: { "role": string; "user_id": string }; Returns: Json };
      "set_server_paused": { Args: { "paused": boolean; "server_id": string }; Returns: Json };
      "set_server_role": {
        Args: { "role": string; "server_id": string; "user_id": string };
        Returns: Json;
      };
      "take_input": {
        Args: { "claim_id": string; "input_id": string; "task_id": string; "token": string };
        Returns: Json;
      };
      "update_settings": { Args: { "changes"?: Json }; Returns: Json };
      "update_thread_status": { Args: { "status": string; "thread_id": string }; Returns: Json };
      "usage_report": { Args: { "days"?: number; "server_id"?: string }; Returns: Json };
      "whoami": { Args: Record<PropertyKey, never>; Returns: Json };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof (
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
    )
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals } ? (
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
  )[TableName] extends {
    Row: infer R;
  } ? R
  : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R;
    } ? R
    : never
  : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends
    {
      Insert: infer I;
    } ? I
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I;
    } ? I
    : never
  : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends
    {
      Update: infer U;
    } ? U
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U;
    } ? U
    : never
  : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][
    CompositeTypeName
  ]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never;

export const Constants = {
  "public": {
    Enums: {},
  },
} as const;
