-- Who leaves: what goes on in the name of somebody who is no operator any more is ended.
--
-- It is read from state, so that it does not matter how somebody left: a role changed, a server became
-- private, the default was lowered, the user was deleted. Triggers do it at once; recovery does what they
-- found locked, and what no trigger of this project's sees, such as a user of the app's who is deleted.

create or replace function hub.authors() returns setof uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  v_author uuid;
begin
  -- From one to the next: the queue may be long, its authors are few.
  loop
    v_author := (
      select q.created_by from hub.queue as q
      where q.created_by > coalesce(v_author, '00000000-0000-0000-0000-000000000000')
      order by q.created_by limit 1
    );
    exit when v_author is null;
    return next v_author;
  end loop;
end
$$;
comment on function hub.authors() is 'The users who have unfinished tasks.';

create or replace function hub.end_task_of_gone(task public.mac_tasks) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_label text := 'Aura: who asked for it is no operator here any more';
begin
  perform hub.hold_places(task);
  if task.kind in ('plan', 'synthesis') then
    perform hub.cancel_team(task.team_id, task.id, v_label);
  else
    perform hub.cancel_one(task.id, v_label);
  end if;
  return true;
exception when others then
  -- Whatever keeps this one from ending now keeps nobody from leaving; the next minute tries again.
  raise warning 'Task % of somebody who left cannot be cancelled yet: %', task.id, sqlerrm;
  return false;
end
$$;
comment on function hub.end_task_of_gone(public.mac_tasks) is 'Cancels one task, or the team it stands for; false where something is in the way.';

create or replace function hub.end_departed() returns integer
language plpgsql
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  v_author uuid;
  v_task public.mac_tasks;
  v_count integer := 0;
begin
  for v_author in select hub.authors() loop
    continue when hub.global_role(v_author) = 'admin';
    for v_task in
      select t.* from hub.queue as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.created_by = v_author and t.channel_id is not null and t.cancel_requested_at is null
        and not exists (
          select from public.hub_channels as c
          join hub.server_roles(v_author) as own on own.server_id = c.server_id
          where c.id = t.channel_id and hub.is_at_least(own.role, 'operator')
        )
      order by t.created_at
      for no key update of t skip locked
    loop
      if hub.end_task_of_gone(v_task) then
        v_count := v_count + 1;
      end if;
    end loop;
  end loop;

  delete from hub.device_tokens as t
  using public.mesh_devices as d
  where d.id = t.device_id and d.registered_by is not null
    and not coalesce(hub.is_at_least(hub.global_role(d.registered_by), 'operator'), false)
    and not exists (
      select from hub.server_roles(d.registered_by) as own where hub.is_at_least(own.role, 'operator')
    );
  return v_count;
end
$$;
comment on function hub.end_departed() is
  'Cancels unfinished tasks of people who are no operators of their server any more, and ends the tokens of devices whose registrar is none anywhere; returns how many tasks.';

create or replace function hub.follow_roles() returns trigger
language plpgsql
security definer -- roles change in the name of whoever changes them
set search_path = ''
as $$
begin
  perform hub.bar_servers();
  perform hub.end_departed();
  return null;
end
$$;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['hub_members', 'hub_server_members'] loop
    execute format(
      $trigger$
        create or replace trigger _600_follow_roles
        after insert or update or delete on public.%I
        for each statement execute function hub.follow_roles()
      $trigger$,
      v_table
    );
  end loop;
end
$$;

create or replace trigger _600_follow_new_servers
after insert or delete on public.hub_servers
for each statement execute function hub.follow_roles();

create or replace trigger _600_follow_roles
after update of default_role on public.hub_servers
for each row when (old.default_role is distinct from new.default_role)
execute function hub.follow_roles();

create or replace trigger _600_follow_default_role
after update of default_role on hub.settings
for each row when (old.default_role is distinct from new.default_role)
execute function hub.follow_roles();

revoke execute on all functions in schema hub from public;
