/**
 * The tables of a store, as a list of migrations: the file's `user_version` says how many of them it has seen.
 * It opens nothing; `StoreEngine` applies what is missing, in one transaction.
 */

/** "DrGm" in the header of the file: whose database it is. */
export const applicationId = 0x4472476d

/**
 * Rows are never overwritten. `gone` is null while a trajectory is kept, else how many snapshots there had been when it went;
 * snapshot v holds what has seq <= max_seq and was not gone before it. A row that no snapshot holds is deleted.
 */
const first = `
create table trajectory (
  seq integer primary key autoincrement,
  fingerprint text not null,
  id text not null,
  environment text not null,
  task_id text not null,
  task text not null,
  first_observation text not null,
  ending text not null,
  success integer not null,
  failed integer not null,
  policy text not null,
  policy_version integer not null,
  source text not null check (source in ('real', 'synthetic')),
  total_reward real,
  length integer not null,
  real_steps integer not null,
  quality real not null,
  added_at integer not null,
  gone integer
) strict;
create unique index trajectory_content on trajectory (fingerprint) where gone is null;
create index trajectory_eviction on trajectory (source, quality, seq) where gone is null;
create index trajectory_index on trajectory (seq, gone, source, success, failed, real_steps, length) where gone is null;
create index trajectory_gone on trajectory (gone) where gone is not null;

create table step (
  seq integer primary key,
  trajectory integer not null references trajectory (seq) on delete cascade,
  idx integer not null,
  observation text,
  action text not null,
  tool_call text,
  span text,
  reward real,
  next_observation text not null,
  source text not null check (source in ('real', 'synthetic')),
  origin text not null,
  origin_version text not null,
  retrieved text,
  reasoning text,
  scores text,
  cost real,
  unique (trajectory, idx)
) strict;

create table snapshot (
  version integer primary key autoincrement,
  max_seq integer not null,
  trajectories integer not null,
  taken_at integer not null
) strict;

create table event (
  seq integer primary key,
  kind text not null check (kind in ('evicted', 'replaced', 'restored')),
  subject integer not null,
  at integer not null
) strict;
`

/**
 * What the quality filter said, priorities, more of a dream's provenance, and vectors apart from the text. `shelf` is `shelfOf` in
 * `Quotas`. `latency` is of any type because SQLite's reals know no NaN. `vectors` holds 32-bit floats, the least byte first, one
 * row of `dimension` for each step. A row of `former_priority` is the priority that a trajectory had at snapshot `version` and at those
 * before it back to the next row.
 */
const second = `
alter table trajectory add column iteration integer;
alter table trajectory add column verdict text check (verdict in ('accepted', 'rejected'));
alter table trajectory add column reason text;
alter table trajectory add column verdict_message text;
alter table trajectory add column verdict_scores text;
alter table trajectory add column priority real not null default 1;
alter table trajectory add column shelf text
  generated always as (iif(verdict = 'rejected', 'rejected', source)) virtual;
alter table step add column prompt_hash text;
alter table step add column prompt_tokens integer;
alter table step add column completion_tokens integer;
alter table step add column latency any;

drop index trajectory_eviction;
create index trajectory_eviction on trajectory (shelf, quality, seq) where gone is null;
drop index trajectory_index;
create index trajectory_index on trajectory
  (seq, gone, id, environment, task_id, source, verdict, success, failed, length, real_steps, quality, policy_version, priority)
  where gone is null;

create table embedding (
  trajectory integer primary key references trajectory (seq) on delete cascade,
  embedder text not null,
  dimension integer not null,
  vectors blob not null
) strict;
create index embedding_space on embedding (embedder, dimension);

create table former_priority (
  trajectory integer not null references trajectory (seq) on delete cascade,
  version integer not null,
  priority real not null,
  primary key (trajectory, version)
) strict, without rowid;
`

/** Migration n leads from version n to n + 1. A migration that was published is never changed. */
export const migrations: ReadonlyArray<string> = [first, second]
