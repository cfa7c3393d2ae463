-- How a request becomes the parts of a team, and how what came of them becomes one prompt again.

create or replace function hub.line_kind(line text, fence text, in_diff boolean) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when fence is not null and line ~ format('^ {0,3}%s{%s,}[ \t]*$', left(fence, 1), length(fence)) then 'fence ends'
    when fence is not null then 'code'
    when line ~ '^[ \t]*(`{3,}[^`]*|~{3,}.*)$' then 'fence begins'
    when line ~ '^(diff --git |\+\+\+ \S|@@ -\d)' then 'diff'
    when in_diff and line ~ '^([-+ @\\]|index |$)' then 'diff'
    when line ~ '^ {4}' then 'indented'
    when line ~ '^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+\S' then 'item'
    when line !~ '\S' then 'blank'
    else 'text'
  end;
end
$$;
comment on function hub.line_kind(text, text, boolean) is
  'What a line of a request is, after an opening fence such as ``` (null: after none) and within or after a diff: item, text, blank, indented, code, fence begins, fence ends or diff.';

create or replace function hub.listed_items(goal text) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_line text;
  v_kind text;
  v_fence text;
  v_indent integer; -- of the first item: what stands deeper belongs to the item above it
  v_depth integer;
  v_text text;
  v_is_open boolean := false; -- whether what follows belongs to the last item
  v_after_blank boolean := false;
  v_items text[] := array[]::text[];
begin
  foreach v_line in array regexp_split_to_array(goal, '\r\n|\r|\n') loop
    v_kind := hub.line_kind(v_line, v_fence, coalesce(v_kind = 'diff', false));
    v_fence := case v_kind
      when 'fence begins' then substring(v_line from '^[ \t]*(`{3,}|~{3,})')
      when 'code' then v_fence
    end;
    v_depth := length(substring(v_line from '^[ \t]*'));
    if v_kind = 'item' and v_depth <= coalesce(v_indent, v_depth) then
      v_indent := coalesce(v_indent, v_depth);
      v_text := substring(v_line from '^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+(.*)$');
      -- What is ticked off is done.
      v_is_open := v_text !~ '^\[[xX]\]';
      if v_is_open then
        v_items := v_items || regexp_replace(v_text, '^\[ \][ \t]+', '');
      end if;
    elsif v_kind = 'blank' and v_fence is null then
      v_after_blank := true;
      continue;
    elsif v_after_blank and v_depth = 0 and v_kind not in ('code', 'fence ends') then
      -- After a blank line an item goes on only where it is indented.
      v_is_open := false;
    elsif v_is_open then
      v_items[cardinality(v_items)] := v_items[cardinality(v_items)] || E'\n' || v_line;
    end if;
    v_after_blank := false;
  end loop;
  return case when cardinality(v_items) >= 2 then array(
    select rtrim(i.item, E' \t\n') from unnest(v_items) with ordinality as i (item, position) order by i.position
  ) end;
end
$$;
comment on function hub.listed_items(text) is
  'The items of a bullet or numbered list in a text, each with the lines that belong to it; null where there are fewer than two. Code (in a fence, a diff, or four spaces deep) has no items, and what is ticked off is done.';

create or replace function hub.is_subtasks(listed jsonb) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_typeof(listed) = 'array' and jsonb_array_length(listed) > 0 and not exists (
    select from jsonb_array_elements(listed) as e, hub.settings as s
    where jsonb_typeof(e) <> 'string' or not hub.is_visible(e #>> '{}') or length(e #>> '{}') > s.max_content
  );
end
$$;
comment on function hub.is_subtasks(jsonb) is 'Whether it is an array of texts that each could be a request.';

create or replace function hub.subtasks_of(listed jsonb) returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_settings hub.settings;
begin
  select * into v_settings from hub.settings;
  if jsonb_typeof(listed) = 'array' then
    if jsonb_array_length(listed) > v_settings.max_subtasks then
      perform hub.refuse('too_many_subtasks', array[jsonb_array_length(listed)::text, v_settings.max_subtasks::text]);
    end if;
  end if;
  if hub.is_subtasks(listed) is not true then
    perform hub.refuse('bad_argument', array[
      format('subtasks is an array of strings of 1 to %s characters, each with something visible.', v_settings.max_content)
    ]);
  end if;
  return array(
    select e from jsonb_array_elements_text(listed) with ordinality as l (e, position) order by position
  );
end
$$;
comment on function hub.subtasks_of(jsonb) is 'The subtasks of a JSON array. Errors: bad_argument, too_many_subtasks.';

create or replace function hub.parsed(content text) returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return content::jsonb;
exception when data_exception or program_limit_exceeded then
  return null;
end
$$;
comment on function hub.parsed(text) is 'The text as JSON; null where it is none.';

create or replace function hub.planned_subtasks(result text) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_plan jsonb;
  v_most integer := (select s.max_subtasks from hub.settings as s);
begin
  -- Agents like to wrap the array into a code block or sentences, which have brackets of their own: the
  -- last array of strings is the plan.
  select hub.parsed(found.match[1]) into v_plan
  from regexp_matches(
    result, '(\[\s*"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*\s*\])', 'g'
  ) with ordinality as found (match, position)
  where hub.is_subtasks(hub.parsed(found.match[1]))
  order by found.position desc limit 1;
  if v_plan is null then
    return to_jsonb('The plan is not a JSON array of strings.'::text);
  elsif jsonb_array_length(v_plan) > v_most then
    return to_jsonb(format('The plan has %s subtasks; %s are allowed.', jsonb_array_length(v_plan), v_most));
  end if;
  return v_plan;
end
$$;
comment on function hub.planned_subtasks(text) is
  'The array in a plan''s result, or, as a JSON string, what is wrong with it.';

create or replace function hub.plan_prompt(goal text, problem text) returns text
language sql
stable
set search_path = ''
as $$
  select concat_ws(E'\n\n',
    format(
      'Split the request below into at most %s subtasks that different agents can do at the same time, without seeing each other''s work. Each must make sense by itself. Answer with nothing but a JSON array of strings.',
      s.max_subtasks
    ),
    'The last answer to this could not be used: ' || problem,
    format(E'# Request\n\n%s', goal)
  )
  from hub.settings as s
$$;
comment on function hub.plan_prompt(text, text) is
  'What the agent that plans is asked; the second time with what was wrong with the first plan.';

create or replace function hub.middle_cut(content text, most integer) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  if length(content) <= most then
    return content;
  end if;
  return format(E'%s\n\n[… %s characters left out here …]\n\n%s',
    left(content, most / 2), length(content) - 2 * (most / 2), right(content, most / 2));
end
$$;
comment on function hub.middle_cut(text, integer) is 'The head and the tail of a text that is longer than `most`, and between them how much is missing.';

create or replace function hub.fenced(content text) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_fence text := repeat('`', greatest(4, 1 + (
    select max(length(run.ticks[1])) from regexp_matches(content, '(`+)', 'g') as run (ticks)
  )));
begin
  return format(E'%s\n%s\n%s', v_fence, content, v_fence);
end
$$;
comment on function hub.fenced(text) is
  'A text within a fence that nothing in it can end: no heading in it is one of the frame, and no fence that it leaves open reaches beyond it.';

create or replace function hub.synthesis_prompt(team public.hub_teams) returns text
language sql
stable
set search_path = ''
as $$
  with parts as (
    select (s.metadata ->> 'position')::integer as position, hub.title(s.content) as title,
      case
        when s.status = 'complete' then format('Result of %s on %s:', s.model_used, s.claimed_by)
        else 'FAILED:'
      end as head,
      coalesce(case when s.status = 'complete' then s.result else s.error end, '') as said
    from public.mac_tasks as s
    where s.team_id = team.id and s.kind = 'subtask'
    union all
    select (gone ->> 'position')::integer, gone ->> 'title', 'DELETED by somebody, so that there is no result.', null
    from jsonb_array_elements(coalesce(team.metadata -> 'deleted', '[]')) as gone
  ), measured as (
    -- 400,000 characters in all, but for what is less than its share.
    select p.*, greatest(20000, 400000 / count(*) over ())::integer as most from parts as p
  )
  select concat_ws(E'\n\n',
    'Several agents have each worked on one part of a request. Combine what they found into one answer to the request. Name what failed.',
    '# Request', hub.fenced(team.goal),
    string_agg(concat_ws(E'\n\n',
      format('# Part %s: %s', m.position, m.title), m.head, hub.fenced(hub.middle_cut(m.said, m.most))
    ), E'\n\n' order by m.position)
  )
  from measured as m
$$;
comment on function hub.synthesis_prompt(public.hub_teams) is
  'The goal and every result, failure or deletion of a team''s subtasks, each within a fence of its own.';

revoke execute on all functions in schema hub from public;
