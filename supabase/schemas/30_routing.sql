-- Routing: what kind of work a request is, which model and platform it wants, and which model it gets.

create table if not exists hub.routing_rules (
  -- Deferrable, here and below, so that one UPDATE may exchange positions.
  position integer primary key deferrable,
  pattern text not null check ('' ~* pattern is not null),
  task_type text not null check (task_type ~ '^[a-z_]{1,40}$'),
  model text references public.hub_models on update cascade on delete set null,
  platform text check (platform in ('macos', 'linux', 'windows')),
  -- Without back-references and lookaround a pattern runs as a finite automaton: linear in the text.
  constraint routing_rules_linear check (
    pattern !~ '(^|[^\\])(\\\\)*\\[1-9]' and pattern !~ '\(\?<?[=!]'
  )
);
comment on table hub.routing_rules is
  'The first rule, by position, whose pattern matches a request decides its task type, model and platform. Change it with an UPDATE.';
comment on column hub.routing_rules.pattern is
  'A Postgres regular expression, matched without regard to case unless it begins with (?c). \m and \M are the edges of a word. Back-references and lookaround are refused: they are not linear in the length of the text. Postgres caches 32 compiled expressions a session: more rules than about 28 cost time.';
comment on column hub.routing_rules.model is 'The preferred model; null: any.';
comment on column hub.routing_rules.platform is 'The platform a device must have; null: any.';

create table if not exists hub.model_chains (
  preference text not null,
  position integer not null,
  model text not null references public.hub_models on update cascade on delete cascade,
  primary key (preference, position) deferrable,
  unique (preference, model) deferrable
);
comment on table hub.model_chains is
  'Fallback: the models tried for a preference (a model or any), in the order of position. Change it with an UPDATE.';

create index if not exists idx_model_chains_model on hub.model_chains (model);
create index if not exists idx_routing_rules_model on hub.routing_rules (model) where model is not null;

create or replace function hub.add_chain(model text) returns void
language sql
set search_path = ''
as $$
  insert into hub.model_chains (preference, position, model)
  select add_chain.model, row_number() over (order by m.name <> add_chain.model, m.position, m.name), m.name
  from public.hub_models as m
  union all
  select 'any', 1 + coalesce(max(c.position), 0), add_chain.model
  from hub.model_chains as c where c.preference = 'any'
$$;
comment on function hub.add_chain(text) is
  'Makes a model fall back on the others in their order, and appends it to the chain of any.';

create or replace function hub.follow_models() returns trigger
language plpgsql
security definer -- chains are closed to whoever writes models
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform hub.add_chain(new.name);
  elsif tg_op = 'UPDATE' then
    update hub.model_chains as c set preference = new.name where c.preference = old.name;
  else
    delete from hub.model_chains as c where c.preference = old.name;
  end if;
  return null;
end
$$;

create or replace trigger _500_add_chain
after insert on public.hub_models
for each row execute function hub.follow_models();

create or replace trigger _500_rename_chain
after update of name on public.hub_models
for each row when (old.name <> new.name)
execute function hub.follow_models();

create or replace trigger _500_drop_chain
after delete on public.hub_models
for each row execute function hub.follow_models();

do $$
begin
  if not exists (select from hub.model_chains) then
    perform hub.add_chain(m.name) from (select * from public.hub_models order by position, name) as m;
  end if;
  if exists (select from hub.routing_rules) then
    return;
  end if;
  insert into hub.routing_rules (position, task_type, model, platform, pattern) values
    -- Apple platforms need a Mac. "Swift" is also a word and a name: it counts beside words of the trade.
    (10, 'apple_app', 'claude', 'macos', '\m(swiftui|swiftdata|uikit|appkit|xcode|xcodebuild|xcodeproj|testflight|widgetkit|cocoapods|watchos|visionos|tvos|ipados|app store connect|provisioning profile|codesign|applescript|notari[sz](e|ation)|menu bar app)\M'),
    (20, 'apple_app', 'claude', 'macos', '(?c)\.swift\M|\m([Ii]n|[Ii]nto|[Tt]o|[Uu]sing|[Ww]ith|[Ff]rom) Swift\M|\mSwift ([56]|app|client|server|networking|layer|project|type|side|version|wrapper|bindings|code)\M|\m[Ss]wift (package|codebase|build|tests?|compiler|concurrency|struct|enum|actor|protocol|extension|closure|function|class|macro|files?|module|library|unit|crash|errors?|warnings?|script|syntax|toolchain|views?|sdk)\M'),
    (30, 'apple_app', 'claude', 'macos', '\m(ios|iphone|ipad|macos|mac)[ -](app|apps|build|target|simulator|widget|extension|client|project|release|login|screen|crash|bug|code|sdk)\M|\mapps?\M[^.!?\n]*\m(ios|macos|iphone|ipad)\M|\m(fix|build|implement|add|port|refactor|debug|ship|rewrite)\M[^.!?\n]*\mios\M'),
    (40, 'incident', 'claude', null, '\m(outage|post-?mortem|on-call)\M|\m(site|website|server|api|service|app|database|db|cluster|production|prod|gateway|endpoint|everything)( is| are)? (down|unreachable|not responding)\M|\m(was|were|got|been) paged\M|\m(production|security|ongoing|live) incident\M|\mincident (report|review|response|timeline)\M'),
    (50, 'security', 'claude', null, '\msecurity (review|audit|hole|issue|patch|fix|check|scan|bug|flaw|headers)\M|\m(vulnerabilit(y|ies)|vulnerable|cve-\d+|xss|csrf|ssrf|sql injection|prompt injection|threat model|penetration test)\M|\mleak(ed|s|ing)?\M.{0,20}\m(key|secret|token|credential|password)s?\M|\m(key|secret|token|credential|password)s?\M.{0,20}\mleaked\M'),
    (60, 'review', 'claude', null, '\mcode review\M|\mreview\M[^.!?\n]*\m(prs?|(pull|merge) requests?|diff|branch|commits?|patch|changes|code)\M|\m(pull request|merge request|pr) ?#?\d+\M'),
    (70, 'test', 'codex', null, '\m(write|add|generate|create|extend|improve|increase|missing|more)\M[^.!?\n]*\m((unit|integration|regression|smoke|e2e|end-to-end|snapshot|property|load|acceptance|component|api) tests?|test (cases?|suites?|coverage)|code coverage|fixtures)\M|\m(write|add|generate|create)\M.{0,8}\mtests?( (for|of|to|that)\M|[.!]|$)'),
    (80, 'bugfix', 'claude', null, '\m(debug|debugging|bugfix|hotfix|stack ?trace|traceback|segfault|null pointer|race condition|deadlock|memory leak)\M|\m(the|this|that|our|another|known|fix|found a|is a|have a) bugs?\M|\mbugs? (in|reports?|where|when)\M|\mcrash(es|ed|ing)? (on|when|after|during|reports?|logs?|loop)\M|[a-z](error|exception): |\m[45]\d\d errors?\M|\m(throws|gets|getting|shows|logs)\M.{0,20}\m(errors?|exceptions?)\M|\m(build|tests?|ci|job|deploy|deployment|script|login|import|requests?|migration|install|query|upload|download|command|checks?|pipeline)\M[^.!?\n]*\m(fails|failed|is failing|hangs|is broken|are broken)\M|\m(failing|flaky|broken)\M.{0,20}\m(tests?|build|ci|job|import|login|links?|page|checks?)\M|\m(does not|doesn''t|do not|don''t|not|no longer|stopped) work(s|ing)?\M|\mfix\M[^.!?\n]*\m(errors?|tests?|build|failure|exception|issues?|login|layout|query|page|endpoint|parser|import|typos?|warnings?|crash|timeouts?|validation|leak)\M'),
    (90, 'performance', 'claude', null, '\m(improve|measure|analy[sz]e|check|investigate|tune|test|reduce|increase|lower|cut|halve)\M[^.!?\n]*\m(performance|latency|throughput|(memory|cpu) usage|(load|startup|query|build) time|bundle size)\M|\mperformance (issues?|problems?|regression|tuning|tests?|budget)\M|\mslow (quer(y|ies)|page|endpoint|build|tests?|startup|requests?)\M|\mprofil(e|ing) (the|this|our)\M[^.!?\n]*\m(service|app|query|endpoint|function|code|page|server|build|loop|tests?|startup|process)\M|\mbottlenecks?\M|\moptimi[sz]e\M[^.!?\n]*\m(quer(y|ies)|code|page|build|loop|bundle|app|startup|database|performance|function|algorithm|search|server|rendering|memory|loading)\M|\mspeed (it |this |that |them )?up\M|\mtoo slow\M'),
    (100, 'refactor', 'claude', null, '\mrefactor(ing|ed|s)?\M|\mclean(ing)? ?up\M[^.!?\n]*\m(code|codebase|imports?|modules?|functions?|class(es)?|types|repo|tests?|styles|packages?)\M|\mrename\M[^.!?\n]*\m(everywhere|function|class|variable|method|module|files?|package|component|field)\M|\m(extract|split|move)\M[^.!?\n]*\m(functions?|methods?|class(es)?|modules?|components?|hooks?|helpers?|packages?)\M|\msimplify\M[^.!?\n]*\m(code|function|class|module|query|logic|condition|component|implementation)\M|\m(decouple|deduplicate|modulari[sz]e)\M|\mdead code\M|\mtech(nical)? debt\M'),
    (110, 'architecture', 'claude', null, '\m(software|system|service|event-driven|hexagonal|plugin|backend|data|target|application|app|api|cloud|our|current) architecture\M|\marchitecture (diagram|decision|review|proposal|for)\M|\m(system design|design doc|data model|migration plan|rfc|adr)\M|\mtrade-?offs? (of|between)\M|\mdesign\M.{0,12}\m(schema|api|system|service|protocol|database|queue|cache)\M'),
    (120, 'dependencies', 'codex', null, '\m(upgrade|bump|pin|downgrade)\M[^.!?\n]*\m(dependenc(y|ies)|packages?|version|npm|node|deno|python|ruby|rust|crates?|gems|gemfile|librar(y|ies)|react|postgres|lock ?file)\M|\mupdate\M[^.!?\n]*\m(dependenc(y|ies)|packages|crates|gemfile|libraries|lock ?file)\M|\m(upgrade|bump|downgrade)\M[^.!?\n]*\m(to|from) v?\d'),
    (130, 'database', 'codex', null, '\m(sql|postgres(ql)?|psql|mysql|sqlite|supabase|pg_cron|plpgsql|rls|foreign key)\M|\mindex(es)? on\M|\m(database|schema) migrations?\M|\m(add|drop|rename|alter)\M.{0,20}\m(column|constraint)\M[^.!?\n]*\m(table|database|schema)\M'),
    (140, 'frontend', 'claude', null, '\m(css|tailwind|vue|sveltekit|next\.?js|front-?end|dark mode|landing page|web ?page|html|navbar|tooltips?|date ?picker|ui)\M|\m(in|with|using|to) (react|svelte)\M|\m(react|svelte)[ .]?(js|native|components?|hooks?|apps?|router|query)\M|\mresponsive (layout|design|page)\M|\m(add|move|center|align|style|hide|disable|show|change|make)\M[^.!?\n]*\m(buttons?|modal|sidebar|dropdown|toast|checkbox)\M'),
    (150, 'infrastructure', 'codex', null, '\m(dockerfile|docker[ -](compose|image|container|build|run|hub)|kubernetes|k8s|helm (charts?|release|install|values)|terraform|ansible|nginx|caddyfile|systemd|github actions?|dns|tls|ssl|vpn|tailscale|wireguard|proxmox|ci|ci/cd|deploy|deploys|deployment|redeploy|reverse proxy|load balancer|firewall|port forwarding)\M|\m(in|with|use|using|to|our) (docker|caddy)\M|\m(set up|restore|move|schedule|verify|run|test|automate)\M.{0,20}\mbackups?\M|\mbackups? (of|to|job|script|strategy)\M'),
    (160, 'script', 'codex', null, '\m(bash|shell|zsh|python|perl|deno|node|cleanup|one-?off)( |\.?js )(script|one-?liner|snippet|program)\M|\m(python|bash|perl) (function|tool|code)\M|\mwrite a (small |short |quick )?script\M|\mone-?liner (to|that|in)\M|\mcron ?job\M|\m(cli|command[ -]line) tool\M|\m(regex|regexp|regular expression|jq|awk|sed)\M'),
    (170, 'data', 'gemini', null, '\m(csv|tsv|spreadsheets?|xlsx|parquet|data ?sets?|dataframe|pandas|time series|histogram)\M|\mexcel (file|sheet|table|workbook|formula)\M|\moutliers? in\M|\manaly[sz]e\M[^.!?\n]*\m(data|logs?|numbers|figures|metrics)\M'),
    (180, 'media', 'gemini', null, '\m(screenshots?|ocr|pdfs?|thumbnails?|subtitles|transcri(be|pt|ption)|mp3|mp4|wav|png|jpe?g|ffmpeg)\M|\m(describe|generate|edit|crop|resize|caption|label|analy[sz]e|convert|compress|recogni[sz]e|cut)\M[^.!?\n]*\m(images?|photos?|pictures?|videos?|audio|recordings?|clips?|logo)\M|\m(this|these|attached|(in|on) the) (images?|photos?|pictures?|videos?|audio|recordings?|clips?)\M'),
    (190, 'translation', 'gemini', null, '\mtranslat(e|es|ed|ing|ions?)\M|\m(locali[sz](e|ation)|i18n)\M|\m(say|put|write|rewrite|answer)\M[^.!?\n]*\min (german|french|spanish|italian|japanese|chinese|korean|arabic|portuguese|dutch|polish)\M|\minto (german|french|spanish|italian|japanese|chinese|korean|arabic|portuguese|dutch|polish)\M'),
    (200, 'research', 'gemini', null, '^\W*(please |can you |could you )?(research|look up)\M|\mdo (some )?research\M|\minvestigate (options|the market)\M|\m(compare|comparison of|alternatives? to|pros and cons|state of the art|market (analysis|research)|literature (review|search)|competitors|survey of)\M|\m(find|collect|look for)\M.{0,20}\m(papers|articles|sources|studies)\M'),
    (210, 'summary', 'gemini', null, '\m(summari[sz]e|summary|tl;?dr|recap|(daily|weekly) digest|digest of|condense|key points|meeting notes|minutes of the meeting)\M'),
    (220, 'documentation', 'claude', null, '\m(readme|changelog|documentation|docstrings?|api reference|runbook|release notes|user guide)\M|\m(write|update|improve|fix|add|generate|the|our|api) docs\M|\m(write|create|make|update)\M[^.!?\n]*\mtutorial\M|\mcomment the code\M|^\W*document (the|this|our|how)\M'),
    (230, 'writing', 'claude', null, '\m(write|draft|compose|reply to|answer|send|polish|rewrite|shorten|improve)\M[^.!?\n]*\m(blog ?post|e-?mail|letter|newsletter|tweet|announcement|essay|poem|story|article|speech|toast|bio|invitation|review|cv)s?( (to|about|for|from|of|on|that|asking|inviting|saying|with|and)\M|[.!,]|$)|\m(proofread|press release|cover letter|copy for)\M|\m(poem|haiku|limerick|essay|(short|bedtime|funny) story) (about|for|on)\M'),
    (240, 'planning', 'claude', null, '\m(roadmap|break down|prioriti[sz]e|milestones|backlog|to-?do list|brainstorm|project plan|action plan)\M|\m(make|write|draft|create|propose|need) (a|the) plan\M|\mplan (the|our|my|for)\M|\mestimate\M[^.!?\n]*\m(effort|work|time|cost|tickets?|issues?)\M|\m(any|some|more|new) ideas?\M|\mideas? (for|how|to)\M'),
    -- What is to be made: an imperative, where a sentence or a clause begins.
    (250, 'feature', 'claude', null, '(^|[.!?:;,>•\n*-]|\m(please|and|then|let''s|lets|can you|could you|must|should we|want to|need to|want you to|need you to)\M)\s*(implement|build|add|create|make|develop|integrate|support|port|write|set up|wire up|prototype|scaffold|generate|extend|allow|let users|let people)\M'),
    (260, 'question', 'claude', null, '^\W*(what|why|how|who|whose|when|where|which|is|are|was|were|can|could|does|do|did|should|would|will|explain|tell me)\M|\?\s*$'),
    (1000, 'general', 'claude', null, '');
end
$$;

create or replace function hub.classify(
  content text, channel uuid default null, out task_type text, out model text, out platform text, out rule integer
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  -- Sorted first (offset 0), so that no rule is tried after the first that matches.
  select * into v_rule
  from (select * from hub.routing_rules order by position offset 0) as r
  where classify.content ~* r.pattern limit 1;
  rule := v_rule.position;
  task_type := coalesce(v_rule.task_type, 'general');
  platform := v_rule.platform;
  model := coalesce(
    (
      select c.model_preference from public.hub_channels as c
      where c.id = classify.channel and c.model_preference <> 'any'
    ),
    v_rule.model, 'any'
  );
end
$$;
comment on function hub.classify(text, uuid) is
  'What kind of work a request is: task type and platform by the first matching rule (its position, null where none matches), model by the channel''s preference unless that is any, then by the rule, else any.';

create or replace view hub.effective_models with (security_invoker = true) as
select distinct on (c.preference, p.platform, s.id) c.preference, p.platform, c.model, s.id as server_id
from hub.model_chains as c
cross join (values (''), ('macos'), ('linux'), ('windows')) as p (platform)
cross join (
  select id from public.hub_servers
  union all select '00000000-0000-0000-0000-000000000000' -- tasks of no channel
) as s
where exists (
  select from public.mesh_devices as d
  join public.mesh_device_models as m on m.device_id = d.id
  where d.status = 'online'
    and p.platform in ('', d.platform)
    and m.model = c.model
    and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
    and not exists (select from hub.barred_servers as b where b.device_id = d.id and b.server_id = s.id)
) and exists (select from public.hub_models as known where known.name = c.model and known.enabled)
order by c.preference, p.platform, s.id, c.position;
comment on view hub.effective_models is
  'For a preference, a platform ('''': any) and a server the model that is used now: the first of the chain that some online, matching device can run unthrottled. No row: none can.';

create or replace function hub.model_to_try(preference text, platform text, channel_id uuid) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select e.model from hub.effective_models as e
      where e.preference = model_to_try.preference and e.platform = coalesce(model_to_try.platform, '')
        and e.server_id = (select c.server_id from public.hub_channels as c where c.id = model_to_try.channel_id)
    ),
    model_to_try.preference
  );
end
$$;
comment on function hub.model_to_try(text, text, uuid) is
  'The effective model, or the preference itself while no device can run any of its chain.';

-- For people: what would become of a request, and the rules themselves -----------------------------

create or replace function hub.explain_route(content text, channel_id uuid) returns jsonb
language plpgsql
stable
security definer -- rules are closed to API roles
set search_path = ''
as $$
declare
  v_route record;
begin
  perform hub.require_channel_role(explain_route.channel_id, 'viewer');
  perform hub.require_content(explain_route.content, 'content');
  v_route := hub.classify(explain_route.content, explain_route.channel_id);
  return jsonb_build_object(
    'rule', v_route.rule, 'task_type', v_route.task_type, 'model', v_route.model, 'platform', v_route.platform,
    'effective_model', hub.model_to_try(v_route.model, v_route.platform, explain_route.channel_id)
  );
end
$$;

create or replace function public.explain_route(content text, channel_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.explain_route(explain_route.content, explain_route.channel_id);
end
$$;
comment on function public.explain_route(text, uuid) is
  'What a dispatch of this request to this channel would become, without dispatching it: {rule: the position of the rule that matches or null, task_type, model preference, platform or null, effective_model: what would run it now}. Viewer. Errors: channel_not_found, content_empty, content_too_long.';

create or replace function hub.list_routing_rules() returns jsonb
language plpgsql
stable
security definer -- rules are closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return (select coalesce(jsonb_agg(to_jsonb(r) order by r.position), '[]') from hub.routing_rules as r);
end
$$;

create or replace function public.list_routing_rules() returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.list_routing_rules();
end
$$;
comment on function public.list_routing_rules() is
  'The rules of routing in their order: [{position, pattern, task_type, model, platform}]. Viewer.';

create or replace function hub.save_routing_rule(
  rule integer, task_type text, pattern text, model text, platform text
) returns jsonb
language plpgsql
security definer -- rules are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  perform hub.require_role('admin');
  if length(save_routing_rule.pattern) > 8000 then
    perform hub.refuse('content_too_long', array['pattern', length(save_routing_rule.pattern)::text, '8000']);
  elsif save_routing_rule.model is not null then
    perform hub.require_model(save_routing_rule.model);
  end if;
  update hub.routing_rules as r
  set task_type = save_routing_rule.task_type, pattern = save_routing_rule.pattern,
    model = save_routing_rule.model, platform = save_routing_rule.platform
  where r.position = save_routing_rule.rule
  returning * into v_rule;
  if not found then
    insert into hub.routing_rules (position, task_type, pattern, model, platform)
    values (
      save_routing_rule.rule, save_routing_rule.task_type, save_routing_rule.pattern,
      save_routing_rule.model, save_routing_rule.platform
    )
    returning * into v_rule;
  end if;
  return to_jsonb(v_rule);
exception
  when not_null_violation or check_violation or invalid_regular_expression or unique_violation then
    perform hub.refuse('bad_argument', array[
      'A rule has a position, a task_type of a to z and _, a pattern that Postgres understands, without back-references and lookaround, and macos, linux, windows or null for platform.'
    ]);
    return null;
end
$$;

create or replace function public.save_routing_rule(
  rule integer, task_type text, pattern text, model text default null, platform text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.save_routing_rule(
    save_routing_rule.rule, save_routing_rule.task_type, save_routing_rule.pattern, save_routing_rule.model,
    save_routing_rule.platform
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.save_routing_rule(integer, text, text, text, text) is
  'Changes the rule at this position, or adds one there; returns it: {position, pattern, task_type, model, platform}. pattern: a regular expression of Postgres'', 8,000 characters at most. model and platform: null for any. Admin. Errors: role_required, bad_argument, content_too_long.';

create or replace function hub.remove_routing_rule(rule integer) returns jsonb
language plpgsql
security definer -- rules are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  perform hub.require_role('admin');
  delete from hub.routing_rules as r where r.position = remove_routing_rule.rule returning * into v_rule;
  if not found then
    perform hub.refuse('bad_argument', array['rule is the position of a rule.']);
  end if;
  return to_jsonb(v_rule);
end
$$;

create or replace function public.remove_routing_rule(rule integer) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.remove_routing_rule(remove_routing_rule.rule);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.remove_routing_rule(integer) is
  'Takes away the rule at this position; returns it. Admin. Errors: role_required, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.explain_route(text, uuid), public.list_routing_rules(),
  public.save_routing_rule(integer, text, text, text, text), public.remove_routing_rule(integer)
from public;
grant execute on function
  public.explain_route(text, uuid), hub.explain_route(text, uuid),
  public.list_routing_rules(), hub.list_routing_rules(),
  public.save_routing_rule(integer, text, text, text, text), hub.save_routing_rule(integer, text, text, text, text),
  public.remove_routing_rule(integer), hub.remove_routing_rule(integer)
to anon, authenticated, service_role;
