-- Routing: what kind of work a request is, which model and platform it wants, and which model it gets.

create table if not exists hub.routing_rules (
  position integer primary key,
  pattern text not null check ('' ~* pattern is not null),
  task_type text not null check (task_type ~ '^[a-z_]{1,40}$'),
  model text check (model in ('claude', 'gemini', 'codex')),
  platform text check (platform in ('macos', 'linux', 'windows'))
);
comment on table hub.routing_rules is
  'The first rule, by position, whose pattern matches a request decides its task type, model and platform. Change it with an UPDATE.';
comment on column hub.routing_rules.pattern is
  'A Postgres regular expression, matched without regard to case unless it begins with (?c). \m and \M are the edges of a word. Avoid back-references: they are not linear in the length of the text. Postgres caches 32 compiled expressions a session: more rules than about 28 cost time.';
comment on column hub.routing_rules.model is 'The preferred model; null: any.';
comment on column hub.routing_rules.platform is 'The platform a device must have; null: any.';

create table if not exists hub.model_chains (
  preference text not null check (preference in ('claude', 'gemini', 'codex', 'any')),
  position integer not null,
  model text not null check (model in ('claude', 'gemini', 'codex')),
  primary key (preference, position),
  unique (preference, model)
);
comment on table hub.model_chains is
  'Fallback: the models tried for a preference, in the order of position. Change it with an UPDATE.';

do $$
begin
  if not exists (select from hub.model_chains) then
    insert into hub.model_chains (preference, position, model) values
      ('claude', 1, 'claude'), ('claude', 2, 'codex'), ('claude', 3, 'gemini'),
      ('codex', 1, 'codex'), ('codex', 2, 'claude'), ('codex', 3, 'gemini'),
      ('gemini', 1, 'gemini'), ('gemini', 2, 'claude'), ('gemini', 3, 'codex'),
      ('any', 1, 'claude'), ('any', 2, 'codex'), ('any', 3, 'gemini');
  end if;
  if exists (select from hub.routing_rules) then
    return;
  end if;
  insert into hub.routing_rules (position, task_type, model, platform, pattern) values
    -- Apple platforms need a Mac.
    (10, 'apple_app', 'claude', 'macos', '\m(swiftui|swiftdata|uikit|appkit|xcode|xcodebuild|xcodeproj|testflight|widgetkit|cocoapods|watchos|visionos|tvos|ipados)\M'),
    (20, 'apple_app', 'claude', 'macos', '(?c)\.swift\M|\m(in|into|to|using|with) Swift\M|\mSwift ([56]|package|code|concurrency|actor|struct|class|enum|protocol|macro|compiler|file|module|library|app|server|unit|tests?)\M'),
    (30, 'apple_app', 'claude', 'macos', '\m(ios|macos|iphone|ipad|mac)\M[ -](app|apps|build|target|simulator|widget|extension|client|menu bar)\M|\mapps?\M.{0,30}\m(ios|macos|iphone|ipad)\M|\m(menu bar app|app store connect|notari[sz]e|notari[sz]ation|codesign|provisioning profile|applescript)\M'),
    (40, 'incident', 'claude', null, '\m(outage|incident|postmortem|post-mortem|is down|are down|went down|on-call|paged)\M'),
    (50, 'security', 'claude', null, '\m(security (review|audit|hole|issue|patch|fix)|vulnerabilit(y|ies)|cve-\d+|xss|csrf|sql injection|threat model|penetration test|leaked (key|secret|token|credential)s?)\M'),
    (60, 'review', 'claude', null, '\m(code review|review (the|this|my|our|a|pr|pull request|diff|changes)|pull request #?\d+|pr #\d+)\M'),
    (70, 'test', 'codex', null, '\m(write|add|generate|create|extend|improve|increase|missing|more)\M.{0,40}\m(tests?|specs?|coverage|fixtures?)\M'),
    (80, 'bugfix', 'claude', null, '\m(debug|bug|bugs|bugfix|hotfix|stack ?trace|traceback|segfault|null pointer|race condition|deadlock|memory leak|regression|crash|crashes|crashed|crashing)\M|\mfix\M.{0,60}\m(error|test|tests|build|failure|exception|issue|login|layout|query|page|endpoint|parser|import|typo|warning|warnings)\M|\m(fails|failing|throws|hangs)\M'),
    (90, 'performance', 'claude', null, '\m(slow quer(y|ies)|performance|latency|throughput|profil(e|ing) (the|this|our)|bottlenecks?|optimi[sz]e|speed up|too slow|memory usage)\M'),
    (100, 'refactor', 'claude', null, '\m(refactor(ing)?|clean ?up|simplify|rename|extract|decouple|deduplicate|restructure|modulari[sz]e|dead code|tech(nical)? debt)\M'),
    (110, 'architecture', 'claude', null, '\m(architecture|system design|design doc|rfc|adr|data model|trade-?offs?|migration plan|design (the|a|an) (schema|api|system|service|protocol))\M'),
    (120, 'database', 'codex', null, '\m(sql|postgres(ql)?|mysql|sqlite|supabase|index(es)? on|rls polic(y|ies)|database migration|schema migration|add a (column|table|index)|pg_cron)\M'),
    (130, 'frontend', 'claude', null, '\m(css|tailwind|react|vue|svelte|next\.?js|front-?end|dark mode|responsive|landing page|web ?page|html|button|modal|navbar|ui)\M'),
    (140, 'infrastructure', 'codex', null, '\m(docker(file)?|docker compose|kubernetes|k8s|helm|terraform|ansible|nginx|caddy|systemd|ci|cd|github actions?|pipeline|deploy|deployment|dns|tls|certificates?|vpn|tailscale|proxmox|backup|backups)\M'),
    (150, 'dependencies', 'codex', null, '\m(upgrade|update|bump|pin|downgrade)\M.{0,40}\m(dependenc(y|ies)|packages?|version|node|deno|npm|python|gems?|crates?|library|libraries|lockfile)\M'),
    (160, 'script', 'codex', null, '\m(bash|shell|zsh|python|node|deno|perl|one-?off)\M.{0,20}\m(script|one-?liner|function|snippet|tool)\M|\m(cron ?job|cli tool|command line tool|regex|regular expression|one-?liner|jq|awk|sed)\M'),
    (170, 'data', 'gemini', null, '\m(csv|spreadsheet|excel|parquet|data ?set|dataframe|pandas|time series|histogram|outliers?|analy[sz]e .{0,30}data)\M'),
    (180, 'media', 'gemini', null, '\m(image|images|photo|photos|screenshot|screenshots|video|videos|audio|podcast|transcri(be|pt|ption)|ocr|pdf|pdfs|thumbnail|subtitles?)\M'),
    (190, 'translation', 'gemini', null, '\mtranslat(e|ion|ions)\M|\mlocali[sz](e|ation)\M|\min(to)? (german|french|spanish|italian|japanese|chinese|korean|arabic|portuguese|dutch|polish)\M'),
    (200, 'research', 'gemini', null, '\m(research|investigate options|compare|comparison|alternatives? to|pros and cons|state of the art|literature|find (papers|articles|sources)|market analysis|benchmark of|look up|competitors?|survey)\M'),
    (210, 'summary', 'gemini', null, '\m(summari[sz]e|summary|tl;?dr|recap|digest|condense|key points|meeting notes|minutes of)\M'),
    (220, 'documentation', 'claude', null, '\m(readme|changelog|docs?|documentation|docstrings?|tutorial|api reference|runbook|release notes|comment the)\M'),
    (230, 'writing', 'claude', null, '\m(blog post|email|e-mail|newsletter|tweet|announcement|cover letter|press release|proofread|rewrite|copy for|essay|poem|story|draft)\M'),
    (240, 'feature', 'claude', null, '\m(implement|build|add|create|make|develop|integrate|support|port|write|set up|wire up|prototype|scaffold)\M'),
    (250, 'planning', 'claude', null, '\m(plan|roadmap|break down|prioriti[sz]e|estimate|milestones?|backlog|to-?do list|schedule|brainstorm|ideas?)\M'),
    (260, 'question', 'claude', null, '^\s*(what|why|how|who|when|where|which|is|are|can|could|does|do|should|would|explain)\M'),
    (1000, 'general', 'claude', null, '');
end
$$;

create or replace function hub.classify(
  content text, channel uuid default null, out task_type text, out model text, out platform text
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  -- A loop, so that no rule is tried after the first that matches.
  for v_rule in select * from hub.routing_rules as r order by r.position loop
    exit when classify.content ~* v_rule.pattern;
    v_rule := null;
  end loop;
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
  'What kind of work a request is: task type and platform by the first matching rule, model by the channel''s preference unless that is any, then by the rule, else any.';

create or replace view hub.effective_models with (security_invoker = true) as
select distinct on (c.preference, p.platform) c.preference, p.platform, c.model
from hub.model_chains as c
cross join (values (''), ('macos'), ('linux'), ('windows')) as p (platform)
where exists (
  select from public.mesh_devices as d
  join public.mesh_device_models as m on m.device_id = d.id
  where d.status = 'online'
    and p.platform in ('', d.platform)
    and m.model = c.model
    and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
)
order by c.preference, p.platform, c.position;
comment on view hub.effective_models is
  'For a preference and a platform ('''': any) the model that is used now: the first of the chain that some online, matching device can run unthrottled. No row: none can.';

create or replace function hub.model_to_try(preference text, platform text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select e.model from hub.effective_models as e
      where e.preference = model_to_try.preference and e.platform = coalesce(model_to_try.platform, '')
    ),
    model_to_try.preference
  );
end
$$;
comment on function hub.model_to_try(text, text) is
  'The effective model, or the preference itself while no device can run any of its chain.';

revoke execute on all functions in schema hub from public;
