-- Finding messages: words as they were written, in any language, newest first.
--
-- The dictionary is "simple": no stemmer, which would be right for one language and lose the words of the
-- others. Japanese, Chinese and Korean have no spaces to go by, so what is written in their characters is
-- found by pairs of them that stand side by side.

create or replace function hub.runs_of(content text) returns setof text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return query
  select m[1] from regexp_matches(content, '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', 'g') as m;
end
$$;
comment on function hub.runs_of(text) is 'The runs of Japanese, Chinese or Korean characters in a text.';

create or replace function hub.pairs_of(run text) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array(select substr(run, n, 2) from generate_series(1, greatest(length(run) - 1, 1)) as n);
end
$$;
comment on function hub.pairs_of(text) is 'Each two characters that stand side by side in a run; of a run of one, that one.';

create or replace function hub.search_vector(content text) returns tsvector
language plpgsql
immutable
cost 1000 -- so that the index is asked first, whatever else narrows a search down
set search_path = ''
as $$
declare
  -- A vector holds a megabyte at most: what comes after so much is not found.
  v_text text := left(content, 100000);
  v_vector tsvector := to_tsvector('pg_catalog.simple', v_text);
begin
  if v_text ~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then
    v_vector := v_vector || array_to_tsvector(array(
      select distinct pair from hub.runs_of(left(v_text, 20000)) as run, unnest(hub.pairs_of(run)) as pair
    ));
  end if;
  return v_vector;
end
$$;
comment on function hub.search_vector(text) is
  'What a message is found by: its words in small letters; of Japanese, Chinese and Korean also the pairs of characters. The index is on this.';

create index if not exists idx_hub_channel_messages_search on public.hub_channel_messages using gin (hub.search_vector(content))
-- What is not sorted into the index yet is read through by each search: keep that short.
with (gin_pending_list_limit = 1024);
-- Messages come in the order of time: what is recent is found at no cost of its own.
create index if not exists idx_hub_channel_messages_created on public.hub_channel_messages using brin (created_at)
with (pages_per_range = 32, autosummarize = on);

create or replace function hub.search_term(term text) returns tsquery
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- A word of one piece may be two to the parser, as "re-run": then they stand side by side.
  v_query tsquery := phraseto_tsquery('pg_catalog.simple', regexp_replace(term, '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g'));
  v_run text;
begin
  for v_run in select hub.runs_of(term) loop
    v_query := v_query && (
      select string_agg(quote_literal(pair) || case when length(v_run) = 1 then ':*' else '' end, ' & ')::tsquery
      from unnest(hub.pairs_of(v_run)) as pair
    );
  end loop;
  return v_query;
end
$$;
comment on function hub.search_term(text) is 'What is looked for where a word or a phrase is asked for.';

create or replace function hub.search_query(query text, out wanted tsquery, out terms text[])
language plpgsql
stable
set search_path = ''
as $$
declare
  v_part record;
  v_term tsquery;
  v_all tsquery;
  v_is_or boolean := false;
begin
  if length(query) > 500 then
    perform hub.refuse('content_too_long', array['query', length(query)::text, '500']);
  end if;
  for v_part in
    select m[1] = '-' as is_unwanted, coalesce(m[2], m[3]) as term, m[2] is null and lower(m[3]) = 'or' as is_or
    from regexp_matches(coalesce(query, ''), '(-?)(?:"([^"]*)"|([^\s"]+))', 'g') as m
  loop
    if v_part.is_or and not v_part.is_unwanted then
      v_is_or := v_all is not null;
      continue;
    end if;
    v_term := hub.search_term(v_part.term);
    continue when numnode(v_term) = 0;
    if not v_part.is_unwanted then
      terms := terms || v_part.term;
    end if;
    v_term := case when v_part.is_unwanted then !! v_term else v_term end;
    if v_is_or then
      wanted := case when wanted is null then v_all else wanted || v_all end;
      v_all := v_term;
    else
      v_all := case when v_all is null then v_term else v_all && v_term end;
    end if;
    v_is_or := false;
  end loop;
  wanted := case when wanted is null then v_all else wanted || v_all end;
  -- Without a word that is wanted, every message would have to be read.
  if terms is null or querytree(wanted) = 'T' then
    perform hub.refuse('bad_argument', array['query names at least one word to find, in each of its alternatives.']);
  end if;
end
$$;
comment on function hub.search_query(text) is
  'The query of a search: words, "phrases", -unwanted ones, and alternatives with or; and the terms that are wanted, as written. Errors: bad_argument, content_too_long.';

create or replace function hub.search_pattern(terms text[]) returns text
language sql
immutable
set search_path = ''
as $$
  select string_agg(
      case when t ~ '^\w' and t !~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then '\m' else '' end
        || regexp_replace(regexp_replace(t, '([^\w\s])', '\\\1', 'g'), '\s+', '\s+', 'g')
        || case when t ~ '\w$' and t !~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then '\M' else '' end, '|' order by length(t) desc
    ) from unnest(terms) as t
$$;
comment on function hub.search_pattern(text[]) is 'A regular expression that finds these terms in a text, to mark them.';

create or replace function hub.highlight(content text, pattern text) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_text text := translate(left(content, 100000), '⟦⟧', '[]');
  v_at integer := greatest(regexp_instr(v_text, pattern, 1, 1, 0, 'i') - 80, 1);
begin
  return case when v_at > 1 then '…' else '' end
    || regexp_replace(substr(v_text, v_at, 240), '(' || pattern || ')', '⟦\1⟧', 'gi')
    || case when length(v_text) > v_at + 239 then '…' else '' end;
end
$$;
comment on function hub.highlight(text, text) is
  'A piece of a text around the first place that the pattern fits, with all that fits in it between ⟦ and ⟧.';

create or replace function hub.search_messages(
  query text, server_id uuid, channel_id uuid, before timestamptz, max_rows integer
) returns jsonb
language plpgsql
stable
security definer -- row security would have each message read before the index may be asked
set search_path = ''
-- Planned for the words that are looked for: a plan for any words would read the messages by their time.
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_query record;
  v_channels uuid[];
  v_pattern text;
  v_before timestamptz := coalesce(search_messages.before, 'infinity');
  v_span interval;
  v_since timestamptz;
  v_found jsonb;
begin
  perform hub.require_role('viewer');
  if search_messages.server_id is not null then
    perform hub.require_server_role(search_messages.server_id, 'viewer');
  end if;
  if search_messages.channel_id is not null then
    perform hub.require_channel_role(search_messages.channel_id, 'viewer');
  end if;
  if coalesce(search_messages.max_rows, 50) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['max_rows is from 1 to 200.']);
  end if;
  v_query := hub.search_query(search_messages.query);
  v_pattern := hub.search_pattern(v_query.terms);
  -- Once, and not as a part of the search: that might ask for it with each message.
  v_channels := array(
    select c.id from public.hub_channels as c
    where c.server_id in (select hub.servers_with('viewer'))
      and (search_messages.channel_id is null or c.id = search_messages.channel_id)
      and (search_messages.server_id is null or c.server_id = search_messages.server_id)
  );
  -- A word that many messages have is looked for in the newest first.
  foreach v_span in array array['1 day', '30 days', null]::interval[] loop
    v_since := coalesce(least(v_before, now()) - v_span, '-infinity');
    select jsonb_agg(
      to_jsonb(m) || jsonb_build_object(
        'content', left(m.content, 2000), 'truncated', length(m.content) > 2000,
        'highlight', hub.highlight(m.content, v_pattern)
      ) order by m.created_at desc, m.id desc
    ) into v_found
    from (
      select n.* from public.hub_channel_messages as n
      where hub.search_vector(n.content) @@ v_query.wanted
        and n.created_at < v_before and n.created_at >= v_since
        and n.channel_id = any (v_channels)
      order by n.created_at desc, n.id desc
      limit coalesce(search_messages.max_rows, 50)
    ) as m;
    exit when jsonb_array_length(v_found) = coalesce(search_messages.max_rows, 50);
  end loop;
  return coalesce(v_found, '[]');
end
$$;

create or replace function public.search_messages(
  query text, server_id uuid default null, channel_id uuid default null, before timestamptz default null,
  max_rows integer default 50
) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.search_messages(
    search_messages.query, search_messages.server_id, search_messages.channel_id, search_messages.before,
    search_messages.max_rows
  );
end
$$;
comment on function public.search_messages(text, uuid, uuid, timestamptz, integer) is
  'Messages with these words, newest first, of the channels that the caller may read: an array of hub_channel_messages rows (content cut to 2,000 characters, then truncated is true), each with highlight: a piece of the text, the words between ⟦ and ⟧. query: words that all stand in a message, "a phrase", -unwanted, either or other. server_id, channel_id: only there; before: older ones. Viewer. Errors: server_not_found, channel_not_found, bad_argument, content_too_long.';

revoke execute on all functions in schema hub from public;
-- The index is kept as whoever writes the message.
grant execute on function hub.search_vector(text), hub.runs_of(text), hub.pairs_of(text) to authenticated, service_role;
revoke execute on function public.search_messages(text, uuid, uuid, timestamptz, integer) from public;
grant execute on function
  public.search_messages(text, uuid, uuid, timestamptz, integer), hub.search_messages(text, uuid, uuid, timestamptz, integer)
to anon, authenticated, service_role;
